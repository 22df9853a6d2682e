import EngineUnderTest
import Foundation
import SQLiteStore
import SessionAPI
import SessionStore
import Testing

/// Hours of very many robots are refused before they are asked for; nothing that the page asks is.
@Suite struct RowsOfRobotsTests {
    /// 300 robots, those of one zone too: by hour of a quarter of a year they have 662,400 rows.
    @Test func tooManyRowsAreRefused() throws {
        let service = try ServiceUnderTest(
            of: (100..<400).flatMap { robot in
                [("10:00", "deployed"), ("10:\(robot % 40 + 10)", "grounded"), ("11:00", "deployed")].map {
                    at, state in
                    #"{"event":"robot.\#(state)","timestamp":"2026-11-02T\#(at):00Z","robot_id":"R-\#(robot)","zone_id":"Z"}"#
                }
            })
        let quarter = "from=2026-09-01T00:00:00Z&to=2026-12-02T00:00:00Z"
        let month = "from=2026-10-20T00:00:00Z&to=2026-11-20T00:00:00Z"
        for query in [
            "by=robot&\(quarter)", "by=robot&bucket=hour&\(quarter)", "by=robot&zone=Z&\(quarter)",
            "by=robot&worst=200&\(quarter)", "by=robot&worst=200&zone=Z&\(quarter)", "by=robot&\(month)",
        ] {
            let reply = try service.get("fleet/utilization?\(query)")
            #expect(reply.status == 422, "\(query)")
            #expect((reply.json["detail"] as? String)?.contains("shorten the range") == true, "\(reply.text)")
        }
        #expect(try service.client.get("/fleet.csv?by=robot&\(quarter)").status == 422)
        #expect(try service.client.get("/fleet.json?by=robot&\(quarter)").status == 422)
        for query in [
            "by=robot&bucket=day&\(quarter)", "by=robot&bucket=all&\(quarter)",
            "by=robot&worst=90&\(quarter)", "by=robot&robot=R-100&\(quarter)", "by=zone&\(quarter)",
            "by=robot&zone=none&\(quarter)", "\(quarter)",
            // What the page asks: by hour up to three days, else by day.
            "by=robot&bucket=hour&worst=200&from=2026-11-01T00:00:00Z&to=2026-11-04T00:00:00Z",
            "by=robot&bucket=hour&zone=Z&from=2026-11-01T00:00:00Z&to=2026-11-04T00:00:00Z",
            "by=robot&bucket=day&worst=200&\(quarter)",
        ] {
            #expect(try service.get("fleet/utilization?\(query)").status == 200, "\(query)")
        }
        // Of a zone with too many robots those that most is the matter with, as of a small one.
        let few = try service.get("fleet/utilization?by=robot&zone=Z&worst=5&\(month)").json
        let day = "from=2026-11-02T00:00:00Z&to=2026-11-03T00:00:00Z"
        let same = try service.get("fleet/utilization?by=robot&zone=Z&worst=5&\(day)").json
        for told in [few, same] {
            let rows = try #require(told["rows"] as? [[String: Any]])
            #expect(
                Set(rows.compactMap { $0["key"] as? String }) == [
                    "R-120", "R-160", "R-200", "R-240", "R-280",
                ])
            #expect(told["robots"] as? Int == 300)
        }
        let downtime = [few, same].map { ($0["totals"] as? [String: Any])?["downtime_seconds"] as? Double }
        #expect(downtime[0] == downtime[1] && downtime[0] ?? 0 > 0)
    }

    /// Zones in very many hours are refused too: by the hour sooner than added up, as what is told is what is held.
    @Test func tooManyHoursOfZonesAreRefused() throws {
        // Six zones that have two hours each, ten days apart.
        let lines = (1...6).flatMap { zone in
            ["02", "12"].flatMap { day in
                [("10:00", "deployed"), ("10:30", "grounded")].map { at, state in
                    #"{"event":"robot.\#(state)","timestamp":"2026-11-\#(day)T\#(at):00Z","robot_id":"R-\#(zone)-\#(day)","zone_id":"Z-\#(zone)"}"#
                }
            }
        }
        let folder = try Folder()
        let path = folder.path("zones.db")
        let store = try StoreUnderTest(path: path, maxResident: 0)
        _ = try store.ingest(lines)
        store.close()
        let hours = try SQLiteReader(path: path).rows("SELECT count(*) AS n FROM zone_hours", [])
        let there = try #require(hours.first?.integer("n").map(Int.init))
        #expect(there >= 12)
        let range = "from=2026-11-01T00:00:00Z&to=2026-11-20T00:00:00Z"
        for (most, isTooMany) in [(there, false), (there - 1, true), (there / 5, true)] {
            var limits = SessionAPI.Limits()
            limits.fleetRows = most
            let service = try ServiceUnderTest(store: path, folder: folder, limits: limits)
            let byHour = try service.get("fleet/utilization?by=zone&\(range)")
            #expect(byHour.status == (isTooMany ? 422 : 200), "\(most) of \(there)")
            if isTooMany { #expect(byHour.text.contains("shorten it, or ask for one `zone`")) }
            #expect(try service.client.get("/fleet.csv?by=zone&\(range)").status == byHour.status)
            for bucket in ["day", "all"] {
                let reply = try service.get("fleet/utilization?by=zone&bucket=\(bucket)&\(range)")
                #expect(reply.status == (5 * most < there ? 422 : 200))
            }
            #expect(try service.get("fleet/utilization?zone=Z-1&\(range)").status == 200 || most < 4)
        }
    }
}
