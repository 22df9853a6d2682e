import EngineUnderTest
import EventDecoding
import Foundation
@testable import PostgresStore
import PrivateServers
import ReferenceModel
import SessionCore
import SessionPipeline
import SessionStore
import Synchronization
import Testing

/// The months of `events` in PostgreSQL.
@Suite struct PartitionTests {
    private func partitions(_ fresh: FreshStore) throws -> [String] {
        try PrivatePostgres.shared().sql(
            """
            SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'events'::regclass ORDER BY 1
            """, in: fresh.database ?? ""
        ).split(separator: "\n").map(String.init)
    }

    private func rows(_ table: String, _ fresh: FreshStore) throws -> Int? {
        Int(try PrivatePostgres.shared().sql("SELECT count(*) FROM \(table)", in: fresh.database ?? ""))
    }

    private func month(_ ahead: Int) -> String {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = TimeZone(secondsFromGMT: 0) ?? calendar.timeZone
        let now = calendar.dateComponents([.year, .month], from: Date())
        let month = (now.year ?? 0) * 12 + (now.month ?? 1) - 1 + ahead
        return String(format: "events_%04d_%02d", month / 12, month % 12 + 1)
    }

    /// So many events of a month, enough for a partition of its own.
    private func events(_ count: Int, month: String, robot: String = "R1") -> [String] {
        (0..<count).map { number in
            #"{"event":"robot.error","robot_id":"\#(robot)","timestamp":"\#(month)-\#(10 + number % 15)T\#(10 + number % 10):00:00Z","event_id":"\#(month) \#(robot) \#(number)"}"#
        }
    }

    @Test func theMonthsAheadAreMade() throws {
        let fresh = try FreshStore(.postgres)
        #expect(try partitions(fresh) == [month(0), month(1), month(2), "events_default"].sorted())
    }

    /// A batch brings its months with it, in its own transaction; a few events make none, and move when enough come.
    @Test func aBatchMakesTheMonthsItNeeds() throws {
        let fresh = try FreshStore(.postgres)
        let store = try StoreUnderTest(place: fresh.place, maxResident: 0)
        defer { store.close() }
        let made = try partitions(fresh)
        try store.ingest(events(20, month: "2024-02") + events(20, month: "1969-12"))
        #expect(try partitions(fresh) == made)
        #expect(try rows("events_default", fresh) == 40)
        let far = events(150, month: "1969-11") + events(150, month: "2250-01")
        let all = far + events(150, month: "2024-02", robot: "R2") + events(150, month: "2024-12")
        try store.ingest(all)
        #expect(try partitions(fresh) == ["events_2024_02", "events_2024_12"] + made)
        #expect(try rows("events_2024_02", fresh) == 170)
        #expect(try rows("events_default", fresh) == 320)
        // A transaction that comes to nothing takes its partition with it; the next makes it again.
        try fresh.block("freshness")
        #expect(throws: StoreError.self) { try store.ingest(events(150, month: "2023-07")) }
        #expect(try partitions(fresh).contains("events_2023_07") == false)
        try fresh.unblock("freshness")
        try store.ingest(events(150, month: "2023-07"))
        #expect(try rows("events_2023_07", fresh) == 150)
        try store.ingest(all)
        #expect(store.totals.duplicates == all.count)
    }

    /// Months beyond the retention go; what was derived from them stays; their events are refused when they come again,
    /// as nobody could tell that they were counted before.
    @Test func oldMonthsAreDropped() throws {
        let fresh = try FreshStore(.postgres)
        guard case .postgres(let url, _) = fresh.place else { return }
        let store = try StoreUnderTest(place: fresh.place, maxResident: 0)
        let old = events(150, month: "2022-05") + events(150, month: "2022-06")
        let recent = lines("\(ISO8601DateFormatter().string(from: Date())) robot.error robot_id=R1")
        let nobodys = events(3, month: "1969-12")
        try store.ingest(old + recent + nobodys)
        store.close()
        let settings = PostgresStore.Settings(url: url)
        #expect(
            try PostgresStore.retireMonths(olderThan: 730, settings) == ["events_2022_05", "events_2022_06"])
        #expect(try PostgresStore.retireMonths(olderThan: 730, settings) == [])
        #expect(try rows("events", fresh) == 4)
        #expect(try rows("retired_months", fresh) == 2)
        #expect(throws: StoreError.self) { try PostgresStore.retireMonths(olderThan: 30, settings) }

