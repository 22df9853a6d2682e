import Foundation
import Synchronization

/// A TCP proxy of the tests' own between the service and its broker or database, for what networks do: stall, cut,
/// refuse.
final class Proxy: Sendable {
    /// Where it leads to.
    enum Target {
        /// A port of the loopback interface.
        case port(Int)
        /// A Unix socket.
        case socket(path: String)
    }

    /// How slow the way is that all connections share.
    struct Pace {
        /// Seconds that pass before what comes at once goes on.
        var delay = 0.0
        /// Bytes a second, both ways together.
        var bytesPerSecond = Double.infinity
    }

    private struct State {
        var isListening = true
        var isStalled = false
        var mustCut = false
        var pace: Pace?
        /// Bytes from the server after which every connection is cut; then those after which they are cut again.
        var bytesLeft: [Int] = []
        var isEnded = false
        var connections = 0
        var bytes = 0
    }

    let port: Int
    private let target: Target
    private let state = Mutex(State())

    /// To a port of the loopback interface.
    convenience init(to target: Int, port: Int = 0, isListening: Bool = true) throws {
        try self.init(.port(target), port: port, isListening: isListening)
    }

    init(_ target: Target, port: Int = 0, isListening: Bool = true) throws {
        self.target = target
        let listener = try Self.listener(port)
        self.port = try Self.port(of: listener)
        state.withLock { $0.isListening = isListening }
        if !isListening { close(listener) }
        let thread = Thread { [self] in run(isListening ? listener : -1) }
        thread.start()
    }

    /// How many connections were accepted so far.
    var connections: Int { state.withLock { $0.connections } }

    /// Neither forwards nor closes anything.
    func stall() { state.withLock { $0.isStalled = true } }
    /// Forwards again.
    func goOn() { state.withLock { $0.isStalled = false } }
    /// Forwards slowly from now on, or as fast as it can.
    func slow(_ pace: Pace?) { state.withLock { $0.pace = pace } }
    /// How many bytes passed so far, both ways together.
    var bytes: Int { state.withLock { $0.bytes } }
    /// Cuts every connection.
    func cut() { state.withLock { $0.mustCut = true } }
    /// Cuts every connection once the server has sent so many bytes more: in the middle of a frame, as a rule. With several
    /// counts, the next begins where one was reached.
    func cut(afterBytes counts: Int...) { state.withLock { $0.bytesLeft = counts } }
    /// Whether a cut after so many bytes is still to come.
    var isAboutToCut: Bool { state.withLock { !$0.bytesLeft.isEmpty } }
    /// Accepts connections, or refuses them.
    func listen(_ listens: Bool) { state.withLock { $0.isListening = listens } }
    /// Ends it.
    func end() { state.withLock { $0.isEnded = true } }

    deinit { end() }

    private struct Pair {
        var client: Int32
        var server: Int32
    }

    private func run(_ first: Int32) {
        var listener = first
        var pairs: [Pair] = []
        while true {
            let now = state.withLock { state in
                defer { state.mustCut = false }
                return state
            }
            if now.isEnded || now.mustCut {
                for pair in pairs { Self.reset(pair) }
                pairs = []
            }
            if now.isEnded {
                if listener >= 0 { close(listener) }
                return
            }
            if now.isListening, listener < 0 { listener = (try? Self.listener(port)) ?? -1 }
            if !now.isListening, listener >= 0 {
                close(listener)
                listener = -1
            }
            var waiting = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
            if !now.isStalled {
                for pair in pairs {
                    waiting.append(pollfd(fd: pair.client, events: Int16(POLLIN), revents: 0))
                    waiting.append(pollfd(fd: pair.server, events: Int16(POLLIN), revents: 0))
                }
            }
            guard poll(&waiting, nfds_t(waiting.count), 10) > 0 else { continue }
            let ready = Set(waiting.filter { $0.revents != 0 }.map(\.fd))
            if listener >= 0, ready.contains(listener) { accept(listener, &pairs) }
            pairs.removeAll { pair in
                let lives =
                    (!ready.contains(pair.client) || forward(pair.client, pair.server, isFromServer: false))
                    && (!ready.contains(pair.server) || forward(pair.server, pair.client, isFromServer: true))
                if !lives { Self.reset(pair) }
                return !lives
            }
        }
    }

