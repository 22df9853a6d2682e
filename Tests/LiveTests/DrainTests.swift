import Foundation
import Testing

/// The built program against a real RabbitMQ, which all tests share. The limit includes waiting for the others.
@Suite(.timeLimit(.minutes(30))) struct LiveTests {}

extension LiveTests {
    @Suite struct DrainTests {
        @Test(arguments: Scene.Kind.allCases)
        func whatWasPublishedIsWhatAReplayMakes(kind: Scene.Kind) async throws {
            let scene = try await Scene(kind)
            try scene.simulate()
            let published = try scene.publish("--declare")
            let service = try await scene.serve()
            try await eventually("all is acknowledged") {
                try await service.metric("sessionizer_amqp_acknowledged_total") == Double(published)
            }
            let outcomes = try await service.outcomes()
            #expect(outcomes.values.reduce(0, +) == published, "\(outcomes)")
            try await service.drained()
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
        }
    }
}
