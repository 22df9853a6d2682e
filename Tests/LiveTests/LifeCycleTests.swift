import ChildProcesses
import Foundation
import ProgramUnderTest
import Testing

extension LiveTests {
    /// Starting, probes, ending.
    @Suite struct LifeCycleTests {
        @Test func startsBeforeBrokerAndStore() async throws {
            let scene = try await Scene()
            try scene.simulate(deliveries: 5)
            _ = try scene.publish("--declare")
            // Nothing listens at the proxy's port yet, and the store's folder is not there.
            let proxy = try Proxy(to: scene.host.port, isListening: false)
            defer { proxy.end() }
            let service = try await scene.serve(
                url: scene.host.url(port: proxy.port), store: "sqlite:\(scene.path("later/live.db"))")
            let live = try await service.get("/livez")
            #expect(live.status == 200)
            #expect(live.text == "[+] consumer_thread: turns\n[+] engine_thread: turns\n")
            try await eventually("both are told as missing") {
                let ready = try await service.get("/readyz")
                return ready.status == 503 && ready.text.contains("[-] store: ")
                    && ready.text.contains("cannot open the store")
                    && ready.text.contains("[-] broker: not connected")
            }
            proxy.listen(true)
            try await eventually("the broker is there, the store is not") {
                let ready = try await service.get("/readyz")
                return ready.status == 503 && ready.text.contains("[+] broker: connected")
                    && ready.text.contains("[-] queue: waits for the store")
            }
            // What is not consumed is not counted against anybody.
            #expect(try await service.metric("sessionizer_amqp_deliveries_total") == 0)
            try FileManager.default.createDirectory(
                atPath: scene.path("later"), withIntermediateDirectories: true)
            try await service.ready()
            try await service.drained()
            #expect(
                try await service.get("/healthz").text.contains(
                    #""live":true,"ready":true,"caught_up":true"#))
            #expect(try await service.stop() == 0)
            try FileManager.default.moveItem(
                atPath: scene.path("later/live.db"), toPath: scene.path("live.db"))
            try scene.expectTablesOfReplay()
        }

        /// An alert on a metric that nobody tells never fires.
        @Test func alertsAreOnMetricsThatAreThere() async throws {
            let rules = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .deletingLastPathComponent()
                .deletingLastPathComponent().appendingPathComponent("deploy/prometheus")
            let promtool = try ChildProcess.run(
                ["promtool", "test", "rules", rules.appendingPathComponent("alerts.test.yaml").path])
            #expect(promtool.status == 0, "\(promtool)")
            let alerts = try String(contentsOf: rules.appendingPathComponent("alerts.yaml"), encoding: .utf8)
            let named = Set(
                alerts.matches(of: /\bsessionizer_[a-z_]+/).map {
                    String($0.output.replacing(/_bucket$/, with: ""))
                })
            #expect(named.count > 10)
            let scene = try await Scene()
            try scene.folder.write("archive/a.jsonl", Lines.deliveries(1))
            let published = try scene.publish("--declare")
            let service = try await scene.serve()
            try await eventually("all is committed") {
                try await service.outcomes().values.reduce(0, +) == published
            }
            try await eventually("the page is there") { try await service.get("/").status == 200 }
            let told = try await service.get("/metrics").text
            for name in named { #expect(told.contains("# TYPE \(name) "), "\(name)") }
            #expect(try await service.stop() == 0)
        }

        @Test func metricsAreWhatPrometheusWants() async throws {
            let scene = try await Scene()
            try scene.simulate(deliveries: 5)
            let published = try scene.publish("--declare")
            let service = try await scene.serve()
            try await eventually("all is committed") {
                try await service.outcomes().values.reduce(0, +) == published
            }
            let answer = try await service.get("/metrics")
            #expect(answer.type?.hasPrefix("text/plain; version=0.0.4") == true)
            try scene.folder.write("metrics", answer.text)
            let promtool = try ChildProcess.run(
                ["sh", "-c", "promtool check metrics < \"$1\" 2>&1", "sh", scene.path("metrics")])
            #expect(promtool.status == 0 && promtool.output.isEmpty, "\(promtool)")
            // The identity an alert watches.
            #expect(
                try await service.metric("sessionizer_messages_received_total{transport=\"amqp\"}")
                    == Double(published))
            #expect(try await service.metric("sessionizer_messages_in_hand{transport=\"amqp\"}") == 0)
            let accepted = try await service.outcomes()["accepted"].map(Double.init)
            for histogram in ["event_lag", "event_lateness"] {
                #expect(
                    try await service.metric("sessionizer_\(histogram)_seconds_count{transport=\"amqp\"}")
                        == accepted)
            }
            #expect(
                try await service.metric("sessionizer_publish_lag_seconds_count{transport=\"amqp\"}")
                    == Double(published))
            // Until the store is open for questions it is 503.
            try await eventually("the API answers") { try await service.get("/nothing").status == 404 }
            #expect(try await service.stop() == 0)
            // Nothing per event.
            #expect(try service.logged().count < 10)
        }

