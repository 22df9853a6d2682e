import Foundation
import PrivateServers
import ProgramUnderTest
import Testing

extension LiveTests {
    /// A quorum queue that lets a message come back twice, and then takes it for poison.
    @Suite struct DeliveryLimitTests {
        /// The database is away for more attempts than the limit: as nothing is given back, nothing is counted, and no
        /// good message becomes a dead letter.
        @Test func aStoreThatIsAwayMakesNoDeadLetters() async throws {
            let server = try PrivatePostgres()
            defer { try? server.remove() }
            let scene = try await Scene(.postgres, server: server)
            try scene.simulate(deliveries: 12)
            try await scene.host.declareQueue("dead")
            try await scene.host.declareQueue(
                "q",
                #"{"x-queue-type":"quorum","x-delivery-limit":2,"x-dead-letter-exchange":"","x-dead-letter-routing-key":"dead"}"#
            )
            let service = try await scene.serve(["--batch-max-events", "50", "--prefetch", "100"])
            try await service.ready()
            let failures = "sessionizer_store_failures_total"
            // The prefetch is small until something is committed.
            var published = try scene.publish()
            try await service.drained()
            try server.stop()
            published += try scene.publish()
            let before = try #require(try await service.metric(failures))
            try await eventually("twice as many attempts as the limit have failed") {
                try await service.metric(failures) ?? 0 >= before + 4
            }
            #expect(try await service.metric("sessionizer_amqp_unacknowledged_messages") == 100)
            try server.start()
            try await service.drained()
            #expect(try await service.metric("sessionizer_amqp_redeliveries_total") == 0)
            #expect(try await service.metric("sessionizer_amqp_channels_total") == 1)
            #expect(try await service.outcomes().values.reduce(0, +) == published)
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
            // Taken out: exact, while the broker's own count would be seconds old.
            let reader = try await scene.serve(queue: "dead", store: "sqlite:" + scene.path("dead.db"))
            try await reader.drained()
            #expect(try await reader.metric("sessionizer_amqp_deliveries_total") == 0)
            #expect(try await reader.stop() == 0)
        }

        /// A program that dies again and again, before it has committed anything, takes only those with it that it began with.
        /// (So the limit is there: else the other test would show nothing.)
        @Test func deathsDoNotEmptyTheQueue() async throws {
            let scene = try await Scene()
            try scene.simulate(deliveries: 12)
            try await scene.host.declareQueue("dead")
            try await scene.host.declareQueue(
                "q",
                #"{"x-queue-type":"quorum","x-delivery-limit":2,"x-dead-letter-exchange":"","x-dead-letter-routing-key":"dead"}"#
            )
            let published = try scene.publish()
            for _ in 0..<4 {
                let service = try await scene.serve(environment: ["SESSIONIZER_TEST_KILL_AT": "taken:0"])
                #expect(try await service.end() == -1)
            }
            try await eventually("the first are dead letters") { try await scene.host.depth("dead") >= 50 }
            let service = try await scene.serve()
            try await service.drained()
            let kept = try await service.outcomes().values.reduce(0, +)
            #expect(kept == published - 50)
            #expect(try await service.stop() == 0)
            // What is in the dead letter queue is not lost.
            let rest = try await scene.serve(queue: "dead")
            try await rest.drained()
            #expect(try await rest.outcomes().values.reduce(0, +) == 50)
            #expect(try await rest.stop() == 0)
            try scene.expectTablesOfReplay()
        }
    }
}
