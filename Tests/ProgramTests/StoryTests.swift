import Foundation
import ProgramUnderTest
import SQLiteStore
import SessionStore
import Testing

/// What `session`, `robot` and `fleet` say, to the letter where a text search once said something else.
@Suite struct StoryTests {
    let program: Program
    var folder: Folder { program.folder }

    init() throws { program = Program(folder: try Folder()) }

    private func replay(_ lines: String...) throws {
        try folder.write("a.jsonl", lines.joined(separator: "\n") + "\n")
        let outcome = try program.run("replay", "a.jsonl", "--store", "sqlite:a.db")
        #expect(outcome.status == 0, "\(outcome.complaints)")
    }

    private func lines(_ command: String, _ id: String) throws -> [String] {
        let outcome = try program.run(command, id, "--store", "sqlite:a.db")
        #expect(outcome.status == 0, "\(outcome.complaints)")
        return outcome.output.split(separator: "\n").map(String.init)
    }

    /// What it says below "What happened".
    private func events(_ id: String) throws -> [String] {
        Array(try lines("session", id).drop { $0 != "What happened" }.dropFirst())
    }

    private func replayOddErrors() throws {
        try replay(
            #"{"event": "demand.assigned", "timestamp": "2026-11-02T10:00:00Z", "delivery_id": "D1", "robot_id": "R1"}"#,
            #"{"event": "robot.state_changed", "timestamp": "2026-11-02T10:01:00Z", "robot_id": "R1", "from_state": "idle", "to_state": "delivering"}"#,
            #"{"event": "sensor.check", "timestamp": "2026-11-02T10:02:00Z", "robot_id": "R1", "error": {"code": "LIDAR", "message": "dead"}}"#,
            #"{"event": "robot.error", "timestamp": "2026-11-02T10:03:00Z", "robot_id": "R1", "error": "BARE"}"#,
            #"{"event": "sensor.fine", "timestamp": "2026-11-02T10:03:30Z", "robot_id": "R1", "error": {}, "address": {"code": "10115", "state": "Berlin"}}"#,
            #"{"event": "robot.error", "timestamp": "2026-11-02T10:04:00Z", "robot_id": "R1", "error": {"code": "A\"B"}}"#,
            #"{"event": "note", "timestamp": "2026-11-02T10:05:00Z", "robot_id": "R1", "note": "the \"error\": was here"}"#,
            #"{"event": "delivery.failed", "timestamp": "2026-11-02T10:10:00Z", "delivery_id": "D1", "robot_id": "R1", "error": {"code": "NOPE"}}"#
        )
    }

