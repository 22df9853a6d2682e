import ChildProcesses
import Foundation
import ProgramUnderTest
import SessionStore
import Testing

extension LiveTests {
    /// Streams, classic queues, several brokers, TLS.
    @Suite struct QueueKindTests {
        @Test func aClassicQueueBehindAnExchange() async throws {
            let scene = try await Scene()
            try scene.simulate(deliveries: 5)
            // The service makes the topology, a publisher knows only the exchange.
            let service = try await scene.serve([
                "--queue-type", "classic", "--declare", "--exchange", "events", "--binding-key", "fleet.#",
            ])
            try await service.ready()
            let published = try scene.publish("--exchange", "events", "--routing-key", "fleet.a")
            try await service.drained()
            #expect(try await service.outcomes().values.reduce(0, +) == published)
            #expect(try await scene.host.queue("q")["type"] as? String == "classic")
            #expect(try await scene.host.queue("q.dead")["durable"] as? Bool == true)
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
            // A key that leads nowhere is no silent loss.
            let lost = try scene.program.run([
                "publish", "archive", "--amqp", scene.host.url, "--queue", "q", "--exchange", "events",
            ])
            #expect(lost.status == 1 && lost.complaints.contains("could not be routed"), "\(lost.complaints)")
        }

        @Test(arguments: Scene.Kind.allCases)
        func aStreamIsReadOnceWhateverDiesAndRewound(kind: Scene.Kind) async throws {
            let scene = try await Scene(kind)
            try scene.simulate(deliveries: 8)
            let stream = ["--queue-type", "stream", "--batch-max-events", "60", "--prefetch", "120"]
            // Over a second, so that it is more than one chunk of the broker's: rewinding by time begins at the chunk before.
            let published = try scene.publish("--declare", "--queue-type", "stream", "--rate", "700")
            for point in ["applied:1", "committed:1", "acknowledged:0"] {
                let service = try await scene.serve(stream, environment: ["SESSIONIZER_TEST_KILL_AT": point])
                #expect(try await service.end() == -1)
            }
            let service = try await scene.serve(stream)
            // A store that is being made has no such table yet.
            func offset() -> Int64? {
                (try? scene.rows("SELECT last_offset FROM source_offsets WHERE origin = 'q'"))?.first?
                    .integer("last_offset")
            }
            try await eventually("the end of the stream is committed") { offset() == Int64(published - 1) }
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
            // Exactly once by construction: what was committed was never read again.
            let batches = "FROM ingestion_batches WHERE transport = 'amqp'"
            let once = try scene.rows(
                """
                SELECT CAST(sum(received) AS bigint) AS n,
                  CAST(sum(last_offset - first_offset + 1) AS bigint) AS span \(batches)
                """)
            #expect(once.first?.integer("n") == Int64(published))
            #expect(once.first?.integer("span") == Int64(published))

            // A day later: only what is new. (By whole seconds of the broker's clock, which is this machine's.)
            let between = Date().formatted(.iso8601)
            #expect(try scene.publish("--queue-type", "stream") == published)
            let third = try await scene.serve(stream)
            try await eventually("the new end is committed") { offset() == Int64(2 * published - 1) }
            #expect(try await third.outcomes()["accepted"] == 0)
            #expect(try await third.outcomes().values.reduce(0, +) == published)
            #expect(try await third.stop() == 0)

            // Rewound by number and by time: what comes was there already, and the offset that is stored follows.
            let before = try scene.rows("SELECT max(batch_id) AS id \(batches)").first?.integer("id") ?? 0
            let number = published / 3
            let numbered = try await scene.serve(stream + ["--from-offset", "\(number)"])
            try await eventually("all behind the number is committed") {
                try await numbered.outcomes().values.reduce(0, +) == 2 * published - number
            }
            #expect(try await numbered.outcomes()["accepted"] == 0)
            #expect(try await numbered.stop() == 0)
            func firstOffset(after batch: Int64) throws -> Int64? {
                try scene.rows("SELECT min(first_offset) AS first \(batches) AND batch_id > \(batch)").first?
                    .integer("first")
            }
            #expect(try firstOffset(after: before) == Int64(number))
            #expect(offset() == Int64(2 * published - 1))
            let numberedTo = try scene.rows("SELECT max(batch_id) AS id \(batches)").first?.integer("id") ?? 0
            let timed = try await scene.serve(stream + ["--from-time", between])
            try await eventually("all since that time is committed") {
                let decided = try await timed.outcomes().values.reduce(0, +)
                return decided >= published && offset() == Int64(2 * published - 1)
            }
            #expect(try await timed.outcomes()["accepted"] == 0)
            #expect(try await timed.stop() == 0)
            // A chunk of messages may begin before that time, not the stream.
            let first = try #require(try firstOffset(after: numberedTo))
            #expect((1...Int64(published)).contains(first), "\(first) of \(published)")
            #expect(offset() == Int64(2 * published - 1))
            try scene.expectTablesOfReplay()

            // Rewound to its beginning into a new store.
            try scene.forgetLiveStore()
            let again = try await scene.serve(stream + ["--from-offset", "first"])
            try await eventually("all is committed") { offset() == Int64(2 * published - 1) }
            #expect(try await again.stop() == 0)
            try scene.expectTablesOfReplay()

            // By time: after all that is there, nothing comes; with the committed offset left alone.
            let later = try await scene.serve(stream + ["--from-time", "2100-01-01"])
            try await later.ready()
            #expect(try await later.metric("sessionizer_amqp_deliveries_total") == 0)
            #expect(try await later.stop() == 0)
            #expect(offset() == Int64(2 * published - 1))

            // From the last chunk of messages, which were there already; then only what comes from now on.
            let newest = try await scene.serve(stream + ["--from-offset", "last"])
            try await eventually("the last chunk is committed") {
                let decided = try await newest.outcomes().values.reduce(0, +)
                return decided > 0 && offset() == Int64(2 * published - 1)
            }
            let outcomes = try await newest.outcomes()
            #expect(outcomes["accepted"] == 0 && outcomes.values.reduce(0, +) < 2 * published, "\(outcomes)")
            #expect(try await newest.stop() == 0)
            let next = try await scene.serve(stream + ["--from-offset", "next"])
            try await next.ready()
            #expect(try scene.publish("--queue-type", "stream") == published)
            try await eventually("what came since is committed") { offset() == Int64(3 * published - 1) }
            #expect(try await next.outcomes().values.reduce(0, +) == published)
            #expect(try await next.stop() == 0)
        }