        /// Half an event is none: a line that is too long is named, and the rest is sent.
        @Test func aLineThatIsTooLongIsNotPublished() async throws {
            let scene = try await Scene()
            let long = #"{"event":"x","note":"\#(String(repeating: "x", count: 1 << 20))"}"#
            try scene.folder.write("archive/a.jsonl", Lines.deliveries(1) + long + "\n" + Lines.deliveries(1))
            let outcome = try scene.program.run(
                "publish", "archive", "--amqp", scene.host.url, "--queue", "q", "--declare", "--format",
                "json")
            #expect(outcome.status == 1)
            #expect(
                outcome.complaints.contains("a.jsonl:8: \(long.utf8.count) bytes"), "\(outcome.complaints)")
            let told = try outcome.json()
            #expect(told["confirmed"] as? Int == 14 && (told["problems"] as? [String])?.count == 1, "\(told)")
        }

        /// What was committed before a start counts after it: for how late an event is, and how far the events have come.
        @Test(arguments: Scene.Kind.allCases) func lateIsLateRightAfterAStart(kind: Scene.Kind) async throws {
            let scene = try await Scene(kind)
            func write(_ folder: String, _ time: String) throws {
                try scene.folder.write(
                    "\(folder)/a.jsonl",
                    #"{"event":"robot.error","timestamp":"\#(time)","event_id":"\#(folder)","robot_id":"R"}"#
                        + "\n"
                )
            }
            let (event, commit) = (
                "sessionizer_last_event_timestamp_seconds", "sessionizer_last_commit_timestamp_seconds"
            )
            try write("archive", "2026-11-09T12:00:00Z")
            try write("late", "2026-11-02T12:00:00Z")
            try scene.publish("--declare")
            let first = try await scene.serve()
            try await eventually("it is committed") { try await first.outcomes()["accepted"] == 1 }
            let newest = try await first.metric(event)
            let committed = try #require(try await first.metric(commit))
            #expect(newest == 1_794_225_600)
            #expect(try await first.stop() == 0)
            let second = try await scene.serve()
            try await second.ready()
            #expect(try await second.metric(event) == newest)
            // The store's record is made just before the commit, the first gauge just after it.
            let stored = try #require(try await second.metric(commit))
            #expect((committed - 60...committed).contains(stored), "\(stored), \(committed)")
            try scene.publish(archive: "late")
            try await eventually("the late one is committed") {
                try await second.outcomes()["accepted"] == 1
            }
            #expect(try await second.metric("sessionizer_event_lateness_seconds_sum") == 7 * 86_400)
            #expect(try await second.metric(event) == newest)
            #expect(try #require(try await second.metric(commit)) > stored)
            // One that is ahead of the clock hides neither that no more come, nor makes those after it late.
            try write("ahead", Date(timeIntervalSinceNow: 20 * 3600).formatted(.iso8601))
            try scene.publish(archive: "ahead")
            try await eventually("the one ahead is committed") {
                try await second.outcomes()["accepted"] == 2
            }
            try write("next", "2026-11-09T12:00:00Z")
            try scene.publish(archive: "next")
            try await eventually("the next is committed") { try await second.outcomes()["accepted"] == 3 }
            #expect(try await second.metric(event) == newest)
            #expect(try await second.metric("sessionizer_event_lateness_seconds_sum") == 7 * 86_400)
            #expect(try await second.stop() == 0)
        }

        @Test(arguments: Scene.Kind.allCases) func endsInOrderInTheMiddle(kind: Scene.Kind) async throws {
            let scene = try await Scene(kind)
            try scene.simulate()
            let published = try scene.publish("--declare")
            let first = try await scene.serve(["--batch-max-events", "50"])
            try await eventually("something is committed") {
                try await first.outcomes().values.reduce(0, +) > 0
            }
            #expect(try await first.stop() == 0)
            let last = try #require(try first.logged("stopped").first)
            let received = try #require(last["received"] as? Int)
            #expect(received > 0)
            // What it took was committed and acknowledged, and only the rest is there.
            let second = try await scene.serve()
            try await second.drained()
            #expect(try await second.outcomes().values.reduce(0, +) == published - received)
            #expect(try await second.stop() == 0)
            try scene.expectTablesOfReplay()
        }

        /// Ended at any moment of a flood, also in the middle of a delivery's frames, it acknowledges what it committed
        /// on the channel it was delivered on.
        @Test func endsInOrderInAFlood() async throws {
            let scene = try await Scene()
            try scene.simulate(telemetrySeconds: 30)
            try scene.publish("--declare")
            for _ in 0..<5 {
                let service = try await scene.serve(["--batch-max-events", "10"])
                try await eventually("something is committed") {
                    try await service.outcomes().values.reduce(0, +) > 0
                }
                #expect(try await service.stop() == 0)
                #expect(try service.logged("connection_lost").isEmpty)
            }
            let last = try await scene.serve()
            try await last.drained()
            #expect(try await last.stop() == 0)
            try scene.expectTablesOfReplay()
        }

        /// The file, over it the environment, over it the options; secrets out of files.
        @Test func settingsComeFromEverywhere() async throws {
            let scene = try await Scene()
            try scene.simulate(deliveries: 5)
            _ = try scene.publish("--declare")
            try scene.folder.write("url", scene.host.url + "\n")
            try scene.folder.write(
                "s.yaml",
                """
                amqp: {queue: wrong, url: "amqp://127.0.0.1:1", prefetch: 40}
                batch: {max_events: 15, max_age_ms: 50}
                log: {level: debug}
                shutdown: {grace_seconds: 7}
                """)
            let service = try await Service(
                [
                    "--queue", "q", "--config", scene.path("s.yaml"), "--store",
                    "sqlite:\(scene.path("live.db"))",
                ],
                in: Folder(),
                environment: [
                    "SESSIONIZER_AMQP_URL_FILE": scene.path("url"), "SESSIONIZER_AMQP_QUEUE": "wrong too",
                    "SESSIONIZER_BATCH_MAX_EVENTS": "12",
                ])
            try await service.drained()
            let started = try #require(try service.logged("started").first)
            #expect(started["prefetch"] as? Int == 40 && started["batch_max_events"] as? Int == 12)
            #expect(started["batch_max_age_ms"] as? Int == 50)
            #expect(try await service.stop() == 0)
            #expect(try service.logged("stopping").first?["grace_seconds"] as? Int == 7)
            #expect(try !service.program.folder.text("stderr").contains("guest:guest"))
            try scene.expectTablesOfReplay()
            for (name, value, words) in [
                ("SESSIONIZER_AMQP_PREFETCH", "0", "whole number from 2"),
                ("SESSIONIZER_LOG_LEVEL", "loud", "debug, info, warning or error"),
                ("SESSIONIZER_AMQP_URL_FILE", scene.path("nothing"), "No such file"),
                ("SESSIONIZER_TEST_KILL_AT", "here", "points: taken, applied"),
                ("SESSIONIZER_AMQP_QEUE", "q", "unknown variable"),
            ] {
                // A file with a secret is read where no option goes before it.
                let broker = name == "SESSIONIZER_AMQP_URL_FILE" ? [] : ["--amqp", scene.host.url]
                let refused = try scene.program.run(
                    ["serve", "--queue", "q"] + broker, environment: [name: value])
                #expect(refused.status == 2 && refused.complaints.contains(words), "\(refused.complaints)")
            }
        }

        @Test func aSecondSignalEndsAtOnceAndSoDoesTheEndOfTheGrace() async throws {
            let scene = try await Scene()
            try await scene.host.declareQueue("q")
            let proxy = try Proxy(to: scene.host.port)
            defer { proxy.end() }
            let url = scene.host.url(port: proxy.port, heartbeat: 60)
            let impatient = try await scene.serve(url: url)
            let graceful = try await scene.serve(
                ["--grace", "1"], url: url, store: "sqlite:\(scene.path("other.db"))")
            try await impatient.ready()
            try await graceful.ready()
            // The closing of the channel gets no answer now.
            proxy.stall()
            impatient.signal(SIGTERM)
            graceful.signal(SIGTERM)
            try await eventually("it is ending") { try impatient.logged("stopping").count == 1 }
            impatient.signal(SIGTERM)
            #expect(try await impatient.end() == 1)
            // Neither the end of the grace nor the answer that never came was waited for.
            #expect(try impatient.logged("grace_over").isEmpty && impatient.logged("stopped").isEmpty)
            #expect(try await graceful.end(within: 5) == 1)
            #expect(try graceful.logged("grace_over").count == 1)
        }
    }
}
