import EngineUnderTest
import SessionStore
import SessionStory
import Testing

/// Stories are told from either store.
@Suite struct StoriesFromEitherStore {
    private static let lines = [
        #"{"event":"robot.state_changed","timestamp":"2026-11-01T08:00:00Z","robot_id":"R-1","to_state":"idle"}"#,
        #"{"event":"demand.assigned","timestamp":"2026-11-02T10:00:00Z","delivery_id":"D-100","demand_id":"M-7","robot_id":"R-1"}"#,
        #"{"event":"sensor.check","timestamp":"2026-11-02T10:02:00Z","robot_id":"R-1","error": {"code": "LIDAR"}}"#,
        #"{"event":"sensor.early","timestamp":"1969-12-31T22:30:00Z","delivery_id":"D-100"}"#,
        #"{"event":"robot.grounded","timestamp":"2026-11-04T08:00:00Z","robot_id":"R-1"}"#,
        // Of this robot nothing else is known.
        #"{"event":"delivery.noted","timestamp":"2026-11-01T08:00:00Z","delivery_id":"X-55555","robot_id":"KITE-9"}"#,
    ]

    @Test(arguments: StoreKind.allCases) func sessionsRobotsAndNearOnes(kind: StoreKind) throws {
        let fresh = try FreshStore(kind)
        let store = try StoreUnderTest(place: fresh.place, maxResident: 0)
        defer { store.close() }
        try store.ingest(Self.lines, at: 1_793_900_000_000_000)
        try fresh.place.withReader { reader in
            let story = try #require(try SessionStory.find("D-100", in: reader).first)
            #expect(
                story.events.map { $0.text("event") } == ["sensor.early", "demand.assigned", "sensor.check"])
            #expect(story.json().contains("LIDAR"))
            let robot = try #require(try RobotStory.find("R-1", in: reader))
            let json = robot.json()
            #expect(
                json.contains(#""error_count":1"#) && json.contains(#""usable_seconds":259200.0"#), "\(json)")
            #expect(json.matches(of: /"hour":/).count == 72)
            #expect(try SessionStory.near("d-1000", in: reader).near == ["D-100"])
            #expect(try SessionStory.near("M-8", in: reader).near.contains("demand:M-7"))
            #expect(try SessionStory.near("zzzzzzzz", in: reader).examples == ["D-100"])
            #expect(try RobotStory.near("r-2", in: reader).near == ["R-1"])
            #expect(try RobotStory.near("zzzzzzzz", in: reader).examples == ["KITE-9", "R-1"])
            #expect(try RobotStory.find("KITE-9", in: reader) != nil)
            #expect(try RobotStory.find("KITE-8", in: reader) == nil)
            #expect(try RobotStory.near("kite-8", in: reader).near == ["KITE-9"])
        }
    }
}
