import EngineUnderTest
import PrivateServers
@testable import SQLiteStore

/// Changes to a store that the program would never make.
extension FreshStore {
    func sql(_ text: String) throws {
        switch place {
        case .sqlite(let path):
            let connection = try Connection(path: path, readOnly: false)
            defer { connection.close() }
            try connection.run(text)
        case .postgres, .partition: try PrivatePostgres.shared().sql(text, in: database ?? "")
        }
    }

    /// Makes every write to a table fail, until ``unblock(_:)``.
    func block(_ table: String) throws {
        switch place {
        case .sqlite:
            try sql(
                """
                CREATE TRIGGER stop_\(table) BEFORE INSERT ON \(table)
                BEGIN SELECT RAISE(ABORT, 'stopped by the test'); END
                """)
        case .postgres, .partition:
            try trigger(on: table, "RAISE EXCEPTION 'stopped by the test'")
        }
    }

    /// Has PostgreSQL do something before a statement writes to a table.
    func trigger(on table: String, _ statement: String) throws {
        try sql(
            """
            CREATE FUNCTION stop_\(table)() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \(statement); RETURN NULL; END $$;
            CREATE TRIGGER stop_\(table) BEFORE INSERT ON \(table) EXECUTE FUNCTION stop_\(table)()
            """)
    }

    func unblock(_ table: String) throws {
        switch place {
        case .sqlite: try sql("DROP TRIGGER stop_\(table)")
        case .postgres, .partition: try sql("DROP FUNCTION stop_\(table) CASCADE")
        }
    }
}
