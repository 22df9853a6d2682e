internal import SessionStore
internal import TextForms

/// Numbered migrations under an advisory lock: of several that start at once, one makes the tables.
enum Migration {
    /// The first half of the keys of this program's advisory locks ("sess").
    static let lockClass: Int32 = 1_936_941_411

    /// What a store has: the number of its last migration, 0 for none.
    static func applied(_ connection: Connection) throws -> Int {
        let table = try connection.query("SELECT to_regclass('sessionizer.schema_migrations') IS NOT NULL")
        guard !table.isEmpty, table.flag(0, 0) else { return 0 }
        let rows = try connection.query(
            "SELECT version, name, checksum FROM schema_migrations ORDER BY version")
        for row in 0..<rows.count {
            let version = Int(rows.integer(row, 0))
            guard version <= Schema.migrations.count else {
                throw StoreError(
                    .newerSchema,
                    "\(connection.target.name): made by a newer version of this program (schema \(version))",
                    hint: "use that version, or a new store")
            }
            guard rows.text(row, 2) == Checksum.text(Schema.migrations[version - 1].sql) else {
                throw StoreError(
                    .damaged,
                    "\(connection.target.name): migration \(rows.text(row, 1)) is not the one of this program",
                    hint:
                        "a released migration never changes: use the version that made the store, or a new store"
                )
            }
        }
        return rows.isEmpty ? 0 : Int(rows.integer(rows.count - 1, 0))
    }

    /// Brings a store up to date where it is not, as far as the role may.
    static func bringUpToDate(_ connection: Connection) throws {
        if let encoding = connection.setting("server_encoding"), encoding != "UTF8" {
            throw StoreError(
                .cannotOpen,
                "\(connection.target.name): the database's encoding is \(encoding), expected UTF8",
                hint: "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0")
        }
        guard connection.serverVersion >= 140_000 else {
            throw StoreError(
                .cannotOpen,
                "\(connection.target.name): PostgreSQL \(connection.serverVersion / 10_000) is too old",
                hint: "PostgreSQL 14 or newer")
        }
        if try applied(connection) == Schema.migrations.count { return }
        do {
            try apply(connection)
        } catch let error as StoreError where error.kind == .denied {
            throw StoreError(
                .needsMigration,
                "\(connection.target.name): its tables are missing or old, and this role may not "
                    + "make them: \(error.message)",
                hint: Failure.hint(.needsMigration))
        }
    }

    private static func apply(_ connection: Connection) throws {
        do {
            // A table that is large by then takes its time.
            try connection.run("BEGIN; SET LOCAL statement_timeout = 0", within: 60)
            try connection.run("SELECT pg_advisory_xact_lock(\(lockClass), 1)")
            let schema = try connection.query("SELECT to_regnamespace('sessionizer') IS NOT NULL")
            if !schema.flag(0, 0) { try connection.run("CREATE SCHEMA sessionizer") }
            try connection.run(
                """
                CREATE TABLE IF NOT EXISTS schema_migrations (
                  version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,
                  applied_at timestamptz NOT NULL DEFAULT now())
                """)
            let applied = try applied(connection)
            for (index, migration) in Schema.migrations.enumerated() where index >= applied {
                try connection.run(migration.sql, within: 24 * 3600)
                var row = Parameters()
                row.add(Int32(index + 1))
                row.add(migration.name)
                row.add(Checksum.text(migration.sql))
                _ = try connection.query(
                    "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)", row)
            }
            try connection.run("COMMIT")
        } catch {
            try? connection.run("ROLLBACK")
            throw error
        }
    }
}

/// A checksum of a migration's text: it finds a changed text, it guards against nobody.
enum Checksum {
    static func text(_ text: String) -> String { String(Fingerprint.value(of: text.utf8), radix: 16) }
}
