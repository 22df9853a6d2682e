internal import Dispatch

extension HTTPServer {
    /// What makes it speak TLS 1.2 and 1.3.
    public struct TLS: Sendable, Equatable {
        /// The certificate and its chain, PEM.
        public var certificate: String
        /// Its key, PEM.
        public var key: String

        /// Both.
        public init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// A certificate that is renewed while the server runs.
    public struct Certificates: Sendable {
        /// What became of a change.
        public enum Change: Sendable {
            /// New connections get it.
            case used
            /// The library cannot speak TLS with it: certificate and key do not belong together, or are none. What was
            /// before stays in force.
            case refused
        }

        /// What it begins with.
        public var first: TLS
        /// What to use now; nil: what was before.
        public var now: @Sendable () -> TLS?
        /// Told of each change, once.
        public var tell: @Sendable (Change) -> Void

        /// All three.
        public init(
            first: TLS, now: @escaping @Sendable () -> TLS?, tell: @escaping @Sendable (Change) -> Void
        ) {
            self.first = first
            self.now = now
            self.tell = tell
        }
    }

    /// Looks now and then whether the certificate is another, until the server is let go of.
    func renew(_ certificates: Certificates) -> Renewal {
        let timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "http.certificates"))
        let pause = limits.renewalSeconds
        timer.schedule(deadline: .now() + pause, repeating: pause)
        timer.setEventHandler { [weak self] in
            self?.endIdle()
            guard let now = certificates.now(), let change = self?.use(now) else { return }
            certificates.tell(change)
        }
        timer.activate()
        return Renewal(timer: timer)
    }

    /// Looks for another certificate. Any thread may end it, once.
    struct Renewal: @unchecked Sendable {
        fileprivate let timer: any DispatchSourceTimer

        func end() { timer.cancel() }
    }
}
