import Foundation
import FoundationNetworking
import PrivateServers
import ProgramUnderTest
import Testing

extension LiveTests {
    /// A database that answers nothing, neither yes nor no: frozen, or behind a network that is silent.
    @Suite struct FrozenDatabaseTests {
        /// A server of the test's own that is frozen, until the test ends.
        private final class Frozen {
            let server: PrivatePostgres
            private var processes: [pid_t] = []

            init() throws { server = try PrivatePostgres() }

            func freeze() throws {
                processes = try server.processes()
                for process in processes { kill(process, SIGSTOP) }
            }

            deinit {
                for process in processes { kill(process, SIGCONT) }
                try? server.remove()
            }
        }

        /// Questions that nobody gets an answer to: more than there are threads that answer.
        private static func ask(_ service: Service, _ count: Int) throws -> [URLSessionDataTask] {
            let url = try #require(URL(string: "http://127.0.0.1:\(service.port)/analytics/v1/home"))
            let configuration = URLSessionConfiguration.ephemeral
            configuration.httpMaximumConnectionsPerHost = count
            let session = URLSession(configuration: configuration)
            return (0..<count).map { _ in
                let task = session.dataTask(with: url)
                task.resume()
                return task
            }
        }

        /// Readers wait for it; probes do not, nor does the end of the program.
        @Test(arguments: [[], ["--partitions", "2"]])
        func keepsNeitherProbesNorTheEndWaiting(options: [String]) async throws {
            let frozen = try Frozen()
            let scene = try await Scene(.postgres, server: frozen.server)
            let service = try await scene.serve(["--declare"] + options)
            try await service.ready()
            try await eventually("the API answers") {
                try await service.get("/analytics/v1/home").status == 200
            }
            if !options.isEmpty {
                try await eventually("it holds both partitions") {
                    try await service.metric("sessionizer_partitions_held") == 2
                }
            }
            try frozen.freeze()
            let asked = try Self.ask(service, 12)
            // For as long as each question is waited for at least.
            let (probes, end) = try await service.probedAndEnded(
                ["/livez", "/readyz", "/healthz", "/metrics"], for: .seconds(3),
                while: { asked.allSatisfy { $0.state == .running } })
            for probe in probes {
                #expect(probe.duration < .seconds(2), "\(probe.path)")
                #expect(probe.status == 200, "\(probe.path): \(probe.text)")
            }
            #expect(end.status == 0)
            #expect(end.duration < .seconds(12))
            #expect(try service.logged("grace_over").isEmpty)
            #expect(try service.logged("answers_left").count == 1)
            // Those that no thread had begun with were told to come again.
            try await eventually("all are answered or cut") { asked.allSatisfy { $0.state == .completed } }
            let statuses = asked.compactMap { ($0.response as? HTTPURLResponse)?.statusCode }
            #expect(statuses.count >= 8 && statuses.allSatisfy { $0 == 503 }, "\(statuses)")
        }

        /// A batch that is on its way is waited for as long as there is time; that it was, and not answers, is told.
        @Test func aBatchInHandIsWaitedFor() async throws {
            let frozen = try Frozen()
            let scene = try await Scene(.postgres, server: frozen.server)
            try scene.folder.write("archive/a.jsonl", Lines.deliveries(20))
            let service = try await scene.serve(["--declare", "--grace", "3"])
            try await service.ready()
            try frozen.freeze()
            try scene.publish()
            try await eventually("a batch is in hand") {
                try await service.metric("sessionizer_messages_in_hand{transport=\"amqp\"}") ?? 0 > 0
            }
            #expect(try await service.stop() == 1)
            #expect(try service.logged("grace_over").first?["left"] as? String == "batch")
            #expect(try service.logged("database_not_waited_for").isEmpty)
        }

        /// What one partition has in hand is given back in time, also where another one has ended before and its lease cannot
        /// be, because the database is away.
        @Test func aPartitionThatHasEndedKeepsNoOtherFromIt() async throws {
            let server = try PrivatePostgres.shared()
            let scene = try await Scene(.postgres, server: server)
            let proxy = try Proxy(.socket(path: server.socketPath))
            defer { proxy.end() }
            let database = String(try #require(URLComponents(string: scene.live)?.path.dropFirst()))
            let service = try await scene.serve(
                ["--declare", "--partitions", "2", "--grace", "20"],
                store: "postgres://postgres@127.0.0.1:\(proxy.port)/\(database)",
                environment: ["SESSIONIZER_LEASE_SECONDS": "2"])
            try await service.ready()
            try await eventually("it holds both partitions") {
                try await service.metric("sessionizer_partitions_held") == 2
            }
            // One key: one partition has it all, the other one nothing.
            try scene.folder.write("archive/a.jsonl", Lines.deliveries(1))
            proxy.stall()
            try scene.publish("--exchange", "q", "--routing-key", "market-1", queue: "q.0")
            try await eventually("a batch is in hand, and whoever renews the leases has been waiting") {
                try await service.metric("sessionizer_messages_in_hand{transport=\"amqp\"}") ?? 0 > 0
                    && scene.rows("SELECT FROM partition_leases WHERE expires_at < clock_timestamp()").count
                        == 2
            }
            service.signal(SIGTERM)
            try await eventually("the idle one has ended") { try service.logged("stopped").count == 1 }
            proxy.listen(false)
            proxy.cut()
            // Within the grace time, or it is no 0.
            #expect(try await service.end(within: 60) == 0)
            #expect(try service.logged("grace_over").isEmpty)
            #expect(try service.logged("stopped").count == 2)
        }

        /// Partitions that somebody's transactions keep are waited for one at a turn: what is held is renewed meanwhile.
        @Test func aLeaseIsRenewedWhileOthersAreContested() async throws {
            let server = try PrivatePostgres.shared()
            let scene = try await Scene(.postgres, server: server)
            let options = ["--declare", "--partitions", "5"]
            let environment = ["SESSIONIZER_LEASE_SECONDS": "8"]
            let first = try await scene.serve(options, environment: environment)
            try await eventually("the table of leases is there") {
                try await first.metric("sessionizer_partitions_held") == 5
            }
            #expect(try await first.stop() == 0)
            let database = String(try #require(URLComponents(string: scene.live)?.path.dropFirst()))
            let pause = Int.random(in: 100...1_000_000)
            let done = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                // Ended below.
                _ = try? server.sql(
                    """
                    BEGIN; SELECT FROM partition_leases WHERE queue_partition < 4 FOR UPDATE; SELECT pg_sleep(\(pause));
                    ROLLBACK
                    """, in: database)
                done.signal()
            }
            let holder =
                "FROM pg_stat_activity WHERE query LIKE '%pg_sleep(\(pause))%' AND wait_event = 'PgSleep'"
            try await eventually("the rows are locked") { try server.sql("SELECT count(*) \(holder)") == "1" }
            defer {
                _ = try? server.sql("SELECT pg_terminate_backend(pid) \(holder)")
                done.wait()
            }
            let second = try await scene.serve(options, environment: environment)
            try await eventually("it has the one that is free", within: 60) {
                try await second.metric("sessionizer_partitions_held") == 1
            }
            let begun = ContinuousClock.now
            while begun.duration(to: .now) < .seconds(18) {
                #expect(
                    try scene.rows(
                        "SELECT holder FROM partition_leases WHERE queue_partition = 4 AND expires_at > clock_timestamp()"
                    ).count == 1)
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(try second.logged("leases_failed").isEmpty)
            second.signal(SIGTERM)
            #expect(try await second.end() == 0)
        }
    }
}
