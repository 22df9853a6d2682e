import ConfigurationFile
import HTTPServer

/// Where `serve` answers, and to whom: told by the configuration file, then the environment, then options.
struct HTTPSettings {
    /// ADDRESS:PORT
    var listen = "127.0.0.1:8080"
    /// Names under which it may be asked, beside addresses; divided by commas.
    var hosts = ""
    /// The file of the audit; nil: PostgreSQL, or a file beside SQLite's.
    var audit: String?
    /// A file of tokens.
    var tokens: String?
    /// A file of keys of whoever signs tokens.
    var keys: String?
    var issuer: String?
    var audience: String?
    /// Files (PEM); both or none.
    var certificate: String?
    var key: String?
    /// Whoever asks speaks TLS, to an ingress before this.
    var isBehindTLS = false
    /// Megabytes that answers may take which are given again while the store has not changed; nought: none is kept.
    var keptMegabytes = 16

    /// Options, keys of the file and variables of the environment, one by one.
    private static let texts:
        [(option: String, variable: String, of: any WritableKeyPath<Self, String?> & Sendable)] = [
            ("--audit", "SESSIONIZER_HTTP_AUDIT", \.audit), ("--tokens", "SESSIONIZER_HTTP_TOKENS", \.tokens),
            ("--jwks", "SESSIONIZER_HTTP_JWKS", \.keys),
            ("--jwt-issuer", "SESSIONIZER_HTTP_JWT_ISSUER", \.issuer),
            ("--jwt-audience", "SESSIONIZER_HTTP_JWT_AUDIENCE", \.audience),
            ("--tls-certificate", "SESSIONIZER_HTTP_TLS_CERTIFICATE", \.certificate),
            ("--tls-key", "SESSIONIZER_HTTP_TLS_KEY", \.key),
        ]

    static let options = Set(texts.map(\.option)).union(["--host"])
    static let flags: Set<String> = ["--behind-tls"]
    private static let behindTLS = "SESSIONIZER_HTTP_BEHIND_TLS"
    private static let kept = "SESSIONIZER_HTTP_KEPT_ANSWERS_MB"
    static let variables = Set(texts.map(\.variable)).union([
        "SESSIONIZER_HTTP_LISTEN", "SESSIONIZER_HTTP_HOSTS", behindTLS, kept,
    ])

    /// Whether anybody is asked who they are.
    var asksWho: Bool { tokens != nil || keys != nil }

    /// The files it names that must be there.
    var files: [String] { [tokens, keys, certificate, key].compactMap { $0 } }

    mutating func take(_ file: SettingsFile) {
        listen = file.http.listen ?? listen
        hosts = file.http.hosts?.joined(separator: ",") ?? hosts
        audit = file.http.audit ?? audit
        tokens = file.http.tokens ?? tokens
        keys = file.http.keys ?? keys
        issuer = file.http.issuer ?? issuer
        audience = file.http.audience ?? audience
        certificate = file.http.certificate ?? certificate
        key = file.http.key ?? key
        isBehindTLS = file.http.isBehindTLS ?? isBehindTLS
        keptMegabytes = file.http.keptMegabytes ?? keptMegabytes
    }

    mutating func take(_ environment: [String: String]) throws {
        listen = try Self.address("SESSIONIZER_HTTP_LISTEN", environment["SESSIONIZER_HTTP_LISTEN"]) ?? listen
        hosts = environment["SESSIONIZER_HTTP_HOSTS"] ?? hosts
        for (_, variable, path) in Self.texts {
            self[keyPath: path] = environment[variable] ?? self[keyPath: path]
        }
        isBehindTLS = try LiveSettings.truth(environment, Self.behindTLS) ?? isBehindTLS
        keptMegabytes =
            try LiveSettings.number(environment, Self.kept, SettingsFile.HTTP.keptMegabytesRange)
            ?? keptMegabytes
    }

    private static func address(_ name: String, _ text: String?) throws -> String? {
        guard let text else { return nil }
        do {
            try HTTPServer.check(listen: text)
        } catch {
            throw UsageError(description: "\(name) \(text): \(error)")
        }
        return text
    }

    /// `--http` and `--listen` say the same; with a queue only `--http` is known.
    mutating func take(_ arguments: Arguments) throws {
        listen =
            try Self.address("--http", arguments["--http"]) ?? Self.address("--listen", arguments["--listen"])
            ?? listen
        hosts = arguments["--host"] ?? hosts
        for (option, _, path) in Self.texts { self[keyPath: path] = arguments[option] ?? self[keyPath: path] }
        if arguments.has("--behind-tls") { isBehindTLS = true }
    }
}
