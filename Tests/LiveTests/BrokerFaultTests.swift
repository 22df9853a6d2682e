import Foundation
import PrivateServers
import ProgramUnderTest
import Testing

extension LiveTests {
    /// What befalls the broker, its queue, or the way to it.
    @Suite struct BrokerFaultTests {
        /// The broker of these tests agrees to two channels in a connection, and each attempt opens another.
        @Test func moreChannelsThanAConnectionMayHaveAreNotAskedFor() async throws {
            let scene = try await Scene()
            try scene.simulate(deliveries: 5)
            let service = try await scene.serve()
            try await eventually("four attempts found no queue") {
                try await service.metric("sessionizer_amqp_notices_total{code=\"not_found\"}") ?? 0 >= 4
            }
            let published = try scene.publish("--declare")
            try await service.drained()
            #expect(try await service.metric("sessionizer_amqp_connections_total") == 1)
            #expect(try await service.outcomes().values.reduce(0, +) == published)
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
        }

        @Test(arguments: Scene.Kind.allCases) func theBrokerIsRestarted(kind: Scene.Kind) async throws {
            let scene = try await Scene(kind, alone: true)
            try scene.simulate()
            let published = try scene.publish("--declare")
            let service = try await scene.serve(["--batch-max-events", "50", "--prefetch", "100"])
            try await eventually("some are committed") {
                try await service.outcomes().values.reduce(0, +) > 100
            }
            // Stopped, not killed: RabbitMQ 3.10.8 forgets to elect a leader for a quorum queue that was made a second
            // before its node was killed.
            try await Broker.shared.halt()
            #expect(try await service.get("/livez").status == 200)
            try await Broker.shared.start()
            try await eventually("it consumes again", within: 60) {
                try await service.get("/readyz").status == 200
            }
            try await service.drained()
            #expect(try await service.outcomes().values.reduce(0, +) >= published)
            #expect(try await service.stop() == 0)
            #expect(try service.logged("connecting_failed").isEmpty == false)
            try scene.expectTablesOfReplay()
        }

        @Test(arguments: Scene.Kind.allCases) func theConnectionIsCutAndStalls(kind: Scene.Kind) async throws
        {
            let scene = try await Scene(kind)
            try scene.simulate()
            let published = try scene.publish("--declare")
            let proxy = try Proxy(to: scene.host.port)
            defer { proxy.end() }
            // The third connection lasts; the first two end in the middle of frames.
            // Said before: the second connection may have brought everything by the time that the first cut is seen.
            proxy.cut(afterBytes: 40_001, 90_003)
            let service = try await scene.serve(
                ["--batch-max-events", "50", "--prefetch", "100"], url: scene.host.url(port: proxy.port))
            // Counted each time; written once a minute, but for another place where it was noticed.
            let lost = "sessionizer_amqp_notices_total{code=\"connection_lost\"}"
            try await eventually("the first two connections were cut") {
                try await service.metric(lost) ?? 0 >= 2
            }
            try await eventually("it is told") { try !service.logged("connection_lost").isEmpty }
            let told = try service.logged("connection_lost").compactMap { $0["message"] as? String }
            #expect(Set(told).count == told.count, "\(told)")
            try await eventually("it consumes again") { try await service.get("/readyz").status == 200 }
            // Half open: the broker is there for TCP, and says nothing. Only the missing heartbeats tell.
            proxy.stall()
            try await eventually("missing heartbeats are noticed") {
                try await service.get("/readyz").status == 503
            }
            #expect(try await service.get("/livez").status == 200)
            proxy.cut()
            proxy.goOn()
            try await service.ready()
            try await service.drained()
            #expect(try await service.outcomes().values.reduce(0, +) >= published)
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
        }

        @Test(arguments: Scene.Kind.allCases) func theQueueIsDeletedAndMadeAgain(kind: Scene.Kind)
            async throws
        {
            let scene = try await Scene(kind)
            try scene.simulate(deliveries: 5)
            try await scene.host.declareQueue("q")
            let service = try await scene.serve()
            try await service.ready()
            try await scene.host.deleteQueue("q")
            try await eventually("the cancellation is noticed, and that there is no queue") {
                try service.logged("consumer_cancelled").count == 1 && service.logged("not_found").count >= 1
            }
            let ready = try await service.get("/readyz")
            #expect(ready.status == 503 && ready.text.contains("no such queue"), "\(ready.text)")
            try await scene.host.declareQueue("q")
            try await service.ready()
            let published = try scene.publish()
            try await scene.finish(service, acknowledged: published)
        }

        /// Both ways are slow: no heartbeat is missed, nothing is delivered twice.
        @Test func theWaysAreSlow() async throws {
            let server = try PrivatePostgres.shared()
            let scene = try await Scene(.postgres, server: server)
            try scene.simulate(deliveries: 16)
            let published = try scene.publish("--declare")
            let broker = try Proxy(to: scene.host.port)
            defer { broker.end() }
            broker.slow(Proxy.Pace(bytesPerSecond: 35_000))
            let database = try Proxy(.socket(path: server.socketPath))
            defer { database.end() }
            database.slow(Proxy.Pace(delay: 0.005))
            let name = try #require(URLComponents(string: scene.live)?.path.dropFirst())
            let service = try await scene.serve(
                ["--batch-max-events", "200", "--prefetch", "400"],
                url: scene.host.url(port: broker.port),
                store: "postgres://postgres@127.0.0.1:\(database.port)/\(name)")
            let before = Date()
            try await eventually("all is acknowledged") {
                try await service.metric("sessionizer_amqp_acknowledged_total") == Double(published)
            }
            // It was slow indeed, longer than two heartbeats.
            #expect(
                Date().timeIntervalSince(before) > VirtualHost.longerThanTwoHeartbeats,
                "\(broker.bytes) and \(database.bytes) bytes")
            #expect(try await service.metric("sessionizer_amqp_connections_total") == 1)
            #expect(try await service.metric("sessionizer_amqp_redeliveries_total") == 0)
            #expect(try await service.metric("sessionizer_store_failures_total") == 0)
            #expect(try await service.outcomes().values.reduce(0, +) == published)
            broker.slow(nil)
            database.slow(nil)
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
        }
    }
}