        /// What is `next` when the connection is lost is not what was `next` when reading began.
        @Test(arguments: ["next", "last"])
        func aStreamsNextMessageIsNotMissed(from start: String) async throws {
            let scene = try await Scene()
            try scene.folder.write("archive/a.jsonl", Lines.deliveries(20))
            try scene.replay()
            let made = try await scene.serve(["--queue-type", "stream", "--declare"])
            try await made.ready()
            #expect(try await made.stop() == 0)
            let proxy = try Proxy(to: scene.host.port)
            defer { proxy.end() }
            let service = try await scene.serve(
                ["--queue-type", "stream", "--from-offset", start], url: scene.host.url(port: proxy.port))
            try await service.ready()
            proxy.listen(false)
            proxy.cut()
            let published = try scene.publish("--queue-type", "stream")
            proxy.listen(true)
            try await eventually("all that was published meanwhile is committed") {
                try await service.outcomes()["accepted"] == published
            }
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
        }

        @Test func theFirstBrokerThatAnswersIsTaken() async throws {
            let scene = try await Scene()
            try await scene.host.declareQueue("q")
            let dead = try Proxy(to: 1, isListening: false)
            let first = try Proxy(to: scene.host.port)
            let second = try Proxy(to: scene.host.port)
            defer { for proxy in [dead, first, second] { proxy.end() } }
            let urls = [dead, first, second].map { scene.host.url(port: $0.port) }.joined(separator: ",")
            let service = try await scene.serve(url: urls)
            try await service.ready()
            #expect(try await service.get("/readyz").text.contains("127.0.0.1:\(first.port)"))
            first.listen(false)
            first.cut()
            try await eventually("the next one is taken") {
                let ready = try await service.get("/readyz")
                return ready.status == 200 && ready.text.contains("127.0.0.1:\(second.port)")
            }
            #expect(try await service.stop() == 0)
        }

        @Test func certificatesAreVerified() async throws {
            let scene = try await Scene()
            try scene.simulate(deliveries: 5)
            let published = try scene.publish("--declare")
            let certificates = try #require(await Broker.shared.certificates)
            func url(_ host: String, _ authority: String) -> String {
                "amqps://guest:guest@\(host):\(certificates.port)/\(scene.host.name)?cacertfile=\(authority)"
            }
            for (wrong, words) in [
                (url("localhost", certificates.stranger), "peer cert verification failed"),
                (url("localhost", "/nowhere"), "cacertfile /nowhere: No such file"),
                // The certificate says `localhost`.
                (url("127.0.0.1", certificates.authority), "hostname verification failed"),
            ] {
                let outcome = try scene.program.run(["publish", "archive", "--amqp", wrong, "--queue", "q"])
                #expect(outcome.status == 1)
                #expect(outcome.complaints.contains(words), "\(outcome.complaints)")
            }
            let service = try await scene.serve(url: url("localhost", certificates.authority))
            try await service.drained()
            #expect(try await service.outcomes().values.reduce(0, +) == published)
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
        }

