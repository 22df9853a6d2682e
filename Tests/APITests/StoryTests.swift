import EngineUnderTest
import FleetSimulator
import Foundation
import SQLiteStore
import SessionAPI
import SessionStore
import Testing

/// What is told of deliveries, against the store's own tables and the simulator's truth.
@Suite struct StoryTests {
    private let service: ServiceUnderTest
    private let day: SimulatedStore
    private let tables: SQLiteReader

    init() throws {
        (service, day) = try ServiceUnderTest.simulated()
        tables = try SQLiteReader(path: day.path)
    }

    private func deliveries(_ condition: String) throws -> [TableRow] {
        try tables.rows(
            "SELECT * FROM sessions WHERE kind = 'delivery' AND \(condition) ORDER BY session_id", [])
    }

    @Test func everyDeliveryIsToldWhole() throws {
        for row in try deliveries("1") {
            let id = try #require(row.text("delivery_id"))
            let reply = try service.get("deliveries/\(id)")
            #expect(reply.status == 200)
            let story = reply.json
            let events = try #require(story["events"] as? [[String: Any]])
            #expect(Int64(events.count) == row.integer("event_count"), "\(id)")
            #expect(
                Int64(events.count { $0["is_error"] as? Bool == true }) == row.integer("error_count"), "\(id)"
            )
            let joined = try tables.rows(
                "SELECT event_id, via, via_id FROM session_events WHERE session_id = ?1", [row["session_id"]]
            ).map { "\($0.text("event_id") ?? "") \($0.text("via") ?? "") \($0.text("via_id") ?? "")" }
            let told = events.map {
                "\($0["event_id"] as? String ?? "") \($0["via"] as? String ?? "") \($0["via_id"] as? String ?? "")"
            }
            #expect(told.sorted() == joined.sorted(), "\(id)")
            // Who joined through a window names it, and it holds the event.
            let windows = try #require(story["windows"] as? [[String: Any]])
            for event in events where event["via"] as? String != "direct" {
                let place = try #require(event["window"] as? Int, "\(id): \(event["event_id"] ?? "")")
                #expect(windows[place]["entity_id"] as? String == event["via_id"] as? String)
                let at = try #require(event["occurred_at"] as? String)
                #expect(try #require(windows[place]["started_at"] as? String) <= at)
                let end = windows[place]["ended_at"] as? String ?? windows[place]["expires_at"] as? String
                #expect(try at < #require(end))
            }
            let verdict = try #require(story["verdict"] as? [[String: Any]])
            #expect((1...5).contains(verdict.count))
        }
    }

    @Test func theFirstLineNamesTheFault() throws {
        var named = 0
        let failed = day.truth.filter { $0.fault != nil }
        for truth in failed {
            guard let fault = truth.fault else { continue }
            let reply = try service.get("deliveries/\(truth.session)")
            let first = (reply.json["verdict"] as? [[String: Any]])?.first?["text"] as? String ?? ""
            if first.contains(fault.code), first.contains(fault.robot) { named += 1 }
        }
        #expect(failed.count >= 5)
        #expect(Double(named) >= 0.95 * Double(failed.count), "\(named) of \(failed.count)")
    }

    /// A list names the fault that the delivery's own page names: of each that failed, and of no other.
    @Test func listsNameTheFaultBehindAFailure() throws {
        let sessions = try service.get("sessions?limit=500").rows
        #expect(sessions.count { $0["fault"] is [String: Any] } >= 5)
        for session in sessions {
            let id = try #require(session["session_id"] as? String)
            let fault = session["fault"] as? [String: Any]
            guard session["outcome"] as? String == "failed" else {
                #expect(fault == nil, "\(id)")
                continue
            }
            let verdict = try service.get("deliveries/\(id)").json["verdict"] as? [[String: Any]] ?? []
            let named = verdict.first { $0["kind"] as? String == "last_error" }
            #expect(fault?["event_id"] as? String == named?["event_id"] as? String, "\(id)")
        }
    }

    @Test func explainAgreesWithTheTables() throws {
        for row in try deliveries("outcome = 'failed'").prefix(3) {
            let id = try #require(row.text("session_id"))
            let joined = try tables.rows(
                "SELECT event_id, occurred_at, via, via_id FROM session_events WHERE session_id = ?1",
                [.text(id)])
            for event in joined {
                let name = try #require(event.text("event_id"))
                let reply = try service.get("events/\(name)/explain?session=\(id)")
                let asked = try #require(reply.json["asked"] as? [String: Any], "\(name)")
                #expect(asked["belongs"] as? Bool == true, "\(name)")
                let all = Set(
                    try tables.rows(
                        "SELECT session_id FROM session_events WHERE event_id = ?1", [.text(name)]
                    )
                    .compactMap { $0.text("session_id") })
                let belongs = try #require(reply.json["belongs"] as? [[String: Any]])
                #expect(Set(belongs.compactMap { $0["session_id"] as? String }) == all, "\(name)")
                let own = try #require(belongs.first { $0["session_id"] as? String == id })
                #expect(own["via"] as? String == event.text("via"))
                #expect(own["via_id"] as? String == event.text("via_id"))
            }
        }
    }

    @Test func everyOrphanSaysWhyNot() throws {
        let reply = try service.get("orphans?limit=500")
        #expect(!reply.rows.isEmpty)
        for orphan in reply.rows {
            let id = try #require(orphan["event_id"] as? String)
            #expect(try tables.rows("SELECT 1 FROM session_events WHERE event_id = ?1", [.text(id)]).isEmpty)
            #expect(try #require(orphan["why_not"] as? String).contains("had no window at"))
            let nearest = try #require(orphan["nearest"] as? [[String: Any]])
            let robot = try #require(orphan["robot_id"] as? String)
            let hasWindow = try !tables.rows(
                "SELECT 1 FROM assignment_windows WHERE kind = 'robot' AND entity_id = ?1 LIMIT 1",
                [.text(robot)]
            ).isEmpty
            #expect(!hasWindow || !nearest.isEmpty)
            for window in nearest { #expect(try #require(window["gap_seconds"] as? Double) >= 0) }
        }
        // As many as a plain look at the tables finds.
        let counted = try tables.rows(
            """
            SELECT count(*) AS n FROM events e WHERE (robot_use & 4) <> 0 AND subject IS NULL
              AND NOT EXISTS (SELECT 1 FROM session_events s WHERE s.event_id = e.event_id)
            """, [])
        #expect(Int64(reply.rows.count) == counted[0].integer("n"))
    }

    @Test func aSharedTripAsksWhichDelivery() throws {
        let shared = try #require(
            tables.rows(
                "SELECT named_id FROM session_members GROUP BY named_id HAVING count(*) > 1 LIMIT 1", []
            ).first?.text("named_id"))
        let reply = try service.get("deliveries/\(shared)")
        #expect(reply.status == 300)
        #expect((reply.json["choices"] as? [[String: Any]] ?? []).count > 1)
        #expect(reply.header("Content-Type") == "application/problem+json")
    }

    @Test func aLongStoryKeepsItsErrorsAndSaysWhatItLeavesOut() throws {
        let row = try #require(
            tables.rows(
                "SELECT * FROM sessions WHERE kind = 'delivery' AND error_count > 0 ORDER BY event_count DESC LIMIT 1",
                []
            ).first)
        let all = try #require(row.integer("event_count"))
        let id = try #require(row.text("delivery_id"))
        #expect(all > 40)
        // A limit below what the route takes is refused; the store's largest story is cut with the smallest limit.
        #expect(try service.get("deliveries/\(id)?limit=99").status == 422)
        if all > 100 {
            let story = try service.get("deliveries/\(id)?limit=100").json
            let events = try #require(story["events"] as? [[String: Any]])
            let gaps = try #require(story["gaps"] as? [[String: Any]])
            #expect(gaps.reduce(0) { $0 + ($1["events"] as? Int ?? 0) } + events.count == Int(all))
            let errors = events.count { $0["is_error"] as? Bool == true }
            #expect(Int64(errors) == row.integer("error_count"))
            let lanes = try #require(story["lanes"] as? [[String: Any]])
            #expect(lanes.reduce(0) { $0 + ($1["events"] as? Int ?? 0) } == Int(all))
        }
    }

    @Test func theTextIsShort() throws {
        for truth in day.truth.filter({ $0.fault != nil }) {
            let reply = try service.get("deliveries/\(truth.session)/text?brief=true")
            #expect(reply.status == 200)
            #expect(reply.text.split(separator: "\n", omittingEmptySubsequences: false).count <= 40)
            #expect(reply.text.contains(truth.fault?.code ?? "?"))
        }
    }

    @Test func pagesHoldEverySessionOnce() throws {
        var seen: [String] = []
        var next: String?
        repeat {
            let reply = try service.get("sessions?limit=37" + (next.map { "&cursor=\($0)" } ?? ""))
            seen += reply.rows.compactMap { $0["session_id"] as? String }
            next = reply.json["next"] as? String
        } while next != nil
        let expected = try tables.rows(
            """
            SELECT session_id FROM sessions WHERE kind IN ('delivery', 'demand')
            ORDER BY first_event_at DESC, session_id DESC
            """, []
        ).compactMap { $0.text("session_id") }
        #expect(seen == expected)
    }

    @Test func filtersHold() throws {
        func ids(_ query: String) throws -> Set<String> {
            Set(
                try service.get("sessions?limit=500&\(query)").rows.compactMap { $0["session_id"] as? String }
            )
        }
        func rows(_ condition: String) throws -> Set<String> {
            Set(
                try tables.rows(
                    "SELECT session_id FROM sessions s WHERE kind IN ('delivery', 'demand') AND \(condition)",
                    []
                ).compactMap { $0.text("session_id") })
        }
        #expect(try ids("outcome=failed&outcome=canceled") == rows("outcome IN ('failed', 'canceled')"))
        #expect(try ids("reassigned=true") == rows("reassignment_count > 0"))
        #expect(try ids("zone=riverside") == rows("zone_id = 'riverside'"))
        let robot = try #require(try deliveries("robot_id IS NOT NULL").first?.text("robot_id"))
        #expect(
            try ids("robot=\(robot)")
                == rows("EXISTS (SELECT 1 FROM json_each(robot_ids) WHERE value = '\(robot)')"))
        let near = try ids("error_near=pickup_arrival_at&within_seconds=120")
        let expected = try rows(
            """
            EXISTS (SELECT 1 FROM session_events j JOIN events e ON e.event_id = j.event_id
              WHERE j.session_id = s.session_id AND j.via = 'robot' AND j.event = 'robot.error'
                AND abs(j.occurred_at - s.pickup_arrival_at) <= 120000000)
            """)
        #expect(near == expected && !near.isEmpty)
    }

    @Test func theExportHoldsEveryEventOnce() throws {
        let reply = try service.get("incidents/export.csv?outcome=failed&limit=1000000")
        #expect(reply.status == 200 && reply.isWhole)
        let lines = reply.text.components(separatedBy: "\r\n")
        #expect(lines.last == "")
        #expect(lines.first?.hasPrefix("session_id,delivery_id,outcome,") == true)
        let counted = try tables.rows(
            "SELECT sum(event_count) AS n FROM sessions WHERE outcome = 'failed'", [])
        #expect(Int64(lines.count - 2) == counted[0].integer("n"))
        let cut = try service.get("incidents/export.csv?limit=7").text.components(separatedBy: "\r\n")
        #expect(cut.count == 1 + 7 + 1 + 1 && cut[8].hasPrefix("# cut after 7 rows"))
    }

    /// Events of the window, whenever their session began: the joined events' own times are asked in SQL.
    @Test func theExportHoldsTheEventsOfTheWindow() throws {
        let (from, to) = ("2026-11-02T12:20:00Z", "2026-11-02T12:50:00Z")
        let reply = try service.get("incidents/export.csv?from=\(from)&to=\(to)&limit=1000000&raw=true")
        #expect(reply.status == 200 && reply.isWhole)
        let lines = reply.text.components(separatedBy: "\r\n").dropFirst().dropLast()
        let keys = lines.map { line in
            let cells = line.split(separator: ",", omittingEmptySubsequences: false)
            return "\(cells[0]) \(cells.last ?? "")"
        }
        let window = "unixepoch('\(from)') * 1000000 AND j.occurred_at < unixepoch('\(to)') * 1000000"
        let expected = try tables.rows(
            """
            SELECT j.session_id || ' ' || j.event_id AS key, s.first_event_at < unixepoch('\(from)') * 1000000 AS early
            FROM session_events j JOIN sessions s ON s.session_id = j.session_id WHERE j.occurred_at >= \(window)
            """, [])
        #expect(keys.sorted() == expected.compactMap { $0.text("key") }.sorted())
        // Among them some of sessions that had begun before.
        #expect(expected.contains { $0.integer("early") == 1 } && expected.count > 100)
    }

    /// What a text leaves out of a very long story it says where it cuts.
    @Test func aTextSaysWhereItCuts() throws {
        let folder = try Folder()
        let path = folder.path("long.db")
        let store = try StoreUnderTest(path: path, maxResident: 0)
        let start =
            #"{"event":"demand.assigned","timestamp":"2026-11-02T10:00:00Z","delivery_id":"D1","robot_id":"R1"}"#
        _ = try store.ingest(
            [start]
                + (0..<20_500).map { n in
                    let second = n / 50
                    let time = String(format: "10:%02d:%02d", second / 60, second % 60)
                    return
                        #"{"event":"robot.heartbeat","timestamp":"2026-11-02T\#(time)Z","event_id":"h\#(n)","robot_id":"R1"}"#
                })
        store.close()
        // Unoptimized and beside other tests it may take longer than a request may.
        var limits = SessionAPI.Limits()
        limits.statementSeconds = 60
        let service = try ServiceUnderTest(store: path, folder: folder, limits: limits)
        let reply = try service.get("deliveries/D1/text")
        #expect(reply.status == 200)
        let text = reply.text
        let lines = text.split(separator: "\n")
        let told = try #require(lines.first { $0.contains("are left out") })
        #expect(
            told.contains("… 501 events from here to ") && told.contains("tells at most 20000"), "\(told)")
        #expect(lines.filter { $0.contains("robot.heartbeat") }.count == 19_999)
    }
}
