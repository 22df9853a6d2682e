internal import CSQLite
internal import Glibc
internal import SessionCore
internal import SessionStore

/// One sqlite3 connection, used by one thread at a time (opened with `SQLITE_OPEN_NOMUTEX`).
final class Connection {
    let handle: OpaquePointer
    let path: String
    private var statements: [String: Statement] = [:]
    private var insertions: [Insert: Statement] = [:]
    private var isClosed = false

    /// Once in a process, before the library starts.
    private static let isConfigured = csqlite_without_memory_statistics() == SQLITE_OK

    init(path: String, readOnly: Bool) throws {
        self.path = path
        _ = Self.isConfigured
        var opened: OpaquePointer?
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            throw StoreError(
                .cannotOpen, "\(path): cannot open the store: it is a folder",
                hint: "name a file in it: sqlite:\(path)/sessionizer.db")
        }
        let flags = readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        let code = sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_NOMUTEX, nil)
        guard code == SQLITE_OK, let opened else {
            let text = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            sqlite3_close_v2(opened)
            throw StoreError(
                .cannotOpen, "\(path): cannot open the store: \(text)",
                hint: readOnly
                    ? "is the path right? `sessionizer replay ... --store sqlite:\(path)` makes a store"
                    : "check that the folder exists and may be written to")
        }
        handle = opened
        sqlite3_busy_timeout(handle, 10_000)
    }

    deinit { close() }

    func close() {
        if isClosed { return }
        isClosed = true
        // Statements before the connection: one that is left keeps the file open.
        statements.removeAll()
        insertions.removeAll()
        sqlite3_close_v2(handle)
    }

    /// Moves what is in the write-ahead log into the file. SQLite does that when the last connection is closed, which a
    /// reader's may be, or none at all where the process ends first: whoever then takes the file alone would miss it.
    /// Where it cannot be done (a reader in the middle of a long question, a full disk), the log stays beside the file
    /// and nothing is lost.
    func foldLogIn() {
        if isClosed { return }
        sqlite3_busy_timeout(handle, 1_000)
        sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
    }

    func run(_ sql: String) throws {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        if code != SQLITE_OK { throw error(code) }
    }

    /// Does something as one transaction, which has the file for itself from its beginning.
    func inTransaction(_ body: () throws -> Void) throws {
        try run("BEGIN IMMEDIATE")
        do {
            try body()
            try run("COMMIT")
        } catch {
            try? run("ROLLBACK")
            throw error
        }
    }

    /// A statement prepared once and kept. Reset before it is handed out.
    func statement(_ sql: String) throws -> Statement {
        if let kept = statements[sql] {
            kept.reset()
            return kept
        }
        let made = try Statement(sql, self)
        statements[sql] = made
        return made
    }

    /// How many rows a statement writes at once: to begin one and to open its table and indices costs more than a
    /// row does.
    private static let rowsAtOnce = 32

    /// Writes rows, many a statement.
    /// - Parameters:
    ///   - sql: Up to and with `VALUES`.
    ///   - suffix: What follows the values.
    ///   - bind: Binds one row, all its columns in order. Nothing may be interned before this returns.
    func insert<Rows: Collection>(
        _ rows: Rows, _ sql: String, columns: Int, _ suffix: String = "",
        _ bind: (Rows.Element, Statement) -> Void
    ) throws {
        if rows.isEmpty { return }
        let one = Insert(sql: sql, suffix: suffix, columns: columns, rows: 1)
        let many = Insert(sql: sql, suffix: suffix, columns: columns, rows: Self.rowsAtOnce)
        var left = rows.count
        var statement: Statement?
        var bound = 0
        for row in rows {
            if bound == 0 { statement = try insertion(left >= Self.rowsAtOnce ? many : one) }
            guard let statement else { continue }
            bind(row, statement)
            bound += 1
            if bound == Self.rowsAtOnce || left < Self.rowsAtOnce {
                try statement.run()
                left -= bound
                bound = 0
            }
        }
    }

    private struct Insert: Hashable {
        var sql: String
        var suffix: String
        var columns: Int
        var rows: Int
    }

    private func insertion(_ insert: Insert) throws -> Statement {
        if let kept = insertions[insert] {
            kept.reset()
            return kept
        }
        let row = "(" + repeatElement("?", count: insert.columns).joined(separator: ",") + ")"
        let made = try Statement(
            "\(insert.sql) \(repeatElement(row, count: insert.rows).joined(separator: ",")) \(insert.suffix)",
            self)
        insertions[insert] = made
        return made
    }

    func error(_ code: Int32) -> StoreError {
        let text = String(cString: sqlite3_errmsg(handle))
        switch code & 0xFF {
        case SQLITE_FULL:
            return StoreError(.full, "\(path): the disk is full: \(text)", hint: "make room and run it again")
        case SQLITE_BUSY, SQLITE_LOCKED:
            return StoreError(
                .busy, "\(path): another process is writing to the store: \(text)",
                hint: "one writer at a time; wait for it or stop it")
        case SQLITE_CORRUPT, SQLITE_NOTADB:
            return StoreError(.damaged, "\(path): not a store, or a damaged one: \(text)")
        case SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM:
            return StoreError(
                .cannotOpen, "\(path): the store cannot be written: \(text)",
                hint: "check the rights of the file and of its folder")
        case SQLITE_IOERR:
            return StoreError(
                .failed, "\(path): reading or writing failed: \(text)", hint: "is the disk full?")
        // SQLite has no code of its own for these.
        case SQLITE_ERROR where text.hasPrefix("no such table") || text.hasPrefix("no such column"):
            return StoreError(
                .needsMigration, "\(path): made by an older version of this program: \(text)",
                hint: "`sessionizer migrate --store sqlite:FILE` brings it up to date")
        default:
            return StoreError(.failed, "\(path): \(text) (sqlite code \(code))")
        }
    }
}

