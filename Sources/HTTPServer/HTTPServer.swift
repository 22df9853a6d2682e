internal import CMicroHTTPD
internal import Glibc

/// A thin face on libmicrohttpd: a request becomes a value, a handler makes an answer of it.
///
/// The library's own threads serve connections; the handler is called on any of them, and whoever needs long blocks
/// others, so it should not.
public final class HTTPServer: Sendable {
    /// What is fixed.
    public struct Limits: Sendable {
        /// Threads that serve; each connection belongs to one.
        public var threads = 2
        /// Connections at once; more are refused.
        public var connections = 256
        /// A connection on which nothing happens is closed, in seconds.
        public var idleSeconds = 30
        /// A longer body is refused with 413.
        public var bodyBytes = 1 << 20

        /// The defaults.
        public init() {}
    }

    /// Answers requests. Called by several threads at once.
    public typealias Handler = @Sendable (HTTPRequest) -> HTTPResponse

    /// Where it listens; the port that was chosen, where 0 was asked for.
    public let port: Int

    // Used by `stop` alone, which is called once.
    private nonisolated(unsafe) let daemon: OpaquePointer
    private let service: Service

    /// Begins to listen.
    /// - Parameter listen: `HOST:PORT`, the host an address (IPv6 in brackets) or `localhost`; port 0 chooses one.
    public init(listen: String, limits: Limits = Limits(), handler: @escaping Handler) throws(HTTPServerError)
    {
        let service = Service(limits: limits, handler: handler)
        var storage = try Self.address(listen)
        let isIPv6 = Int32(storage.ss_family) == AF_INET6
        let context = Unmanaged.passUnretained(service).toOpaque()
        let daemon = withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                cmhd_start(
                    address, isIPv6 ? 1 : 0, UInt32(limits.threads), UInt32(limits.connections),
                    UInt32(limits.idleSeconds), Service.accept, context, Service.completed)
            }
        }
        guard let daemon else {
            throw HTTPServerError(
                description:
                    "cannot listen on \(listen): \(String(cString: strerror(errno))); is another program "
                    + "listening there? SESSIONIZER_HTTP_LISTEN chooses another address")
        }
        self.daemon = daemon
        self.service = service
        port = Int(cmhd_port(daemon))
    }

    deinit { MHD_stop_daemon(daemon) }

    private static func address(_ text: String) throws(HTTPServerError) -> sockaddr_storage {
        func wrong() -> HTTPServerError {
            HTTPServerError(
                description:
                    "cannot listen on \(text): expected ADDRESS:PORT, e.g. 127.0.0.1:8080 or [::1]:8080")
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw wrong()
        }
        var host = String(text[..<colon])
        if host == "localhost" { host = "127.0.0.1" }
        if host.isEmpty { host = "0.0.0.0" }
        var storage = sockaddr_storage()
        if host.hasPrefix("["), host.hasSuffix("]") {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            guard inet_pton(AF_INET6, String(host.dropFirst().dropLast()), &address.sin6_addr) == 1 else {
                throw wrong()
            }
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in6.self) }
        } else {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { throw wrong() }
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in.self) }
        }
        return storage
    }
}
