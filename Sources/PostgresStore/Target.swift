internal import CLibPQ
internal import Glibc
internal import SessionStore

/// Where the database is, in libpq's words, and how long anything may take.
struct Target {
    /// For messages: host, port and database, never a password.
    let name: String
    let keywords: [String]
    let values: [String]
    /// How long an answer may take before the connection counts as lost, in seconds.
    var answerWithin: Double
    /// What it was made of.
    private let settings: PostgresStore.Settings
    /// What the URL itself says, by keyword.
    private let said: [String: String]
    private let readOnly: Bool
    private let connectSeconds: Int

    /// - Parameters:
    ///   - settings: Its URL is a connection URI of libpq's, `sslmode` and all. What it says goes before every default here.
    ///   - connectSeconds: How long connecting may take.
    init(_ settings: PostgresStore.Settings, readOnly: Bool, connectSeconds: Int = 10) throws {
        self.settings = settings
        self.readOnly = readOnly
        self.connectSeconds = connectSeconds
        let limits = settings.limits
        if Self.hasMisplacedMark(settings.url) { throw Self.unreadable("an @ stands behind the user's part") }
        var message: UnsafeMutablePointer<CChar>?
        guard let parsed = PQconninfoParse(settings.url, &message) else {
            let text = message.map { String(cString: $0) } ?? "out of memory"
            PQfreemem(message)
            throw Self.unreadable(Self.withoutURL(text))
        }
        defer { PQconninfoFree(parsed) }
        var given: [(String, String)] = []
        var options = ""
        var parts: [String: String] = [:]
        var entry = parsed
        while let keyword = entry.pointee.keyword {
            if let value = entry.pointee.val {
                let name = String(cString: keyword)
                parts[name] = String(cString: value)
                if name == "options" {
                    options = String(cString: value)
                } else {
                    given.append((name, String(cString: value)))
                }
            }
            entry += 1
        }
        // Not shown: of a URL that was cut, or whose password has a / in it, it is the password.
        let ports = (parts["port"] ?? "").split(separator: ",")
        guard ports.allSatisfy({ UInt16($0).map { $0 > 0 } == true }) else {
            throw Self.unreadable("its port is no number from 1 to 65535")
        }
        said = parts
        // Later settings win: the URL's own options come last.
        var session = [
            "statement_timeout=\(limits.statementSeconds * 1000)",
            "lock_timeout=\(limits.lockSeconds * 1000)",
            "idle_in_transaction_session_timeout=\(limits.idleSeconds * 1000)", "search_path=sessionizer",
            "TimeZone=UTC", "DateStyle=ISO", "client_min_messages=warning", "jit=off",
            // The server, too, is to notice within a minute that this end is gone without a word: until then it keeps the
            // session's locks, the writer's among them.
            "tcp_keepalives_idle=30", "tcp_keepalives_interval=10", "tcp_keepalives_count=3",
            "tcp_user_timeout=60000",
        ]
        if readOnly {
            // Someone waits for each answer, and many may at once: no helpers that take the cores from taking in. What is
            // asked for is found by an index, most of it in memory: by the server's own reckoning, made for discs, an hour of
            // a large table is dearer that way than a pass over a month.
            session += [
                "default_transaction_read_only=on", "max_parallel_workers_per_gather=0",
                "random_page_cost=1.1",
            ]
        } else {
            // A writer asks for rows by their keys, over and over, of tables that grow under it: its plans are made
            // once, when little is known of the tables, and only by index are they right at every size.
            session += [
                "plan_cache_mode=force_generic_plan", "enable_seqscan=off", "enable_hashjoin=off",
                "enable_mergejoin=off", "enable_material=off",
            ]
        }
        given.append(("options", session.map { "-c \($0) " }.joined() + options))
        let defaults = [
            ("fallback_application_name", settings.applicationName), ("connect_timeout", "\(connectSeconds)"),
            ("client_encoding", "UTF8"), ("keepalives", "1"), ("keepalives_idle", "30"),
            ("keepalives_interval", "10"), ("keepalives_count", "3"), ("tcp_user_timeout", "60000"),
        ]
        given.append(contentsOf: defaults.filter { parts[$0.0] == nil })
        keywords = given.map(\.0)
        values = given.map(\.1)
        let host = parts["host"] ?? parts["hostaddr"] ?? "the default host"
        name = "postgres://\(host)\(parts["port"].map { ":\($0)" } ?? "")/\(parts["dbname"] ?? "")"
        answerWithin = Double(limits.statementSeconds) + 30
    }

