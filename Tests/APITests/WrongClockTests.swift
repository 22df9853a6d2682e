import EngineUnderTest
import Foundation
import Testing

@testable import SessionAPI

/// One clock that is ahead spoils nothing that is told of the others, and is named.
@Suite struct WrongClockTests {
    private static let noon: Int64 = 1_793_620_800_000_000
    private static let day = [
        #"{"event":"robot.state_changed","timestamp":"2026-11-02T08:00:00Z","robot_id":"R1","to_state":"idle"}"#,
        #"{"event":"demand.assigned","timestamp":"2026-11-02T09:10:00Z","delivery_id":"D1","robot_id":"R1"}"#,
        #"{"event":"delivery.dropoff_completed","timestamp":"2026-11-02T09:40:00Z","delivery_id":"D1"}"#,
        #"{"event":"robot.state_changed","timestamp":"2026-11-02T10:00:00Z","robot_id":"R1","to_state":"error","reason":"LID"}"#,
        #"{"event":"robot.heartbeat","timestamp":"2026-11-02T09:00:00Z","robot_id":"R9"}"#,
        #"{"event":"demand.created","timestamp":"2026-11-02T11:00:00Z","delivery_id":"D2"}"#,
    ]

    private static func wrong(_ time: String) -> String {
        #"{"event":"robot.state_changed","timestamp":"\#(time)","event_id":"wrong","robot_id":"R9","to_state":"parked"}"#
    }

    private func service(
        _ lines: [String], clock: APIClock, wall: Int64 = noon
    ) throws -> ServiceUnderTest {
        let folder = try Folder()
        let path = folder.path("lines.db")
        let store = try StoreUnderTest(path: path, maxResident: 0)
        _ = try store.ingest(lines, at: Self.noon)
        store.close()
        return try ServiceUnderTest(store: path, folder: folder, clock: clock, wall: { wall })
    }

    /// An archive's now is its last event, and that a wrong clock does not tell.
    @Test(arguments: ["2036-01-01T00:00:00Z", "2026-11-03T11:00:00Z"])
    func anArchivesNow(time: String) throws {
        let right = try service(Self.day, clock: .lastEvent)
        let spoilt = try service(Self.day + [Self.wrong(time)], clock: .lastEvent)
        for path in [
            "fleet/utilization", "fleet/downtime", "fleet/reliability", "funnel", "sessions",
            "deliveries/D2/text", "robots/R1", "robots/R1/at?time=2026-11-02T10:30:00Z",
        ] {
            let (a, b) = (try right.get(path), try spoilt.get(path))
            #expect(a.status == 200 && b.status == 200, "\(path)")
            var (left, other) = (a.json, b.json)
            // What differs: how many events there are, and that one is ahead.
            left["as_of"] = nil
            other["as_of"] = nil
            if path == "deliveries/D2/text" {
                #expect(a.text == b.text)
            } else {
                #expect(NSDictionary(dictionary: left) == NSDictionary(dictionary: other), "\(path)")
            }
        }
        func numbers(_ service: ServiceUnderTest) throws -> NSArray {
            let home = try service.get("home").json
            return NSArray(array: try #require(home["numbers"] as? [Any]))
        }
        #expect(try numbers(right) == numbers(spoilt))
        let asOf = try #require(try spoilt.get("freshness").json["as_of"] as? [String: Any])
        #expect(asOf["now"] as? String == "2026-11-02T11:00:00.000000Z")
        #expect((asOf["ahead_event_at"] as? String)?.hasPrefix(time.prefix(19)) == true)
        let sentence = try #require(asOf["sentence"] as? String)
        #expect(sentence.contains("ahead of the clock"), "\(sentence)")
        #expect(
            try (right.get("freshness").json["as_of"] as? [String: Any])?["ahead_event_at"] is NSNull)
        // Its robot is shown where the others are, and the log's page names it.
        let robot = try #require(try spoilt.get("robots/R9").json["range"] as? [String: Any])
        #expect(robot["from"] as? String == "2026-11-02T00:00:00.000000Z")
        let checks = try #require(try spoilt.get("quality").json["checks"] as? [[String: Any]])
        let check = try #require(checks.first { $0["check"] as? String == "events_ahead" })
        #expect(check["status"] as? String == "look" && check["count"] as? Int == 1, "\(check)")
        #expect((check["sentence"] as? String)?.contains("R9") == true, "\(check)")
        let href = try #require(check["href"] as? String)
        #expect(try spoilt.client.get(href).json["event"] != nil, "\(href)")
    }

    /// Live: nothing comes any more, which no event of tomorrow hides.
    @Test func anOutageIsTold() throws {
        for (passed, word) in [(30.0, "late"), (0, "late"), (3600, "stale")] {
            let wall = Self.noon - 3_600_000_000 + 120_000_000 + Int64(passed * 1e6)
            let service = try service(
                Self.day + [Self.wrong("2026-11-03T11:00:00Z")], clock: .wall, wall: wall)
            let asOf = try #require(try service.get("freshness").json["as_of"] as? [String: Any])
            #expect(asOf["freshness"] as? String == word, "\(asOf)")
            #expect(asOf["age_seconds"] as? Double == 120 + passed)
        }
        // Where all are ahead, the last commit tells when any came.
        let service = try service(
            [Self.wrong("2026-11-03T11:00:00Z")], clock: .wall, wall: Self.noon + 700_000_000)
        let asOf = try #require(try service.get("freshness").json["as_of"] as? [String: Any])
        #expect(asOf["freshness"] as? String == "stale" && asOf["age_seconds"] as? Double == 700, "\(asOf)")
    }
}
