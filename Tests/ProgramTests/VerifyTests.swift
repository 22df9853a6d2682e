import ChildProcesses
import EngineUnderTest
import Foundation
import PrivateServers
import ProgramUnderTest
@testable import SQLiteStore
import Testing

/// `sessionizer verify`, against stores of both kinds.
@Suite struct VerifyTests {
    let program: Program
    var folder: Folder { program.folder }

    init() throws { program = Program(folder: try Folder()) }

    private func byHand(_ sql: String, _ store: FreshStore) throws {
        switch store.place {
        case .sqlite(let path):
            let connection = try Connection(path: path, readOnly: false)
            defer { connection.close() }
            try connection.run(sql)
        case .postgres, .partition: try PrivatePostgres.shared().sql(sql, in: store.database ?? "")
        }
    }

    private func tables(_ outcome: Program.Outcome) throws -> [String: [String: Any]] {
        let all = try outcome.json()["tables"] as? [[String: Any]] ?? []
        return Dictionary(uniqueKeysWithValues: all.map { ($0["table"] as? String ?? "", $0) })
    }

    /// More rows than one slice of any table by events or by sessions.
    @Test(arguments: StoreKind.allCases)
    func aStoreThatAgreesGetsItsCertificate(kind: StoreKind) throws {
        try folder.write("a.jsonl", Lines.deliveries(3000))
        let store = try FreshStore(kind)
        #expect(try program.run("replay", "a.jsonl", "--store", store.url).status == 0)
        let json = try program.run("verify", "a.jsonl", "--store", store.url, "--format", "json")
        #expect(try json.json()["same"] as? Bool == true)
        let found = try tables(json)
        #expect(found.count == 24)
        #expect(found["events"]?["found_rows"] as? Int == 21_000)
        #expect(found["sessions"]?["found_rows"] as? Int == 3000)
        #expect(found["session_events"]?["expected_rows"] as? Int ?? 0 > 20_000)
        // The store is not touched.
        let outcome = try program.run("verify", "a.jsonl", "--store", store.url)
        #expect(outcome.status == 0, "\(outcome.complaints)")
        #expect(outcome.output.contains("differences: none"), "\(outcome.output)")
    }

    @Test(arguments: StoreKind.allCases)
    func whatWasChangedByHandIsFound(kind: StoreKind) throws {
        try folder.write("a.jsonl", Lines.deliveries(60))
        let store = try FreshStore(kind)
        try program.run("replay", "a.jsonl", "--store", store.url)
        let hour = "hour = (SELECT min(hour) FROM robot_hours WHERE robot_id = 'R-7')"
        for change in [
            "UPDATE sessions SET outcome = 'failed' WHERE session_id = 'delivery:D-1059'",
            "DELETE FROM assignment_windows WHERE session_id = 'delivery:D-1007' AND kind = 'merchant'",
            "UPDATE assignment_windows SET opened_by = 'nobody' WHERE session_id = 'delivery:D-1008' AND kind = 'robot'",
            """
            INSERT INTO merchant_hours SELECT 'nobody', source, hour, 1, 0, 0, 0, 0, 0 FROM merchant_hours
            WHERE merchant_id = 'S-1' AND hour = (SELECT min(hour) FROM merchant_hours)
            """,
            "UPDATE robot_hours SET on_delivery = on_delivery + 1 WHERE robot_id = 'R-7' AND \(hour)",
            "UPDATE event_hourly SET events = 0 WHERE merchant_id = 'S-3'",
        ] { try byHand(change, store) }
        let text = try program.run("verify", "a.jsonl", "--store", store.url)
        #expect(text.status == 1)
        for words in [
            "session_id=delivery:D-1059: outcome is failed, expected completed",
            "session_id=delivery:D-1007 kind=merchant entity_id=S-0 started_at=2026-11-02T00:00:00.000000Z: missing",
            "opened_by is nobody, expected demand.assigned", "merchant_id=nobody",
            "robot_id=R-7 hour=2026-11-02T00:00:00.000000Z: on_delivery_seconds is 1560.000001, expected 1560.0",
            "the events are the same",
        ] { #expect(text.output.contains(words), "\(words):\n\(text.output)") }

        let json = try program.run(
            "verify", "a.jsonl", "--store", store.url, "--format", "json", "--limit", "1")
        #expect(json.status == 1)
        let found = try tables(json)
        #expect(
            found.mapValues { $0["differing_rows"] as? Int ?? -1 }.filter { $0.value != 0 } == [
                "sessions": 1, "assignment_windows": 2, "merchant_hourly": 1, "robot_hourly": 1,
                "event_hourly": 12,
            ])
        func first(_ table: String, _ what: String) -> String? {
            (found[table]?["differences"] as? [[String: Any]])?.first?[what] as? String
        }
        #expect(first("sessions", "kind") == "changed")
        #expect(first("sessions", "expected") == "completed")
        #expect(first("merchant_hourly", "kind") == "unexpected")
        #expect(first("event_hourly", "kind") == "missing")
        #expect((found["event_hourly"]?["differences"] as? [Any])?.count == 1)
    }

