internal import CSQLite
internal import Dispatch
internal import Glibc
public import SessionStore
internal import Synchronization

/// Connections that only read, for many who ask at once. In WAL mode they neither wait for the writer nor make it wait.
public final class SQLiteReaders: AskableStore {
    /// See ``AskableStore``.
    public let flavour = SQLFlavour.sqlite
    /// The file's name.
    public let name: String

    private let path: String
    private let free: Mutex<[Conversation]>
    private let available = DispatchSemaphore(value: 0)
    /// How long a question waits for a connection, in seconds.
    private static let patience = 2.0

    /// Opens an existing store so many times.
    public init(path: String, connections: Int) throws {
        self.path = path
        name = path.split(separator: "/").last.map(String.init) ?? path
        free = Mutex([])
        for _ in 0..<connections {
            let conversation = try Conversation(path: path)
            free.withLock { $0.append(conversation) }
            available.signal()
        }
    }

    /// See ``AskableStore``.
    public func ask<Answer>(within seconds: Double, _ body: (any StoreConversation) throws -> Answer) throws
        -> Answer
    {
        guard available.wait(timeout: .now() + Self.patience) == .success,
            let conversation = free.withLock({ $0.popLast() })
        else { throw QuestionFailure.busy(seconds: Self.patience) }
        defer {
            free.withLock { $0.append(conversation) }
            available.signal()
        }
        return try conversation.ask(within: seconds, body)
    }

    /// One connection. Its owner is whoever took it out of `free`.
    private final class Conversation: StoreConversation, @unchecked Sendable {
        let flavour = SQLFlavour.sqlite
        private let connection: Connection
        /// When the question in hand ends, in nanoseconds of the monotonic clock.
        private var deadline: UInt64 = 0
        /// Statements that are kept, with their columns.
        private var known: [String: ColumnNames] = [:]

        init(path: String) throws {
            connection = try Connection(path: path, readOnly: true)
            try connection.run("PRAGMA query_only = ON")
            try connection.run("PRAGMA cache_size = -16384")
            // As much as SQLite maps at most (2 GB): it costs no memory but the file's own cache, and saves a copy.
            try connection.run("PRAGMA mmap_size = 2147418112")
            // Every thousand steps of its machine, some tens of microseconds, it looks at the clock.
            sqlite3_progress_handler(
                connection.handle, 1000,
                { context in
                    guard let context else { return 0 }
                    let me = Unmanaged<Conversation>.fromOpaque(context).takeUnretainedValue()
                    return Conversation.clock() >= me.deadline ? 1 : 0
                }, Unmanaged.passUnretained(self).toOpaque())
        }

        private static func clock() -> UInt64 {
            var now = timespec()
            clock_gettime(CLOCK_MONOTONIC_COARSE, &now)
            return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
        }

        func ask<Answer>(within seconds: Double, _ body: (any StoreConversation) throws -> Answer) throws
            -> Answer
        {
            deadline = Self.clock() + UInt64(seconds * 1e9)
            do {
                try connection.run("BEGIN")
                let answer = try body(self)
                deadline = .max
                try connection.run("COMMIT")
                return answer
            } catch {
                let isLate = Self.clock() >= deadline
                deadline = .max
                try? connection.run("ROLLBACK")
                guard let failure = error as? StoreError else { throw error }
                if isLate { throw QuestionFailure.tooSlow(seconds: seconds) }
                throw QuestionFailure.unavailable(failure.message)
            }
        }

        func attempt<Answer>(within seconds: Double, _ body: () throws -> Answer) throws -> Answer? {
            let whole = deadline
            deadline = min(whole, Self.clock() + UInt64(seconds * 1e9))
            defer { deadline = whole }
            do {
                return try body()
            } catch let error as StoreError {
                // An interrupted SELECT leaves its transaction as it was.
                let now = Self.clock()
                if now >= deadline, now < whole { return nil }
                throw error
            }
        }

        func forEachRow(_ sql: String, _ parameters: [TableValue], _ body: (AnswerRow) throws -> Bool) throws
        {
            let (statement, names) = try begun(sql, parameters)
            defer { statement.reset() }
            let count = statement.columnCount
            while try statement.step() {
                let row = AnswerRow(names: names, values: (0..<count).map { statement.value($0) })
                if try !body(row) { return }
            }
        }

        func forEachFigures(
            _ sql: String, _ parameters: [TableValue],
            _ body: (String, UnsafeBufferPointer<Int64>) -> Void
        ) throws {
            let (statement, names) = try begun(sql, parameters)
            defer { statement.reset() }
            var text = RepeatedText()
            var figures = [Int64](repeating: 0, count: names.all.count - 1)
            while try statement.step() {
                for place in figures.indices { figures[place] = statement.integer(Int32(place + 1)) }
                let name = text.text(statement.bytes(0))
                figures.withUnsafeBufferPointer { body(name, $0) }
            }
        }

        private func begun(_ sql: String, _ parameters: [TableValue]) throws -> (Statement, ColumnNames) {
            // Most questions are always the same; those with lists of their own shape are not worth keeping.
            let isKept = known.count < 200 || known[sql] != nil
            let statement = try isKept ? connection.statement(sql) : Statement(sql, connection)
            for parameter in parameters {
                switch parameter {
                case .null: statement.bind(Int64?.none)
                case .integer(let value): statement.bind(value)
                case .real(let value): statement.bind(value)
                case .text(let value): statement.bind(value)
                }
            }
            let count = statement.columnCount
            let names =
                known[sql].flatMap { $0.all.count == count ? $0 : nil }
                ?? ColumnNames((0..<count).map { statement.name($0) })
            if isKept { known[sql] = names }
            return (statement, names)
        }
    }
}

extension SQLiteStore {
    /// Brings an existing store's tables up to date, and makes the indices by which questions find their rows: some
    /// seconds for a million sessions, once.
    /// - Returns: What was in the way, where it may not be written; it can be read all the same, more slowly.
    public static func prepareForQuestions(path: String) throws -> String? {
        // A store that is none is refused here, not made.
        try SQLiteReader(path: path).close()
        do {
            let connection = try Connection(path: path, readOnly: false)
            defer { connection.close() }
            try migrate(connection)
            for index in Schema.formerQuestions { try connection.run("DROP INDEX IF EXISTS \(index)") }
            for index in Schema.questions { try connection.run("CREATE INDEX IF NOT EXISTS \(index)") }
            return nil
        } catch let error as StoreError {
            switch error.kind {
            case .cannotOpen, .busy, .full:
                // Without its indices it is slow; without a table it answers nothing.
                try expectAllTables(path: path, because: error)
                return error.message
            case .damaged, .otherRules, .newerSchema, .needsMigration, .unavailable, .conflict, .fenced,
                .denied, .failed:
                throw error
            }
        }
    }

    private static func expectAllTables(path: String, because error: StoreError) throws {
        let reader = try SQLiteReader(path: path)
        defer { reader.close() }
        let applied = try reader.rows("SELECT max(version) AS version FROM schema_migrations", [])
        if applied.first?.integer("version") ?? 0 >= Int64(Schema.migrations.count) { return }
        throw StoreError(
            .needsMigration,
            "\(path): made by an older version of this program, and cannot be brought up to date: "
                + error.message,
            hint: "`sessionizer migrate --store sqlite:FILE` where the file may be written")
    }
}