    @Test func aSessionsEventsSayWhatTheirPayloadsSay() throws {
        try replayOddErrors()
        let told = try events("D1")
        func line(_ event: String) -> String {
            told.first { $0.contains(event) && !$0.contains("opened by \(event)") } ?? ""
        }
        #expect(line("robot.state_changed").contains("idle → delivering"))
        #expect(line("sensor.check").hasPrefix("! ") && line("sensor.check").contains("LIDAR (dead)"))
        #expect(line("sensor.fine").hasPrefix("  ") && !line("sensor.fine").contains("10115"))
        #expect(!line("sensor.fine").contains("Berlin"))
        #expect(line("10:05:00").hasPrefix("  "))
        #expect(told.contains { $0.hasPrefix("! ") && $0.contains("BARE") })
        #expect(told.contains { $0.hasPrefix("! ") && $0.contains(#"A"B "#) })
        #expect(told.count { $0.hasPrefix("! ") } == 4)
        let json = try program.run("session", "D1", "--store", "sqlite:a.db", "--format", "json").json()
        let row = try #require(json["session"] as? [String: Any])
        #expect(
            row["robot_micros"] == nil && row["first_direct_at"] == nil && row["error_count"] as? Int == 4)
    }

    /// Its header counts what `robot_hourly` counts, and its story has each of them.
    @Test func aRobotsErrorsAreAllThere() throws {
        try replayOddErrors()
        let told = try lines("robot", "R1")
        #expect(told[0].contains("4 errors"))
        #expect(told.count { $0.contains(" error   ") } == 4)
        #expect(told.contains { $0.contains("sensor.check LIDAR (dead)") })
        #expect(told.contains { $0.contains("delivery.failed NOPE") })
        let reader = try SQLiteReader(path: folder.url.appendingPathComponent("a.db").path)
        defer { reader.close() }
        #expect(
            try reader.rows("SELECT sum(error_count) AS n FROM robot_hourly WHERE robot_id = 'R1'")[0]
                .integer("n") == 4)
    }

    @Test func anEventBefore1970IsToldAndDatesAreWhereDaysAreSpanned() throws {
        try replay(
            #"{"event":"sensor.early","timestamp":"1969-12-31T22:30:00Z","delivery_id":"D1"}"#,
            #"{"event":"demand.created","timestamp":"2026-11-02T10:10:00Z","delivery_id":"D1"}"#)
        let told = try events("D1")
        #expect(told.contains { $0.contains("1969-12-31 22:30:00.000") && $0.contains("sensor.early") })
        #expect(told.contains { $0.contains("2026-11-02 10:10:00.000") && $0.contains("demand.created") })
    }

    /// A clock that said the year 1, or says 9999: the story comes at once, and says what is odd.
    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            ("0001-01-01T00:00:00Z", "2026-11-02T10:01:00Z"),
            ("1970-01-01T00:00:10Z", "9999-12-31T23:59:59Z"),
        ])
    func aBrokenClock(from: String, to: String) throws {
        try replay(
            #"{"event":"robot.state_changed","timestamp":"\#(from)","robot_id":"R9","to_state":"idle"}"#,
            #"{"event":"robot.state_changed","timestamp":"\#(to)","robot_id":"R9","to_state":"grounded"}"#,
            #"{"event":"robot.state_changed","timestamp":"2026-11-02T08:00:00Z","robot_id":"R1","to_state":"idle"}"#,
            #"{"event":"robot.state_changed","timestamp":"2026-11-02T10:00:00Z","robot_id":"R1","to_state":"charging"}"#
        )
        let fleet = try program.run("fleet", "--store", "sqlite:a.db", "--format", "json").json()
        let periods = try #require(fleet["periods"] as? [[String: Any]])
        #expect(periods.count == 62)
        #expect(periods.last?["starts_at"] as? String == "2026-11-02T00:00:00.000000Z")
        let usable = try #require(periods.last?["usable_hours"] as? Double)
        #expect(usable > 10.9 && usable < 26.1)
        #expect((fleet["doubtful_states"] as? [[String: Any]])?.first?["robot_id"] as? String == "R9")
        #expect(fleet["periods_from"] as? String == "2026-09-02T00:00:00.000000Z")
        let text = try program.run("fleet", "--store", "sqlite:a.db").output
        #expect(text.contains(" – 2026-11-02 10:0"), "\(text)")
        let ahead = "An event of 9999-12-31 23:59 UTC is ahead of the clock"
        #expect(text.contains(ahead) == to.hasPrefix("9999"))
        let robot = try program.run("robot", "R9", "--store", "sqlite:a.db", "--format", "json").json()
        #expect((robot["hours"] as? [Any])?.count ?? .max <= 744)
        #expect(robot["hours_from"] is String)
        #expect(try lines("robot", "R9")[0].contains("usable"))
    }

    /// What lasts is counted up to the last event, by whichever command.
    @Test func aStateThatLastsCounts() throws {
        try replay(
            #"{"event":"robot.state_changed","timestamp":"2026-11-02T10:20:00Z","robot_id":"R1","to_state":"idle"}"#,
            #"{"event":"demand.assigned","timestamp":"2026-11-02T16:30:00Z","delivery_id":"D1","robot_id":"R2"}"#
        )
        let robot = try program.run("robot", "R1", "--store", "sqlite:a.db", "--format", "json").json()
        #expect(robot["usable_seconds"] as? Double == 22_200)
        let fleet = try program.run("fleet", "--store", "sqlite:a.db").output.split(separator: "\n")
        // Also a robot that told no state.
        #expect(fleet[0].contains("2 robots · 2 events"), "\(fleet[0])")
        #expect(fleet.contains { $0.contains("6.2 usable robot hours") }, "\(fleet)")
    }

    /// Hours that a robot's story shows are those of the table, whole hours of a long state included.
    @Test func aRobotsHoursAreThoseOfTheTable() throws {
        try replay(
            #"{"event":"robot.deployed","timestamp":"2026-11-02T08:30:00Z","robot_id":"R1"}"#,
            #"{"event":"demand.assigned","timestamp":"2026-11-03T09:10:00Z","delivery_id":"D1","robot_id":"R1"}"#,
            #"{"event":"delivery.failed","timestamp":"2026-11-03T09:40:00Z","delivery_id":"D1"}"#,
            #"{"event":"robot.grounded","timestamp":"2026-11-04T20:15:00Z","robot_id":"R1"}"#,
            #"{"event":"robot.deployed","timestamp":"2026-11-04T20:45:00Z","robot_id":"R1"}"#)
        let robot = try program.run("robot", "R1", "--store", "sqlite:a.db", "--format", "json").json()
        let shown = try #require(robot["hours"] as? [[String: Any]])
        let reader = try SQLiteReader(path: folder.url.appendingPathComponent("a.db").path)
        defer { reader.close() }
        let rows = try reader.rows("SELECT * FROM robot_hourly WHERE robot_id = 'R1' ORDER BY hour")
        #expect(shown.count == rows.count && rows.count == 61)
        for column in ["usable_seconds", "downtime_seconds", "on_delivery_seconds"] {
            #expect(shown.map { $0[column] as? Double } == rows.map { $0.number(column) }, "\(column)")
        }
        #expect(robot["hours_from"] is NSNull)
        #expect(
            robot["usable_seconds"] as? Double == rows.reduce(0) { $0 + ($1.number("usable_seconds") ?? 0) })
    }
}
