import EngineUnderTest
import FleetSimulator
import Foundation
import SQLiteStore
import SessionStore
import Testing

/// The fleet's figures beside those of a week before, held against the tables by SQL.
@Suite struct WeekBeforeTests {
    private struct NineDays {
        let folder: Folder
        let service: ServiceUnderTest
        let tables: SQLiteReader

        init() throws {
            folder = try Folder()
            let path = folder.path("days.db")
            var options = FleetOptions()
            options.seed = 9
            options.days = 9
            options.robots = 5
            options.deliveriesPerDay = 25
            options.faultsPerRobotHour = 1
            let fleet = try FleetSimulator(options)
            var lines: [String] = []
            while fleet.advance({ line, _ in lines.append(String(decoding: line, as: UTF8.self)) }) {
                _ = fleet.takeTruth()
            }
            let store = try StoreUnderTest(path: path, maxResident: 5000)
            for start in stride(from: 0, to: lines.count, by: 5000) {
                _ = try store.ingest(Array(lines[start..<min(start + 5000, lines.count)]))
            }
            store.close()
            service = try ServiceUnderTest(store: path, folder: folder)
            tables = try SQLiteReader(path: path)
        }

        /// Seconds in states within a range, by a look at each interval; those of one reason.
        func seconds(_ states: [String], from: String, to: String, reason: String? = nil) throws -> Double {
            let list = states.map { "'\($0)'" }.joined(separator: ", ")
            let also = reason.map { " AND coalesce(reason, '') = '\($0)'" } ?? ""
            return try tables.rows(
                """
                WITH r(a, b) AS (SELECT unixepoch('\(from)') * 1000000, unixepoch('\(to)') * 1000000)
                SELECT sum(max(0, min(coalesce(ended_at, (SELECT max(last_event_at) FROM freshness)), b) - max(started_at, a))) / 1e6 AS n
                FROM robot_states, r WHERE state IN (\(list))\(also)
                """, []
            ).first?.number("n") ?? 0
        }

