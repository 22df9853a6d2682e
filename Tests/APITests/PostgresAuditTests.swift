import AccessControl
import ChildProcesses
import EngineUnderTest
import Foundation
import PostgresStore
import PrivateServers
import SessionStore
import Synchronization
import Testing

/// The audit beside a store in PostgreSQL: a table of it, which several services share.
@Suite struct PostgresAuditTests {
    /// A store with one delivery, its roles, and a file of tokens.
    private struct Place {
        let server: PrivatePostgres
        let database: String
        let folder: Folder
        let token: String
        var writer: String { "\(database)_writer" }
        var reader: String { "\(database)_reader" }

        init(_ server: PrivatePostgres) throws {
            self.server = server
            database = try server.makeDatabase()
            folder = try Folder()
            let digest: String
            (token, digest) = AccessControl.fresh()
            try folder.write("tokens", "alice admin \(digest)\n")
            let store = try StoreUnderTest(place: .postgres(url: server.url(database)), maxResident: 0)
            _ = try store.ingest([
                #"{"event":"demand.created","timestamp":"2026-11-02T10:00:00Z","event_id":"e-1","delivery_id":"D-1"}"#,
                #"{"event":"demand.assigned","timestamp":"2026-11-02T10:01:00Z","event_id":"e-2","delivery_id":"D-1","robot_id":"R-1"}"#,
            ])
            store.close()
            try server.sql("CREATE ROLE \(writer) LOGIN; CREATE ROLE \(reader) LOGIN")
            try server.run(
                file: Self.grants, in: database, user: "postgres", ["writer": writer, "reader": reader])
        }

        private static let grants = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("deploy/postgres/grants.sql").path

        func serve(as role: String) throws -> (ServedProgram, Client) {
            let run = try ServedProgram(
                folder,
                [
                    "serve", "--store", server.url(database, user: role), "--listen", "127.0.0.1:0",
                    "--tokens", "tokens",
                ])
            return (run, Client(port: try run.port()))
        }

        func get(_ path: String, of client: Client) throws -> Client.Reply {
            try client.get("/analytics/v1/\(path)", ["Authorization": "Bearer \(token)"])
        }

        func rows(_ what: String) throws -> String {
            try server.sql("SELECT \(what) FROM audit ORDER BY audit_id", in: database)
        }
    }

