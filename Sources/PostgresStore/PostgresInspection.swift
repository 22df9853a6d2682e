public import SessionStore

/// What a look at a database found, in a session that cannot write.
public struct PostgresInspection: Equatable, Sendable {
    /// The server's version, e.g. `15.6`.
    public private(set) var server = ""
    /// Whether the server is too old for this program.
    public private(set) var isTooOld = false
    /// The connection's role.
    public private(set) var role = ""
    /// Whether the connection is encrypted.
    public private(set) var isEncrypted = false
    /// Whether the server takes no writes: a standby.
    public private(set) var isStandby = false
    /// `server_encoding`; the program needs UTF8.
    public private(set) var encoding = ""
    /// The last migration the store has, 0 for none; nil where the role may not look, or ``obstacle`` says why.
    public private(set) var schemaVersion: Int?
    /// The last one that this program has.
    public static var knownVersion: Int { Schema.migrations.count }
    /// Why the store cannot be used as it is: made by a newer version, or by another program.
    public private(set) var obstacle: String?
    /// Whether this role may make or update the tables.
    public private(set) var mayMigrate = false
    /// What a writer needs and this role lacks, e.g. `INSERT on events`.
    public private(set) var missingRights: [String] = []
    /// Whether it may have partitions made.
    public private(set) var mayMakePartitions = false
    /// Whether it may have months dropped.
    public private(set) var mayRetire = false
    /// Over how many queue partitions the store's events are split; 0 where they were never.
    public private(set) var queuePartitions = 0
    /// What the tables depend on that the store has otherwise: why this program would refuse it.
    public private(set) var otherRules: String?
    /// Settings of the server, by name.
    public private(set) var settings: [String: String] = [:]
    /// Connections that clients may have, those for superusers left out.
    public private(set) var connectionsAllowed = 0
    /// Connections that others than this role have now.
    public private(set) var connectionsOfOthers = 0

    /// What `deploy/postgres/grants.sql` gives the writer beside SELECT: a test holds the two against each other.
    static let writerRights: [(rights: [String], tables: [String])] = [
        (
            ["INSERT"],
            [
                "events", "links", "rejected_events", "ingestion_batches", "meta", "audit", "known_robots",
                "known_pilots", "known_merchants",
            ]
        ),
        (
            ["INSERT", "UPDATE", "DELETE"],
            [
                "session_members", "sessions", "assignment_windows", "robot_states", "robot_pilot_windows",
                "pilot_shifts", "robot_state_hours", "robot_hours", "pilot_hours", "merchant_hours",
                "event_hourly", "fleet_hours", "fleet_state_hours", "session_hours", "session_spans",
                "arrival_hours", "robot_zones", "zone_hours", "replicas", "partition_entities",
            ]
        ),
        (["INSERT", "UPDATE"], ["freshness", "source_offsets", "partition_leases", "partition_keys"]),
        (["UPDATE"], ["partition_joins"]),
    ]

    /// Connects and looks.
    /// - Parameter rules: What the tables would depend on.
    /// - Throws: `StoreError` where no connection can be made.
    public init(_ store: PostgresStore.Settings, rules: RuleFacts) throws {
        var place = store
        place.applicationName += " check-config"
        place.limits.statementSeconds = min(place.limits.statementSeconds, 20)
        let connection = try Connection(Target(place, readOnly: true))
        defer { connection.close() }
        isTooOld = connection.serverVersion < 140_000
        encoding = connection.setting("server_encoding") ?? ""
        let session = try connection.query(
            """
            SELECT current_setting('server_version'), current_user::text, pg_is_in_recovery(),
              coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false),
              current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint,
              (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename <> current_user),
              has_database_privilege(current_database(), 'CREATE')
            """)
        server = session.text(0, 0)
        role = session.text(0, 1)
        isStandby = session.flag(0, 2)
        isEncrypted = session.flag(0, 3)
        connectionsAllowed = Int(session.integer(0, 4))
        connectionsOfOthers = Int(session.integer(0, 5))
        for name in ["synchronous_commit", "fsync", "full_page_writes", "max_connections"] {
            settings[name] = try connection.query("SELECT current_setting('\(name)')").text(0, 0)
        }
        let schema = try connection.query(
            """
            SELECT oid IS NOT NULL, coalesce(has_schema_privilege(oid, 'USAGE'), false),
              coalesce(has_schema_privilege(oid, 'CREATE'), false)
            FROM (VALUES (1)) AS one(n) LEFT JOIN pg_namespace ON nspname = 'sessionizer'
            """)
        mayMigrate = schema.flag(0, 0) ? schema.flag(0, 2) : session.flag(0, 6)
        guard schema.flag(0, 0) else {
            schemaVersion = 0
            return
        }
        guard schema.flag(0, 1) else {
            missingRights = ["USAGE on schema sessionizer"]
            return
        }
        try lookAtTables(connection, rules)
    }

    private mutating func lookAtTables(_ connection: Connection, _ rules: RuleFacts) throws {
        do {
            schemaVersion = try Migration.applied(connection)
        } catch let error as StoreError where error.kind == .denied {
            missingRights = ["SELECT on schema_migrations"]
            return
        } catch let error as StoreError where error.kind == .newerSchema || error.kind == .damaged {
            obstacle = error.message
            return
        }
        // What a migration will make cannot be granted yet.
        guard schemaVersion == Self.knownVersion else { return }
        let needed = Self.writerRights.flatMap { group in
            group.tables.flatMap { table in group.rights.map { "('\(table)', '\($0)')" } }
        }
        let lacking = try connection.query(
            """
            SELECT privilege || ' on ' || name FROM (VALUES \(needed.joined(separator: ", "))) AS needed(name, privilege)
            WHERE has_table_privilege(to_regclass('sessionizer.' || name), privilege) IS NOT TRUE
            UNION ALL
            SELECT 'SELECT on ' || relname FROM pg_class
            WHERE relnamespace = 'sessionizer'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition
              AND relname <> 'audit' AND NOT has_table_privilege(oid, 'SELECT')
            ORDER BY 1
            """)
        missingRights = (0..<lacking.count).map { lacking.text($0, 0) }
        let functions = try connection.query(
            """
            SELECT has_function_privilege('sessionizer.ensure_partition(timestamptz)', 'EXECUTE'),
              has_function_privilege('sessionizer.retire_months(integer)', 'EXECUTE')
            """)
        mayMakePartitions = functions.flag(0, 0)
        mayRetire = functions.flag(0, 1)
        guard missingRights.isEmpty else { return }
        queuePartitions = Int(try connection.query("SELECT count(*) FROM partition_leases").integer(0, 0))
        let stored = try connection.query("SELECT key, value FROM meta")
        for row in 0..<stored.count {
            guard let now = rules.all.first(where: { $0.name == stored.text(row, 0) }),
                now.text != stored.text(row, 1)
            else { continue }
            otherRules =
                RuleFacts.refusal(
                    of: connection.target.name, name: now.name, stored: stored.text(row, 1), now: now.text
                ).message
        }
    }
}
