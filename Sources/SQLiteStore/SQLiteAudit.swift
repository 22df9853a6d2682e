internal import CSQLite
public import SessionStore
internal import Synchronization

/// The audit in a file of its own: it never waits for the store's writer, and a store that may not be written is no
/// obstacle. The file itself refuses to change or delete a row.
public final class SQLiteAudit: AuditKeeping {
    // Used under the lock only.
    private final class Guarded: @unchecked Sendable {
        let connection: Connection
        init(_ connection: Connection) { self.connection = connection }
    }

    private let guarded: Mutex<Guarded>

    /// Opens the file, or makes it.
    public init(path: String) throws {
        let connection = try Connection(path: path, readOnly: false)
        do {
            try connection.run("PRAGMA journal_mode = WAL")
            // What was answered has its row, even after a power cut: 1.6 ms a row were measured, 0.01 ms without.
            try connection.run("PRAGMA synchronous = FULL")
            try connection.run(Self.schema)
        } catch {
            connection.close()
            throw error
        }
        guarded = Mutex(Guarded(connection))
    }

    /// Triggers on deletion do not see what INSERT OR REPLACE deletes (`recursive_triggers` is off by default, and is
    /// the writer's to set), hence the one on insertion. -1 is what it sees where no id is given.
    private static let schema = """
        CREATE TABLE IF NOT EXISTS audit (
          audit_id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, who TEXT NOT NULL, role TEXT NOT NULL,
          route TEXT NOT NULL, object TEXT, filters TEXT NOT NULL, status INTEGER NOT NULL, rows INTEGER,
          request_id TEXT NOT NULL, address TEXT NOT NULL);
        CREATE INDEX IF NOT EXISTS audit_who ON audit(who, audit_id);
        CREATE TRIGGER IF NOT EXISTS audit_stays_1 BEFORE UPDATE ON audit
          BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END;
        CREATE TRIGGER IF NOT EXISTS audit_stays_2 BEFORE DELETE ON audit
          BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END;
        CREATE TRIGGER IF NOT EXISTS audit_stays_3 BEFORE INSERT ON audit
          WHEN NEW.audit_id <> -1 AND EXISTS (SELECT 1 FROM audit WHERE audit_id = NEW.audit_id)
          BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END;
        """

    /// `PRAGMA synchronous` of its connection: 2 is FULL.
    func synchronous() throws -> Int64 {
        try guarded.withLock { guarded in
            let query = try guarded.connection.statement("PRAGMA synchronous")
            return try query.step() ? query.integer(0) : -1
        }
    }

    /// See ``AuditKeeping``.
    public func append(_ entry: AuditEntry) throws {
        try guarded.withLock { guarded in
            try guarded.connection.statement(
                """
                INSERT INTO audit (at, who, role, route, object, filters, status, rows, request_id, address)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
            ).bind(entry.at).bind(entry.who).bind(entry.role).bind(entry.route).bind(entry.object)
                .bind(entry.filters).bind(Int64(entry.status)).bind(entry.rows.map(Int64.init))
                .bind(entry.requestID).bind(entry.address).run()
        }
    }

    /// See ``AuditKeeping``.
    public func rows(who: String?, before: Int64, limit: Int) throws -> [(id: Int64, entry: AuditEntry)] {
        try guarded.withLock { guarded in
            let query = try guarded.connection.statement(
                """
                SELECT audit_id, at, who, role, route, object, filters, status, rows, request_id, address FROM audit
                WHERE audit_id < ? AND \(who == nil ? "? IS NULL" : "who = ?") ORDER BY audit_id DESC LIMIT ?
                """
            ).bind(before).bind(who).bind(Int64(limit))
            var rows: [(id: Int64, entry: AuditEntry)] = []
            while try query.step() {
                let entry = AuditEntry(
                    at: query.integer(1), who: query.text(2), role: query.text(3), route: query.text(4),
                    object: query.isNull(5) ? nil : query.text(5), filters: query.text(6),
                    status: Int(query.integer(7)), rows: query.optional(8).map { Int($0) },
                    requestID: query.text(9), address: query.text(10))
                rows.append((query.integer(0), entry))
            }
            return rows
        }
    }
}
