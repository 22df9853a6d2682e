import AccessControl
import EngineUnderTest
import Foundation
import SessionAPI
import Testing

/// What a reader bound to a merchant is told of a delivery that is not theirs any more, and of a robot beyond its windows.
@Suite struct BoundReaderTests {
    /// A live store and a service for a reader who is bound to a merchant, and one who is not.
    private struct Place {
        let folder: Folder
        let store: StoreUnderTest
        let service: ServiceUnderTest
        let bound: [String: String]
        let free: [String: String]

        init(_ lines: [String], merchant: String = "m-1", clock: APIClock = .wall) throws {
            folder = try Folder()
            let (first, firstDigest) = AccessControl.fresh()
            let (second, secondDigest) = AccessControl.fresh()
            bound = ["Authorization": "Bearer \(first)"]
            free = ["Authorization": "Bearer \(second)"]
            var settings = AccessControl.Settings()
            settings.tokens = try folder.write(
                "tokens", "bound viewer \(firstDigest) merchants=\(merchant)\nfree viewer \(secondDigest)\n")
            store = try StoreUnderTest(path: folder.path("live.db"), maxResident: 100)
            _ = try store.ingest(lines)
            service = try ServiceUnderTest(
                store: folder.path("live.db"), folder: folder, access: AccessControl(settings) { _ in },
                clock: clock)
        }

        func listen(_ delivery: String, as reader: [String: String]) throws -> Client.Connection {
            let connection = try Client.Connection(port: service.client.port)
            try connection.write(
                "GET /analytics/v1/deliveries/\(delivery)/stream HTTP/1.1\r\nHost: localhost\r\n"
                    + "Authorization: \(reader["Authorization"] ?? "")\r\nConnection: close\r\n\r\n")
            _ = try connection.read(until: "event_count\":1}")
            return connection
        }
    }

    private static func line(_ event: String, _ time: String, _ more: String) -> String {
        #"{"event":"\#(event)","timestamp":"2026-11-02T\#(time)Z",\#(more)}"#
    }

    /// An é is not an e with an accent: to Swift they are the same text.
    @Test func aMerchantThatLooksAlikeIsAnother() throws {
        let place = try Place(
            [
                Self.line(
                    "demand.created", "10:00:00", "\"delivery_id\":\"D-1\",\"merchant_id\":\"caf\u{e9}\""),
                Self.line(
                    "demand.created", "10:00:00", "\"delivery_id\":\"D-2\",\"merchant_id\":\"cafe\u{301}\""),
            ], merchant: "caf\u{e9}")
        #expect(try place.service.get("deliveries/D-1", place.bound).status == 200)
        #expect(try place.service.get("deliveries/D-2", place.bound).status == 404)
        #expect(try place.service.get("deliveries/D-2", place.free).status == 200)
    }

