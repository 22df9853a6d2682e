import EngineUnderTest
import Foundation
import Testing

/// What whoever reads one answer alone must be told: why it ended, when, and how far it is known.
@Suite struct ToldInFullTests {
    private static func line(_ event: String, _ time: String, _ more: String) -> String {
        #"{"event":"\#(event)","timestamp":"2026-11-\#(time)Z",\#(more)}"#
    }

    /// A delivery that was called off, one for no reason, and an offer that was refused.
    private static let ended = [
        line("demand.created", "02T10:00:00", #""delivery_id":"D-1","merchant_id":"m-1""#),
        line("demand.canceled", "02T10:05:00", #""delivery_id":"D-1","reason":"customer""#),
        line("demand.created", "02T11:00:00", #""delivery_id":"D-2","merchant_id":"m-1""#),
        line("demand.canceled", "02T11:05:00", #""delivery_id":"D-2","reason":"none""#),
        line(
            "offer.rejected", "02T12:00:00", #""offer_id":"O-1","rejection_reason":"store_closed""#),
    ]

    private func service() throws -> ServiceUnderTest {
        try ServiceUnderTest(
            of: Self.ended + [
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

    /// Lists say so, too: of whatever named the session, and of failures that told no code.
    @Test func listsTellTheReasonOfTheEnd() throws {
        let lines =
            Self.ended + [
                // Told of its demand, whose delivery it is.
                Self.line("demand.created", "02T13:00:00", #""demand_id":"DM-3","delivery_id":"D-3""#),
                Self.line("demand.canceled", "02T13:05:00", #""demand_id":"DM-3","reason":"no robot""#),
                Self.line("delivery.failed", "02T14:00:00", #""delivery_id":"D-4","reason":"gave up""#),
                Self.line(
                    "delivery.failed", "02T15:00:00",
                    #""delivery_id":"D-5","reason":"gave up","error":{"code":"LOST"}"#),
                // A reason of what it did not end with.
                Self.line("demand.created", "02T16:00:00", #""delivery_id":"D-6","reason":"lunch""#),
                Self.line("demand.canceled", "02T16:05:00", #""delivery_id":"D-6""#),
                Self.line(
                    "delivery.dropoff_completed", "02T17:00:00", #""delivery_id":"D-7","reason":"done""#),
            ]
        let service = try ServiceUnderTest(of: lines)
        let told = [
            "delivery:D-1": "customer", "delivery:D-2": "-", "offer:O-1": "store_closed",
            "delivery:D-3": "no robot", "delivery:D-4": "gave up", "delivery:D-5": "-", "delivery:D-6": "-",
            "delivery:D-7": "-",
        ]
        func reason(_ row: [String: Any]) throws -> String {
            let reason = try #require(row["outcome_reason"])
            return reason is NSNull ? "-" : try #require(reason as? String)
        }
        var listed: [String: String] = [:]
        for row in try service.get("sessions?kind=delivery&kind=offer").rows {
            listed[try #require(row["session_id"] as? String)] = try reason(row)
        }
        #expect(listed == told)
        for (id, expected) in told {
            for path in ["sessions/\(id)", "deliveries/\(id)"] {
                let session = try #require(try service.get(path).json["session"] as? [String: Any])
                #expect(try reason(session) == expected, "\(path)")
            }
            let verdict = try service.get("deliveries/\(id)").json["verdict"] as? [[String: Any]] ?? []
            let ended = verdict.first { $0["kind"] as? String == "ended" }?["text"] as? String
            #expect(
                ended?.contains(" for: \(expected) (") ?? (expected == "-"), "\(id): \(ended ?? "nothing")")
        }
        #expect(try service.client.get("/sessions.csv?kind=offer").text.contains(",store_closed,"))
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
