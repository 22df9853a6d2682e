import EngineUnderTest
import Foundation
import Testing

/// What the store adds up for the whole fleet is what its robots' hours come to.
@Suite struct FleetSumsTests {
    @Test func statesOfMoreThanADayCountToo() throws {
        let folder = try Folder()
        let store = try StoreUnderTest(path: folder.path("long.db"), maxResident: 100)
        func line(_ at: String, _ event: String, _ rest: String) -> String {
            #"{"event":"\#(event)","timestamp":"\#(at)","event_id":"\#(at) \#(event)",\#(rest)}"#
        }
        _ = try store.ingest([
            line("2026-11-02T06:30:00Z", "robot.deployed", #""robot_id":"R-1""#),
            line("2026-11-04T09:15:00Z", "robot.grounded", #""robot_id":"R-1","reason":"LID""#),
            line("2026-11-05T20:45:00Z", "robot.deployed", #""robot_id":"R-1""#),
            line("2026-11-03T10:00:00Z", "robot.deployed", #""robot_id":"R-2""#),
            line("2026-11-03T11:00:00Z", "robot.parked", #""robot_id":"R-2""#),
            line("2026-11-06T00:00:00Z", "robot.parked", #""robot_id":"R-3""#),
        ])
        store.close()
        let service = try ServiceUnderTest(store: folder.path("long.db"), folder: folder)
        let range = "from=2026-11-02T00:00:00Z&to=2026-11-06T00:00:00Z"
        func totals(_ more: String) throws -> [String: Double] {
            let reply = try service.get("fleet/utilization?\(range)&\(more)")
            #expect(reply.status == 200, "\(reply.text)")
            return try #require(reply.json["totals"] as? [String: Double])
        }
        let whole = try totals("bucket=hour")
        #expect(try totals("by=robot") == whole)
        #expect(try totals("bucket=all") == whole)
        // 50 h 45 min until it was grounded, 3 h 15 min from then to the range's end; an hour of R-2.
        #expect(whole["usable_seconds"] == 50.75 * 3600 + 3.25 * 3600 + 3600)
        #expect(whole["downtime_seconds"] == 35.5 * 3600)
        // Each hour by itself, too.
        func hours(_ more: String) throws -> [String: Double] {
            let reply = try service.get("fleet/utilization?\(range)&bucket=hour&\(more)")
            var found: [String: Double] = [:]
            for row in reply.rows {
                found[row["at"] as? String ?? "", default: 0] += row["usable_seconds"] as? Double ?? 0
            }
            return found
        }
        #expect(try hours("by=none") == hours("by=robot"))
        #expect(try hours("by=none").count == 90)
        let reliability = try service.get("fleet/reliability?\(range)")
        let fleet = try #require(reliability.json["fleet"] as? [String: Any])
        #expect(fleet["operating_seconds"] as? Double == whole["usable_seconds"])
        #expect(fleet["failures"] as? Int == 1)
    }
}