    @Test func severalServicesShareOne() throws {
        let place = try Place(.shared())
        let (first, one) = try place.serve(as: place.writer)
        let (second, other) = try place.serve(as: place.reader)
        let before = Date()
        #expect(try place.get("deliveries/D-1?limit=5000", of: one).status == 200)
        #expect(try place.get("deliveries/none-such", of: other).status == 404)
        #expect(try place.get("deliveries/D-1%00", of: other).status == 422)
        #expect(try place.get("me", of: one).status == 200)
        #expect(
            try place.rows("who, role, route, object, filters, status, rows, address") == """
                alice|admin|deliveries/{id}|D-1|limit=5000|200|2|127.0.0.1
                alice|admin|deliveries/{id}|none-such||404|0|127.0.0.1
                alice|admin|deliveries/{id}|D-1\u{FFFD}||422|0|127.0.0.1
                """)
        let (from, to) = (before.timeIntervalSince1970 - 1, Date().timeIntervalSince1970 + 1)
        #expect(
            try place.rows("bool_and(extract(epoch FROM at) BETWEEN \(from) AND \(to)) OVER ()")
                == "t\nt\nt")
        // Both see all of it, but the reader's role may not look.
        let told = try place.get("audit?who=alice", of: one)
        #expect(
            told.rows.map { $0["object"] as? String } == ["D-1\u{FFFD}", "none-such", "D-1"]
                && told.rows.map { $0["rows"] as? Int } == [0, 0, 2], "\(told.text)")
        #expect(try place.get("audit?who=bob", of: one).rows.isEmpty)
        let hidden = try place.get("audit", of: other)
        #expect(hidden.status == 503 && hidden.text.contains("permission denied for table audit"))
        #expect(first.stop() == 0)
        #expect(second.stop() == 0)
    }

    /// One before its first byte, and one when it has ended.
    @Test func aTableLeavesTwoRows() throws {
        let place = try Place(.shared())
        let (run, client) = try place.serve(as: place.writer)
        let reply = try client.get("/deliveries/D-1.csv", ["Authorization": "Bearer \(place.token)"])
        #expect(reply.status == 200 && reply.text.components(separatedBy: "\r\n").count == 4)
        #expect(
            try place.rows("route, object, status, rows") == """
                sessions/{id}/events|D-1|200|
                sessions/{id}/events|D-1|200|2
                """)
        #expect(
            try place.server.sql("SELECT count(DISTINCT request_id) FROM audit", in: place.database) == "1")
        #expect(run.stop() == 0)
    }

    @Test func nobodyChangesIt() throws {
        let place = try Place(.shared())
        let audit = try PostgresAudit(
            PostgresStore.Settings(url: place.server.url(place.database, user: place.reader)))
        // At once: some of them share a statement.
        DispatchQueue.concurrentPerform(iterations: 64) { index in
            do {
                try audit.append(
                    AuditEntry(
                        at: Int64(index), who: "a", role: "viewer", route: "home", object: nil, filters: "",
                        status: 200, rows: index, requestID: "x", address: "::1"))
            } catch { Issue.record(error) }
        }
        audit.close()
        #expect(
            try place.rows("rows").split(separator: "\n").compactMap { Int($0) }.sorted() == Array(0..<64))
        for (role, words) in [
            ("postgres", "the audit is only ever added to"), (place.writer, "permission denied"),
            (place.reader, "permission denied"),
        ] {
            for sql in [
                "UPDATE audit SET who = 'b'", "UPDATE audit SET who = 'b' WHERE false", "DELETE FROM audit",
                "TRUNCATE audit", "SET session_replication_role = replica; DELETE FROM audit",
            ] {
                let refused = #expect(throws: PrivatePostgres.Failure.self, "\(role): \(sql)") {
                    try place.server.sql(sql, in: place.database, user: role)
                }
                #expect(refused?.description.contains(words) == true, "\(refused as Any)")
            }
        }
        #expect(try place.rows("count(*) OVER ()").hasPrefix("64"))
    }

    /// Does something while none of a server's processes goes on.
    private func whileFrozen(_ server: PrivatePostgres, _ body: () throws -> Void) throws {
        let processes = try server.processes()
        defer { for process in processes { kill(process, SIGCONT) } }
        for process in processes { kill(process, SIGSTOP) }
        try body()
    }

    private static func entry(_ status: Int) -> AuditEntry {
        AuditEntry(
            at: 0, who: "a", role: "viewer", route: "home", object: nil, filters: "", status: status, rows: 1,
            requestID: "x", address: "::1")
    }

    /// A database that answers nothing: nobody waits for it behind all others, and who has waited for it already not again.
    @Test func aFrozenDatabaseIsWaitedForOnce() throws {
        let server = try PrivatePostgres()
        defer { try? server.remove() }
        let place = try Place(server)
        let settings = PostgresStore.Settings(url: server.url(place.database, user: place.writer))
        let (audit, other) = (try PostgresAudit(settings), try PostgresAudit(settings))
        defer {
            audit.close()
            other.close()
        }
        /// How long it took to be refused, in seconds.
        @Sendable func refused(_ append: () throws -> Void) -> Double {
            let begun = ContinuousClock.now
            #expect(throws: StoreError.self) { try append() }
            return (.now - begun) / .seconds(1)
        }
        try audit.append(Self.entry(200))
        try whileFrozen(server) {
            let times = Mutex<[Double]>([])
            let done = DispatchGroup()
            for _ in 0..<4 {
                done.enter()
                Thread {
                    let time = refused { try audit.append(Self.entry(503)) }
                    times.withLock { $0.append(time) }
                    done.leave()
                }.start()
            }
            #expect(refused { try other.appendAtOnce(Self.entry(503)) } < 3)
            #expect(done.wait(timeout: .now() + 60) == .success)
            // One waits for the answer, and the others not so long for their turn.
            let sorted = times.withLock { $0.sorted() }
            #expect(sorted[2] < 8 && sorted[3] < 13, "\(sorted)")
            #expect(refused { try audit.appendAtOnce(Self.entry(503)) } < 1)
        }
        try audit.append(Self.entry(200))
        try audit.appendAtOnce(Self.entry(200))
        // Of those that were refused some may be there all the same: they were on their way.
        #expect(try place.rows("status").split(separator: "\n").count { $0 == "200" } == 3)
    }

    /// Whoever ends the service does not wait for such a database either.
    @Test func aFrozenDatabaseKeepsNoServiceFromItsEnd() throws {
        let server = try PrivatePostgres()
        defer { try? server.remove() }
        let place = try Place(server)
        let (run, client) = try place.serve(as: place.writer)
        #expect(try place.get("home", of: client).status == 200)
        try whileFrozen(server) {
            let before = try Self.descriptors(run.process.processIdentifier)
            let statuses = Mutex<[Int]>([])
            for _ in 0..<12 {
                Thread {
                    let status = (try? place.get("home", of: client).status) ?? 0
                    statuses.withLock { $0.append(status) }
                }.start()
            }
            // A connection for each, and for each of the four that are in hand but the first one another to the database.
            let deadline = Date() + 20
            while try Self.descriptors(run.process.processIdentifier) < before + 15, Date() < deadline {
                usleep(10_000)
            }
            let begun = ContinuousClock.now
            #expect(run.stop() == 0)
            #expect(begun.duration(to: .now) < .seconds(9))
            while statuses.withLock({ $0.count }) < 12, Date() < deadline { usleep(10_000) }
            // Four were in hand: those are cut.
            #expect(
                statuses.withLock { $0.sorted() } == [Int](repeating: 0, count: 4)
                    + [Int](repeating: 503, count: 8))
            #expect(run.text.contains("4 answers were not finished"), "\(run.text)")
        }
    }

    private static func descriptors(_ process: pid_t) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").count
    }

    /// What cannot be recorded is not answered.
    @Test func whereItCannotBeWrittenNothingIsTold() throws {
        let server = try PrivatePostgres()
        defer { try? server.remove() }
        let place = try Place(server)
        let (run, client) = try place.serve(as: place.writer)
        #expect(try place.get("deliveries/D-1", of: client).status == 200)
        // The store answers, but the audit does not.
        try server.sql("REVOKE INSERT ON audit FROM \(place.writer)", in: place.database)
        let denied = try place.get("deliveries/D-1", of: client)
        #expect(denied.status == 503 && denied.header("Content-Type") == "application/problem+json")
        #expect(denied.json["type"] as? String == "/problems/store-unavailable")
        #expect(denied.text.contains("the audit cannot be written") && !denied.text.contains("e-1"))
        #expect(try place.get("me", of: client).status == 200)
        // Without a right to it no service begins that asks who is there.
        let refused = try ServedProgram(
            place.folder,
            [
                "serve", "--store", server.url(place.database, user: place.writer), "--listen", "127.0.0.1:0",
                "--tokens", "tokens",
            ])
        #expect(refused.end() == 1 && refused.text.contains("may not add to the audit"), "\(refused.text)")
        try server.sql("GRANT INSERT ON audit TO \(place.writer)", in: place.database)
        #expect(try place.get("deliveries/D-1", of: client).status == 200)
        // The database is away, and comes again.
        try server.stop()
        let away = try place.get("deliveries/D-1", of: client)
        #expect(away.status == 503 && away.header("Content-Type") == "application/problem+json")
        #expect(away.header("Retry-After") == "5" && !away.text.contains("e-1"))
        try server.start()
        let deadline = Date() + 30
        var status = 0
        while status != 200, Date() < deadline { status = try place.get("deliveries/D-1", of: client).status }
        #expect(status == 200)
        #expect(run.stop() == 0)
        let kept = try place.rows("status").split(separator: "\n")
        #expect(kept.filter { $0 == "200" }.count == 3, "\(kept)")
    }
}
