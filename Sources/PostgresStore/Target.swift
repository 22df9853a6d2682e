internal import CLibPQ
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
        var message: UnsafeMutablePointer<CChar>?
        guard let parsed = PQconninfoParse(settings.url, &message) else {
            let text = message.map { String(cString: $0) } ?? "out of memory"
            PQfreemem(message)
            throw StoreError(
                .cannotOpen, "the store's URL cannot be read: \(Self.withoutURL(text))",
                hint: "expected postgres://user@host:5432/database?sslmode=verify-full")
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
        guard var target = try? Target(changed, readOnly: readOnly, connectSeconds: connectSeconds),
            target.name == name
        else { return self }
        target.answerWithin = answerWithin
        return target
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
