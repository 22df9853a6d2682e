import AMQPSource
import AccessControl
import ArchiveSource
import HTTPServer
import PostgresStore
import SQLiteStore
import SessionAPI
import SessionCore
import SessionStore

/// What both kinds of `serve` offer over HTTP beside probes: the API and the page, for whom, and how.
struct OfferedAPI: Sendable {
    /// How many connections to the store answer questions.
    static let connections = 8

    /// Certificate and key, where it is to speak TLS itself.
    let tls: HTTPServer.Certificates?
    /// Whether whoever asks speaks TLS, to this or to an ingress before it: then cookies are sent over nothing else.
    let isSecure: Bool
    private let location: StoreLocation
    private let access: AccessControl?
    /// A file; nil: the store itself keeps the audit.
    private let audit: String?
    private let hosts: Set<String>
    private let knownEvents: Set<String>
    private let clock: APIClock
    private let keptBytes: Int
    private let say: @Sendable (String) -> Void

    /// - Parameter say: Told what the operator should know.
    init(
        _ settings: Settings, _ location: StoreLocation, clock: APIClock,
        say: @escaping @Sendable (String) -> Void
    ) throws {
        let http = settings.http
        self.location = location
        self.clock = clock
        self.say = say
        access = try Self.access(http, say)
        tls = try Self.tls(http, say)
        isSecure = tls != nil || http.isBehindTLS
        audit = http.audit ?? Self.auditPath(location)
        keptBytes = http.keptMegabytes << 20
        hosts = Set(http.hosts.split(separator: ",").map { $0.lowercased() })
        knownEvents = Set(try settings.catalogue().entries.map(\.name))
    }

    /// Opens the store for questions; fails where it is not there (yet).
    func open(_ metrics: ReadersMetrics) throws -> SessionAPI {
        let say = say
        var surroundings = SessionAPI.Surroundings(
            version: CommandLineTool.version, clock: clock, wall: wallClock, elapsed: monotonicNow,
            compress: { GzipBytes.compressed($0) },
            observe: { observation in
                metrics.note(observation)
                guard let fault = observation.fault else { return }
                say("\(observation.route) \(observation.status) [\(observation.requestID)]: \(fault)")
            })
        surroundings.knownEvents = knownEvents
        surroundings.hosts = hosts
        surroundings.access = access
        surroundings.isSecure = isSecure
        let store = try askable()
        surroundings.audit = try openAudit(isNeeded: access != nil)
        var limits = SessionAPI.Limits()
        limits.keptBytes = keptBytes
        limits.requests = HTTPServer.Limits().waitingRequests
        return try SessionAPI(store: store, limits: limits, surroundings: surroundings)
    }

    /// For one question of a command line: the store as it is, with one connection and all the time it takes.
    static func ofOneReader(_ location: StoreLocation) throws -> SessionAPI {
        let store: any AskableStore =
            switch location {
            case .sqlite(let path): try SQLiteReaders(path: path, connections: 1)
            case .postgres(let settings): try PostgresReaders(settings, connections: 1)
            }
        var limits = SessionAPI.Limits()
        limits.statementSeconds = 600
        return try SessionAPI(
            store: store, limits: limits,
            surroundings: SessionAPI.Surroundings(
                version: CommandLineTool.version, clock: .lastEvent, wall: wallClock, elapsed: monotonicNow,
                compress: { $0 }))
    }

    /// The store, with connections of its own for each worker and then some.
    private func askable() throws -> any AskableStore {
        switch location {
        case .sqlite(let path):
            if let obstacle = try SQLiteStore.prepareForQuestions(path: path) {
                say("\(obstacle); it is served as it is, which may be slow")
            }
            return try SQLiteReaders(path: path, connections: Self.connections)
        case .postgres(let settings): return try PostgresReaders(settings, connections: Self.connections)
        }
    }

    private static func auditPath(_ location: StoreLocation) -> String? {
        switch location {
        case .sqlite(let path): "\(path)-audit.db"
        // Replicas share one.
        case .postgres: nil
        }
    }

    /// Who may ask; nil where nobody is asked who they are, which is for this machine's own people only.
    private static func access(
        _ http: HTTPSettings, _ say: @escaping @Sendable (String) -> Void
    ) throws -> AccessControl? {
        let listen = http.listen
        var settings = AccessControl.Settings()
        settings.tokens = http.tokens
        settings.keys = http.keys
        settings.issuer = http.issuer
        settings.audience = http.audience
        if settings.isEmpty {
            guard isLoopback(listen) else {
                throw UsageError(
                    description:
                        "serve on \(listen) would show everything to everybody: name who may ask with "
                        + "--tokens FILE (`sessionizer token NAME --role ROLE` makes a line of it) or --jwks FILE, or "
                        + "listen on 127.0.0.1")
            }
            say(
                "authentication is off: who reaches \(listen) on this machine sees everything")
            return nil
        }
        if !isLoopback(listen), http.certificate == nil, !http.isBehindTLS {
            say(
                "no TLS: tokens can be read on the way; where an ingress before this speaks it, say --behind-tls"
            )
        }
        do {
            return try AccessControl(settings, complain: say)
        } catch let error as AccessFileError {
            throw UsageError(description: error.description)
        }
    }

    private static func tls(
        _ http: HTTPSettings, _ say: @escaping @Sendable (String) -> Void
    ) throws -> HTTPServer.Certificates? {
        switch (http.certificate, http.key) {
        case (nil, nil): return nil
        case (let certificate?, let key?):
            return try CertificateFiles(certificate: certificate, key: key).renewed(say: say)
        default: throw UsageError(description: "--tls-certificate and --tls-key belong together")
        }
    }

    /// Where nobody is asked who they are, an audit that cannot be kept is no reason to show nothing.
    private func openAudit(isNeeded: Bool) throws -> (any AuditKeeping)? {
        do {
            if let audit { return try SQLiteAudit(path: audit) }
            switch location {
            case .sqlite: return nil
            case .postgres(let settings): return try PostgresAudit(settings)
            }
        } catch let error as StoreError where !isNeeded && !error.kind.isTransient {
            say("no audit is kept: \(error)")
            return nil
        }
    }

    static func isLoopback(_ listen: String) -> Bool {
        listen.hasPrefix("127.") || listen.hasPrefix("localhost:") || listen.hasPrefix("[::1]:")
    }
}
