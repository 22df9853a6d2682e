import ChildProcesses
import Foundation
import ProgramUnderTest
import SessionStore
import Testing

extension LiveTests {
    /// Several replicas that share partitions by leases.
    @Suite struct PartitionTests {
        private static let partitions = 8
        private static let markets = 12

        /// Three replicas, of which one is killed and another frozen until its partitions were taken over.
        @Test func oneIsKilledAndOneFrozenAndRevived() async throws {
            let scene = try await Scene(.postgres)
            let published = try Self.makeMarkets(scene)
            try scene.replay()
            var services: [Service] = []
            for _ in 0..<3 {
                services.append(
                    try await scene.serve(
                        [
                            "--partitions", "\(Self.partitions)", "--declare", "--batch-max-events", "50",
                            "--prefetch", "100",
                        ], url: scene.host.url(port: scene.host.port),
                        environment: ["SESSIONIZER_LEASE_SECONDS": "6"]))
            }
            try await eventually("each has its fair part") {
                try await Self.held(services).sorted() == [2, 3, 3]
            }
            let publishers = try Self.publish(scene, perSecond: Double(published) / 20)
            defer {
                for publisher in publishers where publisher.process.isRunning {
                    publisher.process.terminate()
                }
            }

            // A few keys, hashed, may leave a partition empty: those who have work are killed and frozen.
            var busy: [Int] = []
            try await eventually("two have committed something", within: 60) {
                busy = []
                for (index, service) in services.enumerated()
                where try await service.outcomes().values.reduce(0, +) > 0 {
                    busy.append(index)
                }
                return busy.count >= 2
            }
            let window = try await services[busy[0]].metric("sessionizer_amqp_prefetch_messages")
            #expect(window == 200 || window == 300)
            let victim = services.remove(at: busy[1])
            let frozen = services.remove(at: busy[0])
            let successor = services[0]
            services.append(frozen)
            victim.signal(SIGKILL)
            #expect(try await victim.end() == -1)
            try await eventually("the other two have all partitions", within: 60) {
                try await Self.held(services) == [4, 4]
            }

            let before = try Self.leases(scene)
            frozen.signal(SIGSTOP)
            try await eventually("its partitions are taken over", within: 60) {
                try await Self.held([successor]) == [Self.partitions]
            }
            // Only what it has lost got another epoch.
            #expect(zip(before, try Self.leases(scene)).filter { $0 != $1 }.count == 4)
            frozen.signal(SIGCONT)
            try await eventually("it has learned that others have them", within: 60) {
                try frozen.logged().contains {
                    ["fenced", "partition_lost"].contains($0["event"] as? String ?? "")
                }
            }
            try await eventually("it has its part again", within: 60) {
                try await Self.held(services) == [4, 4]
            }

            var confirmed = 0
            for publisher in publishers {
                publisher.process.waitUntilExit()
                #expect(publisher.process.terminationStatus == 0)
                let text = try publisher.folder.text("stdout")
                let said = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
                confirmed += said?["confirmed"] as? Int ?? 0
            }
            #expect(confirmed == published)
            for service in services { try await service.drained(within: 120) }
            var alone = 0.0
            for service in services {
                alone += try await service.metric("sessionizer_batches_alone_total") ?? 0
            }
            #expect(alone > 0)
            for service in services { #expect(try await service.stop() == 0) }
            try scene.expectTablesOfReplay()
        }

        /// Which partitions each holds, counted.
        private static func held(_ services: [Service]) async throws -> [Int] {
            var counts: [Int] = []
            for service in services {
                counts.append(Int(try await service.metric("sessionizer_partitions_held") ?? -1))
            }
            return counts
        }

        /// The epochs, by partition.
        private static func leases(_ scene: Scene) throws -> [Int64?] {
            try scene.rows("SELECT epoch FROM partition_leases ORDER BY queue_partition")
                .map { $0.integer("epoch") }
        }

        private static let identifiers: Set<String> = [
            "delivery_id", "demand_id", "trip_id", "quote_id", "offer_id", "robot_id", "pilot_id", "event_id",
        ]

        /// A simulated fleet once for each market, under ids of its own but for the merchants: they trade in all of them.
        /// - Returns: How many lines there are in all.
        private static func makeMarkets(_ scene: Scene) throws -> Int {
            let simulation = try scene.program.run(
                "simulate", "--out", "whole", "--robots", "4", "--deliveries", "15", "--pilots", "2",
                "--telemetry-seconds", "600", "--seed", "23", "--duplicates", "0.03", "--disorder", "0.1",
                "--compression", "none")
            #expect(simulation.status == 0, "\(simulation.complaints)")
            var lines: [String] = []
            let whole = scene.folder.url.appendingPathComponent("whole")
            let names = try FileManager.default.subpathsOfDirectory(atPath: whole.path).sorted()
            for name in names where name.hasPrefix("dt=") && name.hasSuffix("jsonl") {
                let data = try Data(contentsOf: whole.appendingPathComponent(name))
                lines += String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
            }
            #expect(lines.count > 500, "\(names)")
            for market in 0..<markets {
                let renamed = try lines.map { try rename($0, "m\(market)-") }
                try scene.folder.write(
                    "archive/market\(market).jsonl", renamed.joined(separator: "\n") + "\n")
            }
            return markets * lines.count
        }

        private static func rename(_ line: String, _ prefix: String) throws -> String {
            // A broken line stays one.
            guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) else { return line }
            func walk(_ value: Any) -> Any {
                if let list = value as? [Any] { return list.map(walk) }
                guard let object = value as? [String: Any] else { return value }
                return Dictionary(
                    uniqueKeysWithValues: object.map { key, value in
                        guard identifiers.contains(key), let id = value as? String else {
                            return (key, walk(value))
                        }
                        return (key, prefix + id)
                    })
            }
            return String(
                decoding: try JSONSerialization.data(
                    withJSONObject: walk(object), options: [.sortedKeys, .withoutEscapingSlashes]),
                as: UTF8.self)
        }

        /// One publisher for each market: its key, hashed, is its partition.
        private static func publish(
            _ scene: Scene, perSecond rate: Double
        ) throws -> [(process: ChildProcess, folder: Folder)] {
            try (0..<markets).map { market in
                let folder = try Folder()
                let process = try Program(folder: folder).start([
                    "publish", scene.path("archive/market\(market).jsonl"), "--amqp", scene.host.url,
                    "--queue", "q.0", "--exchange", "q", "--routing-key", "market-\(market)", "--rate",
                    "\(rate / Double(markets))", "--format", "json",
                ])
                return (process, folder)
            }
        }
    }
}
