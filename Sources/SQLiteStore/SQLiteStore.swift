internal import CSQLite
internal import Glibc
public import SessionCore
public import SessionStore

/// The embedded store: one file, one writer. It is what `sqlite:PATH` names.
public final class SQLiteStore {
    /// How it reads the payloads it keeps.
    public typealias Reading = StoreReading

    let connection: Connection
    private let path: String
    /// The file that was opened.
    private let file: FileIdentity?
    let symbols: SymbolTable
    let reading: Reading
    let watchesSilence: Bool
    /// Of more links to deliveries than this an id stands for itself, and no more are read.
    let maxTargets: Int
    /// Between ``begin(alone:)`` and the commit or the rollback.
    var isInBatch = false
    /// What SQLite called the data's version when the last batch began; before the first, nothing is in memory.
    var dataVersion: Int64?

    /// Opens a store for writing, making or migrating its tables.
    /// - Parameters:
    ///   - rules: What the derived tables depend on; a store made under other rules is refused.
    ///   - catalogue: A text that changes when the catalogue's roles do.
    public init(
        path: String, symbols: SymbolTable, reading: Reading, rules: Rules, catalogue: String
    ) throws {
        connection = try Connection(path: path, readOnly: false)
        self.path = path
        file = FileIdentity(path: path)
        self.symbols = symbols
        self.reading = reading
        watchesSilence = rules.maxSilence != nil
        maxTargets = rules.maxTargets
        do {
            try connection.run("PRAGMA page_size = 8192")
            try Self.useWriteAheadLog(connection)
            try connection.run("PRAGMA synchronous = NORMAL")
            try connection.run("PRAGMA cache_size = -65536")
            try connection.run("PRAGMA wal_autocheckpoint = 8000")
            try connection.run("PRAGMA temp_store = MEMORY")
            try Self.migrate(connection)
            try hashRejects()
            try recordRules(rules, catalogue)
        } catch {
            connection.close()
            throw error
        }
    }

    /// Fails where what is written now would be lost with the file's last user.
    func expectFileInPlace() throws {
        if FileIdentity(path: path) == file { return }
        throw StoreError(
            .cannotOpen, "\(path): the file that was opened was moved, removed or replaced since",
            hint: "put it back, or start again on the one that is there; nothing is written meanwhile")
    }

    /// Lets go of the file, which then holds everything by itself, also while somebody still reads it.
    public func close() {
        connection.foldLogIn()
        connection.close()
    }

    /// Turns the file to a write-ahead log. Another process may be at it this moment: SQLite then refuses at once, without
    /// waiting as it does elsewhere, since each may hold what the other wants.
    private static func useWriteAheadLog(_ connection: Connection) throws {
        let patience = ContinuousClock.now + .seconds(10)
        while true {
            do {
                return try connection.run("PRAGMA journal_mode = WAL")
            } catch let error as StoreError where error.kind == .busy && ContinuousClock.now < patience {
                usleep(5_000)
            }
        }
    }

    /// Applies the migrations that the store does not have yet. Other processes may open the same new file at once: each
    /// migration is applied by whoever has the file when it is due, and the others go on from there.
    static func migrate(_ connection: Connection) throws {
        try connection.run(
            """
            CREATE TABLE IF NOT EXISTS schema_migrations (
              version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)
            """)
        while try version(of: connection) < Schema.migrations.count {
            try connection.inTransaction {
                let applied = try version(of: connection)
                guard applied < Schema.migrations.count else { return }
                let migration = Schema.migrations[applied]
                try connection.run(migration.sql)
                try connection.statement(
                    """
                    INSERT INTO schema_migrations
                    VALUES (?, ?, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER))
                    """
                ).bind(Int64(applied + 1)).bind(migration.name).run()
            }
        }
    }

    /// How many migrations the store has.
    private static func version(of connection: Connection) throws -> Int {
        let query = try connection.statement("SELECT coalesce(max(version), 0) FROM schema_migrations")
        defer { query.reset() }
        let applied = try query.step() ? Int(query.integer(0)) : 0
        if applied > Schema.migrations.count {
            throw StoreError(
                .newerSchema,
                "\(connection.path): made by a newer version of this program (schema \(applied))",
                hint: "use that version, or a new store")
        }
        return applied
    }

    /// SQLite has no hash of its own, so what migration 0005 found is given one here.
    private func hashRejects() throws {
        let query = try connection.statement(
            "SELECT rowid, body FROM rejected_events WHERE body_hash IS NULL LIMIT 1000")
        let update = try connection.statement(
            "UPDATE OR REPLACE rejected_events SET body_hash = ? WHERE rowid = ?")
        while true {
            var hashes: [(row: Int64, hash: String)] = []
            while try query.step() {
                hashes.append((query.integer(0), reading.fingerprintText(reading.identity(query.bytes(1)))))
            }
            if hashes.isEmpty { return }
            for (row, hash) in hashes { try update.bind(hash).bind(row).run() }
        }
    }

    /// The tables are a function of the events and the rules: rows made under two sets of rules do not mix.
    private func recordRules(_ rules: Rules, _ catalogue: String) throws {
        let facts = RuleFacts(rules, catalogue: catalogue)
        if try compare(facts).isEmpty { return }
        // All of them or none: another process that opens the same new file may have rules of its own.
        try connection.inTransaction {
            for (key, value) in try compare(facts) {
                try connection.statement("INSERT INTO meta VALUES (?, ?)").bind(key).bind(value).run()
            }
        }
    }

    /// Refuses a store that was made under other rules.
    /// - Returns: What the store does not hold yet.
    private func compare(_ facts: RuleFacts) throws -> [(name: String, text: String)] {
        try facts.all.filter { key, value in
            let query = try connection.statement("SELECT value FROM meta WHERE key = ?").bind(key)
            defer { query.reset() }
            guard try query.step() else { return true }
            let stored = query.text(0)
            if stored != value {
                throw RuleFacts.refusal(of: connection.path, name: key, stored: stored, now: value)
            }
            return false
        }
    }
}

/// A store that is only asked.
public final class SQLiteReader: TableReading {
    private let connection: Connection

    /// Opens an existing store without the right to change it.
    public init(path: String) throws {
        connection = try Connection(path: path, readOnly: true)
        do {
            let query = try connection.statement("SELECT count(*) FROM schema_migrations")
            _ = try query.step()
            query.reset()
        } catch {
            connection.close()
            throw StoreError(
                .damaged, "\(path): not a store of this program", hint: "replay an archive into it first")
        }
    }

    /// See ``TableReading``.
    public var flavour: SQLFlavour { .sqlite }

    /// The rows of a query, all at once.
    public func rows(_ sql: String, _ parameters: [TableValue] = []) throws -> [TableRow] {
        let statement = try Statement(sql, connection)
        for parameter in parameters {
            switch parameter {
            case .null: statement.bind(Int64?.none)
            case .integer(let value): statement.bind(value)
            case .real(let value): statement.bind(value)
            case .text(let value): statement.bind(value)
            }
        }
        let columns = (0..<statement.columnCount).map { statement.name($0) }
        var rows: [TableRow] = []
        while try statement.step() {
            rows.append(
                TableRow(columns: columns, values: (0..<Int32(columns.count)).map { statement.value($0) }))
        }
        return rows
    }

    /// Lets go of the file.
    public func close() { connection.close() }
}
