import EngineUnderTest
import Foundation
import SQLiteStore
import SessionStore
import Testing

@testable import SessionAPI

/// Pages as data: their own addresses with `.json` or `.csv` after them.
@Suite struct PageDataTests {
    /// A page's address with what stands for its id, and the API's address of the same.
    private func addresses(_ own: (row: TableRow, event: String)) -> [(page: String, api: String)] {
        let delivery = own.row.text("delivery_id") ?? ""
        let robot = own.row.text("robot_id") ?? ""
        let pilot = own.row.text("pilot_id") ?? ""
        return [
            ("/home.json", "home"), ("/search.json?q=\(delivery)", "search?q=\(delivery)"),
            ("/sessions.json?limit=7", "sessions?limit=7"),
            ("/deliveries/\(delivery).json", "deliveries/\(delivery)"),
            ("/demands/\(delivery).json", "deliveries/\(delivery)"),
            ("/trips/\(delivery).json", "deliveries/\(delivery)"), ("/robots.json", "robots"),
            ("/robots/\(robot).json?day=2026-11-02", "robots/\(robot)?day=2026-11-02"),
            ("/pilots/\(pilot).json", "pilots/\(pilot)"),
            ("/events/\(own.event).json", "events/\(own.event)/explain"),
            ("/fleet.json?bucket=day", "fleet/utilization?bucket=day"),
            ("/downtime.json", "fleet/downtime/intervals"), ("/quality.json", "quality"),
            ("/orphans.json", "orphans"), ("/rejected.json", "rejected"), ("/audit.json", "audit"),
            ("/deliveries/\(delivery).csv", "sessions/delivery:\(delivery)/events"),
            ("/demands/\(delivery).csv", "sessions/delivery:\(delivery)/events"),
            ("/trips/\(delivery).csv", "sessions/delivery:\(delivery)/events"),
            ("/robots/\(robot).csv", "robots/\(robot)/states"), ("/fleet.csv", "fleet/utilization"),
            ("/states.json?class=usable", "fleet/states?class=usable"), ("/windows.json", "fleet/windows"),
            ("/errors.json", "fleet/errors"), ("/failures.json", "fleet/failures"),
            ("/reliability.json", "fleet/reliability"),
            ("/sessions.csv", "sessions"), ("/robots.csv", "robots"),
            ("/pilots/\(pilot).csv", "pilots/\(pilot)"),
            ("/states.csv?class=usable", "fleet/states?class=usable"), ("/windows.csv", "fleet/windows"),
            ("/errors.csv", "fleet/errors"), ("/downtime.csv", "fleet/downtime/intervals"),
            ("/failures.csv", "fleet/failures"),
            ("/reliability.csv", "fleet/reliability"), ("/quality.csv", "quality"),
            ("/orphans.csv", "orphans"),
            ("/rejected.csv", "rejected"), ("/audit.csv", "audit"),
        ]
    }

