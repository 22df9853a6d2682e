import EngineUnderTest
import Foundation
import SQLiteStore
import SessionStore
import Testing

@testable import SessionAPI

/// Every figure of the fleet opens to exactly the rows that it counts, on the simulated day.
@Suite struct FiguresTests {
    private let day = "from=2026-11-02T00:00:00Z&to=2026-11-03T00:00:00Z"
    private let closed = "closed_from=2026-11-02T00:00:00Z&closed_to=2026-11-03T00:00:00Z"
    private let kinds = SessionQuery.anyKind

    /// All pages of a list.
    private func rows(_ service: ServiceUnderTest, _ path: String) throws -> [[String: Any]] {
        var rows: [[String: Any]] = []
        var next: String?
        repeat {
            let reply = try service.get("\(path)&limit=100\(next.map { "&cursor=\($0)" } ?? "")")
            try #require(reply.status == 200, "\(path): \(reply.text)")
            rows += reply.rows
            next = reply.json["next"] as? String
        } while next != nil
        return rows
    }

    private func sum(_ rows: [[String: Any]], _ key: String) -> Double {
        rows.reduce(0) { $0 + (($1[key] as? NSNumber)?.doubleValue ?? 0) }
    }

    @Test func completedDeliveriesAreThoseCompletedInTheRange() throws {
        let (service, _) = try ServiceUnderTest.simulated()
        func completed(_ query: String) throws -> Int {
            let totals = try service.get("fleet/utilization?\(query)").json["totals"] as? [String: Any]
            return try #require(totals?["deliveries_completed"] as? Int)
        }
        let all = try completed(day)
        #expect(all > 100)
        #expect(
            try rows(service, "sessions?outcome=completed&\(kinds)&with_robot=true&\(closed)").count == all)
        // An hour in which deliveries end that began before it.
        let hour = "2026-11-02T12:00:00Z&%to=2026-11-02T13:00:00Z"
        func range(_ prefix: String) -> String {
            "\(prefix)from=" + hour.replacing("%", with: prefix)
        }
        let inHour = try completed(range(""))
        let listed = try rows(
            service, "sessions?outcome=completed&\(kinds)&with_robot=true&\(range("closed_"))")
        #expect(listed.count == inHour && inHour > 0)
        #expect(listed.contains { ($0["first_event_at"] as? String ?? "") < "2026-11-02T12" })
        // By zone of the robot, and by robot.
        for by in [("zone", "robot_zone"), ("robot", "last_robot")] {
            let parts = try service.get("fleet/utilization?\(day)&by=\(by.0)&bucket=all").rows
            #expect(parts.count > 1)
            var counted = 0
            for part in parts {
                guard let key = part["key"] as? String else { continue }
                let count = try #require(part["deliveries_completed"] as? Int)
                let own = try rows(
                    service,
                    "sessions?outcome=completed&\(kinds)&with_robot=true&\(closed)&\(by.1)=\(key)")
                #expect(own.count == count, "\(by.1) \(key)")
                counted += count
            }
            #expect(counted > 0)
        }
    }

    @Test func reliabilityIsOfItsRows() throws {
        let (service, _) = try ServiceUnderTest.simulated()
        let told = try service.get("fleet/reliability?\(day)")
        let fleet = try #require(told.json["fleet"] as? [String: Any])
        #expect((fleet["failures"] as? Int ?? 0) > 5 && (fleet["interventions"] as? Int ?? 0) > 0)
        for row in [fleet] + told.rows.prefix(8) {
            let robot = (row["robot_id"] as? String).map { "&robot=\($0)" } ?? ""
            let last = (row["robot_id"] as? String).map { "&last_robot=\($0)" } ?? "&with_robot=true"
            let failures = try rows(service, "fleet/failures?\(day)\(robot)")
            #expect(failures.count == row["failures"] as? Int, "\(robot)")
            let repairs = try rows(service, "fleet/failures?\(day)\(robot)&repaired=true")
            #expect(repairs.count == row["repairs"] as? Int, "\(robot)")
            if let mean = (row["mttr_seconds"] as? NSNumber)?.doubleValue {
                #expect(abs(sum(repairs, "repair_seconds") / Double(repairs.count) - mean) < 0.001)
            }
            let totals = try service.get("fleet/failures?\(day)\(robot)").json["totals"] as? [String: Any]
            #expect(totals?["failures"] as? Int == failures.count)
            #expect(
                (totals?["operating_seconds"] as? NSNumber)?.doubleValue
                    == (row["operating_seconds"] as? NSNumber)?.doubleValue)
            let done = try rows(service, "sessions?outcome=completed&\(kinds)&\(closed)\(last)")
            #expect(done.count == row["deliveries_completed"] as? Int, "\(last)")
            let helped = try rows(service, "sessions?intervened=true&\(kinds)&\(closed)\(last)")
            #expect(
                Int(sum(helped, "rescue_count") + sum(helped, "pilot_handoff_count"))
                    == row["interventions"] as? Int, "\(last)")
        }
    }

    /// A failure's reason is that of the downtime that began with it, in both forms.
    @Test func failuresTellTheReasonsOfTheirDowntime() throws {
        let (service, _) = try ServiceUnderTest.simulated()
        func key(_ row: [String: Any], _ at: String) -> String { "\(row["robot_id"] ?? "") \(row[at] ?? "")" }
        var reasons: [String: String] = [:]
        for row in try rows(service, "fleet/downtime/intervals?\(day)") {
            reasons[key(row, "started_at")] = row["reason"] as? String
        }
        let failures = try rows(service, "fleet/failures?\(day)")
        #expect(failures.filter { $0["reason"] is String }.count > 5)
        for row in failures {
            #expect(row["reason"] as? String == reasons[key(row, "failed_at")], "\(row)")
        }
        let first = try #require(failures.first { $0["reason"] is String })
        let table = try service.client.get("/failures.csv?\(day)").text
        #expect(
            table.contains(
                "\(try #require(first["state"] as? String)),\(try #require(first["reason"] as? String)),"))
    }

    @Test func theFunnelLeadsToTheSessionsOfEachStep() throws {
        let (service, _) = try ServiceUnderTest.simulated()
        let told = try service.get("funnel?\(day)").json
        let steps = try #require(told["steps"] as? [[String: Any]])
        #expect(steps.compactMap { $0["step"] as? String } == SessionQuery.steps)
        let some = ["delivery", "demand", "quote", "offer"].map { "kind=\($0)" }.joined(separator: "&")
        var lost = 0
        for step in steps {
            let name = try #require(step["step"] as? String)
            #expect(
                try rows(service, "sessions?\(some)&\(day)&reached=\(name)").count == step["sessions"] as? Int
            )
            for loss in step["lost"] as? [[String: Any]] ?? [] {
                let outcome = try #require(loss["outcome"] as? String)
                let own = try rows(service, "sessions?\(some)&\(day)&stopped_at=\(name)&outcome=\(outcome)")
                #expect(own.count == loss["sessions"] as? Int, "\(name) \(outcome)")
                lost += own.count
            }
        }
        #expect(lost > 0)
        let failures = try #require(told["failures"] as? [[String: Any]])
        #expect(failures.count > 1)
        for failure in failures {
            let code = failure["failure_code"] as? String ?? ""
            let own = try rows(service, "sessions?\(some)&\(day)&failure=\(code)")
            #expect(own.count == failure["sessions"] as? Int, "\(code)")
        }
    }

    @Test func downtimeIsTheSumOfItsIntervals() throws {
        let (service, _) = try ServiceUnderTest.simulated()
        let range = "from=2026-11-02T10:00:00Z&to=2026-11-02T13:00:00Z"
        for more in ["", "&robot=R-003", "&robot=R-007"] {
            let totals =
                try service.get("fleet/utilization?\(range)\(more)").json["totals"] as? [String: Any]
            let seconds = try #require((totals?["downtime_seconds"] as? NSNumber)?.doubleValue)
            let own = try rows(service, "fleet/downtime/intervals?\(range)\(more)")
            #expect(abs(sum(own, "seconds_in_range") - seconds) < 0.01, "\(more)")
            if more.isEmpty { #expect(seconds > 0) }
        }
        // A cell of the heat map, and the robot's hour that it leads to.
        let cells = try service.get("fleet/utilization?\(range)&by=robot&bucket=hour").rows.filter {
            (($0["downtime_seconds"] as? NSNumber)?.doubleValue ?? 0) > 0
        }
        #expect(!cells.isEmpty)
        for cell in cells.prefix(10) {
            let (robot, at) = (cell["key"] as? String ?? "", cell["at"] as? String ?? "")
            let from = try #require(InstantFormat.parse(at))
            let to = InstantFormat.text(from + InstantFormat.hour)
            let there =
                try service.get("robots/\(robot)?from=\(at)&to=\(to)").json["totals"] as? [String: Any]
            #expect(
                (there?["downtime_seconds"] as? NSNumber)?.doubleValue
                    == (cell["downtime_seconds"] as? NSNumber)?.doubleValue, "\(robot) \(at)")
        }
    }

    /// A list as CSV has the rows of all its pages, and says where it is cut.
    @Test func listsAsTables() throws {
        let (service, _) = try ServiceUnderTest.simulated()
        func lines(_ address: String) throws -> [String] {
            let reply = try service.client.get(address)
            try #require(reply.status == 200 && reply.isWhole, "\(address): \(reply.text.prefix(300))")
            return reply.text.components(separatedBy: "\r\n").dropLast()
        }
        let sessions = try rows(service, "sessions?\(kinds)")
        let told = try lines("/sessions.csv?\(kinds)")
        #expect(told.count == sessions.count + 1 && told.count > 250)
        #expect(
            told.dropFirst().map { $0.split(separator: ",").first.map(String.init) }
                == sessions.map { $0["session_id"] as? String })
        #expect(
            told[0].hasPrefix("session_id,kind,delivery_id,demand_ids,") && told[0].contains(",assigned_at,"))
        #expect(try lines("/sessions.csv?\(kinds)&limit=7").count == 9)
        #expect(
            try lines("/sessions.csv?\(kinds)&limit=7").last
                == "# cut after 7 rows: use more filters or raise `limit`")
        #expect(try lines("/sessions.csv?\(kinds)&limit=\(sessions.count)").count == told.count)
        for (page, route) in [
            ("/failures.csv?\(day)", "fleet/failures?\(day)"),
            ("/reliability.csv?\(day)", "fleet/reliability?\(day)"),
            ("/downtime.csv?\(day)", "fleet/downtime/intervals?\(day)"),
            ("/robots.csv", "robots?class=usable"),
            ("/orphans.csv?\(day)", "orphans?\(day)"),
        ] {
            let count =
                route.hasPrefix("fleet/reliability")
                ? try service.get(route).rows.count
                : route.hasPrefix("robots")
                    ? try service.get("robots?limit=500").rows.count : try rows(service, route).count
            #expect(try lines(page).count == count + 1 && count > 0, "\(page)")
        }
        #expect(
            try lines("/quality.csv?\(day)").filter { $0.contains(",ok,") || $0.contains(",look,") }.count > 5
        )
        #expect(try service.client.get("/sessions.csv?cursor=x").status == 422)
        #expect(try service.client.get("/sessions.csv?error=a&nonsense=1").status == 422)
        let pilot = try #require(sessions.compactMap { $0["pilot_id"] as? String }.first)
        #expect(try lines("/pilots/\(pilot).csv?day=2026-11-02").count > 1)
    }

    /// Text from events gets its apostrophe here too; numbers do not.
    @Test func tablesOfListsAreGuardedToo() throws {
        let service = try ServiceUnderTest(of: [
            #"{"event":"delivery.failed","timestamp":"2026-11-02T10:00:00Z","delivery_id":"=1+1","merchant_id":"a,\"b\"\n","error":{"code":"-1","message":"@x"}}"#
        ])
        let told = try service.client.get("/sessions.csv").text
        #expect(told.contains("delivery:=1+1,delivery,\"'=1+1\",[],[],\"a,\"\"b\"\"\n\","), "\(told)")
        #expect(told.contains(",failed,\"'-1\",\"'@x\",\"'-1\",,2026-11-02T10:00:00.000000Z,"), "\(told)")
        #expect(try service.client.get("/sessions.csv?raw=true").text.contains(",failed,-1,@x,-1,"))
    }

    @Test func letterCaseAndErrorCodesAreFound() throws {
        let service = try ServiceUnderTest(of: [
            #"{"event":"demand.assigned","timestamp":"2026-11-02T10:00:00Z","delivery_id":"D-7","robot_id":"R-1"}"#,
            #"{"event":"demand.assigned","timestamp":"2026-11-02T10:00:00Z","delivery_id":"a-1","robot_id":"A-2"}"#,
            #"{"event":"demand.assigned","timestamp":"2026-11-02T10:00:00Z","delivery_id":"A-1","robot_id":"A-2"}"#,
            #"{"event":"robot.error","timestamp":"2026-11-02T10:01:00Z","robot_id":"R-1","error":{"code":"COMMS_LOST"}}"#,
        ])
        for (query, searched, kind, id) in [
            ("D-7", "exact", "delivery", "D-7"), ("d-7", "other_case", "delivery", "D-7"),
            ("a-1", "exact", "delivery", "a-1"), ("A-1", "exact", "delivery", "A-1"),
            ("r-1", "other_case", "robot", "R-1"), ("COMMS_LOST", "exact", "error", "COMMS_LOST"),
            ("comms_lost", "other_case", "error", "COMMS_LOST"), ("d-", "prefix", "delivery", "D-7"),
            ("R-", "prefix", "robot", "R-1"), ("r-", "prefix", "robot", "R-1"),
        ] {
            let reply = try service.get("search?q=\(query)").json
            let go = try #require(reply["go"] as? [String: Any], "\(query)")
            #expect(reply["searched"] as? String == searched, "\(query)")
            #expect(go["kind"] as? String == kind && go["id"] as? String == id, "\(query): \(go)")
            let found = try #require(reply["results"] as? [[String: Any]])
            #expect(found.first?["match"] as? String == searched)
        }
        #expect(
            try service.get("sessions?error=COMMS_LOST").rows.map { $0["delivery_id"] as? String } == ["D-7"])
    }

    /// An address of the page is read as the page writes it; in any other text a `%` is a `%`.
    @Test func aPastedAddressLeadsToItsId() throws {
        let ids = ["a/b", "50%", "50%25", "é?#1", "x y", "%zz"]
        let service = try ServiceUnderTest(
            of:
                ids.map {
                    #"{"event":"demand.assigned","timestamp":"2026-11-02T10:00:00Z","delivery_id":"\#($0)","robot_id":"R-1"}"#
                })
        for (pasted, id) in [
            ("https://sessions.example/deliveries/a%2Fb#v=1", "a/b"),
            ("<http://127.0.0.1:8080/deliveries/50%25?at=1>", "50%"),
            ("http://localhost/deliveries/50%2525", "50%25"), ("50%25", "50%25"),
            ("http://localhost/trips/%C3%A9%3F%231#e=x", "é?#1"),
            ("http://localhost/deliveries/x%20y", "x y"), ("http://localhost/deliveries/%zz", "%zz"),
            ("http://localhost/analytics/v1/deliveries/a%2Fb", "a/b"),
            ("http://elsewhere.example/tickets/50%25", "50%25"),
        ] {
            let query = pasted.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            let reply = try service.get("search?q=\(query)").json
            #expect((reply["go"] as? [String: Any])?["id"] as? String == id, "\(pasted): \(reply)")
        }
    }

    /// Without a range all of the fleet's figures by whole hours are of the same 24.
    @Test func theLast24HoursAre24() throws {
        let (service, _) = try ServiceUnderTest.simulated()
        let seconds = { (text: String) in try Date(text.prefix(19) + "Z", strategy: .iso8601) }
        var ranges: Set<String> = []
        for route in ["fleet/utilization", "fleet/reliability", "fleet/failures"] {
            let range = try #require(try service.get(route).json["range"] as? [String: String])
            let (from, to) = (try #require(range["from"]), try #require(range["to"]))
            #expect(try seconds(to).timeIntervalSince(seconds(from)) == 86_400)
            #expect(from.hasSuffix(":00:00.000000Z"))
            ranges.insert("\(from) \(to)")
        }
        #expect(ranges.count == 1)
    }

    /// A robot that only its window knows.
    @Test func aRobotKnownFromAWindowIsFound() throws {
        let service = try ServiceUnderTest(of: [
            #"{"event":"demand.assigned","timestamp":"2026-11-02T10:00:00Z","delivery_id":"D","robot_id":"R-only"}"#,
            #"{"event":"pilot.assigned","timestamp":"2026-11-02T10:00:01Z","delivery_id":"D","pilot_id":"P-only"}"#,
            #"{"event":"delivery.failed","timestamp":"2026-11-03T10:00:00Z","delivery_id":"D2"}"#,
        ])
        for (query, searched) in [("R-only", "exact"), ("R-o", "prefix"), ("-on", "anywhere")] {
            let reply = try service.get("search?q=\(query)").json
            let found = try #require(reply["results"] as? [[String: Any]])
            #expect(reply["searched"] as? String == searched)
            #expect(
                found.filter { $0["kind"] as? String == "robot" && $0["id"] as? String == "R-only" }.count
                    == 1)
            #expect(found.contains { $0["kind"] as? String == "pilot" } == (searched == "anywhere"))
        }
        #expect(try service.get("robots").rows.map { $0["robot_id"] as? String } == ["R-only"])
        let range = try service.get("robots/R-only").json["range"] as? [String: String]
        #expect(range?["from"]?.hasPrefix("2026-11-02") == true)
    }
}
