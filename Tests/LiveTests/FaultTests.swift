import Foundation
import ProgramUnderTest
import SessionStore
import Testing

extension LiveTests {
    /// Whatever dies: nothing lost, nothing twice.
    @Suite struct FaultTests {
        /// Waits until the service has decided about so many messages in all, then ends it.
        private func finish(_ service: Service, _ scene: Scene, acknowledged: Int) async throws {
            try await eventually("\(acknowledged) messages are acknowledged") {
                try await service.metric("sessionizer_amqp_acknowledged_total") == Double(acknowledged)
            }
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
        }

        @Test func whatIsNoEventIsKeptAndBlocksNothing() async throws {
            let scene = try await Scene()
            try scene.simulate(deliveries: 5)
            let poison: [(String, Data)] = [
                ("malformed_json", Data("{\"event\":".utf8)), ("not_an_object", Data("[1]".utf8)),
                ("invalid_utf8", Data([0x7B, 0x22, 0xFF, 0x22, 0x7D])),
                ("missing_timestamp", Data(#"{"event":"robot.error"}"#.utf8)),
                (
                    "timestamp_in_future",
                    Data(#"{"event":"robot.error","timestamp":"2999-01-01T00:00:00Z"}"#.utf8)
                ),
                ("malformed_json", Data()),
                ("too_large", Data(String(repeating: "x", count: (1 << 20) + 1).utf8)),
            ]
            try await scene.host.declareQueue("q")
            for (reason, body) in poison {
                try await scene.host.publish(body, to: "q", headers: ["trace": "a \"\(reason)\""])
            }
            let good = try scene.publish()
            // A window smaller than the poison: were it held, nothing else would come.
            let service = try await scene.serve(["--prefetch", "4"])
            try await finish(service, scene, acknowledged: good + poison.count)
            let rows = try scene.rows("SELECT *, length(body) AS size FROM rejected_events ORDER BY rowid")
            #expect(rows.map { $0.text("reason") } == poison.map(\.0))
            for (row, (reason, body)) in zip(rows, poison) {
                #expect(row.text("transport") == "amqp" && row.text("origin") == "q")
                let headers = try #require(row.text("headers"))
                let object = try JSONSerialization.jsonObject(with: Data(headers.utf8)) as? [String: String]
                #expect(object?["trace"] == "a \"\(reason)\"")
                // Of a giant the beginning is kept.
                #expect(row.integer("size") == Int64(min(body.count, 1 << 16)), "\(reason)")
            }
        }

        @Test(arguments: ["taken:1", "applied:2", "committed:2", "acknowledged:1"])
        func killedAroundTheCommit(point: String) async throws {
            let scene = try await Scene()
            try scene.simulate(deliveries: 8)
            let published = try scene.publish("--declare")
            let batches = ["--batch-max-events", "60", "--prefetch", "120"]
            let first = try await scene.serve(batches, environment: ["SESSIONIZER_TEST_KILL_AT": point])
            #expect(try await first.end() == -1)
            let second = try await scene.serve(batches)
            try await second.drained()
            #expect(try await second.outcomes().values.reduce(0, +) <= published)
            #expect(try await second.stop() == 0)
            try scene.expectTablesOfReplay()
        }

        @Test func killedAgainAndAgain() async throws {
            let scene = try await Scene()
            try scene.simulate()
            let published = try scene.publish("--declare")
            var generator = SystemRandomNumberGenerator()
            for _ in 0..<6 {
                let service = try await scene.serve(["--batch-max-events", "50", "--prefetch", "150"])
                try await Task.sleep(for: .milliseconds(Int64.random(in: 0..<150, using: &generator)))
                service.signal(SIGKILL)
                _ = try await service.end()
            }
            // The same once more, as a publisher does that was not sure.
            #expect(try scene.publish() == published)
            let last = try await scene.serve()
            try await last.drained()
            #expect(try await last.stop() == 0)
            try scene.expectTablesOfReplay()
        }

        @Test func theBrokerIsRestarted() async throws {
            let scene = try await Scene()
            try scene.simulate()
            let published = try scene.publish("--declare")
            let service = try await scene.serve(["--batch-max-events", "50", "--prefetch", "100"])
            try await eventually("some are committed") {
                try await service.outcomes().values.reduce(0, +) > 100
            }
            try await Broker.shared.halt(killing: true)
            #expect(try await service.get("/livez").status == 200)
            try await Broker.shared.start()
            try await service.ready()
            try await service.drained()
            #expect(try await service.outcomes().values.reduce(0, +) >= published)
            #expect(try await service.stop() == 0)
            #expect(try service.logged("connecting_failed").isEmpty == false)
            try scene.expectTablesOfReplay()
        }

        @Test func theConnectionIsCutAndStalls() async throws {
            let scene = try await Scene()
            try scene.simulate()
            let published = try scene.publish("--declare")
            let proxy = try Proxy(to: scene.host.port)
            defer { proxy.end() }
            // The third connection lasts; the first two end in the middle of frames.
            proxy.cut(afterBytes: 40_001)
            let service = try await scene.serve(
                ["--batch-max-events", "50", "--prefetch", "100"], url: scene.host.url(port: proxy.port))
            try await eventually("the first connection was cut") {
                try service.logged("connection_lost").count == 1
            }
            proxy.cut(afterBytes: 90_003)
            try await eventually("the second as well") { try service.logged("connection_lost").count == 2 }
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

        @Test func theQueueIsDeletedAndMadeAgain() async throws {
            let scene = try await Scene()
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
            try await finish(service, scene, acknowledged: published)
        }

        /// The store's disk is full for longer than two heartbeats: nothing is acknowledged or given back.
        @Test(.enabled(if: SmallDisk.isPossible))
        func theDiskIsFullForAWhile() async throws {
            let scene = try await Scene()
            try scene.simulate(deliveries: 60, telemetrySeconds: 120)
            let published = try scene.publish("--declare")
            let disk = try SmallDisk(scene.path("disk"), megabytes: 1)
            defer { disk.unmount() }
            let service = try await Service(
                [
                    "--amqp", scene.host.url(port: scene.host.port), "--queue", "q", "--store",
                    "sqlite:\(scene.path("disk/live.db"))", "--batch-max-events", "100", "--prefetch", "200",
                ], in: Folder())
            try await eventually("the full disk is told") {
                let ready = try await service.get("/readyz")
                return ready.status == 503 && ready.text.contains("disk is full")
            }
            let decided = try await service.outcomes().values.reduce(0, +)
            #expect(decided < published)
            // The broker gives a connection up after two missed heartbeats of a second.
            try await Task.sleep(for: .seconds(4))
            #expect(try await service.metric("sessionizer_amqp_connected") == 1)
            #expect(try await service.metric("sessionizer_amqp_connections_total") == 1)
            #expect(try await service.metric("sessionizer_amqp_channels_total") == 1)
            #expect(try await service.metric("sessionizer_store_up") == 0)
            #expect(try await service.metric("sessionizer_amqp_acknowledged_total") == Double(decided))
            #expect(try await service.get("/livez").status == 200)
            try disk.resize(megabytes: 200)
            try await eventually("all is acknowledged") {
                try await service.metric("sessionizer_amqp_acknowledged_total") == Double(published)
            }
            #expect(try await service.metric("sessionizer_amqp_redeliveries_total") == 0)
            #expect(try await service.get("/readyz").status == 200)
            #expect(try await service.stop() == 0)
            let differences = try Tables.differences(scene.path("plain.db"), scene.path("disk/live.db"))
            #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))")
        }
    }
}

/// A file system in memory, where mounting is allowed.
struct SmallDisk {
    static let isPossible = getuid() == 0 && FileManager.default.isExecutableFile(atPath: "/bin/mount")

    private let path: String

    init(_ path: String, megabytes: Int) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Self.run("mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", path)
    }

    func resize(megabytes: Int) throws { try Self.run("mount", "-o", "remount,size=\(megabytes)m", path) }

    func unmount() { try? Self.run("umount", "-l", path) }

    private static func run(_ words: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/\(words[0])")
        process.arguments = Array(words.dropFirst())
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Trouble("\(words.joined(separator: " ")) failed") }
    }
}
