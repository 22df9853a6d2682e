import EngineUnderTest
import Foundation
import SQLiteStore
import SessionStore
import Testing

/// What the store keeps as sums is what its rows come to, also where a range begins and ends within hours.
@Suite struct HourSumsTests {
    private let ranges = [
        ("2026-11-02T08:17:31Z", "2026-11-02T13:42:07Z"), ("2026-11-02T09:00:00Z", "2026-11-02T12:00:00Z"),
        ("2026-11-02T10:10:00Z", "2026-11-02T10:50:00Z"), ("2026-11-02T10:50:00Z", "2026-11-02T11:10:00Z"),
    ]

    @Test func theFunnelIsThatOfTheSessions() throws {
        let (service, _) = try ServiceUnderTest.simulated()
        let reader = try SQLiteReader(path: SimulatedStore.shared.get().path)
        defer { reader.close() }
        let zone = try #require(
            try reader.rows("SELECT min(zone_id) AS zone FROM sessions").first?.text("zone"))
        var reached = 0
        for (from, to) in ranges {
            for (query, condition) in [("", "1"), ("&zone=\(zone)", "zone_id = '\(zone)'")] {
                let reply = try service.get("funnel?from=\(from)&to=\(to)\(query)")
                #expect(reply.status == 200, "\(reply.text)")
                let place = """
                    FROM sessions WHERE kind <> 'trip' AND \(condition)
                      AND first_event_at >= strftime('%s', '\(from)') * 1000000
                      AND first_event_at < strftime('%s', '\(to)') * 1000000
                    """
                func count(_ more: String) throws -> Int {
                    Int(
                        try reader.rows("SELECT count(*) AS n \(place) AND (\(more))").first?.integer("n")
                            ?? -1)
                }
                let steps = try #require(reply.json["steps"] as? [[String: Any]])
                let told = steps.compactMap { $0["sessions"] as? Int }
                let ended = "dropoff_completed_at IS NOT NULL OR fulfilled_at IS NOT NULL"
                #expect(try told.first == count("1"))
                #expect(try told.last == count(ended))
                #expect(
                    try told[4] == count("\(ended) OR pickup_completed_at IS NOT NULL"), "\(from) \(query)")
                let failures = try #require(reply.json["failures"] as? [[String: Any]])
                let failed = failures.reduce(0) { $0 + ($1["sessions"] as? Int ?? 0) }
                #expect(try failed == count("outcome = 'failed'"))
                reached += told.first ?? 0
            }
        }
        #expect(reached > 100)
    }

    /// Completed deliveries and interventions are of the sessions closed in the same hours.
    @Test func interventionsAreOfTheDeliveriesTheyAreDividedInto() throws {
        let (service, _) = try ServiceUnderTest.simulated()
        let reader = try SQLiteReader(path: SimulatedStore.shared.get().path)
        defer { reader.close() }
        let reply = try service.get("fleet/reliability?from=2026-11-02T09:00:00Z&to=2026-11-02T15:00:00Z")
        let fleet = try #require(reply.json["fleet"] as? [String: Any])
        let row = try #require(
            try reader.rows(
                """
                SELECT sum(outcome = 'completed') AS completed, sum(rescue_count + pilot_handoff_count) AS helped
                FROM sessions WHERE robot_id IS NOT NULL AND closed_at >= strftime('%s', '2026-11-02T09:00:00') * 1000000
                  AND closed_at < strftime('%s', '2026-11-02T15:00:00') * 1000000
                """
            ).first)
        #expect(fleet["deliveries_completed"] as? Int == row.integer("completed").map(Int.init))
        #expect(fleet["interventions"] as? Int == row.integer("helped").map(Int.init))
        #expect(fleet["interventions"] as? Int ?? 0 > 0)
    }

    /// An export finds what reaches into its range, however long before it began.
    @Test func anExportBeginsAtTheLongestSession() throws {
        func line(_ at: String, _ event: String, _ delivery: String) -> String {
            #"{"event":"\#(event)","timestamp":"\#(at)","event_id":"\#(at)\#(delivery)","delivery_id":"\#(delivery)"}"#
        }
        let service = try ServiceUnderTest(of: [
            line("2026-10-30T08:00:00Z", "demand.assigned", "D-days"),
            line("2026-11-02T10:30:00Z", "delivery.dropoff_completed", "D-days"),
            line("2026-11-02T07:59:59Z", "demand.assigned", "D-hours"),
            line("2026-11-02T10:10:00Z", "delivery.dropoff_completed", "D-hours"),
            line("2026-11-02T09:00:00Z", "demand.assigned", "D-before"),
            line("2026-11-02T10:00:00Z", "delivery.dropoff_completed", "D-before"),
            line("2026-11-02T10:20:00Z", "demand.assigned", "D-within"),
            line("2026-11-02T09:10:00Z", "demand.assigned", "D-none"),
            line("2026-11-02T09:20:00Z", "delivery.dropoff_completed", "D-none"),
        ])
        let reply = try service.get("incidents/export.csv?from=2026-11-02T10:00:00Z&to=2026-11-02T11:00:00Z")
        let found = reply.text.components(separatedBy: "\r\n").dropFirst().compactMap {
            $0.components(separatedBy: ",").dropFirst().first
        }
        #expect(found == ["D-days", "D-hours", "D-before", "D-within"], "\(reply.text)")
    }

    /// Of the sessions that a list of the same range holds it has all events, and of no other session any.
    @Test func anExportOfSessionsHoldsAllTheirEvents() throws {
        func line(_ at: String, _ event: String, _ what: String, _ id: String) -> String {
            #"{"event":"\#(event)","timestamp":"2026-11-02T\#(at)Z","event_id":"\#(at)\#(id)","\#(what)_id":"\#(id)"}"#
        }
        let service = try ServiceUnderTest(of: [
            line("09:59:59", "demand.assigned", "delivery", "D-before"),
            line("10:10:00", "delivery.dropoff_completed", "delivery", "D-before"),
            line("10:00:00", "demand.assigned", "delivery", "D-first"),
            line("17:00:00", "delivery.failed", "delivery", "D-first"),
            line("10:30:00", "demand.created", "demand", "M-1"),
            line("10:40:00", "trip.created", "trip", "T-1"),
            line("10:59:59", "demand.assigned", "delivery", "D-last"),
            line("11:00:00", "delivery.dropoff_completed", "delivery", "D-last"),
            line("11:00:00", "demand.assigned", "delivery", "D-after"),
        ])
        let range = "from=2026-11-02T10:00:00Z&to=2026-11-02T11:00:00Z"
        func exported(_ more: String) throws -> [String] {
            let reply = try service.get("incidents/export.csv?range_of=sessions&\(range)\(more)")
            #expect(reply.status == 200)
            return reply.text.components(separatedBy: "\r\n").dropFirst().filter { !$0.isEmpty }.map {
                let cells = $0.components(separatedBy: ",")
                return cells.count > 5 ? "\(cells[0]) \(cells[5])" : $0
            }
        }
        #expect(
            try exported("") == [
                "delivery:D-first demand.assigned", "delivery:D-first delivery.failed",
                "demand:M-1 demand.created", "delivery:D-last demand.assigned",
                "delivery:D-last delivery.dropoff_completed",
            ])
        let listed = try service.get("sessions?\(range)").rows.compactMap { $0["session_id"] as? String }
        #expect(Set(listed) == ["delivery:D-first", "demand:M-1", "delivery:D-last"])
        #expect(try exported("&outcome=failed").count == 2)
        let cut = try exported("&limit=1")
        #expect(cut.count == 2 && cut[1].hasPrefix("# cut after 1 rows"), "\(cut)")
    }
}
