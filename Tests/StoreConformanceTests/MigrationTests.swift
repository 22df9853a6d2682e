import EngineUnderTest
import Foundation
import PostgresStore
import PrivateServers
import ReferenceModel
import SessionPipeline
import SessionStore
import Synchronization
import Testing

/// How the tables come to be in PostgreSQL, and what a role needs.
@Suite struct MigrationTests {
    private func empty() throws -> (
        server: PrivatePostgres, database: String, settings: PostgresStore.Settings
    ) {
        let server = try PrivatePostgres.shared()
        let database = try server.makeDatabase()
        return (server, database, PostgresStore.Settings(url: server.url(database)))
    }

    /// Of several that start at once one makes the tables, and the others find them.
    @Test func severalAtOnce() throws {
        let (server, database, settings) = try empty()
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            do { try PostgresStore.migrate(settings) } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        #expect(failures.withLock { $0 } == [])
        #expect(
            try server.sql("SELECT version, name FROM schema_migrations ORDER BY 1", in: database)
                == "1|0001_tables\n2|0002_partitions\n3|0003_views\n4|0004_leases\n5|0005_hours\n6|0006_questions\n7|0007_audit\n8|0008_partitions_at_once\n9|0009_partition_keys\n10|0010_sums\n11|0011_error_codes\n12|0012_known\n13|0013_zones\n14|0014_zone_hours\n15|0015_partition_entities\n16|0016_partition_homes\n17|0017_downtime_of_hours\n18|0018_past_events\n19|0019_stream_places"
        )
    }

    /// A migration that is not the one that made the store is found out.
    @Test func aChangedMigrationIsRefused() throws {
        let (server, database, settings) = try empty()
        try PostgresStore.migrate(settings)
        try server.sql("UPDATE schema_migrations SET checksum = 'other' WHERE version = 2", in: database)
        let error = #expect(throws: StoreError.self) { try PostgresStore.migrate(settings) }
        #expect(error?.kind == .damaged)
        #expect(error?.message.contains("0002_partitions is not the one of this program") == true)
    }

    /// What fails in the middle leaves nothing, and says so.
    @Test func aMigrationThatFailsLeavesNothing() throws {
        let (server, database, settings) = try empty()
        try server.sql("CREATE SCHEMA sessionizer; CREATE TABLE meta (id int)", in: database)
        let error = #expect(throws: StoreError.self) { try PostgresStore.migrate(settings) }
        #expect(error?.message.contains(#"relation "meta" already exists"#) == true)
        #expect(
            try server.sql(
                "SELECT relname FROM pg_class WHERE relnamespace = 'sessionizer'::regnamespace", in: database)
                == "meta")
        try server.sql("DROP TABLE meta", in: database)
        try PostgresStore.migrate(settings)
    }

    private static let grants = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("deploy/postgres/grants.sql").path

    /// The owner makes the tables, the writer writes them, the reader reads them, and neither may more.
    @Test func ownerWriterReader() throws {
        let (server, database, _) = try empty()
        let (owner, writer, reader) = ("\(database)_owner", "\(database)_writer", "\(database)_reader")
        try server.sql("CREATE ROLE \(owner) LOGIN; CREATE ROLE \(writer) LOGIN; CREATE ROLE \(reader) LOGIN")
        try server.sql("GRANT CREATE ON DATABASE \(database) TO \(owner)")
        func open(_ role: String) throws -> StoreUnderTest {
            try StoreUnderTest(place: .postgres(url: server.url(database, user: role)), maxResident: 0)
        }

        // No tables, and no right to make them: who has to do what.
        let missing = #expect(throws: StoreError.self) { try open(writer) }
        #expect(missing?.kind == .needsMigration)
        #expect(missing?.description.contains("sessionizer migrate --store URL") == true, "\(missing as Any)")

        try PostgresStore.migrate(PostgresStore.Settings(url: server.url(database, user: owner)))
        // Tables, and no right to use them.
        let denied = #expect(throws: StoreError.self) { try open(writer) }
        #expect(denied?.kind == .denied)
        #expect(denied?.description.contains("deploy/postgres/grants.sql") == true, "\(denied as Any)")

        try server.run(file: Self.grants, in: database, user: owner, ["writer": writer, "reader": reader])
        let store = try open(writer)
        defer { store.close() }
        for batch in [Batches.first, Batches.second, Batches.first] { try store.ingest(batch) }
        #expect(try store.differences(from: referenceTables(lines: Batches.first + Batches.second)) == [])
        #expect(try server.sql("SELECT count(*) FROM events", in: database, user: reader) == "14")
        // New months, and old ones.
        try store.ingest(
            (0..<120).map {
                #"{"event":"robot.error","robot_id":"R1","timestamp":"2022-05-10T10:00:00Z","event_id":"old \#($0)"}"#
            })
        #expect(
            try PostgresStore.retireMonths(
                olderThan: 730, PostgresStore.Settings(url: server.url(database, user: writer)))
                == ["events_2022_05"])

        for (role, statement) in [
            (writer, "DELETE FROM events"), (writer, "UPDATE events SET source = 'x'"),
            (writer, "DROP TABLE sessions"), (writer, "DELETE FROM rejected_events"),
            (writer, "CREATE TABLE sessionizer.mine (a int)"),
            (writer, "UPDATE schema_migrations SET version = 1"),
            (reader, "SELECT who FROM audit"), (reader, "DELETE FROM audit"),
            (writer, "UPDATE audit SET who = 'x'"),
            (writer, "TRUNCATE audit"), (writer, "ALTER TABLE audit DISABLE TRIGGER audit_stays"),
            (reader, "DELETE FROM sessions"), (reader, "SELECT ensure_partition(now())"),
            (reader, "SELECT retire_months(730)"),
        ] {
            let error = #expect(throws: PrivatePostgres.Failure.self, "\(role): \(statement)") {
                try server.sql(statement, in: database, user: role)
            }
            let words = error?.description ?? ""
            #expect(words.contains("permission denied") || words.contains("must be owner"), "\(words)")
        }

        // A grant that is missing is said when it is needed.
        try server.sql("REVOKE INSERT ON pilot_shifts FROM \(writer)", in: database, user: owner)
        let revoked = #expect(throws: StoreError.self) {
            try store.ingest(lines("2026-03-11T08:00:00Z pilot.shift_started pilot_id=P9"))
        }
        #expect(revoked?.kind == .denied)
        #expect(revoked?.description.contains("pilot_shifts") == true)
    }

    /// Neither a lock that is held nor a statement that does not end holds a writer up for longer than it is told.
    @Test func timeOuts() throws {
        let fresh = try FreshStore(.postgres)
        let server = try PrivatePostgres.shared()
        let url =
            server.url(fresh.database ?? "")
            + "&options=-c%20lock_timeout%3D200%20-c%20statement_timeout%3D1000"
        let store = try StoreUnderTest(place: .postgres(url: url), maxResident: 0)
        defer { store.close() }
        try store.ingest(Batches.first)
        try fresh.trigger(on: "sessions", "PERFORM pg_sleep(60)")
        var failures: [StoreError] = []
        try store.ingestPatiently(Batches.second) { error in
            failures.append(error)
            do { try fresh.unblock("sessions") } catch { Issue.record(error) }
        }
        #expect(failures.map(\.kind) == [.conflict])
        #expect(failures.first?.message.contains("statement timeout") == true)
        // A second writer is refused after the lock's time-out.
        let busy = #expect(throws: StoreError.self) {
            try StoreUnderTest(place: .postgres(url: url), maxResident: 0)
        }
        #expect(busy?.kind == .busy)
        #expect(try store.differences(from: referenceTables(lines: Batches.first + Batches.second)) == [])
    }

    /// What libpq says of a URL that leads nowhere comes without a password.
    @Test func urlsThatLeadNowhere() throws {
        let server = try PrivatePostgres.shared()
        for (url, kind, words) in [
            (
                "postgres://u:secret@/nothing?host=\(server.folder.path)", StoreError.Kind.cannotOpen,
                "does not exist"
            ),
            ("postgres://u:secret@/x?host=/nonexistent", .unavailable, "No such file"),
            ("postgres://u:secret@127.0.0.1:9/x", .unavailable, "refused"),
            ("postgres://u:secret@[::1/x", .cannotOpen, "cannot be read"),
            // URLs that were cut, and passwords whose marks are not encoded.
            ("postgres://u:secret", .cannotOpen, "its port is no number"),
            ("postgres://u:secret/x@127.0.0.1/x", .cannotOpen, "/ as %2F"),
            ("postgres://u:12/secret@127.0.0.1/x", .cannotOpen, "/ as %2F"),
            ("postgres://u:1@secret/x@127.0.0.1/x", .cannotOpen, "@ as %40"),
            ("postgres://u:1@secret@127.0.0.1/x", .cannotOpen, "@ as %40"),
            ("postgres://u:12/x?secret@127.0.0.1/x", .cannotOpen, "cannot be read"),
            (
                "postgres://u:secret@/postgres?sslmode=perhaps&host=\(server.folder.path)", .cannotOpen,
                "sslmode"
            ),
        ] {
            let error = #expect(throws: StoreError.self, "\(url)") {
                try StoreUnderTest(place: .postgres(url: url), maxResident: 0)
            }
            #expect(error?.kind == kind, "\(url): \(error as Any)")
            #expect(error?.description.contains(words) == true, "\(url): \(error as Any)")
            #expect(error?.description.contains("secret") == false, "\(url): \(error as Any)")
        }
    }
}
