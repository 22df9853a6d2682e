import EngineUnderTest
import Foundation
import Testing

/// The errors of a robot: all that the fleet's hours count, and what is left out is said.
@Suite struct RobotErrorsTests {
    @Test func theFleetsNumberLeadsToThem() throws {
        let (service, _) = try ServiceUnderTest.simulated()
        let range = "from=2026-11-02T08:00:00Z&to=2026-11-02T20:00:00Z"
        let rows = try service.get("fleet/utilization?by=robot&bucket=all&\(range)").rows
        var all = 0
        for row in rows {
            let robot = try #require(row["key"] as? String)
            let timeline = try service.get("robots/\(robot)/timeline?\(range)").json
            let count = try #require(row["error_count"] as? Int)
            #expect(timeline["errors_total"] as? Int == count, "\(robot)")
            #expect((timeline["errors"] as? [[String: Any]])?.count == count, "\(robot)")
            all += count
        }
        #expect(all > 50)
    }

    /// An error that names its delivery counts too.
    @Test func aCutListSaysSo() throws {
        let minute = { (n: Int) in n < 10 ? "0\(n)" : "\(n)" }
        var lines = [
            #"{"event":"robot.error","timestamp":"2026-11-02T10:00:00Z","robot_id":"R1","delivery_id":"D1","error":{"code":"NAMED"}}"#
        ]
        for n in 0..<5002 {
            let time = "11:\(minute(n / 60 % 60)):\(minute(n % 60)).\(n / 3600)"
            lines.append(
                #"{"event":"robot.error","timestamp":"2026-11-02T\#(time)Z","robot_id":"R1","error":{"code":"E"}}"#
            )
        }
        let service = try ServiceUnderTest(of: lines)
        let timeline = try service.get("robots/R1/timeline?day=2026-11-02").json
        let errors = try #require(timeline["errors"] as? [[String: Any]])
        #expect(errors.count == 5000 && timeline["errors_total"] as? Int == 5003)
        #expect(errors.first?["error_code"] as? String == "NAMED")
        let last = try #require(errors.last?["occurred_at"] as? String)
        let rest = try service.get("robots/R1/timeline?from=\(last)&to=2026-11-03T00:00:00Z").json
        #expect(rest["errors_total"] as? Int == 4 && (rest["errors"] as? [[String: Any]])?.count == 4)
    }
}
