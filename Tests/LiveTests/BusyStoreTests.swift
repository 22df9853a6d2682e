import Foundation
import PrivateServers
import ProgramUnderTest
import Testing

extension LiveTests {
    /// A store that is there, and takes nothing all the same.
    @Suite struct BusyStoreTests {
        /// A lock on the table of events, by a connection of the database's own client.
        private final class Lock {
            private let server: PrivatePostgres
            private let database: String
            /// Different for each, to be found by.
            private let seconds = Int.random(in: 100...1_000_000)
            private let done = DispatchSemaphore(value: 0)

            init(_ server: PrivatePostgres, _ url: String) async throws {
                self.server = server
                database = String(try #require(URLComponents(string: url)?.path.dropFirst()))
                let sql =
                    "BEGIN; LOCK TABLE sessionizer.events IN EXCLUSIVE MODE; SELECT pg_sleep(\(seconds)); ROLLBACK"
                Thread.detachNewThread { [server, database, done] in
                    // Ended by the release.
                    _ = try? server.sql(sql, in: database)
                    done.signal()
                }
                try await eventually("the lock is there") { try self.holders("count(*)") == "1" }
            }

            private func holders(_ what: String) throws -> String {
                try server.sql(
                    """
                    SELECT \(what) FROM pg_stat_activity
                    WHERE query LIKE '%pg_sleep(\(seconds))%' AND wait_event = 'PgSleep'
                    """
                ).trimmingCharacters(in: .whitespacesAndNewlines)
            }

            func release() throws {
                _ = try holders("pg_terminate_backend(pid)")
                done.wait()
            }
        }

        /// How many messages are stored before the lock is there: a service takes few at once until it has stored some.
        private static let before = 7

        /// A service whose batches wait no longer than half a second for a lock, on an empty queue.
        private func begin(_ more: String...) async throws -> (Scene, Service, Lock, Int) {
            let server = try PrivatePostgres.shared()
            let scene = try await Scene(.postgres, server: server)
            try scene.folder.write("archive/a.jsonl", Lines.deliveries(20))
            try scene.folder.write("before/a.jsonl", Lines.deliveries(1, day: "2026-11-01"))
            try scene.replay()
            try scene.replay("before")
            let service = try await scene.serve(
                ["--declare", "--batch-max-age-ms", "2000"] + more,
                store: scene.live + "&options=-c%20lock_timeout%3D500")
            try await service.ready()
            #expect(try scene.publish(archive: "before") == Self.before)
            try await service.drained()
            let lock = try await Lock(server, scene.live)
            return (scene, service, lock, try Self.before + scene.publish())
        }

        @Test func aLockIsToldAsWhatItIs() async throws {
            let (scene, service, lock, published) = try await begin()
            let conflicts = "sessionizer_store_failures_total{reason=\"conflict\"}"
            try await eventually("two attempts met the lock") {
                try await service.metric(conflicts) ?? 0 >= 2
            }
            let ready = try await service.get("/readyz")
            #expect(ready.status == 503 && ready.text.contains("[-] store: busy: "), "\(ready.text)")
            #expect(try await service.metric("sessionizer_store_busy") == 1)
            #expect(try await service.metric("sessionizer_store_up") == 1)
            #expect(try await service.metric("sessionizer_amqp_notices_total{code=\"store_busy\"}") == 1)
            try lock.release()
            try await service.drained()
            #expect(try await service.metric("sessionizer_store_busy") == 0)
            #expect(try await service.get("/readyz").status == 200)
            // No other reason, and no connection was lost over it.
            let failures = try await service.metric("sessionizer_store_failures_total")
            #expect(try await service.metric(conflicts) == failures)
            #expect(try await service.metric("sessionizer_store_reconnections_total") == 0)
            #expect(try await service.outcomes().values.reduce(0, +) == published)
            #expect(try await service.stop() == 0)
            #expect(try service.logged("store_busy").count == 1 && service.logged("store_down").isEmpty)
            try scene.expectTablesOfReplay()
        }

        /// What is in hand at SIGTERM is tried again as long as there is time.
        @Test func whatIsInHandAtTheEndIsTriedAgain() async throws {
            let (scene, service, lock, published) = try await begin()
            let conflicts = "sessionizer_store_failures_total{reason=\"conflict\"}"
            try await eventually("an attempt met the lock") { try await service.metric(conflicts) ?? 0 >= 1 }
            service.signal(SIGTERM)
            let before = try #require(try await service.metric(conflicts))
            try await eventually("and two more after the signal") {
                try await service.metric(conflicts) ?? 0 >= before + 2
            }
            try lock.release()
            #expect(try await service.end() == 0)
            let stopped = try #require(try service.logged("stopped").first)
            #expect(stopped["received"] as? Int == published)
            #expect(try service.logged("grace_over").isEmpty)
            try scene.expectTablesOfReplay()
        }

        /// And given back when there is none left: the program ends in time, in good order.
        @Test func whatCannotBeStoredInTimeIsGivenBack() async throws {
            let (scene, service, lock, published) = try await begin("--grace", "8")
            try await eventually("an attempt met the lock") {
                try await service.metric("sessionizer_store_failures_total") ?? 0 >= 1
            }
            #expect(try await service.stop() == 0)
            #expect(try service.logged("grace_over").isEmpty)
            #expect(try service.logged("stopped").first?["received"] as? Int == Self.before)
            try lock.release()
            let next = try await scene.serve()
            try await next.drained()
            #expect(try await next.outcomes().values.reduce(0, +) == published - Self.before)
            #expect(try await next.stop() == 0)
            try scene.expectTablesOfReplay()
        }

        /// Who asks a server that is frozen is told so in time; when it is back, so are the answers.
        @Test func aFrozenServerKeepsNobodyWaiting() async throws {
            let server = try PrivatePostgres()
            defer { try? server.remove() }
            let scene = try await Scene(.postgres, server: server)
            let service = try await scene.serve(["--declare"])
            try await service.ready()
            try await eventually("the API answers") {
                try await service.get("/analytics/v1/home").status == 200
            }
            let frozen = try server.processes()
            defer { for process in frozen { kill(process, SIGCONT) } }
            for process in frozen { kill(process, SIGSTOP) }
            let asked = ContinuousClock.now
            #expect(try await service.get("/analytics/v1/home").status == 503)
            #expect(asked.duration(to: .now) < .seconds(30))
            for process in frozen { kill(process, SIGCONT) }
            try await eventually("the API answers again") {
                try await service.get("/analytics/v1/home").status == 200
            }
            #expect(try await service.stop() == 0)
        }

        /// A connection that the server ended is made anew, and counted.
        @Test func connectionsMadeAnewAreCounted() async throws {
            let server = try PrivatePostgres.shared()
            let scene = try await Scene(.postgres, server: server)
            try scene.folder.write("archive/a.jsonl", Lines.deliveries(20))
            try scene.replay()
            let service = try await scene.serve(["--declare"])
            try await service.ready()
            let database = try #require(URLComponents(string: scene.live)?.path.dropFirst())
            try server.cutConnections(to: String(database))
            try scene.publish()
            try await service.drained()
            #expect(try await service.metric("sessionizer_store_reconnections_total") == 1)
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
        }
    }
}