        func states(_ kind: String) throws -> [String] {
            let text = try #require(
                tables.rows("SELECT value FROM meta WHERE key = '\(kind)_states'", []).first?.text("value"))
            return try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String])
        }
    }

    @Test func theFiguresAreThoseOfTheTables() throws {
        let days = try NineDays()
        let (from, to) = ("2026-11-09T00:00:00Z", "2026-11-10T00:00:00Z")
        let (oldFrom, oldTo) = ("2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z")
        let range = "from=\(from)&to=\(to)"
        let told = try days.service.get("fleet/utilization?\(range)&compare=week_before").json
        let before = try #require(told["week_before"] as? [String: Any])
        #expect(before["known"] as? Bool == true)
        let totals = try #require(before["totals"] as? [String: Double])
        let now = try #require(before["totals_now"] as? [String: Double])
        #expect(now == told["totals"] as? [String: Double])
        for (key, kind) in [("usable_seconds", "usable"), ("downtime_seconds", "downtime")] {
            let states = try days.states(kind)
            let expected = try days.seconds(states, from: oldFrom, to: oldTo)
            #expect(abs((totals[key] ?? .nan) - expected) < 0.01 && expected > 0, "\(key)")
            let current = try days.seconds(states, from: from, to: to)
            #expect(abs((now[key] ?? .nan) - current) < 0.01 && current != expected, "\(key)")
        }
        let completed = try days.tables.rows(
            """
            SELECT sum(deliveries_completed) AS n FROM robot_hourly
            WHERE hour >= unixepoch('\(oldFrom)') * 1000000 AND hour < unixepoch('\(oldTo)') * 1000000
            """, []
        ).first?.number("n")
        #expect(totals["deliveries_completed"] == completed)
        // The same as asking for the week before itself, in a zone too.
        let zones = try days.service.get("fleet/utilization?\(range)&by=zone&bucket=all").rows
        let zone = try #require(zones.compactMap { $0["key"] as? String }.first)
        let own = try days.service.get("fleet/utilization?from=\(oldFrom)&to=\(oldTo)&zone=\(zone)").json
        let zoned = try days.service.get("fleet/utilization?\(range)&zone=\(zone)&compare=week_before").json
        let beside = try #require(zoned["week_before"] as? [String: Any])
        #expect(beside["totals"] as? [String: Double] == own["totals"] as? [String: Double])

        let down = try days.service.get("fleet/downtime?\(range)&compare=week_before").json
        let downBefore = try #require(down["week_before"] as? [String: Any])
        let downtime = try days.states("downtime")
        let all = try days.seconds(downtime, from: oldFrom, to: oldTo)
        #expect(abs(try #require(downBefore["seconds"] as? Double) - all) < 0.01)
        let rows = try #require(downBefore["rows"] as? [[String: Any]])
        #expect(rows.count > 1)
        for row in rows {
            let reason = try #require(row["key"] as? String)
            let expected = try days.seconds(downtime, from: oldFrom, to: oldTo, reason: reason)
            #expect(abs(try #require(row["seconds"] as? Double) - expected) < 0.01, "\(reason)")
            let current = try days.seconds(downtime, from: from, to: to, reason: reason)
            #expect(abs(try #require(row["seconds_now"] as? Double) - current) < 0.01, "\(reason)")
        }
    }

    /// What is known is asked of the same robots as the figures, and each hour of the week before counts.
    @Test func aHoleInAZonesWeekBeforeIsTold() throws {
        func line(_ at: String, _ event: String, _ robot: String, _ zone: String) -> String {
            #"{"event":"\#(event)","timestamp":"\#(at):00Z","event_id":"\#(at) \#(robot)","robot_id":"\#(robot)","zone_id":"\#(zone)"}"#
        }
        let service = try ServiceUnderTest(of: [
            line("2026-11-01T22:00", "robot.deployed", "R-1", "north"),
            line("2026-11-02T10:00", "robot.heartbeat", "R-1", "south"),
            line("2026-11-02T12:00", "robot.heartbeat", "R-1", "north"),
            line("2026-11-09T06:00", "robot.deployed", "R-2", "west"),
            line("2026-11-10T00:00", "robot.heartbeat", "R-1", "north"),
        ])
        func before(_ route: String, _ more: String) throws -> [String: Any] {
            let range = "from=2026-11-09T00:00:00Z&to=2026-11-10T00:00:00Z&compare=week_before"
            let reply = try service.get("fleet/\(route)?\(range)\(more)")
            return try #require(reply.json["week_before"] as? [String: Any], "\(reply.text)")
        }
        for route in ["utilization", "downtime"] {
            let fleet = try before(route, "")
            #expect(fleet["known"] as? Bool == true && fleet["whole"] as? Bool == true, "\(fleet)")
            let north = try before(route, "&zone=north")
            #expect(north["known"] as? Bool == true && north["whole"] as? Bool == false, "\(north)")
            let sentence = try #require(north["sentence"] as? String)
            #expect(
                sentence.contains("nothing is known in 2 of 24 hours, the first at 2026-11-02 10:00"),
                "\(sentence)")
            for filter in ["&zone=west", "&robot=R-2"] {
                let none = try before(route, filter)
                #expect(none["known"] as? Bool == false && none["whole"] as? Bool == false, "\(filter)")
                #expect((none["sentence"] as? String)?.contains("nothing to compare with") == true)
            }
        }
    }

    @Test func whereThereIsNothingToCompareWithItSaysSo() throws {
        let days = try NineDays()
        func before(_ range: String) throws -> [String: Any] {
            let told = try days.service.get("fleet/utilization?\(range)&compare=week_before").json
            return try #require(told["week_before"] as? [String: Any])
        }
        let none = try before("from=2026-11-04T00:00:00Z&to=2026-11-05T00:00:00Z")
        #expect(none["known"] as? Bool == false && none["totals"] is NSNull)
        #expect((none["sentence"] as? String)?.contains("nothing to compare with") == true)
        let downtime = try days.service.get(
            "fleet/downtime?from=2026-11-04T00:00:00Z&to=2026-11-05T00:00:00Z&compare=week_before"
        ).json
        #expect((downtime["week_before"] as? [String: Any])?["seconds"] is NSNull)
        // Half of it lies before the first event.
        let half = try before("from=2026-11-08T12:00:00Z&to=2026-11-09T12:00:00Z")
        #expect(half["known"] as? Bool == true && half["whole"] as? Bool == false)
        #expect((half["sentence"] as? String)?.contains("nothing is known before 2026-11-02") == true)
        // Of a day that is not over, the hours that are.
        let last = try #require(
            days.tables.rows("SELECT max(last_event_at) AS at FROM freshness", []).first?.integer("at"))
        let end = InstantText.hour(last)
        let open = try before("from=2026-11-10T00:00:00Z&to=2026-11-13T00:00:00Z")
        let compared = try #require(open["compared"] as? [String: String])
        let range = try #require(open["range"] as? [String: String])
        #expect(compared["to"] == InstantText.text(end))
        #expect(range["to"] == InstantText.text(end - 7 * 86_400_000_000))
        let usable = try #require((open["totals_now"] as? [String: Double])?["usable_seconds"])
        let expected = try days.seconds(
            days.states("usable"), from: "2026-11-10T00:00:00Z", to: InstantText.text(end))
        #expect(abs(usable - expected) < 0.01)
        // Nobody asked: nothing is told. A range that has not begun has nothing to compare either.
        #expect(try days.service.get("fleet/utilization").json["week_before"] == nil)
        #expect(
            try days.service.get(
                "fleet/utilization?from=2027-01-01T00:00:00Z&to=2027-01-02T00:00:00Z&compare=week_before"
            ).json["week_before"] == nil)
        #expect(try days.service.get("fleet/utilization?compare=yesterday").status == 422)
    }
}

/// Instants as the API writes them.
private enum InstantText {
    static func hour(_ instant: Int64) -> Int64 { instant - instant % 3_600_000_000 }

    static func text(_ instant: Int64) -> String {
        let formatter = ISO8601DateFormatter()
        return formatter.string(from: Date(timeIntervalSince1970: Double(instant / 1_000_000)))
            .replacing("Z", with: ".000000Z")
    }
}
