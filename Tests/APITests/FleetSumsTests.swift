import EngineUnderTest
import Foundation
import Testing

/// What the store adds up for the whole fleet is what its robots' hours come to.
@Suite struct FleetSumsTests {
    @Test func statesOfMoreThanADayCountToo() throws {
        func line(_ at: String, _ event: String, _ rest: String) -> String {
            #"{"event":"\#(event)","timestamp":"\#(at)","event_id":"\#(at) \#(event)",\#(rest)}"#
        }
        let service = try ServiceUnderTest(of: [
            line("2026-11-02T06:30:00Z", "robot.deployed", #""robot_id":"R-1""#),
            line("2026-11-04T09:15:00Z", "robot.grounded", #""robot_id":"R-1","reason":"LID""#),
            line("2026-11-05T20:45:00Z", "robot.deployed", #""robot_id":"R-1""#),
            line("2026-11-03T10:00:00Z", "robot.deployed", #""robot_id":"R-2""#),
            line("2026-11-03T11:00:00Z", "robot.parked", #""robot_id":"R-2""#),
            line("2026-11-06T00:00:00Z", "robot.parked", #""robot_id":"R-3""#),
        ])
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

    /// Of a large fleet the page draws the hours of the robots that were down most: the same hours as among all.
    @Test func theWorstRobotsAreThoseThatWereDownMost() throws {
        let (service, _) = try ServiceUnderTest.simulated()
        let range = "from=2026-11-02T08:00:00Z&to=2026-11-02T20:00:00Z&by=robot"
        func down(_ rows: [[String: Any]]) -> [String: Double] {
            rows.reduce(into: [:]) { sums, row in
                sums[row["key"] as? String ?? "", default: 0] += row["downtime_seconds"] as? Double ?? 0
            }
        }
        func hours(_ rows: [[String: Any]], of robots: Set<String>) -> [String: Double] {
            rows.filter { robots.contains($0["key"] as? String ?? "") }.reduce(into: [:]) { sums, row in
                sums["\(row["key"] ?? "") \(row["at"] ?? "")"] = row["downtime_seconds"] as? Double ?? 0
            }
        }
        for more in ["", "&zone=riverside"] {
            let all = try service.get("fleet/utilization?\(range)\(more)")
            let worst = try service.get("fleet/utilization?\(range)&worst=3\(more)")
            #expect(worst.status == 200, "\(worst.text)")
            let robots = Set(worst.rows.compactMap { $0["key"] as? String })
            #expect(robots.count == 3)
            let sums = down(all.rows)
            let least = try #require(robots.map { sums[$0] ?? 0 }.min())
            #expect(least > 0)
            #expect(sums.allSatisfy { robots.contains($0.key) || $0.value <= least })
            #expect(hours(worst.rows, of: robots) == hours(all.rows, of: robots))
            let (one, other) = (
                try #require(worst.json["totals"] as? [String: Double]),
                try #require(all.json["totals"] as? [String: Double])
            )
            #expect(one.keys == other.keys)
            #expect(one.allSatisfy { abs($0.value - (other[$0.key] ?? .infinity)) < 0.001 })
        }
        #expect(try service.get("fleet/utilization?worst=3").status == 422)
    }

    /// A figure of a zone opens to the intervals that it is of.
    @Test func aZonesDowntimeOpensToItsIntervals() throws {
        let (service, _) = try ServiceUnderTest.simulated()
        let range = "from=2026-11-02T10:00:00Z&to=2026-11-02T12:00:00Z"
        func count(_ more: String) throws -> Int {
            let told = try service.get("fleet/downtime?\(range)\(more)").rows
            let count = told.reduce(0) { $0 + ($1["intervals"] as? Int ?? 0) }
            let rows = try service.get("fleet/downtime/intervals?\(range)\(more)&limit=500")
            #expect(rows.status == 200, "\(rows.text)")
            #expect(rows.rows.count == count, "\(more)")
            return count
        }
        let all = try count("")
        let zones = try service.get("fleet/utilization?\(range)&by=zone&bucket=all").rows
            .compactMap { $0["key"] as? String }
        let counts = try zones.map { try count("&zone=\($0)") }
        #expect(all > 0 && counts.contains { $0 > 0 && $0 < all }, "\(all) \(counts)")
    }

    /// Operating time is known by whole hours, so failures are counted over the same.
    @Test func failuresAreOfTheHoursThatTheyAreDividedInto() throws {
        func line(_ at: String, _ event: String) -> String {
            #"{"event":"\#(event)","timestamp":"2026-11-02T\#(at):00Z","event_id":"\#(at)","robot_id":"R-1"}"#
        }
        let service = try ServiceUnderTest(of: [
            line("09:50", "robot.deployed"), line("10:10", "robot.grounded"),
            line("10:20", "robot.deployed"), line("11:00", "robot.grounded"),
            line("11:05", "robot.deployed"), line("11:40", "robot.grounded"),
            line("11:45", "robot.deployed"), line("12:30", "robot.parked"),
        ])
        for route in ["fleet/reliability", "robots/R-1"] {
            func told(_ from: String, _ to: String) throws -> NSDictionary {
                let reply = try service.get("\(route)?from=2026-11-02T\(from):00Z&to=2026-11-02T\(to):00Z")
                #expect(reply.status == 200, "\(reply.text)")
                let key = route.hasPrefix("fleet") ? "fleet" : "reliability"
                return try #require(reply.json[key] as? NSDictionary)
            }
            let whole = try told("10:00", "12:00")
            #expect(whole["failures"] as? Int == 3 && whole["repairs"] as? Int == 3)
            #expect(whole["operating_seconds"] as? Double == 6000)
            #expect(whole["mtbf_seconds"] as? Double == 2000)
            #expect(try told("10:30", "11:30") == whole, "\(route)")
        }
        let range =
            try service.get(
                "fleet/reliability?from=2026-11-02T10:30:00Z&to=2026-11-02T11:30:00Z"
            ).json["range"] as? [String: String]
        #expect(range?["from"]?.hasPrefix("2026-11-02T10:00:00") == true)
        #expect(range?["to"]?.hasPrefix("2026-11-02T12:00:00") == true)
    }

    /// Who asks for the worst robots gets the first of the list of all, and the figures of all.
    @Test func theWorstAreTheFirstOfAll() throws {
        let (service, _) = try ServiceUnderTest.simulated()
        // So short that some robots failed, and others did not.
        let range = "from=2026-11-02T12:00:00Z&to=2026-11-02T13:00:00Z"
        func told(_ path: String) throws -> (rows: [NSDictionary], whole: [String: Any]) {
            let reply = try service.get("fleet/\(path)&\(range)")
            #expect(reply.status == 200, "\(reply.text)")
            return (reply.rows.map { $0 as NSDictionary }, reply.json)
        }
        func alike(_ one: Any?, _ other: Any?) throws -> Bool {
            let (one, other) = (
                try #require(one as? [String: Any]), try #require(other as? [String: Any])
            )
            return Set(one.keys) == Set(other.keys)
                && one.allSatisfy { key, value in
                    guard let first = value as? Double, let second = other[key] as? Double else {
                        return (value as? NSObject) == (other[key] as? NSObject)
                    }
                    return abs(first - second) < 0.001
                }
        }
        let all = try told("reliability?")
        #expect(all.rows.count > 3 && all.whole["complete"] as? Bool == true)
        let failing = all.rows.count { ($0["failures"] as? Int ?? 0) > 0 }
        #expect(failing > 2 && failing < all.rows.count, "both ways of finding them are tried: \(failing)")
        for count in [1, 2, failing, all.rows.count - 1, all.rows.count, 1000] {
            let worst = try told("reliability?worst=\(count)")
            #expect(worst.rows == Array(all.rows.prefix(count)), "\(count)")
            #expect(worst.whole["complete"] as? Bool == (count >= all.rows.count), "\(count)")
            #expect(try alike(worst.whole["fleet"], all.whole["fleet"]), "\(count)")
        }
        for bucket in ["all", "hour"] {
            let hours = try told("utilization?by=robot&bucket=\(bucket)")
            var down: [String: Double] = [:]
            for row in hours.rows {
                down[row["key"] as? String ?? "", default: 0] += row["downtime_seconds"] as? Double ?? 0
            }
            let most = down.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(2).map(\.key)
            let worst = try told("utilization?by=robot&bucket=\(bucket)&worst=2")
            #expect(
                worst.rows == hours.rows.filter { most.contains($0["key"] as? String ?? "") }, "\(bucket)")
            #expect(try alike(worst.whole["totals"], hours.whole["totals"]))
            #expect(worst.whole["robots"] as? Int == down.count)
        }
    }
}
