import Foundation
import Glibc
import Synchronization

/// A listener to server-sent events, over a socket of its own: a thread reads what comes, also when it is nothing for long.
final class EventStream: Sendable {
    /// One message of the stream.
    struct Message: Equatable, Sendable {
        var event = ""
        var id: String?
        var data = ""

        /// A number of `data`, which is a JSON object.
        func number(_ name: String) -> Int? { object[name] as? Int }
        func text(_ name: String) -> String? { object[name] as? String }
        private var object: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(data.utf8))) as? [String: Any] ?? [:]
        }
    }

    private struct State {
        var bytes: [UInt8] = []
        var hasEnded = false
    }

    private let state = Mutex(State())
    private let socket: Int32

    /// Asks, and returns at once.
    init(port: Int, path: String, headers: String = "") throws {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.socket = socket
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw Trouble("cannot connect: \(String(cString: strerror(errno)))") }
        let head = "GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(headers)Connection: close\r\n\r\n"
        let sent = Array(head.utf8).withUnsafeBytes {
            send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard sent == head.utf8.count else { throw Trouble("cannot send") }
        Thread { [weak self] in
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while true {
                let count = recv(socket, &buffer, buffer.count, 0)
                guard let self else { return }
                self.state.withLock { state in
                    if count > 0 { state.bytes += buffer[..<count] } else { state.hasEnded = true }
                }
                if count <= 0 { return }
            }
        }.start()
    }

    deinit {
        // Also ends the wait of the thread that reads.
        shutdown(socket, Int32(SHUT_RDWR))
        close(socket)
    }

    /// Whether nothing more comes.
    var hasEnded: Bool { state.withLock(\.hasEnded) }

    /// The head of the answer.
    var head: String { parts.head }

    /// Whether the body came to its end, not only the connection.
    var isWhole: Bool { parts.isWhole }

    /// Comments: what keeps the connection alive.
    var comments: Int { parts.body.components(separatedBy: "\n\n").count { $0.hasPrefix(":") } }

    /// What has come so far.
    var messages: [Message] {
        parts.body.components(separatedBy: "\n\n").dropLast().compactMap { block in
            var message = Message()
            for line in block.split(separator: "\n") {
                let (name, value) = (line.prefix { $0 != ":" }, line.drop { $0 != ":" }.dropFirst(2))
                switch name {
                case "event": message.event = String(value)
                case "id": message.id = String(value)
                case "data": message.data = String(value)
                default: break
                }
            }
            return message.event.isEmpty ? nil : message
        }
    }

    /// Head and body, its chunks put together.
    private var parts: (head: String, body: String, isWhole: Bool) {
        let bytes = state.withLock(\.bytes)
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: [13, 10, 13, 10]) }) else {
            return ("", "", false)
        }
        let head = String(decoding: bytes[..<end], as: UTF8.self)
        var rest = bytes[(end + 4)...]
        var body: [UInt8] = []
        while let line = rest.firstIndex(of: 13),
            let length = Int(String(decoding: rest[..<line], as: UTF8.self), radix: 16),
            rest.endIndex - line >= length + 4
        {
            if length == 0 { return (head, String(decoding: body, as: UTF8.self), true) }
            body += rest[(line + 2)..<(line + 2 + length)]
            rest = rest[(line + 4 + length)...]
        }
        return (head, String(decoding: body, as: UTF8.self), false)
    }
}
