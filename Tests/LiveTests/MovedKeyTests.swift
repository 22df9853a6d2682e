import Foundation
import ProgramUnderTest
import Testing

extension LiveTests {
    @Suite struct MovedKeyTests {
        /// The exchange routes one market's messages to another queue from time to time, while the queue before still
        /// holds some: two engines have the same deliveries by turns, and each has to see what the other made of them.
        @Test func theExchangeNumbersItsQueuesAnew() async throws {
            let scene = try await Scene(.postgres)
            try scene.simulate(telemetrySeconds: 120, compression: "none")
            let service = try await scene.serve(
                ["--partitions", "2", "--declare", "--batch-max-events", "20", "--prefetch", "40"])
            try await eventually("it reads both partitions") {
                try await service.metric("sessionizer_amqp_channels_total") == 2
            }
            let lines = try scene.archivedLines()
            #expect(lines.count > 1000)
            let parts = 6
            var published = 0
            for part in 0..<parts {
                // Not in their order: what is first is late then.
                let some = lines.indices.filter { $0 / 20 % parts == part }.map { lines[$0] }
                try scene.folder.write("part\(part)/a.jsonl", some.joined(separator: "\n") + "\n")
                published += try scene.publish(
                    "--exchange", "q", "--routing-key", "market", archive: "part\(part)")
                try await scene.host.bindAnew("q.\(part % 2)", to: "q")
            }
            try await eventually("all is decided about") {
                try await service.outcomes().values.reduce(0, +) >= published
            }
            let moved = try await service.metric("sessionizer_partition_keys_moved_total") ?? 0
            #expect(moved >= Double(parts - 1))
            #expect(try await service.stop() == 0)
            #expect(try service.logged("partition_keys_moved").isEmpty == false)
            // Repetitions may overtake each other, and then another one's text is kept: what counts are the tables.
            let verified = try Scene.run(scene.program, ["verify", "archive", "--store", scene.live])
            #expect(verified.status == 0, "\(verified.output)\(verified.complaints)")
        }
    }
}
