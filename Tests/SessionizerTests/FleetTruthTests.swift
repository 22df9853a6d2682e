import EngineUnderTest
import ConfigurationFile
import FleetSimulator
import Foundation
import SQLiteStore
import SessionCore
import SessionPipeline
import SessionStore
import SessionStory
import Testing

/// A simulated day through decoder, engine and store, against what the simulator knows of it.
@Suite struct FleetTruthTests {
    static let harsh: [FleetOptions] = (1...4).map { (seed: UInt64) -> FleetOptions in
        var options = FleetOptions()
        options.seed = seed
        options.robots = 25
        options.deliveriesPerDay = 220
        options.pilots = [10, 4, 30, 10][Int(seed) - 1]
        options.telemetrySeconds = 900
        options.faultsPerRobotHour = 1.5
        options.replans = 0.2
        options.handoffs = seed == 4 ? 0 : 0.4
        options.sharedTrips = 0.3
        options.cancellations = 0.1
        options.disorder = 0.3
        options.lateSeconds = 6 * 3600
        options.duplicates = 0.1
        options.broken = 0.01
        options.missingIDs = 0.2
        return options
    }

    private static func replay(_ options: FleetOptions, to path: String) throws -> (
        [DeliveryTruth], FleetTotals, IngestTotals
    ) {
        let fleet = try FleetSimulator(options)
        var (lines, truth): ([String], [DeliveryTruth]) = ([], [])
        while fleet.advance({ line, _ in lines.append(String(decoding: line, as: UTF8.self)) }) {
            truth += fleet.takeTruth()
        }
        truth += fleet.takeTruth()
        let store = try StoreUnderTest(path: path, maxResident: 400)
        var totals = IngestTotals()
        for start in stride(from: 0, to: lines.count, by: 3000) {
            totals = try store.ingest(Array(lines[start..<min(start + 3000, lines.count)]))
        }
        return (truth, fleet.totals, totals)
    }

    @Test(arguments: harsh) func theStoreAgreesWithTheTruth(options: FleetOptions) throws {
        let temporary = try TemporaryFolder()
        let path = temporary.file("fleet.db")
        let (truth, fleet, totals) = try Self.replay(options, to: path)
        #expect(totals.isBalanced)
        #expect(totals.received == fleet.lines)
        #expect(totals.accepted == fleet.events)
        #expect(totals.duplicates == fleet.duplicated)
        #expect(totals.skipped == fleet.broken.withoutEvent)
        #expect(totals.rejectedCount == fleet.broken.count - fleet.broken.withoutEvent)
        #expect(fleet.orphaned > 0 && fleet.rehomed > 0 && fleet.sharedTrips > 0 && fleet.failed > 0)
        #expect((fleet.handoffs > 0) == (options.handoffs > 0))

        let reader = try SQLiteReader(path: path)
        defer { reader.close() }

        let sessions = try reader.rows("SELECT * FROM sessions WHERE kind IN ('delivery', 'demand')")
        let byID = Dictionary(uniqueKeysWithValues: sessions.map { ($0.text("session_id") ?? "", $0) })
        #expect(Set(byID.keys) == Set(truth.map(\.session)))
        var windows: [String: [DeliveryTruth.Service]] = [:]
        for row in try reader.rows(
            "SELECT * FROM assignment_windows WHERE kind <> 'merchant' ORDER BY started_at, entity_id")
        {
            let key = "\(row.text("session_id") ?? "") \(row.text("kind") ?? "")"
            windows[key, default: []].append(
                DeliveryTruth.Service(
                    id: row.text("entity_id") ?? "", from: row.integer("started_at") ?? 0,
                    to: row.integer("ended_at")))
        }
        for delivery in truth {
            let row = try #require(byID[delivery.session], "\(delivery.session)")
            #expect(row.text("outcome") == delivery.outcome.rawValue, "\(delivery)")
            #expect(row.integer("closed_at") == delivery.closedAt, "\(delivery)")
            #expect(row.text("failure_code") == delivery.failureCode, "\(delivery)")
            #expect(windows["\(delivery.session) robot"] ?? [] == delivery.robots, "\(delivery)")
            #expect(windows["\(delivery.session) pilot"] ?? [] == delivery.pilots, "\(delivery)")
            guard let fault = delivery.fault else { continue }
            // The fault is among the joined events, through the robot that had it.
            let found = try reader.rows(
                """
                SELECT 1 FROM session_events WHERE session_id = ?1 AND event = 'robot.error'
                  AND via = 'robot' AND via_id = ?2 AND occurred_at = ?3
                """, [.text(delivery.session), .text(fault.robot), .integer(fault.at)])
            #expect(found.count == 1, "\(delivery)")
        }
    }

