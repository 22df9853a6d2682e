internal import CMicroHTTPD
internal import Glibc

/// The library's. Whoever holds it ends it, once.
struct Daemon: @unchecked Sendable {
    private let pointer: OpaquePointer
    /// The socket that it no longer takes connections from; the library wants it closed after itself.
    private var left: Int32?

    /// Where one begins to listen.
    enum Place {
        case address(sockaddr_storage)
        /// Where another listens: both take connections until ``Daemon/takeNoMore()`` of the other.
        case beside(Daemon)
    }

    /// - Returns: Nil where it cannot begin; `errno` tells why, if the place is the reason.
    init?(_ place: Place, _ limits: HTTPServer.Limits, _ tls: HTTPServer.TLS?, _ service: Service) {
        var storage = sockaddr_storage()
        var listening: Int32 = -1
        switch place {
        case .address(let address): storage = address
        case .beside(let other):
            listening = fcntl(cmhd_listening(other.pointer), F_DUPFD_CLOEXEC, 0)
            guard listening >= 0 else { return nil }
        }
        let certificate = tls.map { strdup($0.certificate) } ?? nil
        let key = tls.map { strdup($0.key) } ?? nil
        defer {
            free(certificate)
            free(key)
        }
        let isIPv6 = Int32(storage.ss_family) == AF_INET6
        let pointer = withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                var options = cmhd_options(
                    address: address, listening: listening, is_ipv6: isIPv6 ? 1 : 0,
                    threads: UInt32(limits.threads),
                    connections: UInt32(limits.connections),
                    connections_of_address: UInt32(limits.connectionsOfAddress),
                    timeout_seconds: UInt32(limits.idleSeconds),
                    head_bytes: limits.headBytes, certificate: certificate, key: key, handler: Service.accept,
                    begin: Service.begin, completed: Service.completed,
                    context: Unmanaged.passUnretained(service).toOpaque())
                return cmhd_start(&options)
            }
        }
        // Where the library cannot begin, it has closed the socket already.
        guard let pointer else { return nil }
        self.pointer = pointer
    }

    /// The port that it listens on.
    var port: Int { Int(cmhd_port(pointer)) }

    /// Whether nobody is connected to it.
    var isIdle: Bool { cmhd_connections(pointer) == 0 }

    /// Serves whom it has, and nobody else.
    mutating func takeNoMore() { left = MHD_quiesce_daemon(pointer) }

    /// Closes what is open still. None of its connections may be suspended.
    func end() {
        MHD_stop_daemon(pointer)
        if let left, left >= 0 { close(left) }
    }
}
