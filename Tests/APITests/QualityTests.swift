import ChildProcesses
import EngineUnderTest
import Foundation
import PostgresStore
import SQLiteStore
import SessionStore
import Testing

/// "Where the log is lying": each figure with the SQL behind it.
@Suite struct QualityTests {
    private func checks(_ reply: Client.Reply) throws -> [String: [String: Any]] {
        let all = try #require(reply.json["checks"] as? [[String: Any]])
        return Dictionary(all.map { ($0["check"] as? String ?? "", $0) }, uniquingKeysWith: { $1 })
    }

    private func checks(of client: Client) throws -> [String: [String: Any]] {
        try checks(client.get("/analytics/v1/quality"))
    }

    /// What is shown can be run as it stands, and gives the figure beside it.
    @Test(arguments: StoreKind.allCases) func theSQLGivesTheFigure(kind: StoreKind) throws {
        let folder = try Folder()
        let store = try FreshStore(kind)
        for arguments in [
            [
                "simulate", "--out", "day", "--seed", "5", "--robots", "20", "--deliveries", "120",
                "--faults", "3",
                "--disorder", "0.1", "--duplicates", "0.05", "--losses", "0.03",
            ],
            ["replay", "day", "--store", store.url],
        ] {
            let run = try ServedProgram(folder, arguments)
            #expect(run.end() == 0, "\(run.text)")
        }
        try folder.write(
            "odd.jsonl",
            "no JSON\n"
                + (0..<40).map { n in
                    #"{"event":"trip.created","timestamp":"2026-11-02T12:00:00Z","trip_id":"T-odd","delivery_id":"odd-\#(n)"}"#
                        + "\n"
                }.joined()
                + #"{"event":"it's.odd","timestamp":"2026-11-02T12:00:00Z","robot_id":"R-001"}"# + "\n")
        let odd = try ServedProgram(folder, ["replay", "odd.jsonl", "--store", store.url])
        #expect(odd.end() == 0, "\(odd.text)")
        let serve = try ServedProgram(folder, ["serve", "--store", store.url, "--listen", "127.0.0.1:0"])
        defer { _ = serve.stop() }
        let client = Client(port: try serve.port())
        // What takes longer than a moment, as everything may on a busy machine, is asked aside and told to who asks again.
        let deadline = Date() + 60
        var checks = try self.checks(of: client)
        while Date() < deadline,
            checks.contains(where: { $0.key != "late_events" && $0.value["count"] is NSNull })
        {
            usleep(50_000)
            checks = try self.checks(of: client)
        }
        #expect(checks.count == 12)
        var positive: Set<String> = []
        for (name, check) in checks.sorted(by: { $0.key < $1.key }) {
            guard name != "late_events" else {
                // Not measured, so nothing was asked; and why not is said.
                #expect(check["count"] is NSNull && check["sql"] is NSNull)
                #expect((check["sentence"] as? String)?.contains("were replayed from an archive") == true)
                continue
            }
            let sql = try #require(check["sql"] as? String, "\(name)")
            #expect(sql.firstMatch(of: /\?[0-9]/) == nil, "\(name)")
            let rows = try store.place.withReader { try $0.rows(sql, []) }
            let counted =
                rows.first?.columns.contains("n") == true
                ? Int64(rows[0].number("n") ?? 0) : Int64(rows.count)
            let count = try #require((check["count"] as? NSNumber)?.int64Value, "\(name)")
            #expect(counted == count, "\(name): \(sql)")
            if count > 0 { positive.insert(name) }
        }
        #expect(
            positive.isSuperset(of: [
                "rejected", "duplicates", "orphan_errors", "state_conflicts", "over_linked",
            ]),
            "\(positive)")
        #expect(checks["rejected"]?["command"] as? String == "sessionizer rejected --store URL")
    }

    /// A message too many in one batch is a fault, and does not make up for one too few in another.
    @Test func messagesInTwoBinsAreAFaultToo() throws {
        let folder = try Folder()
        let path = folder.path("bins.db")
        let store = try StoreUnderTest(path: path, maxResident: 0)
        for minute in 10..<12 {
            _ = try store.ingest(
                [
                    #"{"event":"robot.heartbeat","timestamp":"2026-11-02T10:\#(minute):00Z","robot_id":"R-1"}"#
                ], at: 1_793_615_400_000_000)
        }
        store.close()
        func counted() throws -> [String: Any] {
            let service = try ServiceUnderTest(store: path, folder: folder)
            return try #require(try checks(service.get("quality"))["every_message_counted"])
        }
        let good = try counted()
        #expect(good["status"] as? String == "ok" && good["count"] as? Int == 0)
        let sentence = try #require(good["sentence"] as? String)
        #expect(sentence.hasPrefix("Of 2 messages in 2 batches since 2026-"), "\(sentence)")
        let changed = try ChildProcess.run([
            "python3",
            "-c",
            """
            import sqlite3, sys
            c = sqlite3.connect(sys.argv[1])
            for change, edge in (("+ 1", "max"), ("- 1", "min")):
                c.execute(f"UPDATE ingestion_batches SET accepted = accepted {change} "
                    f"WHERE batch_id = (SELECT {edge}(batch_id) FROM ingestion_batches)")
            c.commit()
            """, path,
        ])
        #expect(changed.status == 0, "\(changed.complaints)")
        let bad = try counted()
        #expect(bad["status"] as? String == "look" && bad["count"] as? Int == 2, "\(bad)")
    }

