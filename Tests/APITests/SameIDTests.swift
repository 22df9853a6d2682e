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

        /// What `sessionizer session` prints.
        func printed(_ session: String) throws -> String {
            let run = try ServedProgram(folder, ["session", session, "--store", fresh.url])
            try #require(run.end() == 0, "\(run.text)")
            return run.output
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

    /// Of two events of one name and instant the one with an id is the later one: so the engine takes them, and what
    /// explains an outcome follows it.
    @Test(arguments: StoreKind.allCases)
    func anOutcomeIsExplainedInTheEnginesOrder(kind: StoreKind) throws {
        func both(_ at: String, _ event: String, _ rest: (String) -> String) -> [String] {
            [Self.line(at, event, nil, rest("NOID")), Self.line(at, event, "a2-\(event)", rest("WITHID"))]
        }
        func begin(_ n: Int) -> String {
            Self.line("1\(n):00:00", "demand.assigned", nil, #""delivery_id":"D\#(n)","robot_id":"R\#(n)""#)
        }
        let place = try Place(
            kind,
            [begin(1), begin(2), begin(3)]
                + both("11:30:00", "delivery.failed") { #""delivery_id":"D1","error":{"code":"\#($0)"}"# }
                + both("12:30:00", "demand.canceled") {
                    #""delivery_id":"D2","demand_id":"DM2","reason":"\#($0)""#
                }
                + both("13:20:00", "robot.error") { #""robot_id":"R3","error":{"code":"\#($0)"}"# }
                + [Self.line("13:30:00", "delivery.failed", "z", #""delivery_id":"D3""#)])

        func told(_ session: String) throws -> [String: Any] {
            try #require(place.get("deliveries/\(session)")["session"] as? [String: Any])
        }
        func verdict(_ session: String) throws -> String {
            let lines = try place.get("deliveries/\(session)")["verdict"] as? [[String: Any]]
            return (lines ?? []).compactMap { $0["text"] as? String }.joined(separator: "\n")
        }
        #expect(try told("D1")["failure_code"] as? String == "WITHID")
        #expect(try verdict("D1").contains("the one it ended with, WITHID"))
        #expect(try told("D2")["outcome_reason"] as? String == "WITHID")
        #expect(try verdict("D2").contains("WITHID"))
        #expect((try told("D3")["fault"] as? [String: Any])?["error_code"] as? String == "WITHID")
        let listed = try place.client.get("/analytics/v1/sessions").rows
        let third = try #require(listed.first { $0["delivery_id"] as? String == "D3" })
        #expect((third["fault"] as? [String: Any])?["error_code"] as? String == "WITHID")

        // The lists of its events are in that order, too, whole and page by page.
        let whole = try #require(place.get("deliveries/D1")["events"] as? [[String: Any]])
        #expect(whole.map { $0["error_code"] as? String } == [nil, "NOID", "WITHID"])
        var pages: [String?] = []
        var next: String?
        repeat {
            let page = try place.get(
                "sessions/delivery:D1/events?limit=1" + (next.map { "&cursor=\($0)" } ?? ""))
            pages += (page["events"] as? [[String: Any]] ?? []).map { $0["error_code"] as? String }
            next = page["next"] as? String
        } while next != nil && pages.count < 9
        #expect(pages == [nil, "NOID", "WITHID"])
        let exported = try place.client.get("/analytics/v1/incidents/export.csv?from=2026-11-02T11:30:00Z")
            .text
        let first = try #require(exported.firstRange(of: "NOID"))
        #expect(try first.lowerBound < #require(exported.firstRange(of: "WITHID")).lowerBound)
        for (session, words) in [
            ("D1", "the one it ended with, WITHID"), ("D2", "Canceled for: WITHID"),
            ("D3", "WITHID on R3 at"),
        ] {
            let printed = try place.printed(session)
            #expect(printed.contains(words))
            #expect(try place.client.get("/analytics/v1/deliveries/\(session)/text").text == printed)
        }
    }

    /// Without an instant the earliest is told, and when the others are.
    @Test(arguments: StoreKind.allCases)
    func anEventSaysThatOthersHaveItsID(kind: StoreKind) throws {
        let hours = (10..<24).map { hour in
            Self.line("\(hour):30:00", "delivery.note", "X", #""delivery_id":"D\#(hour)""#)
        }
        let tomorrow = hours.map { $0.replacing("2026-11-02", with: "2026-11-03") }
        // As they lie in the store, the earliest is the last.
        let place = try Place(
            kind,
            (hours + tomorrow).reversed() + [
                Self.line("09:00:00", "delivery.note", "Y", #""delivery_id":"D9""#)
            ])
        let event = try place.get("events/X")
        #expect(event["occurred_at"] as? String == "2026-11-02T10:30:00.000000Z")
        let others = try #require(event["others"] as? [String])
        #expect(others.count == 20)
        #expect(others.first == "2026-11-02T11:30:00.000000Z" && others.last == "2026-11-03T16:30:00.000000Z")
        let explained = try #require(place.get("events/X/explain")["event"] as? [String: Any])
        #expect(explained["others"] as? [String] == others)
        #expect(try place.get("events/Y")["others"] as? [String] == [])
        // Whoever says which one is meant is told of that one.
        let meant = try place.get("events/X?at=2026-11-03T12:30:00Z")
        #expect(meant["occurred_at"] as? String == "2026-11-03T12:30:00.000000Z")
        #expect(meant["others"] is NSNull)
    }
}
