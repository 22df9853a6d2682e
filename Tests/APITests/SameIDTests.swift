import EngineUnderTest
import Foundation
import Testing

/// Two events that have one `event_id`, and events that have none: by either store.
@Suite struct SameIDTests {
    private static func line(_ at: String, _ event: String, _ id: String?, _ rest: String) -> String {
        let id = id.map { #""event_id":"\#($0)","# } ?? ""
        return #"{"event":"\#(event)","timestamp":"2026-11-02T\#(at)Z",\#(id)\#(rest)}"#
    }

    /// A service on a store of these lines alone.
    private final class Place {
        let folder: Folder
        let fresh: FreshStore
        let serve: ServedProgram
        let client: Client

        init(_ kind: StoreKind, _ lines: [String]) throws {
            folder = try Folder()
            fresh = try FreshStore(kind)
            try SimulatedStore.fill(StoreUnderTest(place: fresh.place, maxResident: 0), lines)
            serve = try ServedProgram(folder, ["serve", "--store", fresh.url, "--listen", "127.0.0.1:0"])
            client = Client(port: try serve.port())
        }

        deinit { _ = serve.stop() }

        func get(_ path: String) throws -> [String: Any] {
            let reply = try client.get("/analytics/v1/\(path)")
            try #require(reply.status == 200, "\(path): \(reply.text)")
            return reply.json
        }
    }

    /// A long story leaves out neither of them, and its gap has all that it does not tell.
    @Test(arguments: StoreKind.allCases)
    func aLongStoryTellsBothEventsOfAnID(kind: StoreKind) throws {
        let minutes = (0..<300).map { n in
            let at = "\(10 + n / 60):" + String(format: "%02d:00", n % 60)
            return Self.line(at, "delivery.note", n == 1 || n == 299 ? "X" : "n\(n)", #""delivery_id":"D1""#)
        }
        let place = try Place(kind, minutes)
        let story = try place.get("deliveries/D1?limit=100")
        let events = try #require(story["events"] as? [[String: Any]])
        #expect(
            events.filter { $0["event_id"] as? String == "X" }.map { $0["occurred_at"] as? String }
                == ["2026-11-02T10:01:00.000000Z", "2026-11-02T14:59:00.000000Z"])
        let gaps = try #require(story["gaps"] as? [[String: Any]])
        let (from, to) = ("2026-11-02T10:39:00.000000Z", "2026-11-02T14:00:00.000000Z")
        #expect(gaps.map { $0["from"] as? String } == [from] && gaps[0]["to"] as? String == to)
        let between = events.compactMap { $0["occurred_at"] as? String }.filter { $0 > from && $0 < to }
        #expect(gaps[0]["events"] as? Int == 200 - between.count)
    }

    @Test(arguments: StoreKind.allCases)
    func bothEventsOfAnIDMayHaveMissedAWindow(kind: StoreKind) throws {
        let error = #""robot_id":"R1","error":{"code":"LID"}"#
        let place = try Place(
            kind,
            [
                Self.line("10:00:00", "demand.assigned", "a", #""delivery_id":"D1","robot_id":"R1""#),
                Self.line("10:59:40", "delivery.dropoff_completed", "b", #""delivery_id":"D1""#),
                Self.line("10:59:50", "robot.error", "E", error),
                Self.line("11:00:10", "robot.error", "E", error),
            ])
        let missed = try #require(place.get("deliveries/D1")["near_misses"] as? [[String: Any]])
        #expect(missed.map { $0["event_id"] as? String } == ["E", "E"])
    }
}