    /// What only joins and questions are made of is derived as well: a row of it that is gone would show in a later event only.
    @Test(arguments: StoreKind.allCases)
    func whatOnlyLaterEventsNeedIsComparedToo(kind: StoreKind) throws {
        try folder.write(
            "a.jsonl",
            Lines.deliveries(3) + """
                {"event":"pilot.shift_started","timestamp":"2026-11-02T01:00:00Z","pilot_id":"P-9"}
                {"event":"pilot.assignment_started","timestamp":"2026-11-02T01:01:00Z","pilot_id":"P-9","robot_id":"R-9"}
                {"event":"demand.active","timestamp":"2026-11-02T01:02:00Z","delivery_id":"D-9","demand_id":"N-9","trip_id":"T-9"}

                """)
        let store = try FreshStore(kind)
        try program.run("replay", "a.jsonl", "--store", store.url)
        for table in ["links", "session_members", "robot_pilot_windows", "pilot_shifts"] {
            try byHand("CREATE TABLE kept_\(table) AS SELECT * FROM \(table)", store)
            try byHand("DELETE FROM \(table)", store)
            let lost = try program.run("verify", "a.jsonl", "--store", store.url)
            #expect(lost.status == 1 && lost.output.contains("\(table): "), "\(table): \(lost.output)")
            try byHand("INSERT INTO \(table) SELECT * FROM kept_\(table)", store)
            try byHand("DROP TABLE kept_\(table)", store)
        }
        #expect(try program.run("verify", "a.jsonl", "--store", store.url).status == 0)
    }

    /// A store that has lost what could not become an event gets no certificate.
    @Test(arguments: StoreKind.allCases)
    func rejectsAreComparedToo(kind: StoreKind) throws {
        let mad = (0..<450).map { "{\"event\": mad \($0)\n" }.joined()
        try folder.write("a.jsonl", Lines.deliveries(2) + mad)
        // Under another name, and some of it twice: what is kept is the same.
        try folder.write("b.jsonl", mad + Lines.deliveries(2))
        try folder.write("c.jsonl", mad)
        let store = try FreshStore(kind)
        try program.run("replay", "b.jsonl", "c.jsonl", "--store", store.url)
        let same = try program.run("verify", "a.jsonl", "--store", store.url)
        #expect(same.status == 0, "\(same.output)\(same.complaints)")
        let body = kind == .sqlite ? "CAST(body AS TEXT)" : "convert_from(body, 'UTF8')"
        try byHand("DELETE FROM rejected_events WHERE \(body) LIKE '%mad 4_'", store)
        let lost = try program.run("verify", "a.jsonl", "--store", store.url)
        #expect(lost.status == 1)
        #expect(lost.output.contains("rejected_events: 10 rows differ"), "\(lost.output)")
        #expect(lost.output.contains("{\"event\": mad 40: missing"), "\(lost.output)")
        #expect(lost.output.contains("only what could not become an event differs"), "\(lost.output)")
    }

    @Test(arguments: StoreKind.allCases)
    func eventsThatAreMissingExplainTheRest(kind: StoreKind) throws {
        try folder.write("a.jsonl", Lines.deliveries(20))
        try folder.write("b.jsonl", Lines.deliveries(21))
        let store = try FreshStore(kind)
        try program.run("replay", "a.jsonl", "--store", store.url)
        let fewer = try program.run("verify", "b.jsonl", "--store", store.url)
        #expect(fewer.status == 1)
        #expect(fewer.output.contains("the store holds 7 events fewer than the archive"), "\(fewer.output)")
        #expect(fewer.output.contains("session_id=delivery:D-1020: missing"), "\(fewer.output)")
        try program.run("replay", "b.jsonl", "--store", store.url)
        let more = try program.run("verify", "a.jsonl", "--store", store.url)
        #expect(more.status == 1)
        #expect(more.output.contains("the store holds 7 events more than the archive"), "\(more.output)")
        #expect(more.output.contains("session_id=delivery:D-1020: not expected"), "\(more.output)")
    }