        @Test func readingIsRightEnough() async throws {
            let scene = try await Scene()
            try scene.simulate(deliveries: 5)
            let published = try scene.publish("--declare")
            let user = "reader-\(scene.host.name)"
            try await scene.host.makeReader(user, of: "^other$")
            let url = "amqp://\(user):p%40ss@127.0.0.1:\(scene.host.port)/\(scene.host.name)"
            let service = try await scene.serve(url: url)
            try await eventually("the refusal is told") {
                let ready = try await service.get("/readyz")
                return ready.status == 503 && ready.text.contains("refuses access")
            }
            try await scene.host.makeReader(user, of: "^q$")
            try await service.drained()
            #expect(try await service.outcomes().values.reduce(0, +) == published)
            #expect(try await service.stop() == 0)
            #expect(try !service.program.folder.text("stderr").contains("p@ss"))
            try scene.expectTablesOfReplay()
        }

        @Test func aPublisherIsToldWhatIsMissing() async throws {
            let scene = try await Scene()
            try scene.folder.write("archive/a.jsonl", Lines.deliveries(2))
            for (words, status, complaint) in [
                (["--amqp", scene.host.url, "--queue", "nowhere"], 1, "no queue 'nowhere'"),
                (
                    ["--amqp", "amqp://guest:wrong@127.0.0.1:\(scene.host.port)", "--queue", "q"], 1,
                    "403 ACCESS_REFUSED"
                ),
                (
                    ["--amqp", "amqp://127.0.0.1:\(scene.host.port)/nowhere", "--queue", "q"], 1,
                    "530 NOT_ALLOWED"
                ),
                (["--amqp", "amqp://127.0.0.1:1", "--queue", "q"], 1, "connecting to amqp://127.0.0.1:1"),
                (["--amqp", "http://x", "--queue", "q"], 2, "begins with amqp://"),
                (["--amqp", scene.host.url], 2, "no queue; expected --queue"),
                (["--amqp", "amqp://h:0", "--queue", "q"], 2, "the port: expected"),
                (["--amqp", "amqp://h?hartbeat=3", "--queue", "q"], 2, "unknown parameter hartbeat"),
                (["--amqp", scene.host.url, "--queue", "q", "--rate", "x"], 2, "--rate x: expected"),
                (
                    ["--amqp", scene.host.url, "--queue", "q", "--rate", "1", "--speed", "2x"], 2,
                    "one of them"
                ),
            ] {
                let outcome = try scene.program.run(["publish", "archive"] + words)
                #expect(
                    Int(outcome.status) == status && outcome.complaints.contains(complaint),
                    "\(outcome.complaints)")
            }
        }

        @Test func aPublisherWaitsWhileTheBrokerTakesNothing() async throws {
            let scene = try await Scene(alone: true)
            try scene.folder.write("archive/a.jsonl", Lines.deliveries(60))
            try scene.replay()
            try await scene.host.declareQueue("q")
            let service = try await scene.serve()
            try await service.ready()
            try await Broker.shared.control("set_vm_memory_high_watermark", "absolute", "1MB")
            let publishing = try scene.program.start([
                "publish", "archive", "--amqp", scene.host.url, "--queue", "q", "--format", "json",
            ])
            // The alarm stops publishing, not consuming.
            try await eventually("the broker has it wait") {
                try await Broker.shared.control("-q", "list_connections", "state").contains("blocked")
            }
            #expect(publishing.isRunning)
            #expect(try await service.get("/readyz").status == 200)
            try await Broker.shared.control("set_vm_memory_high_watermark", "absolute", "1GB")
            try await eventually("it has ended") { !publishing.isRunning }
            let said = try scene.folder.text("stdout")
            #expect(said.contains(#""confirmed":420,"repeated":0,"reconnects":0"#), "\(said)")
            try await service.drained()
            #expect(try await service.outcomes()["accepted"] == 420)
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
        }

        @Test func aPublisherKeepsItsPaceAndOutlivesTheConnection() async throws {
            let scene = try await Scene()
            try scene.folder.write("archive/a.jsonl", Lines.deliveries(40))
            let lines = 280
            try await scene.host.declareQueue("q")
            let proxy = try Proxy(to: scene.host.port)
            defer { proxy.end() }
            // More than it takes to connect (one that never was connected gives up), and less than all confirmations.
            proxy.cut(afterBytes: 1500)
            let before = Date()
            let publishing = try scene.program.start([
                "publish", "archive", "--amqp", scene.host.url(port: proxy.port), "--queue", "q", "--rate",
                "70", "--format", "json",
            ])
            try await eventually("it has ended") { !publishing.isRunning }
            let said = try scene.folder.text("stdout")
            let summary = try JSONSerialization.jsonObject(with: Data(said.utf8)) as? [String: Any]
            #expect(summary?["confirmed"] as? Int == lines && summary?["reconnects"] as? Int == 1, "\(said)")
            // 280 at 70 a second.
            #expect(Date().timeIntervalSince(before) > 3.8)
            try scene.replay()
            let service = try await scene.serve()
            try await service.drained()
            #expect(try await service.outcomes()["accepted"] == lines)
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()

            // At its own pace: 27 minutes in 1.6 seconds.
            let start = Date()
            #expect(try scene.publish("--speed", "1000x") == lines)
            let taken = Date().timeIntervalSince(start)
            #expect(taken > 1.5 && taken < 60, "\(taken) s")
        }
    }
}