    private func accept(_ listener: Int32, _ pairs: inout [Pair]) {
        let client = Glibc.accept(listener, nil, nil)
        guard client >= 0 else { return }
        let (server, connected) = Self.connection(to: target)
        if !connected {
            Self.reset(Pair(client: client, server: server))
            return
        }
        pairs.append(Pair(client: client, server: server))
        state.withLock { $0.connections += 1 }
    }

    private static func connection(to target: Target) -> (descriptor: Int32, connected: Bool) {
        func connect(_ family: Int32, _ address: UnsafeRawBufferPointer) -> (Int32, Bool) {
            let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
            guard let start = address.assumingMemoryBound(to: sockaddr.self).baseAddress else {
                return (descriptor, false)
            }
            return (descriptor, Glibc.connect(descriptor, start, socklen_t(address.count)) == 0)
        }
        switch target {
        case .port(let port):
            let address = address(port)
            return withUnsafeBytes(of: address) { connect(AF_INET, $0) }
        case .socket(let path):
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            return withUnsafeBytes(of: address) { connect(AF_UNIX, $0) }
        }
    }

    private func forward(_ from: Int32, _ to: Int32, isFromServer: Bool) -> Bool {
        let pace = state.withLock { $0.pace }
        // Little at once where it is slow, for nothing else passes meanwhile.
        var buffer = [UInt8](repeating: 0, count: pace == nil ? 1 << 16 : 1 << 12)
        var count = read(from, &buffer, buffer.count)
        if count <= 0 { return false }
        if let pace { Thread.sleep(forTimeInterval: pace.delay + Double(count) / pace.bytesPerSecond) }
        state.withLock { $0.bytes += count }
        var lives = true
        if isFromServer {
            state.withLock { state in
                guard let left = state.bytesLeft.first else { return }
                if left <= count {
                    count = left
                    lives = false
                    state.bytesLeft.removeFirst()
                } else {
                    state.bytesLeft[0] = left - count
                }
            }
        }
        var sent = 0
        while sent < count {
            let written = buffer[sent..<count].withUnsafeBytes {
                send(to, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if written <= 0 { return false }
            sent += written
        }
        return lives
    }

    private static func reset(_ pair: Pair) {
        for descriptor in [pair.client, pair.server] {
            var now = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
            close(descriptor)
        }
    }

    private static func address(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return address
    }

    private static func listener(_ port: Int) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = address(port)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard bound == 0, Glibc.listen(descriptor, 16) == 0 else {
            close(descriptor)
            throw Trouble("cannot listen: \(String(cString: strerror(errno)))")
        }
        return descriptor
    }

    private static func port(of descriptor: Int32) throws -> Int {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        guard code == 0 else { throw Trouble("no port") }
        return Int(in_port_t(bigEndian: address.sin_port))
    }
}

extension VirtualHost {
    /// The broker's own port.
    var port: Int { URLComponents(string: amqp)?.port ?? 0 }

    /// The heartbeat of tests, in seconds. Broker and client give a connection up from which nothing came for two of them; a
    /// busy machine may keep either from its turn for two seconds.
    static let heartbeat = 3
    /// Longer than two of them.
    static let longerThanTwoHeartbeats = 9.0

    /// The same host at another port.
    func url(port: Int, heartbeat: Int = VirtualHost.heartbeat) -> String {
        "amqp://guest:guest@127.0.0.1:\(port)/\(name)?heartbeat=\(heartbeat)"
    }
}