    /// A late fact that lies earlier tells another merchant.
    @Test func aStreamEndsWhereTheDeliveryGoesToAnotherMerchant() throws {
        let place = try Place([
            Self.line("demand.created", "10:05:00", #""delivery_id":"D-1","merchant_id":"m-1""#)
        ])
        let bound = try place.listen("D-1", as: place.bound)
        let free = try place.listen("D-1", as: place.free)
        _ = try place.store.ingest([
            Self.line("demand.created", "10:01:00", #""delivery_id":"D-1","merchant_id":"m-2""#)
        ])
        #expect(try place.service.get("deliveries/D-1", place.bound).status == 404)
        _ = try free.read(until: "event_count\":2}", within: 20)
        let rest = String(decoding: try bound.readAll(within: 20), as: UTF8.self)
        #expect(!rest.contains("event:") && !rest.contains("D-1"), "\(rest)")
        place.store.close()
    }

    /// A late fact makes a demand a part of another merchant's delivery.
    @Test func aStreamDoesNotTellWhereAnotherMerchantsDeliveryIs() throws {
        let place = try Place([
            Self.line("demand.created", "10:05:00", #""demand_id":"M-1","merchant_id":"m-1""#)
        ])
        let bound = try place.listen("M-1", as: place.bound)
        let free = try place.listen("M-1", as: place.free)
        _ = try place.store.ingest([
            Self.line(
                "demand.created", "10:01:00",
                #""demand_id":"M-1","delivery_id":"D-2","merchant_id":"m-2""#)
        ])
        #expect(try place.service.get("deliveries/D-2", place.bound).status == 404)
        let told = String(decoding: try free.readAll(within: 20), as: UTF8.self)
        #expect(told.contains("event: moved") && told.contains("delivery:D-2"), "\(told)")
        let rest = String(decoding: try bound.readAll(within: 20), as: UTF8.self)
        #expect(!rest.contains("event:") && !rest.contains("D-2"), "\(rest)")
        place.store.close()
    }

    /// What begins so may be more of others' than is looked through: then nothing found is the only one.
    @Test func aSearchSaysWhereItDidNotLook() throws {
        func number(_ n: Int) -> String { String(String(100_000 + n).dropFirst()) }
        let others = (0..<5200).map { n in
            Self.line(
                "demand.created", "10:05:00",
                #""delivery_id":"D-\#(number(n))","merchant_id":"\#(n == 7 || n == 5190 ? "m-1" : "m-2")""#)
        }
        let place = try Place(others)
        defer { place.store.close() }
        let cut = try place.service.get("search?q=D-", place.bound).json
        #expect((cut["results"] as? [[String: Any]])?.map { $0["id"] as? String } == ["D-00007"])
        #expect(cut["complete"] as? Bool == false && cut["go"] is NSNull, "\(cut)")
        // Where all of them were looked at, the only one is it.
        let whole = try place.service.get("search?q=D-000", place.bound).json
        #expect(whole["complete"] as? Bool == true)
        #expect((whole["go"] as? [String: Any])?["id"] as? String == "D-00007")
    }

    /// How many events the whole fleet's store holds is not theirs.
    @Test func theFleetsEventsAreNotCounted() throws {
        let place = try Place([
            Self.line("demand.created", "10:05:00", #""delivery_id":"D-1","merchant_id":"m-1""#),
            Self.line("demand.created", "10:06:00", #""delivery_id":"D-2","merchant_id":"m-2""#),
        ])
        for path in ["deliveries/D-1", "sessions", "freshness", "funnel"] {
            let bound = try place.service.get(path, place.bound).json["as_of"] as? [String: Any]
            let free = try place.service.get(path, place.free).json["as_of"] as? [String: Any]
            #expect(bound?["events"] is NSNull && free?["events"] as? Int == 2, "\(path)")
        }
        place.store.close()
    }

    /// A silence that began before the robot served the delivery.
    @Test func aSilenceIsCutToTheWindow() throws {
        let place = try Place(
            [
                Self.line("robot.heartbeat", "09:40:00", #""robot_id":"R-1""#),
                Self.line("demand.created", "09:59:00", #""delivery_id":"D-1","merchant_id":"m-1""#),
                Self.line("demand.assigned", "10:00:00", #""delivery_id":"D-1","robot_id":"R-1""#),
                Self.line("robot.heartbeat", "10:20:00", #""robot_id":"R-1""#),
                Self.line("demand.completed", "10:21:00", #""delivery_id":"D-1","robot_id":"R-1""#),
            ], clock: .lastEvent)
        func begin(_ reader: [String: String]) throws -> String? {
            let story = try place.service.get("deliveries/D-1", reader).json
            let silences = story["silences"] as? [[String: Any]]
            return silences?.first?["started_at"] as? String ?? "\(story)"
        }
        #expect(try begin(place.free)?.hasPrefix("2026-11-02T09:40:00") == true)
        #expect(try begin(place.bound)?.hasPrefix("2026-11-02T10:00:00") == true)
        place.store.close()
    }

    /// An earlier event of the same id is somebody else's: the reader is told their own, and of others only theirs.
    @Test func anEventIsTheirsThoughAnEarlierOneOfItsIDIsNot() throws {
        func note(_ hour: Int, _ delivery: String) -> String {
            Self.line("delivery.note", "\(hour):30:00", #""event_id":"X","delivery_id":"\#(delivery)""#)
        }
        func demand(_ delivery: String, _ merchant: String) -> String {
            Self.line(
                "demand.created", "09:00:00", #""delivery_id":"\#(delivery)","merchant_id":"\#(merchant)""#)
        }
        let place = try Place([
            demand("D-1", "m-1"), demand("D-2", "m-2"), note(10, "D-2"), note(11, "D-1"), note(12, "D-2"),
            note(13, "D-1"),
        ])
        defer { place.store.close() }
        for path in ["events/X", "events/X/explain"] {
            let bound = try place.service.get(path, place.bound)
            #expect(bound.status == 200, "\(path)")
            let event = bound.json["event"] as? [String: Any] ?? bound.json
            #expect(event["occurred_at"] as? String == "2026-11-02T11:30:00.000000Z", "\(path)")
            #expect(event["others"] as? [String] == ["2026-11-02T13:30:00.000000Z"], "\(path)")
            #expect(!bound.text.contains("D-2"))
        }
        #expect(try place.service.get("events/X?at=2026-11-02T12:30:00Z", place.bound).status == 404)
        let free = try place.service.get("events/X", place.free).json
        #expect(free["occurred_at"] as? String == "2026-11-02T10:30:00.000000Z")
        #expect((free["others"] as? [String])?.count == 3)
    }
}
