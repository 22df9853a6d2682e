import EngineUnderTest
import Foundation
import ReferenceModel
import SessionStore
import Testing

/// The views analysts know, on stories whose figures are worked out by hand.
@Suite struct ViewTests {
    private func rows(_ sql: String, of events: [String], in kind: StoreKind) throws -> [String] {
        let fresh = try FreshStore(kind)
        let store = try StoreUnderTest(place: fresh.place, maxResident: 0)
        defer { store.close() }
        for event in events { try store.ingest([event]) }
        return try store.place.withReader { reader in
            try reader.rows(sql, []).map { row in
                zip(row.columns, row.values).map { column, value in
                    switch value {
                    case .null: "-"
                    case .integer(let hour) where column == "hour": "\(hour / 3_600_000_000 % 24)"
                    case .integer(let number): "\(number)"
                    case .real(let number): "\((number * 1000).rounded() / 1000)"
                    case .text(let text): text
                    }
                }.joined(separator: " ")
            }
        }
    }

    private let states = lines(
        """
        08:00 robot.deployed robot=R1
        09:30 robot.grounded robot=R1 reason=STALL
        10:00 robot.grounded robot=R1 reason=weather
        10:30 robot.deployed robot=R1
        12:00 robot.grounded robot=R1 reason=STALL
        13:00 robot.off_duty robot=R1
        08:00 robot.deployed robot=R2
        10:00 robot.off_duty robot=R2
        """)

    /// From STALL to weather the robot was down all the time: one failure, not two.
    @Test(arguments: StoreKind.allCases) func reliability(kind: StoreKind) throws {
        #expect(
            try rows(
                "SELECT robot_id, operating_hours, failures, mtbf_hours FROM robot_reliability ORDER BY 1",
                of: states, in: kind) == ["R1 3.0 2 1.5", "R2 2.0 0 -"])
    }

    @Test(arguments: StoreKind.allCases) func downtime(kind: StoreKind) throws {
        #expect(
            try rows(
                "SELECT state, reason, robots, hours FROM downtime_by_reason ORDER BY 2", of: states, in: kind
            )
                == [
                    "grounded STALL 1 1.5", "grounded weather 1 0.5",
                ])
    }

    @Test(arguments: StoreKind.allCases) func supply(kind: StoreKind) throws {
        #expect(
            try rows(
                "SELECT robot_id, hour, usable_hours FROM usable_supply_hours ORDER BY 1, 2",
                of: states, in: kind) == [
                    "R1 8 1.0", "R1 9 0.5", "R1 10 0.5", "R1 11 1.0", "R2 8 1.0", "R2 9 1.0",
                ])
    }

    /// What has not ended counts up to now, hour by hour.
    @Test(arguments: StoreKind.allCases) func whatIsOpenCountsUpToNow(kind: StoreKind) throws {
        let start = Date(timeIntervalSinceNow: -2.5 * 3600)
        let text = ISO8601DateFormatter().string(from: start)
        let events = [
            #"{"event":"robot.deployed","timestamp":"\#(text)","robot_id":"R1"}"#,
            #"{"event":"robot.grounded","timestamp":"\#(text)","robot_id":"R2","reason":"STALL"}"#,
        ]
        func hours(_ sql: String) throws -> Double {
            Double(try rows(sql, of: events, in: kind).first?.split(separator: " ").last ?? "") ?? -1
        }
        // A test that takes longer than a minute and a half is told so.
        let expected = 2.499...2.53
        #expect(expected.contains(try hours("SELECT sum(usable_hours) FROM usable_supply_hours")))
        #expect(expected.contains(try hours("SELECT hours FROM downtime_by_reason")))
        #expect(
            expected.contains(
                try hours("SELECT operating_hours FROM robot_reliability WHERE robot_id = 'R1'")))
        #expect(
            try rows("SELECT * FROM robot_reliability WHERE robot_id = 'R2'", of: events, in: kind) == [
                "R2 0.0 1 0.0"
            ])
        #expect(
            try rows("SELECT max(usable_hours) FROM usable_supply_hours", of: events, in: kind) == ["1.0"])
    }

    /// Half an hour before 1970 lies in the hour before it.
    @Test(arguments: StoreKind.allCases)
    func whatIsOpenSinceBefore1970CountsFromItsOwnHour(kind: StoreKind) throws {
        #expect(
            try rows(
                "SELECT * FROM usable_supply_hours ORDER BY hour LIMIT 2",
                of: [#"{"event":"robot.deployed","timestamp":"1969-12-31T23:30:00Z","robot_id":"R1"}"#],
                in: kind)
                == ["R1 -1 0.5", "R1 0 1.0"])
    }

    @Test(arguments: StoreKind.allCases) func funnelAndLifecycle(kind: StoreKind) throws {
        let story = lines(
            """
            10:00 offer.received             offer=O1 merchant=S1 source=web
            10:01 offer.accepted             offer=O1 merchant=S1 source=web demand=M1
            10:02 offer.received             offer=O2 merchant=S1 source=web
            10:03 offer.rejected             offer=O2 merchant=S1 source=web
            10:04 demand.created             demand=M1 delivery=D1 merchant=S1 source=web
            10:05 demand.assigned            demand=M1 robot=R1
            10:06 robot.error                robot=R1 error=LID
            10:30 delivery.dropoff_completed delivery=D1 merchant=S1 source=web
            11:00 robot.error                robot=R1 error=LATE
            """)
        #expect(
            try rows(
                """
                SELECT offers_received, offers_accepted, offers_rejected, offers_expired, demands_created,
                  demands_canceled, deliveries_failed, dropoffs_completed
                FROM delivery_funnel WHERE merchant_id = 'S1' AND source = 'web'
                """, of: story, in: kind) == ["2 1 1 0 1 0 0 1"])
        #expect(
            try rows(
                """
                SELECT occurred_utc, event, via, via_id FROM fact_delivery_lifecycle
                WHERE session_id = 'delivery:D1' AND via <> 'direct'
                """, of: story, in: kind) == ["2026-03-10T10:06:00.000Z robot.error robot R1"])
        #expect(
            try rows("SELECT session_id, closed_utc FROM dim_delivery_sessions", of: story, in: kind) == [
                "delivery:D1 2026-03-10T10:30:00.000Z"
            ])
        #expect(
            try rows("SELECT count(*), min(occurred_utc) FROM stg_events", of: story, in: kind) == [
                "9 2026-03-10T10:00:00.000Z"
            ])
        #expect(
            try rows(
                "SELECT state, started_utc, ended_utc, seconds FROM dim_robot_state WHERE robot_id = 'R2'",
                of: states, in: kind)
                == [
                    "deployed 2026-03-10T08:00:00.000Z 2026-03-10T10:00:00.000Z 7200.0",
                    "off_duty 2026-03-10T10:00:00.000Z - -",
                ])
    }
}
