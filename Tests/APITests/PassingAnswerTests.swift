import ChildProcesses
import EngineUnderTest
import Foundation
import SQLiteStore
import SessionStore
import Testing

/// Answers that lack something for want of time, and figures that are not of all times.
@Suite struct PassingAnswerTests {
    /// A store that does not change, as an archive's: what is being counted would be so for ever to whoever kept the answer.
    @Test func whatIsPendingIsNotKept() throws {
        let day = try SimulatedStore.shared.get()
        let service = try ServiceUnderTest(
            store: day.path, folder: day.folder, wrap: { WatchedStore($0, isHesitant: true) })
        let first = try service.get("quality")
        #expect(first.status == 200 && first.json["pending"] as? Bool == true)
        #expect(first.header("ETag") == nil && first.header("Cache-Control") == "no-store")
        // Each of the two that are counted aside takes a turn.
        var last = first
        let deadline = Date() + 60
        while last.json["pending"] as? Bool != false, Date() < deadline {
            usleep(20_000)
            last = try service.get("quality")
        }
        let checks = try #require(last.json["checks"] as? [[String: Any]])
        #expect(
            checks.filter { $0["count"] is NSNull }.map { $0["check"] as? String } == ["late_events"])
        let tag = try #require(last.header("ETag"))
        #expect(last.header("Cache-Control") == "private, no-cache")
        #expect(try service.get("quality", ["If-None-Match": tag]).status == 304)
    }

    /// Of a long history the latest batches are added up, and that is said; what was rejected is counted where it is kept.
    @Test func figuresOfMessagesSayWhatTheyAreOf() throws {
        let folder = try Folder()
        let path = folder.path("long.db")
        let store = try StoreUnderTest(path: path, maxResident: 0)
        let now: Int64 = 1_793_615_400_000_000
        _ = try store.ingest(
            [
                "no JSON",
                #"{"event":"robot.heartbeat","timestamp":"2026-11-02T10:00:00Z","robot_id":"R-1"}"#,
            ], at: now)
        store.close()
        func quality() throws -> (of: [String: Any], checks: [String: [String: Any]]) {
            let json = try ServiceUnderTest(store: path, folder: folder).get("quality").json
            let checks = try #require(json["checks"] as? [[String: Any]])
            return (
                try #require(json["messages_of"] as? [String: Any]),
                Dictionary(checks.map { ($0["check"] as? String ?? "", $0) }, uniquingKeysWith: { $1 })
            )
        }
        let short = try quality()
        #expect(short.of["all"] as? Bool == true && short.of["batches"] as? Int == 1)
        #expect(short.checks["rejected"]?["count"] as? Int == 1)
        // As a live service goes on: 200,000 more batches, an hour later.
        let changed = try ChildProcess.run([
            "python3", "-c",
            """
            import sqlite3, sys
            c = sqlite3.connect(sys.argv[1])
            c.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) "
                "INSERT INTO ingestion_batches (transport, origin, received, accepted, duplicates, rejected, skipped, "
                "started_at, committed_at) SELECT 'amqp', 'q', 1, 1, 0, 0, 0, ?1 + i, ?1 + i FROM n", (int(sys.argv[2]),))
            c.commit()
            """, path, "\(now + 3_600_000_000)",
        ])
        #expect(changed.status == 0, "\(changed.complaints)")
        let long = try quality()
        #expect(long.of["all"] as? Bool == false && long.of["batches"] as? Int == 200_000)
        #expect(long.of["since"] as? String == "2026-11-02T11:30:00.000001Z", "\(long.of)")
        let sentence = try #require(long.checks["every_message_counted"]?["sentence"] as? String)
        #expect(
            sentence.hasPrefix("Of 200000 messages in the latest 200000 batches since 2026-11-02 11:30"),
            "\(sentence)")
        let rejected = try #require(long.checks["rejected"])
        #expect(rejected["count"] as? Int == 1 && rejected["status"] as? String == "look")
        #expect(rejected["sentence"] as? String == "1 message could not be read, over all times.")
    }
}