    /// The same place, reached as its URL says now: with a new password, or as another user. Where the URL cannot be read, or
    /// names another place, it stays as it is: what is in memory is known of this one.
    var renewed: Target {
        guard let url = settings.currentURL?(), url != settings.url else { return self }
        var changed = settings
        changed.url = url
        do {
            var target = try Target(changed, readOnly: readOnly, connectSeconds: connectSeconds)
            try expectSamePlace(target)
            target.answerWithin = answerWithin
            return target
        } catch {
            // Whoever gives the URL has looked at it, too, and has told.
            return self
        }
    }

    /// What may be another in a URL that is read anew: who connects, and by which files.
    private static let replaceable: Set<String> = [
        "user", "password", "passfile", "sslmode", "sslcert", "sslkey", "sslpassword",
    ]
    /// Whom to believe: the files may be others, but not left out, for some of the modes then believe anybody.
    private static let trusted: Set<String> = ["sslrootcert", "sslcrl", "sslcrldir"]
    /// From what protects least. Where none is said, libpq takes ``usualMode``, unless the environment says otherwise.
    private static let modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
    private static let usualMode = "prefer"

    /// Fails where another target is another place, or the way to it is protected less: a file may be read while somebody
    /// writes it.
    ///
    /// A URL that names no database means the one that is called as its user. With another user that is another one: it is
    /// refused, not read as the one before, which after a restart it would not be.
    func expectSamePlace(_ other: Target) throws {
        func database(_ said: [String: String]) -> String? { said["dbname"] ?? said["user"] }
        var differing = Set(said.keys).union(other.said.keys).subtracting(Self.replaceable).filter { name in
            if Self.trusted.contains(name) { return said[name] != nil && other.said[name] == nil }
            return name != "dbname" && said[name] != other.said[name]
        }
        if database(said) != database(other.said) { differing.insert("dbname") }
        guard differing.isEmpty else {
            throw StoreError(
                .cannotOpen,
                "the store's URL names another place than before, by its \(differing.sorted().joined(separator: ", "))",
                hint: "only user, password and certificates are read anew; for anything else restart")
        }
        let (before, now) = (Self.mode(said), Self.mode(other.said))
        guard before == now || Self.protection(now) >= Self.protection(before) else {
            throw StoreError(
                .cannotOpen, "the store's URL protects the connection less than before (sslmode)",
                hint: "restart where that is meant")
        }
    }

    private static func mode(_ said: [String: String]) -> String {
        said["sslmode"] ?? getenv("PGSSLMODE").map { String(cString: $0) } ?? usualMode
    }

    private static func protection(_ mode: String) -> Int { modes.firstIndex(of: mode) ?? -1 }

    /// Whether an @ stands where libpq takes it for a part of host or database: as a rule the password before it has a / or
    /// another @ in it, and its rest would be shown.
    private static func hasMisplacedMark(_ url: String) -> Bool {
        guard let colon = url.firstIndex(of: ":") else { return false }
        var rest = url[colon...].dropFirst("://".count)
        if let mark = rest.firstIndex(where: { $0 == "@" || $0 == "/" }), rest[mark] == "@" {
            rest = rest[rest.index(after: mark)...]
        }
        return rest.prefix { $0 != "?" }.contains("@")
    }

    private static func unreadable(_ why: String) -> StoreError {
        StoreError(
            .cannotOpen, "the store's URL cannot be read: \(why)",
            hint: "expected postgres://user@host:5432/database?sslmode=verify-full; in user and password "
                + "percent-encode / as %2F and @ as %40")
    }

    /// libpq quotes the URL that it can't read, which may hold a password.
    private static func withoutURL(_ text: String) -> String {
        guard let start = text.firstIndex(of: "\"") else { return trimmed(text) }
        return trimmed(String(text[..<start])) + " (the URL is not shown: it may hold a password)"
    }

    static func trimmed(_ text: String) -> String {
        var text = text[...]
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}

/// How long anything in the database may take.
public struct PostgresLimits: Equatable, Sendable {
    /// `statement_timeout`, in seconds.
    public var statementSeconds = 120
    /// `lock_timeout`, in seconds: also how long to wait for another writer to let go.
    public var lockSeconds = 10
    /// `idle_in_transaction_session_timeout`, in seconds: after so long the server ends the batch of a process that
    /// was frozen in the middle of it.
    public var idleSeconds = 300

    /// The defaults.
    public init() {}
}
