import Foundation
import Glibc

/// A client of its own making: it can send what no library would.
struct Client {
    let port: Int

    /// What came back.
    struct Reply {
        var status = 0
        var headers: [(String, String)] = []
        var body: [UInt8] = []
        /// Whether a chunked body came to its end.
        var isWhole = true

        func header(_ name: String) -> String? { headers.first { $0.0.lowercased() == name.lowercased() }?.1 }
        var text: String { String(decoding: body, as: UTF8.self) }

        var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:]
        }
        var rows: [[String: Any]] { json["rows"] as? [[String: Any]] ?? [] }
    }

    struct Failure: Error {
        var what: String
    }

    func get(_ target: String, _ headers: [String: String] = [:]) throws -> Reply {
        try send("GET", target, headers)
    }

    func send(_ method: String, _ target: String, _ headers: [String: String] = [:], body: String = "") throws
        -> Reply
    {
        var head = "\(method) \(target) HTTP/1.1\r\n"
        if headers["Host"] == nil { head += "Host: 127.0.0.1:\(port)\r\n" }
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) { head += "\(name): \(value)\r\n" }
        if !body.isEmpty { head += "Content-Length: \(body.utf8.count)\r\n" }
        let connection = try Connection(port: port)
        try connection.write(head + "Connection: close\r\n\r\n" + body)
        return try Self.parse(connection.readAll(), hasBody: method != "HEAD")
    }

    static func parse(_ bytes: [UInt8], hasBody: Bool) throws -> Reply {
        guard let end = find([13, 10, 13, 10], in: bytes, from: 0) else {
            throw Failure(what: "no head in \(String(decoding: bytes.prefix(200), as: UTF8.self))")
        }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).components(separatedBy: "\r\n")
        var reply = Reply()
        reply.status = Int(lines[0].split(separator: " ")[1]) ?? 0
        reply.headers = lines.dropFirst().compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 1).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            return parts.count == 2 ? (parts[0], parts[1]) : nil
        }
        let rest = Array(bytes[(end + 4)...])
        if !hasBody { return reply }
        if reply.header("Transfer-Encoding")?.lowercased() == "chunked" {
            (reply.body, reply.isWhole) = unchunked(rest)
        } else {
            reply.body = rest
        }
        return reply
    }

    private static func unchunked(_ bytes: [UInt8]) -> ([UInt8], Bool) {
        var body: [UInt8] = []
        var at = 0
        while let end = find([13, 10], in: bytes, from: at) {
            guard let size = Int(String(decoding: bytes[at..<end], as: UTF8.self), radix: 16) else {
                return (body, false)
            }
            if size == 0 { return (body, true) }
            guard end + 2 + size <= bytes.count else { return (body, false) }
            body += bytes[(end + 2)..<(end + 2 + size)]
            at = end + 2 + size + 2
        }
        return (body, false)
    }

    static func find(_ pattern: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count >= pattern.count else { return nil }
        var at = start
        while at + pattern.count <= bytes.count {
            if bytes[at] == pattern[0], Array(bytes[at..<(at + pattern.count)]) == pattern { return at }
            at += 1
        }
        return nil
    }

    /// A connection over which anything can be sent.
    final class Connection {
        private let socket: Int32

        init(port: Int) throws {
            socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var patience = timeval(tv_sec: 20, tv_usec: 0)
            setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = UInt16(port).bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let code = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard code == 0 else {
                throw Failure(what: "cannot connect: \(String(cString: strerror(errno)))")
            }
        }

        deinit { close(socket) }

        func write(_ text: String) throws {
            var bytes = Array(text.utf8)[...]
            while !bytes.isEmpty {
                let count = bytes.withUnsafeBytes {
                    Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { throw Failure(what: "cannot send") }
                bytes = bytes.dropFirst(count)
            }
        }

        /// What there is by now, at least a byte; empty at the end.
        func read() throws -> [UInt8] {
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            let count = recv(socket, &buffer, buffer.count, 0)
            if count < 0, errno == EAGAIN { throw Failure(what: "nothing came within 20 s") }
            return count <= 0 ? [] : Array(buffer[..<count])
        }

        /// All there is up to the end. A stream that is never quiet is no end: `within` so many seconds it must come.
        func readAll(within seconds: Double = 120) throws -> [UInt8] {
            let deadline = ContinuousClock.now + .seconds(seconds)
            var all: [UInt8] = []
            while ContinuousClock.now < deadline {
                let piece = try read()
                if piece.isEmpty { return all }
                all += piece
            }
            throw Failure(
                what:
                    "no end within \(seconds) s; it ends with \(String(decoding: all.suffix(200), as: UTF8.self))"
            )
        }

        /// Reads until a text has come.
        func read(until text: String, within seconds: Double = 120) throws -> String {
            let deadline = ContinuousClock.now + .seconds(seconds)
            var all: [UInt8] = []
            while !String(decoding: all, as: UTF8.self).contains(text) {
                if ContinuousClock.now >= deadline { throw Failure(what: "no \(text) within \(seconds) s") }
                let piece = try read()
                if piece.isEmpty { throw Failure(what: "the end came before \(text)") }
                all += piece
            }
            return String(decoding: all, as: UTF8.self)
        }
    }
}
