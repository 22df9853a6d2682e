import Foundation
import ProgramUnderTest
import SessionStore
import Testing

extension LiveTests {
    @Suite struct MovedKeyTests {
        /// The partition key is a field of each event's, as a routing key or as a header: what has the same value comes to
        /// the same partition, and the store knows which.
        @Test(arguments: [nil, "market"]) func theKeyIsAFieldOrAHeader(header: String?) async throws {
            let scene = try await Scene(.postgres)
            let markets = ["north", "süd", "7"]
            var lines: [String] = []
            for (number, market) in markets.enumerated() {
                let value = market == "7" ? market : "\"\(market)\""
                lines += Lines.delivery(number).map { $0.dropLast() + ",\"market\":\(value)}" }
            }
            // Without a market of its own, and no event at all.
            lines += Lines.delivery(9) + ["no json"]
            try scene.folder.write("archive/a.jsonl", lines.joined(separator: "\n") + "\n")
            try scene.replay()
            let more = header.map { ["--partition-header", $0] } ?? []
            let service = try await scene.serve(["--partitions", "4", "--declare"] + more)
            try await eventually("it reads all partitions") {
                try await service.metric("sessionizer_amqp_channels_total") == 4
            }
            let keyless = try scene.program.run([
                "publish", "archive", "--amqp", scene.host.url, "--queue", "q", "--partitions", "4",
            ])
            #expect(keyless.status == 2 && keyless.complaints.contains("--key-field market"))
            let stream = try scene.program.run([
                "publish", "archive", "--amqp", scene.host.url, "--queue", "q", "--partitions", "4",
                "--key-field",
                "market", "--queue-type", "stream",
            ])
            #expect(stream.status == 2 && stream.complaints.contains("a stream is not split"))
            let outcome = try scene.program.run(
                [
                    "publish", "archive", "--amqp", scene.host.url, "--key-field", "market", "--routing-key",
                    "elsewhere",
                ] + more,
                environment: ["SESSIONIZER_AMQP_QUEUE": "q", "SESSIONIZER_AMQP_PARTITIONS": "4"])
            #expect(outcome.status == 0, "\(outcome.complaints)")
            try await eventually("all is decided about") {
                try await service.outcomes().values.reduce(0, +) == lines.count
            }
            #expect(try await service.stop() == 0)
            let keys = try scene.rows(
                "SELECT partition_key, moves FROM partition_keys ORDER BY partition_key")
            #expect(keys.map { $0.text("partition_key") } == ["7", "elsewhere", "north", "süd"])
            #expect(keys.allSatisfy { $0.integer("moves") == 0 })
            try scene.expectTablesOfReplay()
        }

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
            let verified = try scene.program.run(["verify", "archive", "--store", scene.live])
            #expect(verified.status == 0, "\(verified.output)\(verified.complaints)")
        }
    }
}