/// A prepared statement: bind in order, step, read.
final class Statement {
    private let handle: OpaquePointer
    private unowned let connection: Connection
    private var next: Int32 = 1

    init(_ sql: String, _ connection: Connection) throws {
        var made: OpaquePointer?
        // SQLITE_PREPARE_PERSISTENT: "a hint to the query planner that the prepared statement will be retained
        // for a long time and probably reused many times" (sqlite.org/c3ref/c_prepare_normalize.html).
        let code = sqlite3_prepare_v3(
            connection.handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &made, nil)
        guard code == SQLITE_OK, let made else { throw connection.error(code) }
        handle = made
        self.connection = connection
    }

    deinit { sqlite3_finalize(handle) }

    func reset() {
        sqlite3_reset(handle)
        next = 1
    }

    @discardableResult
    func bind(_ value: Int64?) -> Statement {
        if let value { sqlite3_bind_int64(handle, next, value) } else { sqlite3_bind_null(handle, next) }
        next += 1
        return self
    }

    @discardableResult
    func bind(_ value: Double?) -> Statement {
        if let value { sqlite3_bind_double(handle, next, value) } else { sqlite3_bind_null(handle, next) }
        next += 1
        return self
    }

    @discardableResult
    func bind(_ text: String?) -> Statement {
        if var text {
            text.withUTF8 { bytes in
                _ = sqlite3_bind_text64(
                    handle, next,
                    bytes.baseAddress.map { UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self) },
                    UInt64(bytes.count), csqlite_transient(), UInt8(SQLITE_UTF8))
            }
        } else {
            sqlite3_bind_null(handle, next)
        }
        next += 1
        return self
    }

    /// Bytes that stay where they are until the statement has run: not copied.
    @discardableResult
    func bindStatic(_ text: UnsafeRawBufferPointer) -> Statement {
        sqlite3_bind_text64(
            handle, next, text.baseAddress?.assumingMemoryBound(to: CChar.self), UInt64(text.count),
            csqlite_static(), UInt8(SQLITE_UTF8))
        next += 1
        return self
    }

    @discardableResult
    func bindBlob(_ bytes: [UInt8]) -> Statement {
        bytes.withUnsafeBytes { all in
            _ = sqlite3_bind_blob64(handle, next, all.baseAddress, UInt64(all.count), csqlite_transient())
        }
        next += 1
        return self
    }

    /// Like ``bind(_:_:dropping:orEmpty:)``, but not copied: only where nothing is interned until the statement has
    /// run.
    @discardableResult
    func bindStatic(_ symbol: Symbol, _ symbols: SymbolTable, dropping prefix: Int = 0, orEmpty: Bool = false)
        -> Statement
    {
        if symbol.isPresent {
            return bindStatic(UnsafeRawBufferPointer(rebasing: symbols.bytes(of: symbol)[prefix...]))
        }
        if orEmpty {
            sqlite3_bind_text(handle, next, "", 0, csqlite_static())
        } else {
            sqlite3_bind_null(handle, next)
        }
        next += 1
        return self
    }

    /// A symbol's text, or what follows a prefix of so many bytes; NULL where it is absent.
    @discardableResult
    func bind(_ symbol: Symbol, _ symbols: SymbolTable, dropping prefix: Int = 0, orEmpty: Bool = false)
        -> Statement
    {
        if symbol.isPresent {
            symbols.withBytes(of: symbol) { bytes in
                let text = UnsafeRawBufferPointer(rebasing: bytes[prefix...])
                _ = sqlite3_bind_text64(
                    handle, next, text.baseAddress?.assumingMemoryBound(to: CChar.self), UInt64(text.count),
                    csqlite_transient(), UInt8(SQLITE_UTF8))
            }
        } else if orEmpty {
            sqlite3_bind_text(handle, next, "", 0, csqlite_static())
        } else {
            sqlite3_bind_null(handle, next)
        }
        next += 1
        return self
    }

    /// Runs a statement that gives no rows.
    func run() throws {
        let code = sqlite3_step(handle)
        reset()
        if code != SQLITE_DONE && code != SQLITE_ROW { throw connection.error(code) }
    }

    /// Steps to the next row; false at the end.
    func step() throws -> Bool {
        let code = sqlite3_step(handle)
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE:
            reset()
            return false
        default:
            reset()
            throw connection.error(code)
        }
    }

    var columnCount: Int32 { sqlite3_column_count(handle) }
    func name(_ column: Int32) -> String { String(cString: sqlite3_column_name(handle, column)) }
    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }
    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
    func optional(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }
    func real(_ column: Int32) -> Double { sqlite3_column_double(handle, column) }

    func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
        guard let text = sqlite3_column_text(handle, column) else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return UnsafeRawBufferPointer(start: text, count: Int(sqlite3_column_bytes(handle, column)))
    }

    func text(_ column: Int32) -> String { String(decoding: bytes(column), as: UTF8.self) }

    func value(_ column: Int32) -> TableValue {
        switch sqlite3_column_type(handle, column) {
        case SQLITE_NULL: .null
        case SQLITE_INTEGER: .integer(integer(column))
        case SQLITE_FLOAT: .real(real(column))
        default: .text(text(column))
        }
    }
}
