import CSQLite
import EngineUnderTest
import PrivateServers
import ReferenceModel
import SQLiteStore
import SessionStore
import Testing

/// A robot's clock said 1970 or 0001 once: its state has half a million, or millions of, whole hours, and they are
/// nobody else's.
@Suite struct BrokenClockTests {
    private static func story(_ start: String) -> [String] {
        lines(
            """
            \(start) robot.state_changed robot_id=R9 to_state=idle
            2026-03-10T10:01:00Z robot.state_changed robot_id=R9 to_state=delivering
            2026-03-06T06:30:00Z robot.state_changed robot_id=R1 to_state=grounded reason=LID
            2026-03-09T10:15:00Z robot.state_changed robot_id=R1 to_state=idle
            2026-03-09T11:15:00Z robot.state_changed robot_id=R1 to_state=grounded
            2026-03-07T10:20:00Z robot.error robot_id=R1 error=LID
            2026-03-06T06:30:00Z pilot.shift_started pilot_id=P1
            2026-03-09T10:15:00Z pilot.shift_ended pilot_id=P1
            """)
    }

    /// 2026-03-07 10:00.
    private static let hour: Int64 = 1_772_877_600_000_000

    /// Steps that SQLite's machine takes: a count of work that no clock is needed for.
    private func steps(_ path: String, _ sql: String) throws -> Int {
        var db: OpaquePointer?
        defer { sqlite3_close(db) }
        try #require(sqlite3_open(path, &db) == SQLITE_OK)
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        try #require(sqlite3_prepare_v2(db, sql, -1, &statement, nil) == SQLITE_OK, "\(sql)")
        while sqlite3_step(statement) == SQLITE_ROW {}
        return Int(sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 0))
    }

    private static let views = [
        ("robot_hourly", "robot_id", "R1"), ("robot_state_hourly", "robot_id", "R1"),
        ("usable_supply_hours", "robot_id", "R1"), ("pilot_hourly", "pilot_id", "P1"),
    ]

    @Test(arguments: ["1970-01-01T00:00:10Z", "0001-01-01T00:00:00Z"])
    func whoAsksForOneRobotPaysForOneRobot(start: String) throws {
        let fresh = try FreshStore(.sqlite)
        let store = try StoreUnderTest(place: fresh.place, maxResident: 0)
        defer { store.close() }
        try store.ingest(Self.story(start))
        guard case .sqlite(let path) = fresh.place else { return }
        for (view, id, name) in Self.views {
            let one =
                "SELECT * FROM \(view) WHERE \(id) = '\(name)' AND hour >= \(Self.hour) AND hour < \(Self.hour + 7_200_000_000)"
            #expect(try steps(path, one) < 200_000, "\(view)")
        }
        for view in ["downtime_by_reason", "robot_reliability"] {
            #expect(try steps(path, "SELECT * FROM \(view)") < 5000, "\(view)")
        }
        #expect(
            try store.one("SELECT * FROM robot_hourly WHERE robot_id = 'R1' AND hour = \(Self.hour)").map {
                [$0.number("downtime_seconds"), $0.number("error_count")]
            } == [3600, 1])
    }

    /// Hours of years that a fleet lives in are searched, not counted up: those of a month cost a month.
    @Test func whoAsksForAMonthPaysForAMonth() throws {
        let fresh = try FreshStore(.sqlite)
        let store = try StoreUnderTest(place: fresh.place, maxResident: 0)
        defer { store.close() }
        try store.ingest(
            lines(
                """
                2020-01-01T00:00:10Z robot.state_changed robot_id=R9 to_state=idle
                2026-03-10T10:01:00Z robot.state_changed robot_id=R9 to_state=delivering
                """))
        guard case .sqlite(let path) = fresh.place else { return }
        let all = try steps(path, "SELECT * FROM robot_hourly")
        let month = try steps(
            path,
            "SELECT * FROM robot_hourly WHERE hour >= \(Self.hour - 30 * 86_400_000_000) AND hour < \(Self.hour)"
        )
        #expect(month * 4 < all, "\(month) of \(all)")
    }

    /// The same in PostgreSQL, by the rows that its plan went through.
    @Test(arguments: ["1970-01-01T00:00:10Z", "0001-01-01T00:00:00Z"])
    func inPostgreSQL(start: String) throws {
        let fresh = try FreshStore(.postgres)
        let store = try StoreUnderTest(place: fresh.place, maxResident: 0)
        defer { store.close() }
        try store.ingest(Self.story(start))
        let database = try #require(fresh.database)
        func most(_ sql: String) throws -> Int {
            let plan = try PrivatePostgres.shared().sql("EXPLAIN (ANALYZE, TIMING OFF) \(sql)", in: database)
            let counts = plan.matches(of: /actual rows=([0-9]+)/).compactMap { Int($0.1) }
            let removed = plan.matches(of: /Removed by [A-Za-z ]+: ([0-9]+)/).compactMap { Int($0.1) }
            return (counts + removed).max() ?? .max
        }
        for (view, id, name) in Self.views {
            let range =
                "hour >= timestamptz '2026-03-07 10:00Z' AND hour < timestamptz '2026-03-07 12:00Z'"
            #expect(try most("SELECT * FROM \(view) WHERE \(id) = '\(name)' AND \(range)") < 1000, "\(view)")
        }
        for view in ["downtime_by_reason", "robot_reliability"] {
            #expect(try most("SELECT * FROM \(view)") < 1000, "\(view)")
        }
    }

    /// Whatever the years, the hours are those of the rules.
    @Test(arguments: StoreKind.allCases)
    func theHoursAreAllThere(kind: StoreKind) throws {
        let fresh = try FreshStore(kind)
        let store = try StoreUnderTest(place: fresh.place, maxResident: 0)
        defer { store.close() }
        let all = lines(
            """
            2019-12-27T22:30:00Z robot.state_changed robot_id=R1 to_state=idle
            2020-01-03T01:30:00Z robot.state_changed robot_id=R1 to_state=charging
            2020-01-03T02:00:00Z robot.state_changed robot_id=R1 to_state=idle
            2020-01-01T01:30:00Z robot.error robot_id=R1 error=LID
            2039-12-30T00:00:00Z robot.state_changed robot_id=R2 to_state=weird
            2040-01-02T03:00:00Z robot.state_changed robot_id=R2 to_state=idle
            2040-02-02T03:30:00Z robot.state_changed robot_id=R2 to_state=weird
            2040-02-07T03:30:00Z robot.state_changed robot_id=R2 to_state=idle
            1969-12-28T00:30:00Z robot.state_changed robot_id=R3 to_state=grounded
            1970-01-04T00:00:00Z robot.state_changed robot_id=R3 to_state=idle
            1970-01-04T01:00:00Z robot.state_changed robot_id=R3 to_state=idle
            2019-12-28T00:30:00Z pilot.shift_started pilot_id=P1
            2020-01-02T00:00:00Z pilot.shift_ended pilot_id=P1
            2039-12-28T00:00:00Z pilot.shift_started pilot_id=P2
            2040-01-02T00:00:01Z pilot.shift_ended pilot_id=P2
            """)
        for line in all.reversed() { try store.ingest([line]) }
        #expect(try store.differences(from: referenceTables(lines: all)) == [])
    }
}