    /// Other events, as many as there should be.
    @Test(arguments: StoreKind.allCases)
    func asManyEventsButOthersAreTold(kind: StoreKind) throws {
        try folder.write("a.jsonl", Lines.deliveries(20))
        try folder.write("b.jsonl", Lines.deliveries(20, day: "2026-11-03"))
        let store = try FreshStore(kind)
        try program.run("replay", "a.jsonl", "--store", store.url)
        let outcome = try program.run("verify", "b.jsonl", "--store", store.url)
        #expect(outcome.status == 1)
        #expect(
            outcome.output.contains("as many events as the archive, of which 280 rows differ"),
            "\(outcome.output)")
        let json = try program.run("verify", "b.jsonl", "--store", store.url, "--format", "json").json()
        #expect((json["explanation"] as? String)?.contains("as many events") == true)
    }

    /// What retention has dropped is told as that.
    @Test func monthsThatRetentionDroppedAreNamed() throws {
        try folder.write("a.jsonl", Lines.deliveries(60, day: "2022-05-02"))
        try folder.write("b.jsonl", Lines.deliveries(60))
        let store = try FreshStore(.postgres)
        try program.run("replay", "a.jsonl", "b.jsonl", "--store", store.url)
        let retired = try program.run("migrate", "--retire", "--store", store.url)
        #expect(retired.output.contains("dropped events_2022_05"), "\(retired.output)\(retired.complaints)")
        let outcome = try program.run("verify", "a.jsonl", "b.jsonl", "--store", store.url)
        #expect(outcome.status == 1)
        let words = "fewer than the archive: retention has dropped 420 of them with the months 2022-05; "
        #expect(
            outcome.output.contains("the store holds 420 events \(words)no other event is missing"),
            "\(outcome.output)")
        // And what is missing for another reason is told beside it.
        try folder.write("c.jsonl", Lines.deliveries(61))
        let more = try program.run("verify", "a.jsonl", "c.jsonl", "--store", store.url)
        #expect(
            more.output.contains("the store holds 427 events \(words)what is derived from the others"),
            "\(more.output)")
    }

    /// What cannot be compared is said, with the exit code of the reason.
    @Test(arguments: StoreKind.allCases)
    func whatCannotBeCompared(kind: StoreKind) throws {
        try folder.write("a.jsonl", Lines.deliveries(2))
        try folder.write("rules.yaml", "rules:\n  max_window_seconds: 3600\n")
        let store = try FreshStore(kind)
        try program.run("replay", "a.jsonl", "--store", store.url)
        let rules = try program.run("verify", "a.jsonl", "--store", store.url, "--config", "rules.yaml")
        #expect(rules.status == 1)
        #expect(rules.complaints.contains("max_window_seconds"), "\(rules.complaints)")
        for (words, complaint) in [
            (["verify", "--store", store.url], "at least one file"),
            (["verify", "a.jsonl", "--store", store.url, "--limit", "x"], "--limit x"),
            (["verify", "a.jsonl", "--store", "mysql:x"], "expected sqlite:PATH or postgres://"),
        ] {
            let process = try program.start(words)
            process.waitUntilExit()
            #expect(process.terminationStatus == 2, "\(words)")
            #expect(try folder.text("stderr").contains(complaint), "\(words)")
        }
        let nothing = kind == .sqlite ? "sqlite:nothing.db" : try PrivatePostgres.shared().url("nothing")
        #expect(try program.run("verify", "a.jsonl", "--store", nothing).status == 1)
    }

    /// A replay into PostgreSQL that is killed again and again, and goes on each time, comes to the same tables.
    @Test func aKilledReplayIntoPostgresAgreesInTheEnd() throws {
        try folder.write("a.jsonl", Lines.deliveries(1000))
        let store = try FreshStore(.postgres)
        func batches() throws -> Int {
            Int(
                try PrivatePostgres.shared().sql(
                    "SELECT count(*) FROM ingestion_batches", in: store.database ?? "")) ?? 0
        }
        var killedAtWork = 0
        for _ in 0..<3 {
            let before = try batches()
            let process = try program.start(
                ["replay", "a.jsonl", "--store", store.url],
                environment: ["SESSIONIZER_BATCH_MAX_EVENTS": "100"])
            do {
                defer {
                    kill(process.processIdentifier, SIGKILL)
                    process.waitUntilExit()
                }
                try waitUntil("it has committed some batches, or has ended") {
                    try !process.isRunning || batches() >= before + 4
                }
            }
            if process.terminationStatus == -1 { killedAtWork += 1 }
        }
        #expect(killedAtWork > 0, "every replay had ended before it was killed")
        #expect(try program.run("verify", "a.jsonl", "--store", store.url).status == 1)
        let last = try program.run("replay", "a.jsonl", "--store", store.url)
        #expect(last.status == 0, "\(last.complaints)")
        let outcome = try program.run("verify", "a.jsonl", "--store", store.url)
        #expect(outcome.status == 0, "\(outcome.output)")
    }
}
