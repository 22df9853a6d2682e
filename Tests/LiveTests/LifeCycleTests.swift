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
            let service = try await Service(
                [
                    "--amqp", scene.host.url(port: proxy.port), "--queue", "q", "--store",
                    "sqlite:\(scene.path("later/live.db"))",
                ], in: .init())
            #expect(try await service.get("/livez").status == 200)
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
            try await eventually("caught up") {
                try await service.get("/healthz").text.contains(#""live":true,"ready":true,"caught_up":true"#)
            }
            #expect(try await service.stop() == 0)
            try FileManager.default.moveItem(
                atPath: scene.path("later/live.db"), toPath: scene.path("live.db"))
            try scene.expectTablesOfReplay()
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
            let promtool = Process()
            promtool.executableURL = URL(fileURLWithPath: "/bin/sh")
            promtool.arguments = [
                "-c", "promtool check metrics < \"$1\" > \"$2\" 2>&1", "sh", scene.path("metrics"),
                scene.path("said"),
            ]
            try promtool.run()
            promtool.waitUntilExit()
            let said = try scene.folder.text("said")
            #expect(promtool.terminationStatus == 0 && said.isEmpty, "\(said)")
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
            #expect(try await service.get("/nothing").status == 404)
            #expect(try await service.stop() == 0)
            // Nothing per event.
            #expect(try service.logged().count < 10)
        }

        @Test func endsInOrderInTheMiddle() async throws {
            let scene = try await Scene()
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
            // Everything it took was committed and acknowledged: the rest, and no more, was left.
            let second = try await scene.serve()
            try await eventually("the rest is committed") {
                try await second.outcomes().values.reduce(0, +) == published - received
            }
            try await second.drained()
            #expect(try await second.outcomes().values.reduce(0, +) == published - received)
            #expect(try await second.stop() == 0)
            try scene.expectTablesOfReplay()
        }

        @Test func aSecondSignalEndsAtOnceAndSoDoesTheEndOfTheGrace() async throws {
            let scene = try await Scene()
            try await scene.host.declareQueue("q")
            let proxy = try Proxy(to: scene.host.port)
            defer { proxy.end() }
            let url = scene.host.url(port: proxy.port, heartbeat: 60)
            let impatient = try await scene.serve(url: url)
            let graceful = try await Service(
                [
                    "--amqp", url, "--queue", "q", "--store", "sqlite:\(scene.path("other.db"))", "--grace",
                    "1",
                ],
                in: .init())
            try await impatient.ready()
            try await graceful.ready()
            // The closing of the channel gets no answer now.
            proxy.stall()
            impatient.signal(SIGTERM)
            graceful.signal(SIGTERM)
            try await eventually("it is ending") { try impatient.logged("stopping").count == 1 }
            let before = Date()
            impatient.signal(SIGTERM)
            #expect(try await impatient.end() == 1)
            #expect(Date().timeIntervalSince(before) < 1)
            #expect(try await graceful.end(within: 5) == 1)
            #expect(try graceful.logged("grace_over").count == 1)
        }
    }
}