    @Test func aPagesDataIsTheRoutesForEveryRole() throws {
        let access = AccessTests()
        let cast = try AccessTests.Cast()
        let own = try #require(
            try access.deliveries(cast.day, "merchant_id = '\(AccessTests.merchant)'").first)
        let all = addresses(own)
        let forms = PageData.table.reduce(0) { $0 + ($1.csv == nil ? 1 : 2) }
        #expect(Set(all.map(\.page)).count == forms)
        for (page, api) in all {
            for name in ["viewer", "operator", "finance", "admin", "bound", "late"] {
                let headers = ["Authorization": "Bearer \(cast.tokens[name] ?? "")", "X-Request-Id": "same"]
                let mark = try cast.service.audit.rows(who: nil, before: .max, limit: 1).first?.id ?? 0
                let there = try cast.service.get(api, headers)
                let here = try cast.service.client.get(page, headers)
                #expect(here.status == there.status, "\(page) as \(name)")
                // The same is left in the audit, but for how it was asked.
                let rows = try cast.service.audit.rows(who: nil, before: .max, limit: 2).filter {
                    $0.id > mark
                }
                #expect(rows.count == (name == "late" ? 0 : 2), "\(page) as \(name)")
                if rows.count == 2 {
                    #expect(rows[0].entry.route == rows[1].entry.route, "\(page)")
                    #expect(rows[0].entry.status == rows[1].entry.status, "\(page)")
                    #expect(rows[0].entry.who == name && rows[0].entry.role == rows[1].entry.role)
                }
                if here.status == 200, page.contains(".csv") {
                    #expect(here.header("Content-Type")?.hasPrefix("text/csv") == true)
                    #expect(here.header("Cache-Control") == "no-store")
                    #expect(here.header("Content-Disposition")?.contains("attachment") == true)
                } else if here.status == 200, !page.hasPrefix("/audit") {
                    #expect(here.body == there.body, "\(page) as \(name)")
                    let tag = try #require(here.header("ETag"))
                    let again = headers.merging(["If-None-Match": tag]) { $1 }
                    #expect(try cast.service.client.get(page, again).status == 304, "\(page)")
                } else if here.status != 200 {
                    #expect(here.header("Content-Type") == "application/problem+json")
                    #expect(here.json["detail"] as? String == there.json["detail"] as? String)
                }
            }
            #expect(try cast.service.client.get(page).status == 401, "\(page) without a token")
            #expect(
                try cast.service.client.get(page, ["Sec-Fetch-Site": "cross-site"]).status == 403, "\(page)")
            #expect(try cast.service.client.send("POST", page).status == 405, "\(page)")
        }
    }

    /// What is another merchant's is answered like what does not exist.
    @Test func aBoundReaderSeesNoMoreHere() throws {
        let access = AccessTests()
        let cast = try AccessTests.Cast()
        let bearer = ["Authorization": "Bearer \(cast.tokens["bound"] ?? "")", "X-Request-Id": "same"]
        let foreign = try access.deliveries(cast.day, "merchant_id <> '\(AccessTests.merchant)'")
        #expect(!foreign.isEmpty)
        for (row, event) in foreign {
            let delivery = try #require(row.text("delivery_id"))
            let pairs = [
                ("/deliveries/%.json", delivery, delivery + "00000"),
                ("/deliveries/%.csv", delivery, delivery + "00000"),
                ("/demands/%.csv", delivery, delivery + "00000"),
                ("/events/%.json", event, "00000000-0000-4000-8000-000000000000"),
            ]
            for (template, other, none) in pairs {
                let replies = try [other, none].map { id in
                    let reply = try cast.service.client.get(template.replacing("%", with: id), bearer)
                    #expect(reply.status == 404)
                    return reply.text.replacing(id, with: "ID")
                }
                #expect(replies[0] == replies[1], "\(template)")
            }
        }
    }

    private func lines(_ text: String) -> [String] {
        text.components(separatedBy: "\r\n").dropLast()
    }

    @Test func theTablesHoldEveryRow() throws {
        let (service, day) = try ServiceUnderTest.simulated()
        let tables = try SQLiteReader(path: day.path)
        for row in try tables.rows("SELECT * FROM sessions WHERE kind = 'delivery' LIMIT 20", []) {
            let id = try #require(row.text("delivery_id"))
            let told = lines(try service.client.get("/deliveries/\(id).csv").text)
            #expect(told[0] == Export.header.joined(separator: ","))
            #expect(Int64(told.count - 1) == row.integer("event_count"), "\(id)")
            #expect(told.dropFirst().allSatisfy { $0.hasPrefix("delivery:\(id),\(id),") })
            let robots = lines(try service.client.get("/deliveries/\(id).csv?via=robot").text).dropFirst()
            #expect(robots.allSatisfy { $0.contains(",robot,") } && robots.count < told.count)
        }
        // In several pieces, none twice: the session with the most events, and a robot's whole history.
        let robot = try #require(
            tables.rows(
                "SELECT robot_id, count(*) AS n FROM robot_states GROUP BY robot_id ORDER BY n DESC LIMIT 1",
                []
            )
            .first)
        let id = try #require(robot.text("robot_id"))
        let states = lines(try service.client.get("/robots/\(id).csv").text)
        #expect(states[0] == "robot_id,started_at,ended_at,state,class,reason,seconds")
        #expect(Int64(states.count - 1) == robot.integer("n") && Set(states).count == states.count)
        #expect(
            try service.client.get("/robots/\(id).csv?day=2026-11-02&from=2026-11-02T00:00:00Z").status == 422
        )
        let fleet = lines(try service.client.get("/fleet.csv?by=robot").text)
        let totals = try service.get("fleet/utilization").json["totals"] as? [String: Double] ?? [:]
        let sum = fleet.dropFirst().reduce(0) { $0 + (Double($1.split(separator: ",")[2]) ?? .nan) }
        #expect(abs(sum - (totals["usable_seconds"] ?? .nan)) < 0.01 && sum > 0)
    }

    @Test func piecesFitTogether() throws {
        var all = [
            #"{"event":"demand.assigned","timestamp":"2026-11-02T10:00:00Z","delivery_id":"D1","robot_id":"R1"}"#
        ]
        for n in 0..<4500 {
            // Many at the same instant: the place within it counts.
            let second = 1 + n / 1000
            all.append(
                #"{"event":"robot.state_changed","timestamp":"2026-11-02T10:00:0\#(second)Z","robot_id":"R1","to_state":"s\#(n)"}"#
            )
        }
        let service = try ServiceUnderTest(of: all)
        let told = lines(try service.client.get("/deliveries/D1.csv").text)
        #expect(told.count == 4502 && Set(told).count == 4502)
    }

    /// An id that ends like an address of data is still reached, as a page and as data.
    @Test func idsThatLookLikeFiles() throws {
        let service = try ServiceUnderTest(
            of: ["a", "a.json", "a.csv", "a/b.json", ".json"].map { id in
                #"{"event":"delivery.failed","timestamp":"2026-11-02T10:00:00Z","delivery_id":"\#(id)","robot_id":"r.json"}"#
            } + [#"{"event":"robot.heartbeat","timestamp":"2026-11-02T10:00:00Z","robot_id":"r.json"}"#])
        for (address, id) in [
            ("/deliveries/a.json", "a"), ("/deliveries/a.json.json", "a.json"),
            ("/deliveries/a.csv.json", "a.csv"),
            ("/deliveries/a%2Ejson.json", "a.json"), ("/deliveries/a%2Fb.json.json", "a/b.json"),
            ("/deliveries/.json.json", ".json"), ("/deliveries/a.json?limit=100", "a"),
        ] {
            let reply = try service.client.get(address)
            let session = reply.json["session"] as? [String: Any]
            #expect(session?["delivery_id"] as? String == id, "\(address): \(reply.text.prefix(200))")
        }
        for (address, id) in [("/deliveries/a.csv", "a"), ("/deliveries/a.csv.csv", "a.csv")] {
            #expect(
                lines(try service.client.get(address).text).last?.hasPrefix("delivery:\(id),\(id),") == true)
        }
        #expect(try service.client.get("/robots/r.json.json").json["robot_id"] as? String == "r.json")
        // The page itself, whose script reads the address.
        for address in ["/deliveries/a%2Ejson", "/deliveries/a%2ecsv", "/robots/r%2Ejson"] {
            let reply = try service.client.get(address)
            #expect(reply.status == 200 && reply.text.hasPrefix("<!doctype html>"), "\(address)")
        }
        for (address, status) in [
            ("/pilots/p.csv", 404), ("/search.csv?q=a", 404), ("/nothing.json", 404),
            ("/deliveries/.json", 404),
            ("/deliveries/none.json", 404), ("/fleet.json?nonsense=1", 422),
            ("/deliveries/a.csv?limit=1", 422),
        ] {
            let reply = try service.client.get(address)
            #expect(reply.status == status, "\(address)")
            #expect(reply.header("Content-Type") == "application/problem+json", "\(address)")
        }
    }
}