        try store.restart()
        defer { store.close() }
        let totals = try store.ingest(old + recent + nobodys + events(2, month: "2022-07"))
        #expect(totals.isBalanced)
        #expect(totals.rejected == [.beforeRetention: 300])
        #expect(totals.duplicates == 4)
        #expect(totals.accepted == 2)
        #expect(try store.one("SELECT sum(events) AS n FROM event_hourly")?.number("n") == 306)
        #expect(try store.one("SELECT sum(error_count) AS n FROM robot_hourly")?.number("n") == 306)
        let rejected = try #require(
            try store.one("SELECT reason, body FROM rejected_events ORDER BY rejected_id LIMIT 1"))
        #expect(rejected.text("reason") == "before_retention")
        #expect(rejected.text("body") == old[0])
    }

    /// A session whose events were all dropped has its row still: what names it again changes that row, and sums with it.
    @Test(arguments: [1, 20]) func aSessionThatWasDroppedIsKnown(others: Int) throws {
        let fresh = try FreshStore(.postgres)
        let store = try StoreUnderTest(place: fresh.place, maxResident: 0)
        defer { store.close() }
        try store.ingest(
            events(150, month: "2022-05")
                + lines(
                    """
                    2022-05-03T10:00:00Z offer.received offer_id=O1 merchant_id=M1 robot_id=R1
                    2022-05-03T10:01:00Z offer.accepted offer_id=O1
                    2022-05-03T10:00:00Z demand.assigned delivery_id=D1 merchant_id=M1 robot_id=R1
                    2022-05-03T10:31:00Z delivery.failed delivery_id=D1
                    """))
        store.close()
        let settings = PostgresStore.Settings(url: fresh.url)
        #expect(try PostgresStore.retireMonths(olderThan: 730, settings) == ["events_2022_05"])
        try store.restart()
        // Alone, and with so many others that they are asked for together.
        try store.ingest(
            lines(
                """
                2026-10-03T10:00:00Z offer.rejected offer_id=O1 merchant_id=M1
                2026-10-03T10:00:00Z demand.assigned delivery_id=D1 merchant_id=M1 robot_id=R1
                2026-10-03T10:20:00Z delivery.dropoff_completed delivery_id=D1
                """)
                + (0..<others).flatMap {
                    lines("2026-10-03T10:00:00Z demand.created delivery_id=X\($0) merchant_id=M1")
                })
        let sums = try #require(
            try store.one(
                """
                SELECT (SELECT sum(sessions) FROM session_hours) AS hours, (SELECT count(*) FROM sessions) AS sessions,
                  (SELECT sum(sessions) FROM merchant_hourly) AS merchants,
                  (SELECT count(*) FROM sessions WHERE kind IN ('delivery', 'demand')) AS deliveries,
                  (SELECT count(*) FROM assignment_windows WHERE kind = 'robot' AND session_id = 'delivery:D1') AS windows
                """))
        #expect(sums.number("hours") == sums.number("sessions"), "\(sums)")
        #expect(sums.number("merchants") == sums.number("deliveries"), "\(sums)")
        #expect(sums.number("windows") == 1, "\(sums)")
    }

    /// A few events of a month before a dropped one have no partition and are still there, and what comes late to them is taken:
    /// it ends where the dropped events began something else, though they are gone.
    @Test func whatWasDroppedStillEndsWhatCameBefore() throws {
        let fresh = try FreshStore(.postgres)
        let store = try StoreUnderTest(place: fresh.place, maxResident: 0)
        defer { store.close() }
        func state(_ time: String, _ state: String) -> String {
            #"{"event":"robot.state_changed","robot_id":"R1","timestamp":"\#(time):00Z","event_id":"\#(time)","to_state":"\#(state)","from_state":"idle"}"#
        }
        var all = events(150, month: "2022-05")
        all += [("04-03", "idle"), ("05-04", "fault"), ("05-06", "idle"), ("05-09", "charging")].map {
            state("2022-\($0.0)T10:00", $0.1)
        }
        all += [state("2026-10-04T10:00", "idle"), state("2026-10-05T10:00", "charging")]
        try store.ingest(all)
        store.close()
        let settings = PostgresStore.Settings(url: fresh.url)
        #expect(try PostgresStore.retireMonths(olderThan: 730, settings) == ["events_2022_05"])
        try store.restart()
        for (time, name) in [
            ("2022-04-02T10:00", "charging"), ("2022-04-20T10:00", "offline"),
            ("2022-04-25T10:00", "charging"),
        ] {
            all.append(state(time, name))
            try store.ingest([all.last ?? ""])
            // The tables of events themselves lack what was dropped.
            let differences = try store.differences(
                from: referenceTables(lines: all), in: ["robot_states", "robot_state_hourly", "robot_hourly"])
            #expect(differences == [], "after \(time)")
        }
        #expect(try rows("events_default", fresh) == 6)
    }

    /// What is refused for its age is kept as every other reject is: its own place, its own headers, all its bytes, also
    /// of an event that came in an envelope.
    @Test func whatIsTooOldIsKeptWithHeadersAndPlace() throws {
        let fresh = try FreshStore(.postgres)
        guard case .postgres(let url, _) = fresh.place else { return }
        let store = try StoreUnderTest(place: fresh.place, maxResident: 0)
        defer { store.close() }
        try store.ingest(events(150, month: "2022-05"))
        store.close()
        _ = try PostgresStore.retireMonths(olderThan: 730, PostgresStore.Settings(url: url))
        try store.restart()
        let old = events(2, month: "2022-05", robot: "R2")
        let escaped = old[1].replacing("\"", with: "\\\"")
        let batch =
            ["no JSON"] + events(1, month: "2024-05") + [old[0], "{}"] + events(1, month: "2024-06")
            + [#"{"level":"info","message":"\#(escaped)"}"#] + events(1, month: "2024-07")
        for hasPositions in [true, false] {
            try store.ingest(
                batch,
                BatchDetails(hasPositions: hasPositions, headers: { $0 == 4 ? nil : #"{"n":\#($0)}"# }))
        }
        let rows = try store.place.withReader {
            try $0.rows(
                "SELECT origin, reason, headers, body FROM rejected_events ORDER BY rejected_id", [])
        }
        func row(_ origin: String, _ reason: String, _ index: Int) -> [String?] {
            [origin, reason, #"{"n":\#(index)}"#, batch[index]]
        }
        #expect(
            rows.map { row in ["origin", "reason", "headers", "body"].map { row.text($0) } } == [
                row("test:1", "malformed_json", 0), row("test:3", "before_retention", 2),
                row("test:6", "before_retention", 5), row("test", "malformed_json", 0),
                row("test", "before_retention", 2), row("test", "before_retention", 5),
            ])
    }

    private func connect(_ fresh: FreshStore) throws -> Connection {
        try Connection(
            Target(PostgresStore.Settings(url: fresh.url), readOnly: false))
    }

    /// Waits until so many sessions of a store wait for a lock of a kind.
    private func waits(_ fresh: FreshStore, for kind: String, _ count: Int) throws {
        let question = """
            SELECT count(*) FROM pg_locks WHERE locktype = '\(kind)' AND NOT granted
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """
        try waitUntil("\(count) wait for a lock: \(kind)") {
            try PrivatePostgres.shared().sql(question, in: fresh.database ?? "") == "\(count)"
        }
    }

    /// So many threads, each of which gets ready by itself, goes on when all are ready, and is waited for.
    private func atOnce(
        _ count: Int, _ meanwhile: () throws -> Void,
        _ work: @escaping @Sendable (_ number: Int, _ ready: () -> Void) throws -> Void
    ) throws -> [String] {
        let (ready, go, done) = (
            DispatchSemaphore(value: 0), DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)
        )
        let failures = Arrivals()
        for number in 0..<count {
            Thread.detachNewThread {
                do {
                    try work(number) {
                        ready.signal()
                        go.wait()
                    }
                } catch { failures.add("\(number): \(error)") }
                done.signal()
            }
        }
        for _ in 0..<count { try #require(ready.wait(timeout: .now() + 60) == .success) }
        for _ in 0..<count { go.signal() }
        try meanwhile()
        for _ in 0..<count { try #require(done.wait(timeout: .now() + 60) == .success) }
        return failures.all
    }

    private final class Arrivals: Sendable {
        private let texts = Mutex<[String]>([])
        func add(_ text: String) { texts.withLock { $0.append(text) } }
        var all: [String] { texts.withLock { $0 } }
    }

    private static let makersLock = "\(Migration.lockClass), 3"

    /// Transactions that all wait for the one that makes the month they need: it is made once, and they find it.
    @Test func oneMakesAMonthAndTheOthersFindIt() throws {
        let fresh = try FreshStore(.postgres)
        let holder = try connect(fresh)
        defer { holder.close() }
        try holder.run("SELECT pg_advisory_lock(\(Self.makersLock))")
        let meanwhile = {
            try waits(fresh, for: "advisory", 4)
            try holder.run("SELECT pg_advisory_unlock(\(Self.makersLock))")
        }
        let failures = try atOnce(4, meanwhile) { [url = fresh.url] _, ready in
            let connection = try Connection(
                Target(PostgresStore.Settings(url: url), readOnly: false))
            defer { connection.close() }
            try connection.run("BEGIN; SELECT count(*) FROM retired_months")
            try connection.run("SELECT to_regclass('sessionizer.events_2024_02')")
            ready()
            try connection.run("SELECT ensure_partition('2024-02-10Z')")
            try connection.run("COMMIT")
        }
        #expect(failures == [])
        #expect(try partitions(fresh).contains("events_2024_02"))
    }

    /// While a month is made, others write events of it to the default partition.
    @Test func whatIsWrittenMeanwhileMovesAsWell() throws {
        let fresh = try FreshStore(.postgres)
        let other = try connect(fresh)
        defer { other.close() }
        try other.run("BEGIN")
        try other.run(
            """
            INSERT INTO events (event_id, occurred_at, received_at, event, payload, hour)
            VALUES ('late', '2024-02-10 10:00Z', now(), 'x', '{}', 474154)
            """)
        let meanwhile = {
            try waits(fresh, for: "relation", 1)
            try other.run("COMMIT")
        }
        let lines = events(150, month: "2024-02")
        let failures = try atOnce(1, meanwhile) { [place = fresh.place] _, ready in
            let store = try StoreUnderTest(place: place, maxResident: 1000)
            defer { store.close() }
            ready()
            try store.ingest(lines)
        }
        #expect(failures == [])
        #expect(try rows("events_2024_02", fresh) == 151)
        #expect(try rows("events_default", fresh) == 0)
    }

    /// Several writers need the same new month in their batches at one moment, and others write a few of its events: some
    /// stand in each other's way and are tried again, all get what they want, and nothing is lost.
    @Test func severalBatchesNeedOneMonthAtOnce() throws {
        let fresh = try FreshStore(.postgres)
        let table = try PostgresLeases(
            PostgresStore.Settings(url: fresh.url), replica: "a", partitions: 6, seconds: 600)
        defer { table.close() }
        let fences = try (0..<6).map { try #require(try table.take($0)) }
        let lines = (0..<6).map { events($0 < 4 ? 150 : 30, month: "2024-02", robot: "R\($0)") }
        let holder = try connect(fresh)
        defer { holder.close() }
        let meanwhile = {
            try waits(fresh, for: "advisory", 4)
            try holder.run("SELECT pg_advisory_unlock(\(Self.makersLock))")
        }
        // Only the template's months are needed to begin with: opening a store does not wait for the lock.
        try holder.run("SELECT pg_advisory_lock(\(Self.makersLock))")
        let failures = try atOnce(6, meanwhile) { [url = fresh.url] number, ready in
            let store = try StoreUnderTest(place: .partition(url: url, fences[number]), maxResident: 1000)
            defer { store.close() }
            ready()
            try store.ingestPatiently(lines[number]) { _ in usleep(10_000) }
        }
        #expect(failures == [])
        #expect(try rows("events_2024_02", fresh) == 4 * 150 + 2 * 30)
        #expect(try rows("events_default", fresh) == 0)
    }

    /// A service drops them by itself; while a reader holds a month, it goes on and tries again later.
    @Test func aWriterWithARetentionDropsThemItself() throws {
        let fresh = try FreshStore(.postgres)
        guard case .postgres(let url, _) = fresh.place else { return }
        let store = try StoreUnderTest(place: fresh.place, maxResident: 0)
        try store.ingest(events(150, month: "2022-05"))
        store.close()
        let keeping = try StoreUnderTest(place: .postgres(url: url, retentionDays: 100_000), maxResident: 0)
        keeping.close()
        #expect(try partitions(fresh).contains("events_2022_05"))
        let dropping = try StoreUnderTest(place: .postgres(url: url, retentionDays: 730), maxResident: 0)
        defer { dropping.close() }
        #expect(try partitions(fresh).contains("events_2022_05") == false)
        #expect(try dropping.ingest(events(1, month: "2022-05")).rejectedCount == 1)
    }
}
