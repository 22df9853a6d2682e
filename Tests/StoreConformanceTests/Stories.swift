import EngineUnderTest
import ReferenceModel
import SessionStore

/// Events, one a row: date and time, name, and `key=value` pairs.
func lines(_ story: String) -> [String] {
    story.split(separator: "\n").map { row in
        var words = row.split(separator: " ").map(String.init)
        let members =
            [#""timestamp":"\#(words.removeFirst())""#, #""event":"\#(words.removeFirst())""#]
            + words.map { word in
                let pair = word.split(separator: "=", maxSplits: 1).map(String.init)
                return #""\#(pair[0])":"\#(pair[1])""#
            }
        return "{" + members.joined(separator: ",") + "}"
    }
}

/// Two batches; the second writes to every table that a batch can write to, and takes rows away from most.
enum Batches {
    static let first = lines(
        """
        2026-03-10T08:00:00Z robot.deployed           robot_id=R1 zone_id=Z1
        2026-03-10T08:00:00Z pilot.shift_started      pilot_id=P1
        2026-03-10T09:00:00Z demand.created           demand_id=M1 merchant_id=S1 source=web
        2026-03-10T09:01:00Z demand.assigned          demand_id=M1 robot_id=R1
        2026-03-10T09:05:00Z robot.error              robot_id=R1 error=LID
        2026-03-10T09:10:00Z pilot.assigned           robot_id=R1 pilot_id=P1
        """)
    static let second =
        lines(
            """
            2026-03-10T08:30:00Z robot.parked               robot_id=R1
            2026-03-10T09:00:30Z demand.etas_updated        demand_id=M1 delivery_id=D1
            2026-03-10T09:03:00Z demand.assigned            demand_id=M1 robot_id=R2
            2026-03-10T09:15:00Z pilot.assigned             robot_id=R2 pilot_id=P2
            2026-03-10T11:20:00Z delivery.dropoff_completed delivery_id=D1
            2026-03-10T12:00:00Z pilot.shift_ended          pilot_id=P1
            2026-03-10T13:00:00Z robot.deployed             robot_id=R1 zone_id=Z2
            2026-03-10T13:00:00Z merchant.opened            merchant_id=S2
            """) + [#"{"event":"robot.error","robot_id":"R1"}"#]

    /// The tables that the second batch writes to, in the order it does.
    static let written = [
        "events", "known_robots", "known_pilots", "known_merchants", "links", "session_members", "sessions",
        "assignment_windows", "robot_states", "robot_zones",
        "robot_pilot_windows", "pilot_shifts", "robot_state_hours", "robot_hours", "pilot_hours",
        "merchant_hours", "event_hourly", "fleet_hours", "zone_hours", "fleet_state_hours", "session_hours",
        "session_spans", "arrival_hours", "rejected_events", "ingestion_batches", "freshness",
    ]
}

extension StoreUnderTest {
    func count(_ table: String) throws -> Int64 {
        try place.withReader { try $0.rows("SELECT count(*) AS n FROM \(table)", [])[0].integer("n") ?? -1 }
    }

    func one(_ sql: String) throws -> TableRow? { try place.withReader { try $0.rows(sql, []).first } }
}
