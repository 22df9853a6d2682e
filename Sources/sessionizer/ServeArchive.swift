import AccessControl
import ArchiveSource
import Glibc
import HTTPServer
import SQLiteStore
import SessionAPI
import SessionCore
import SessionStore

/// `sessionizer serve --store URL`: an archive's tables over HTTP, with the page; no queue.
enum ServeArchive {
    static let options: Set<String> = [
        "--store", "--listen", "--host", "--audit", "--tokens", "--jwks", "--jwt-issuer", "--jwt-audience",
        "--tls-certificate", "--tls-key",
    ]

    static func run(_ words: [String], _ settings: Settings) throws -> Int32 {
        let arguments = try Arguments(words, allowed: options)
        if let operand = arguments.operands.first {
            throw UsageError(description: "serve takes no operand; unexpected \(operand)")
        }
        // Signals are waited for below, by this thread alone: blocked here, before any other begins.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGTERM)
        pthread_sigmask(SIG_BLOCK, &signals, nil)

        let listen = arguments["--listen"] ?? settings.live.httpListen
        let location = try settings.store(arguments["--store"])
        let access = try access(arguments, listen)
        let tls = try tls(arguments)
        let store = try askable(location)
        var surroundings = SessionAPI.Surroundings(
            version: CommandLineTool.version, clock: .lastEvent, wall: wallClock,
            compress: { GzipBytes.compressed($0) },
            observe: { observation in
                guard let fault = observation.fault else { return }
                complain(
                    "sessionizer: \(observation.route) \(observation.status) [\(observation.requestID)]: \(fault)"
                )
            })
        surroundings.knownEvents = Set(try settings.catalogue().entries.map(\.name))
        surroundings.hosts = Set((arguments["--host"] ?? "").split(separator: ",").map { $0.lowercased() })
        surroundings.access = access
        surroundings.isSecure = tls != nil
        surroundings.audit = try audit(
            arguments["--audit"] ?? auditPath(location), isNeeded: access != nil)
        let api = try SessionAPI(store: store, surroundings: surroundings)

        var limits = HTTPServer.Limits()
        limits.refusal = { api.refusal($0) }
        let server = try HTTPServer(listen: listen, limits: limits, tls: tls) { request in
            api.answer(request) ?? api.refusal(404, path: request.path)
        }
        let scheme = tls == nil ? "http" : "https"
        complain("sessionizer: serving \(location) on \(scheme)://\(address(listen, port: server.port))/")
        var signal: Int32 = 0
        sigwait(&signals, &signal)
        complain("sessionizer: stopping")
        withExtendedLifetime(server) {}
        return 0
    }

    /// The store, with connections of its own for each worker and then some.
    private static func askable(_ location: StoreLocation) throws -> any AskableStore {
        switch location {
        case .sqlite(let path):
            if let obstacle = try SQLiteStore.prepareForQuestions(path: path) {
                complain("sessionizer: \(obstacle); it is served as it is, which may be slow")
            }
            return try SQLiteReaders(path: path, connections: 8)
        case .postgres(let settings): return try PostgresReaders(settings, connections: 8)
        }
    }

    private static func auditPath(_ location: StoreLocation) -> String {
        switch location {
        case .sqlite(let path): "\(path)-audit.db"
        case .postgres: "sessionizer-audit.db"
        }
    }

    /// Who may ask; nil where nobody is asked who they are, which is for this machine's own people only.
    private static func access(_ arguments: Arguments, _ listen: String) throws -> AccessControl? {
        var settings = AccessControl.Settings()
        settings.tokens = arguments["--tokens"]
        settings.keys = arguments["--jwks"]
        settings.issuer = arguments["--jwt-issuer"]
        settings.audience = arguments["--jwt-audience"]
        if settings.isEmpty {
            guard isLoopback(listen) else {
                throw UsageError(
                    description:
                        "serve on \(listen) would show everything to everybody: name who may ask with "
                        + "--tokens FILE (`sessionizer token NAME --role ROLE` makes a line of it) or --jwks FILE, or "
                        + "listen on 127.0.0.1")
            }
            complain(
                "sessionizer: authentication is off: who reaches \(listen) on this machine sees everything")
            return nil
        }
        if !isLoopback(listen), arguments["--tls-certificate"] == nil {
            complain(
                "sessionizer: no TLS: tokens can be read on the way, unless an ingress before this speaks it")
        }
        do {
            return try AccessControl(settings) { complain("sessionizer: \($0)") }
        } catch let error as AccessFileError {
            throw UsageError(description: error.description)
        }
    }

    private static func tls(_ arguments: Arguments) throws -> HTTPServer.TLS? {
        switch (arguments["--tls-certificate"], arguments["--tls-key"]) {
        case (nil, nil): return nil
        case (let certificate?, let key?):
            do {
                return HTTPServer.TLS(
                    certificate: String(decoding: try AccessControl.contents(of: certificate), as: UTF8.self),
                    key: String(decoding: try AccessControl.contents(of: key), as: UTF8.self))
            } catch let error as AccessFileError {
                throw UsageError(description: error.description)
            }
        default: throw UsageError(description: "--tls-certificate and --tls-key belong together")
        }
    }

    /// Where nobody is asked who they are, an audit that cannot be kept is no reason to show nothing.
    private static func audit(_ path: String, isNeeded: Bool) throws -> SQLiteAudit? {
        do {
            return try SQLiteAudit(path: path)
        } catch  where !isNeeded {
            complain("sessionizer: no audit is kept: \(error)")
            return nil
        }
    }

    /// `sessionizer token NAME --role ROLE`
    static func token(_ words: [String]) throws -> Int32 {
        let arguments = try Arguments(words, allowed: ["--role", "--merchants", "--expires"])
        guard arguments.operands.count == 1, let name = arguments.operands.first,
            name.allSatisfy({ !$0.isWhitespace && $0 != "#" })
        else { throw UsageError(description: "token needs one name, without blanks") }
        let roles = Role.allCases.map(\.rawValue)
        guard let role = arguments["--role"], roles.contains(role) else {
            throw UsageError(description: "token needs --role, one of \(roles.joined(separator: ", "))")
        }
        if let day = arguments["--expires"], ArchiveDay(day) == nil {
            throw UsageError(description: "--expires \(day): not a day; expected e.g. 2027-01-01")
        }
        let (token, digest) = AccessControl.fresh()
        var line = "\(name) \(role) \(digest)"
        if let merchants = arguments["--merchants"] { line += " merchants=\(merchants)" }
        if let day = arguments["--expires"] { line += " expires=\(day)" }
        complain("The token, told once, for \(name): \(token)")
        complain("The line for the file of tokens:")
        print(line)
        return 0
    }

    static func isLoopback(_ listen: String) -> Bool {
        listen.hasPrefix("127.") || listen.hasPrefix("localhost:") || listen.hasPrefix("[::1]:")
    }

    /// Where it is, with the port that was chosen.
    static func address(_ listen: String, port: Int) -> String {
        let host = listen.lastIndex(of: ":").map { listen[..<$0] } ?? listen[...]
        return "\(host):\(port)"
    }
}
