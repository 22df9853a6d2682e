import EngineUnderTest
import PrivateServers
import ReferenceModel
import SessionStore
import Testing

/// Connections to PostgreSQL that end when they please.
@Suite struct ConnectionTests {
    private let after = referenceTables(lines: Batches.first + Batches.second)

    /// Between batches nobody notices.
    @Test(arguments: [0, 1000])
    func cutBetweenBatches(maxResident: Int) throws {
        let fresh = try FreshStore(.postgres)
        let store = try StoreUnderTest(place: fresh.place, maxResident: maxResident)
        defer { store.close() }
        for batch in [Batches.first, Batches.second, Batches.first] {
            try PrivatePostgres.shared().cutConnections(to: fresh.database ?? "")
            try store.ingest(batch)
        }
        #expect(try store.differences(from: after) == [])
        #expect(try store.count("ingestion_batches") == 3)
    }

    /// In the middle of a transaction: the server ends the connection itself when a table is written to.
    @Test(arguments: ["events", "sessions", "robot_hours", "freshness"])
    func cutWhileWriting(table: String) throws {
        let fresh = try FreshStore(.postgres)
        let store = try StoreUnderTest(place: fresh.place, maxResident: 1000)
        defer { store.close() }
        try store.ingest(Batches.first)
        try fresh.trigger(on: table, "PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10)")
        var failures: [StoreError] = []
        try store.ingestPatiently(Batches.second) { error in
            failures.append(error)
            do { try fresh.unblock(table) } catch { Issue.record(error) }
        }
        #expect(failures.map(\.kind) == [.unavailable])
        #expect(try store.differences(from: after) == [])
        #expect(try store.count("ingestion_batches") == 2)
        #expect(try store.count("rejected_events") == 1)
    }

    /// While the server commits: nothing is stored, and nobody could have known.
    @Test func cutWhileCommitting() throws {
        let fresh = try FreshStore(.postgres)
        let store = try StoreUnderTest(place: fresh.place, maxResident: 1000)
        defer { store.close() }
        try store.ingest(Batches.first)
        try fresh.sql(
            """
            CREATE FUNCTION stop_late() RETURNS trigger LANGUAGE plpgsql AS
              $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER stop_late AFTER INSERT ON ingestion_batches DEFERRABLE INITIALLY DEFERRED
              FOR EACH ROW EXECUTE FUNCTION stop_late()
            """)
        var failures: [StoreError] = []
        try store.ingestPatiently(Batches.second) { error in
            failures.append(error)
            do { try fresh.sql("DROP FUNCTION stop_late CASCADE") } catch { Issue.record(error) }
        }
        #expect(failures.map(\.kind) == [.unavailable])
        #expect(try store.differences(from: after) == [])
        #expect(try store.count("ingestion_batches") == 2)
    }

    /// While the engine asks for what is not in memory.
    @Test func cutWhileReading() throws {
        let fresh = try FreshStore(.postgres)
        var faulty: FaultyStore?
        let store = try StoreUnderTest(place: fresh.place, maxResident: 0) { real in
            let made = FaultyStore(real)
            faulty = made
            return made
        }
        defer { store.close() }
        try store.ingest(Batches.first)
        faulty?.beforeReading = {
            faulty?.beforeReading = {}
            try PrivatePostgres.shared().cutConnections(to: fresh.database ?? "")
        }
        var failures: [StoreError] = []
        try store.ingestPatiently(Batches.second) { failures.append($0) }
        #expect(failures.map(\.kind) == [.unavailable])
        #expect(try store.differences(from: after) == [])
    }

    /// A server that is gone for a while, and what its absence is called.
    @Test func theServerStopsAndComesBack() throws {
        let server = try PrivatePostgres()
        defer { _ = try? server.remove() }
        let store = try StoreUnderTest(place: .postgres(url: server.url("postgres")), maxResident: 0)
        defer { store.close() }
        try store.ingest(Batches.first)
        try server.stop()
        var failures: [StoreError] = []
        try store.ingestPatiently(Batches.second) { error in
            failures.append(error)
            if failures.count == 3 {
                do { try server.start() } catch { Issue.record(error) }
            }
        }
        #expect(failures.map(\.kind) == [.unavailable, .unavailable, .unavailable])
        #expect(try store.differences(from: after) == [])
        #expect(try store.count("ingestion_batches") == 2)
        try server.stop()
        let error = #expect(throws: StoreError.self) {
            try StoreUnderTest(place: .postgres(url: server.url("postgres")), maxResident: 0)
        }
        #expect(error?.kind == .unavailable)
        #expect(error?.description.contains("is the server up?") == true)
    }
}
