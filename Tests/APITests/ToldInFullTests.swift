import EngineUnderTest
import Foundation
import Testing

/// What whoever reads one answer alone must be told: why it ended, when, and how far it is known.
@Suite struct ToldInFullTests {
    private static func line(_ event: String, _ time: String, _ more: String) -> String {
        #"{"event":"\#(event)","timestamp":"2026-11-\#(time)Z",\#(more)}"#
    }

    private func service() throws -> ServiceUnderTest {
        try ServiceUnderTest(of: [
            Self.line("demand.created", "02T10:00:00", #""delivery_id":"D-1","merchant_id":"m-1""#),
            Self.line("demand.canceled", "02T10:05:00", #""delivery_id":"D-1","reason":"customer""#),
            Self.line("demand.created", "02T11:00:00", #""delivery_id":"D-2","merchant_id":"m-1""#),
            Self.line("demand.canceled", "02T11:05:00", #""delivery_id":"D-2","reason":"none""#),
            Self.line(
                "offer.rejected", "02T12:00:00", #""offer_id":"O-1","rejection_reason":"store_closed""#),
            Self.line("robot.deployed", "02T22:00:00", #""robot_id":"R-1""#),
            Self.line(
                "robot.error", "02T23:00:00",
                #""robot_id":"R-1","event_id":"e-1","error":{"code":"COMMS_LOST"}"#),
            Self.line("robot.state_changed", "03T09:00:00", #""robot_id":"R-1","to_state":"parked""#),
        ])
    }

    /// A delivery that was called off, or an offer that was refused, says first for what.
    @Test func theReasonOfTheEndComesFirst() throws {
        let service = try service()
        func verdict(_ id: String) throws -> [String: Any] {
            let all = try service.get("deliveries/\(id)").json["verdict"] as? [[String: Any]]
            return try #require(all?.first)
        }
        let canceled = try verdict("D-1")
        #expect(canceled["kind"] as? String == "ended")
        #expect(canceled["text"] as? String == "Canceled for: customer (demand.canceled at 10:05:00).")
        #expect(canceled["at"] as? String == "2026-11-02T10:05:00.000000Z" && canceled["event_id"] is String)
        // `none` is no reason.
        #expect(try verdict("D-2")["kind"] as? String != "ended")
        let refused = try verdict("offer:O-1")
        #expect(refused["text"] as? String == "Rejected for: store_closed (offer.rejected at 12:00:00).")
        #expect(try service.get("deliveries/D-1/text").text.contains("Canceled for: customer"))
    }

    /// The error itself is no payload: who may not see that is told it, as in a delivery's story.
    @Test func anEventTellsItsErrorWithoutItsPayload() throws {
        let service = try service()
        for path in ["events/e-1", "events/e-1/explain"] {
            let json = try service.get(path).json
            let event = json["event"] as? [String: Any] ?? json
            #expect(event["error_code"] as? String == "COMMS_LOST" && event["is_error"] as? Bool == true)
            #expect(event["reason"] is NSNull)
        }
    }

    /// Instants of another day have their day, and of what is not known yet it is said.
    @Test func whatARobotDidIsToldWithItsDay() throws {
        let service = try service()
        func told(_ time: String) throws -> String {
            try service.get("robots/R-1/at?time=\(time)").json["sentence"] as? String ?? ""
        }
        #expect(
            try told("2026-11-02T22:30:00Z")
                == "At 2026-11-02 22:30:00 UTC: deployed (since 22:00:00); next 2026-11-03 09:00:00: parked.")
        #expect(
            try told("2026-11-03T08:00:00Z")
                == "At 2026-11-03 08:00:00 UTC: deployed (since 2026-11-02 22:00:00); next 09:00:00: parked.")
        #expect(
            try told("2030-11-02T10:14:00Z")
                == "At 2030-11-02 10:14:00 UTC: not known yet, the newest event is of 2026-11-03 09:00:00; by then "
                + "parked (since 2026-11-03 09:00:00).")
    }

    /// A cursor goes on in the list that it is of, whole, and nowhere else.
    @Test func aCursorIsOfOneList() throws {
        let (service, _) = try ServiceUnderTest.simulated()
        let next = try #require(try service.get("sessions?limit=5").json["next"] as? String)
        #expect(try service.get("sessions?limit=5&cursor=\(next)").status == 200)
        for path in ["orphans", "fleet/failures", "fleet/downtime/intervals"] {
            #expect(try service.get("\(path)?cursor=\(next)").status == 400, "\(path)")
        }
        for less in 1...4 {
            #expect(try service.get("sessions?limit=5&cursor=\(next.dropLast(less))").status == 400)
        }
    }

    /// RFC 9110, 13.1.2: tags are compared weakly, and `*` is any.
    @Test func aTagIsComparedWeakly() throws {
        let (service, _) = try ServiceUnderTest.simulated()
        let tag = try #require(try service.get("home").header("ETag"))
        for known in [tag, String(tag.dropFirst(2)), "*", "\"x\", \(tag)"] {
            #expect(try service.get("home", ["If-None-Match": known]).status == 304, "\(known)")
        }
        #expect(try service.get("home", ["If-None-Match": "\"\""]).status == 200)
    }
}
