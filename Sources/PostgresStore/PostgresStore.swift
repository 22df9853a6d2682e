internal import CLibPQ
public import SessionCore
public import SessionStore

/// The store for a fleet: PostgreSQL 14 or newer over libpq. It is what `postgres://…` names.
///
/// One connection, one thread at a time. What it throws says by ``StoreError/Kind/isTransient`` whether trying again
/// may help; ``begin(alone:)`` connects again where the connection was lost.
public final class PostgresStore {
    /// How a store is opened.
    public struct Settings: Sendable {
        /// A connection URI of libpq's.
        public var url: String
        /// What it says now, where it may change. Asked for every connection: a new password, or another user, is used as soon
        /// as one is made. What ``expectSamePlace(_:)`` refuses is not heeded.
        public var currentURL: (@Sendable () -> String)?
        /// How long anything may take.
        public var limits = PostgresLimits()
        /// What the server shows as the client's name, unless the URL says otherwise.
        public var applicationName = "sessionizer"
        /// Whether this is the only writer: a second one waits, and is refused after `lockSeconds`. What is in
        /// memory is a cache of the store, so two writers of the same entities would overwrite each other.
        public var isExclusive = true
        /// The partition this writer holds, instead of the whole store: every transaction checks that it still does.
        public var fence: PostgresLeases.Fence?
        /// How many days events are kept after their month ended: once an hour older months are dropped. Nil keeps all.
        public var retentionDays: Int?

        /// The defaults with a URL.
        public init(url: String) { self.url = url }

        /// Fails where libpq cannot read the URL; nothing is connected to.
        public func check() throws {
            _ = try Target(self, readOnly: true)
        }

        /// Fails where another URL means another place than this one, or protects the way to it less.
        /// - Throws: ``StoreError``, without anything of the other URL.
        public func expectSamePlace(_ other: String) throws {
            var changed = self
            changed.url = other
            try Target(self, readOnly: true).expectSamePlace(Target(changed, readOnly: true))
        }

        /// Host, port and database, for messages: without user and password.
        public var name: String {
            (try? Target(self, readOnly: true).name) ?? "postgres://…"
        }
    }

    let connection: Connection
    let symbols: SymbolTable
    let reading: StoreReading
    let watchesSilence: Bool
    /// Of more links to deliveries than this an id stands for itself, and no more are read.
    let maxTargets: Int
    let settings: Settings
    /// How long a session's window joins, in microseconds.
    let maxWindow: Microseconds
    private let facts: RuleFacts
    /// Between ``begin(alone:)`` and the commit or the rollback.
    var isInBatch = false
    var partitions = Partitions()
    /// When partitions ahead were last looked for.
    var lastLookAhead: Instant = .min
    let copyBuffer = WireBuffer()
    var rowArrays: [String: RowArrays] = [:]
    var prefetched = Prefetched()
    var names = PartitionKeyMemory()
    /// Beside the batches months are made ahead and dropped, once an hour: told what of that could not be done and will not be
    /// done without somebody's help. Batches go on, and it is tried again the next hour.
    public var upkeepFailed: ((StoreError) -> Void)?
    /// How many bytes of rows make a statement of their own.
    var bytesAtOnce = 64 << 20

    /// Opens a store for writing, making or migrating its tables where the role may.
    /// - Parameters:
    ///   - rules: What the derived tables depend on; a store made under other rules is refused.
    ///   - catalogue: A text that changes when the catalogue's roles do.
    public init(
        _ settings: Settings, symbols: SymbolTable, reading: StoreReading, rules: Rules, catalogue: String
    ) throws {
        self.settings = settings
        connection = try Connection(Target(settings, readOnly: false))
        self.symbols = symbols
        self.reading = reading
        watchesSilence = rules.maxSilence != nil
        maxTargets = rules.maxTargets
        maxWindow = rules.maxWindow
        facts = RuleFacts(rules, catalogue: catalogue)
        do {
            try Migration.bringUpToDate(connection)
            try prepareSession()
        } catch {
            connection.close()
            throw error
        }
    }

    /// Lets go of the connection.
    public func close() { connection.close() }

    /// See ``SessionStoring``.
    public var reconnections: Int { max(connection.openings - 1, 0) }

    /// What a new connection begins with: the writer's lock, the rules, the partitions ahead.
    func prepareSession() throws {
        // What is committed is acknowledged to the queue, which then forgets it.
        try connection.keepWhatIsCommitted()
        if settings.isExclusive {
            // Partitions' writers share the store with each other, and with nobody who has it for himself.
            let shared = settings.fence == nil ? "" : "_shared"
            do {
                _ = try connection.query("SELECT pg_advisory_lock\(shared)(\(Migration.lockClass), 2)")
            } catch let error as StoreError where error.kind == .conflict {
                throw StoreError(
                    .busy, "\(connection.target.name): another process is writing to the store",
                    hint: Failure.hint(.busy))
            }
        }
        if settings.fence == nil {
            // Whom this one names has no key: partitions' writers begin anew with merchants known from before.
            _ = try connection.query("DELETE FROM partition_entities WHERE kind = 'merchant'")
        }
        try recordRules()
        try partitions.load(connection)
        try partitions.makeAhead(connection)
        if let days = settings.retentionDays { try partitions.retire(olderThan: days, connection) }
    }

    /// Whether the events of this instant's month were dropped; see ``SessionStoring``.
    public func isRetired(_ instant: Instant) -> Bool {
        !partitions.retired.isEmpty && partitions.retired.contains(Partitions.month(of: instant))
    }

    private func recordRules() throws {
        var stored: [String: String] = [:]
        let rows = try connection.query("SELECT key, value FROM meta")
        for row in 0..<rows.count { stored[rows.text(row, 0)] = rows.text(row, 1) }
        for (name, text) in facts.all {
            if let before = stored[name] {
                if before != text {
                    throw RuleFacts.refusal(of: connection.target.name, name: name, stored: before, now: text)
                }
                continue
            }
            var row = Parameters()
            row.add(name)
            row.add(text)
            _ = try connection.query(
                "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", row)
        }
    }

    /// Makes or updates the tables, and the partitions of the months ahead. Needs the role that owns them.
    public static func migrate(_ settings: Settings) throws {
        try withConnection(settings) { connection in
            try Migration.bringUpToDate(connection)
            var partitions = Partitions()
            try partitions.load(connection)
            try partitions.makeAhead(connection)
        }
    }

    /// Drops the partitions of `events` whose month ended longer ago than this. Rows of other tables stay, and so does
    /// what rests in the default partition. Needs the right to call `retire_months`.
    /// - Parameter days: At least 31.
    /// - Returns: The names of the partitions dropped.
    public static func retireMonths(olderThan days: Int, _ settings: Settings) throws -> [String] {
        try withConnection(settings) { connection in
            try Migration.bringUpToDate(connection)
            var parameters = Parameters()
            parameters.add(Int32(clamping: days))
            let rows = try connection.query("SELECT retire_months($1)", parameters)
            return (0..<rows.count).map { rows.text($0, 0) }
        }
    }

    private static func withConnection<Result>(
        _ settings: Settings, _ body: (Connection) throws -> Result
    ) throws -> Result {
        let connection = try Connection(Target(settings, readOnly: false))
        defer { connection.close() }
        return try body(connection)
    }
}
