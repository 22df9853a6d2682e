internal import CMicroHTTPD
internal import Dispatch
internal import Glibc
internal import Synchronization

/// A thin face on libmicrohttpd: a request becomes a value, a handler makes an answer of it.
///
/// The library's threads serve connections; the handler is called on workers of their own, and so are the pieces of a
/// streamed answer. A handler that takes long keeps a worker, not the other connections.
public final class HTTPServer: Sendable {
    /// What is fixed.
    public struct Limits: Sendable {
        /// Threads that serve; each connection belongs to one.
        public var threads = 2
        /// Threads that answer; probes have one more of their own.
        public var workers = 4
        /// Requests that wait for a worker; more are refused with 503.
        ///
        /// As many as there may be connections, those included whose other end is gone already: a refusal costs so little that
        /// whoever asks again at once, hundreds of times, would keep the workers from getting any further.
        public var waitingRequests = 512
        /// Connections at once; more are refused.
        public var connections = 512
        /// Connections of one address at once, so that nobody alone can take all; more are refused.
        public var connectionsOfAddress = 448
        /// A connection on which nothing happens is closed, in seconds.
        public var idleSeconds = 30
        /// How often a certificate is looked at that may be renewed, in seconds.
        public var renewalSeconds = 10.0
        /// How long answers in hand get when the server is let go of without ``HTTPServer/stop(within:)``, in seconds.
        public var lastSeconds = 5.0
        /// A longer body is refused with 413. It is held before anybody is asked who he is: all connections' bodies together
        /// have to fit.
        public var bodyBytes = 16 << 10
        /// What a connection may hold, its request line and headers included; a longer head is refused with 431.
        public var headBytes = 32 << 10
        /// The answer where the server itself refuses a request: 413 and 503.
        public var refusal: @Sendable (_ status: Int) -> HTTPResponse = { status in
            status == 413
                ? .text("The body is too long.\n", status: 413)
                : HTTPResponse(
                    status: 503,
                    headers: [("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", "2")],
                    body: .bytes(Array("Too many requests at once; try again.\n".utf8)))
        }

        /// The defaults.
        public init() {}
    }

    /// Answers requests. Called by several threads at once.
    public typealias Handler = @Sendable (HTTPRequest) -> HTTPResponse

    /// Where it listens; the port that was chosen, where 0 was asked for.
    public let port: Int

    private let service: Service
    private let stopping = Mutex(Stopping())

    /// How far its end has come.
    private struct Stopping {
        /// The last one takes connections; those before it serve whom they have, under a certificate that is no longer used. None
        /// once the server is being stopped.
        var daemons: [Daemon] = []
        /// Answers that were not finished.
        var left = 0
        /// What was looked at last, be it in use or refused.
        var tls: TLS?
        var renewal: Renewal?
    }

    /// Begins to listen.
    /// - Parameters:
    ///   - listen: `HOST:PORT`, the host an address (IPv6 in brackets) or `localhost`; port 0 chooses one.
    ///   - probes: What is asked of the program itself, whether it lives and how it does, by path: answered by a thread of
    ///     its own, which no other question keeps from it, however many wait. They must not wait for anything.
    ///   - handler: Answers everything else.
    public init(
        listen: String, limits: Limits = Limits(), tls: Certificates? = nil, probes: [String: Handler] = [:],
        handler: @escaping Handler
    ) throws(HTTPServerError) {
        let address = try Self.address(listen)
        let service = Service(limits: limits, probes: probes, handler: handler)
        let daemon = Daemon(.address(address), limits, tls?.first, service)
        guard let daemon else {
            let problem = String(cString: strerror(errno))
            service.close()
            service.end()
            throw HTTPServerError(
                description: "cannot listen on \(listen): \(problem); is another program listening there"
                    + (tls == nil ? "" : ", or do certificate and key not belong together")
                    + "? SESSIONIZER_HTTP_LISTEN chooses another address")
        }
        self.service = service
        port = daemon.port
        stopping.withLock { $0.daemons = [daemon] }
        if let tls {
            let renewal = renew(tls)
            stopping.withLock { stopping in
                stopping.tls = tls.first
                stopping.renewal = renewal
            }
        }
    }

    var limits: Limits { service.limits }

    /// New connections get another certificate; those that there are keep theirs.
    /// - Returns: What became of it; nil where it is what was looked at last, or the server is being stopped.
    func use(_ tls: TLS) -> Certificates.Change? {
        stopping.withLock { stopping in
            guard tls != stopping.tls, let last = stopping.daemons.indices.last else { return nil }
            stopping.tls = tls
            guard let next = Daemon(.beside(stopping.daemons[last]), limits, tls, service) else {
                return .refused
            }
            stopping.daemons[last].takeNoMore()
            stopping.daemons.append(next)
            return .used
        }
    }

    /// How many of the library's there are: more than one only while one of before has connections.
    var daemonCount: Int { stopping.withLock { $0.daemons.count } }

    /// Ends those of before whose last connection is closed.
    func endIdle() {
        stopping.withLock { stopping in
            for index in stopping.daemons.indices.dropLast().reversed() where stopping.daemons[index].isIdle {
                stopping.daemons.remove(at: index).end()
            }
        }
    }

    deinit { _ = stop(within: service.limits.lastSeconds) }

    /// Takes no more requests. What waits for a worker is answered with 503, what one is at gets some time.
    /// - Parameter seconds: How long this takes at most.
    /// - Returns: How many answers were not finished. Where there are some, their threads go on, and so does the library:
    ///   the program is to end (`_exit(2)`) without tearing down what they use.
    public func stop(within seconds: Double) -> Int {
        stopping.withLock { stopping in
            if stopping.daemons.isEmpty { return stopping.left }
            stopping.renewal?.end()
            stopping.renewal = nil
            let daemons = stopping.daemons
            stopping.daemons = []
            stopping.left = Self.stop(daemons, service, by: .now + .seconds(seconds))
            return stopping.left
        }
    }

    private static func stop(_ daemons: [Daemon], _ service: Service, by end: ContinuousClock.Instant) -> Int
    {
        service.close()
        // The library must not be stopped while a connection is suspended.
        let left = service.waitForAnswers(until: end)
        if left > 0 {
            // Whatever the threads at work come to, it is there for them.
            _ = Unmanaged.passRetained(service)
            return left
        }
        // What is done at the end of a streamed answer may take its time too.
        let ended = DispatchSemaphore(value: 0)
        DispatchQueue(label: "http.end").async {
            service.end()
            for daemon in daemons { daemon.end() }
            ended.signal()
        }
        let time = max((end - .now) / .seconds(1), 0.1)
        return ended.wait(timeout: .now() + time) == .success ? 0 : 1
    }

    /// Whether a text is a place to listen at, whatever is there: fails with what is expected instead.
    public static func check(listen: String) throws(HTTPServerError) { _ = try address(listen) }

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