    /// Where a queue's events are beside an archive's, theirs are counted and the archive's are not.
    @Test func latenessIsOfWhatCameFromAQueue() throws {
        let folder = try Folder()
        let path = folder.path("mixed.db")
        let store = try StoreUnderTest(path: path, maxResident: 0)
        func events(_ robot: String, _ count: Int) -> [String] {
            (0..<count).map { n in
                #"{"event":"robot.heartbeat","timestamp":"2026-11-02T10:\#(10 + n):00Z","robot_id":"\#(robot)"}"#
            }
        }
        // Received at 10:30: those of 10:10 to 10:19 are more than ten minutes old.
        let at = 1_793_615_400_000_000
        _ = try store.ingest(events("R-archive", 15), at: Int64(at + 3_600_000_000))
        _ = try store.ingest(events("R-queue", 15), at: Int64(at))
        store.close()
        func sql(_ text: String) throws {
            let changed = try ChildProcess.run([
                "python3",
                "-c",
                "import sqlite3,sys\nc=sqlite3.connect(sys.argv[1])\nc.executescript(sys.argv[2])\nc.commit()",
                path,
                text,
            ])
            #expect(changed.status == 0, "\(changed.complaints)")
        }
        func late() throws -> [String: Any] {
            let service = try ServiceUnderTest(store: path, folder: folder)
            return try #require(try checks(service.get("quality"))["late_events"])
        }
        #expect(try late()["status"] as? String == "not_measured")
        let unmeasured =
            try ServiceUnderTest(store: path, folder: folder).get("quality").json["producers"]
            as? [String: Any]
        #expect(unmeasured?["measured"] as? Bool == false)
        #expect((unmeasured?["sentence"] as? String)?.contains("does not tell when its events came") == true)
        // As the live service writes it.
        try sql(
            """
            UPDATE ingestion_batches SET transport = 'amqp' WHERE started_at = \(at);
            UPDATE arrival_hours SET events = 15, late = 15;
            INSERT INTO arrival_hours SELECT hour, 'amqp', 15, 10 FROM arrival_hours;
            INSERT INTO freshness SELECT 'amqp', last_event_at, last_committed_at, 15, last_past_event_at FROM freshness
              WHERE scope = 'archive';
            UPDATE freshness SET events = 15 WHERE scope = 'archive';
            """)
        let mixed = try late()
        #expect(mixed["count"] as? Int == 10 && mixed["status"] as? String == "look")
        let sentence = try #require(mixed["sentence"] as? String)
        #expect(sentence.hasPrefix("10 of 15 events from a queue"), "\(sentence)")
        #expect(sentence.contains("15 events were replayed from an archive"), "\(sentence)")
        let asked = try #require(mixed["sql"] as? String)
        let reader = try SQLiteReader(path: path)
        #expect(try reader.rows(asked, []).first?.integer("n") == 10)
        // By producer: the heartbeats of the robot that came from the queue.
        func producers() throws -> [String: Any] {
            let service = try ServiceUnderTest(store: path, folder: folder)
            return try #require(try service.get("quality").json["producers"] as? [String: Any])
        }
        let told = try producers()
        #expect(told["measured"] as? Bool == true)
        let rows = try #require(told["rows"] as? [[String: Any]])
        #expect(rows.count == 1 && rows[0]["producer"] as? String == "robot" && rows[0]["source"] is NSNull)
        #expect(
            rows[0]["events"] as? Int == 15 && rows[0]["late"] as? Int == 10 && rows[0]["ahead"] as? Int == 0)
        // Of 20 to 6 minutes: the eighth and the fifteenth.
        #expect(rows[0]["median_seconds"] as? Double == 780 && rows[0]["p95_seconds"] as? Double == 1200)
        let robots = try #require(told["robots"] as? [[String: Any]])
        #expect(robots.map { $0["robot_id"] as? String } == ["R-queue"])
        #expect(
            (told["sentence"] as? String)?.contains("most of the late ones are robot events (10)") == true)
        // A clock that is ahead.
        try sql(
            "UPDATE events SET occurred_at = received_at + 94000000 WHERE robot_id = 'R-queue' AND occurred_at = \(at - 360_000_000)"
        )
        let ahead = try #require(try producers()["robots"] as? [[String: Any]])
        #expect(ahead[0]["ahead"] as? Int == 1 && ahead[0]["most_ahead_seconds"] as? Double == 94)
        try sql(
            "UPDATE events SET occurred_at = \(at - 360_000_000) WHERE occurred_at > received_at AND robot_id = 'R-queue'"
        )
        // A queue alone: all of them.
        try sql(
            "UPDATE ingestion_batches SET transport = 'amqp'; UPDATE arrival_hours SET transport = 'amqp, too' "
                + "WHERE transport = 'archive'; DELETE FROM freshness WHERE scope = 'archive';")
        let live = try late()
        #expect(live["count"] as? Int == 25, "\(live)")
    }
}