    @Test func theViewsAgreeWithTheTruth() throws {
        let temporary = try TemporaryFolder()
        let path = temporary.file("fleet.db")
        let (_, fleet, _) = try Self.replay(Self.harsh[0], to: path)
        let reader = try SQLiteReader(path: path)
        defer { reader.close() }

        func number(_ sql: String) throws -> Double {
            try #require(try reader.rows(sql).first?.number("n"), "\(sql)")
        }
        func hours(_ micros: Int64?) -> Double { Double(micros ?? 0) / 3.6e9 }
        func isNear(_ a: Double, _ b: Double) -> Bool { abs(a - b) < 1e-6 }

        let usable = [
            "deployed", "idle", "to_pickup", "at_pickup", "to_dropoff", "at_dropoff", "returning",
        ].reduce(0) { $0 + hours(fleet.stateMicros[$1]) }
        #expect(usable > 150, "25 robots, most of a day")
        #expect(isNear(try number("SELECT sum(usable_hours) AS n FROM usable_supply_hours"), usable))
        #expect(isNear(try number("SELECT sum(operating_hours) AS n FROM robot_reliability"), usable))
        #expect(try number("SELECT sum(failures) AS n FROM robot_reliability") == Double(fleet.groundings))
        let worst = try number(
            "SELECT max(abs(mtbf_hours * failures - operating_hours)) AS n FROM robot_reliability")
        #expect(worst < 1e-6)

        let down = try reader.rows(
            "SELECT reason, sum(hours) AS hours FROM downtime_by_reason GROUP BY reason")
        #expect(down.count > 4)
        #expect(
            Set(down.compactMap { $0.text("reason") })
                == Set(fleet.downtimeMicros.filter { $0.value > 0 }.keys))
        for row in down {
            let reason = try #require(row.text("reason"))
            #expect(isNear(row.number("hours") ?? 0, hours(fleet.downtimeMicros[reason])), "\(reason)")
        }
        for state in ["grounded", "maintenance"] {
            let there = try number("SELECT sum(hours) AS n FROM downtime_by_reason WHERE state = '\(state)'")
            #expect(isNear(there, hours(fleet.stateMicros[state])), "\(state)")
        }
        let funnel = "SELECT sum(offers_rejected) AS n FROM delivery_funnel"
        #expect(try number(funnel) == Double(fleet.offersRejected))
        #expect(
            try number("SELECT sum(dropoffs_completed) AS n FROM delivery_funnel") == Double(fleet.completed))
        #expect(try number("SELECT sum(deliveries_failed) AS n FROM delivery_funnel") == Double(fleet.failed))
    }

    @Test func theFleetsStoryAgreesWithTheTruth() throws {
        let temporary = try TemporaryFolder()
        let path = temporary.file("fleet.db")
        let (truth, fleet, totals) = try Self.replay(Self.harsh[1], to: path)
        let reader = try SQLiteReader(path: path)
        defer { reader.close() }

        let story = try #require(try FleetStory.load(from: reader))
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(story.json().utf8)) as? [String: Any])
        let span = try #require(object["span"] as? [String: Any])
        #expect(span["robots"] as? Int == 25)
        #expect(span["events"] as? Int == totals.accepted)
        func rows(_ name: String) throws -> [[String: Any]] {
            try #require(object[name] as? [[String: Any]], "\(name)")
        }
        var outcomes: [String: Int] = [:]
        for row in try rows("deliveries") {
            outcomes[row["outcome"] as? String ?? "?"] = row["sessions"] as? Int
        }
        #expect(
            outcomes == ["completed": fleet.completed, "failed": fleet.failed, "canceled": fleet.canceled])
        for row in try rows("states") {
            let state = try #require(row["state"] as? String)
            guard state != "off_duty", state != "parked" else { continue }
            let hours = try #require(row["hours"] as? Double)
            #expect(abs(hours - Double(fleet.stateMicros[state] ?? 0) / 3.6e9) < 1e-6, "\(state)")
        }
        // The state of the robot at the failure is the fault that made it fail.
        var causes: [String: Int] = [:]
        for row in try rows("failures") {
            #expect(row["robot_state"] as? String == "grounded")
            let key = "\(row["failure_code"] ?? "") \(row["robot_reason"] ?? "")"
            causes[key, default: 0] += try #require(row["deliveries"] as? Int)
        }
        var known: [String: Int] = [:]
        for delivery in truth {
            guard let fault = delivery.fault, let code = delivery.failureCode else { continue }
            known["\(code) \(fault.code)", default: 0] += 1
        }
        #expect(causes == known && known.count > 2)
        // A robot that serves two deliveries at once is on delivery once.
        let periods = try rows("periods")
        let served = periods.reduce(0) { $0 + ($1["on_delivery_hours"] as? Double ?? 0) }
        let windows = truth.flatMap(\.robots)
        let sum = windows.reduce(0) { $0 + Double(($1.to ?? $1.from) - $1.from) / 3.6e9 }
        #expect(served > 10 && served < sum)
        #expect(periods.count >= 16, "a day is told by hours")

        let id = try #require(story.exampleID)
        let shown = try #require(truth.first { "D-\($0.number)" == id })
        #expect(shown.outcome == .failed)
        let text = story.rendered(isColoured: false)
        #expect(
            text.contains("25 robots") && text.contains("LID_ERROR") && text.contains("usable robot hours"))
        #expect(!text.contains("\u{1B}"))
    }

    /// Every event of the catalogue occurs in a day, with the fields that it ought to carry.
    @Test func theLinesKeepToTheCatalogue() throws {
        var options = Self.harsh[0]
        options.broken = 0
        let fleet = try FleetSimulator(options)
        var lines: [String] = []
        while fleet.advance({ line, _ in lines.append(String(decoding: line, as: UTF8.self)) }) {
            _ = fleet.takeTruth()
        }
        var required: [String: [String]] = [:]
        for entry in try CatalogueFile.builtIn().entries { required[entry.name] = entry.requires }
        #expect(required.count > 40)
        var seen: Set<String> = []
        for line in lines {
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            let name = try #require(object["event"] as? String)
            seen.insert(name)
            for field in required[name] ?? [] { #expect(object[field] != nil, "\(line)") }
        }
        #expect(Set(required.keys).subtracting(seen).sorted() == [])
    }

    private static func store(_ lines: [String], at path: String) throws -> SQLiteReader {
        _ = try StoreUnderTest(path: path, maxResident: 100).ingest(lines)
        return try SQLiteReader(path: path)
    }

    private static func state(_ time: String, _ state: String) -> String {
        #"{"event":"robot.state_changed","timestamp":"2026-11-02T\#(time)Z","robot_id":"R-1","to_state":"\#(state)"}"#
    }

    /// Grounded, then in error: still the same failure. Taken to the workshop in good health: none.
    @Test func aRobotThatStaysDownHasFailedOnce() throws {
        let temporary = try TemporaryFolder()
        let reader = try Self.store(
            [
                ("08:00:00", "idle"), ("09:00:00", "grounded"), ("09:10:00", "error"),
                ("09:20:00", "maintenance"), ("10:00:00", "idle"), ("11:00:00", "maintenance"),
                ("12:00:00", "idle"), ("13:00:00", "error"), ("14:00:00", "off_duty"),
            ].map { Self.state($0.0, $0.1) }, at: temporary.file("states.db"))
        defer { reader.close() }

        let row = try #require(try reader.rows("SELECT * FROM robot_reliability").first)
        #expect(row.integer("failures") == 2)
        #expect(row.number("operating_hours") == 3)
        #expect(row.number("mtbf_hours") == 1.5)
    }

    @Test func aStateOfManyHoursCountsInFull() throws {
        let temporary = try TemporaryFolder()
        let home = Self.state("14:00:00", "off_duty").replacing("11-02", with: "11-05")
        let reader = try Self.store(
            [Self.state("08:15:00", "idle"), home], at: temporary.file("long.db"))
        defer { reader.close() }

        let story = try #require(try FleetStory.load(from: reader))
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(story.json().utf8)) as? [String: Any])
        let periods = try #require(object["periods"] as? [[String: Any]])
        #expect(periods.map { $0["usable_hours"] as? Double } == [15.75, 24, 24, 14])
        let row = try #require(try reader.rows("SELECT * FROM robot_reliability").first)
        #expect(row.number("operating_hours") == 77.75)
    }

    @Test func whatIsStillOpenCountsToTheLastEventInTheStoryAndToNowInTheView() throws {
        let temporary = try TemporaryFolder()
        let last = #"{"event":"robot.telemetry","timestamp":"2026-11-02T10:30:00Z","robot_id":"R-2"}"#
        let reader = try Self.store(
            [Self.state("08:15:00", "idle"), last], at: temporary.file("open.db"))
        defer { reader.close() }

        let story = try #require(try FleetStory.load(from: reader))
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(story.json().utf8)) as? [String: Any])
        let periods = try #require(object["periods"] as? [[String: Any]])
        #expect(periods.map { $0["usable_hours"] as? Double } == [0.75, 1, 0.5])
        let now = Date().timeIntervalSince1970
        let began = 1_793_607_300.0  // 2026-11-02T08:15:00Z
        let row = try #require(
            try reader.rows("SELECT sum(usable_hours) AS n FROM usable_supply_hours").first)
        #expect(abs((row.number("n") ?? 0) - max(0, now - began) / 3600) < 0.1)
    }
}
