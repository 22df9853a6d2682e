import Foundation
import PrivateServers
import ProgramUnderTest
import SessionStore
import Testing

extension LiveTests {
    /// Whatever dies: nothing lost, nothing twice.
    @Suite struct FaultTests {
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
            // As of a message that was a dead letter before, and longer than a line of a log.
            let death: [[String: Any]] = [["count": 2, "queue": "was", "routing-keys": ["a", "b"]]]
            let long = String(repeating: "ü", count: 3000)
            for (reason, body) in poison {
                try await scene.host.publish(
                    body, to: "q", headers: ["trace": "a \"\(reason)\"", "x-death": death, "long": long],
                    properties: ["content_type": "application/json"])
            }
            let good = try scene.publish()
            // A window smaller than the poison: were it held, nothing else would come.
            let service = try await scene.serve(["--prefetch", "4"])
            try await scene.finish(service, acknowledged: good + poison.count)
            let rows = try scene.rows("SELECT *, length(body) AS size FROM rejected_events ORDER BY rowid")
            #expect(rows.map { $0.text("reason") } == poison.map(\.0))
            for (row, (reason, body)) in zip(rows, poison) {
                #expect(row.text("transport") == "amqp" && row.text("origin") == "q")
                let headers = try #require(row.text("headers"))
                let object = try JSONSerialization.jsonObject(with: Data(headers.utf8)) as? [String: Any]
                #expect(object?["trace"] as? String == "a \"\(reason)\"")
                #expect(object?["long"] as? String == long)
                let told = try #require((object?["x-death"] as? [[String: Any]])?.first)
                #expect(told["count"] as? Int == 2 && told["queue"] as? String == "was")
                #expect(told["routing-keys"] as? [String] == ["a", "b"])
                #expect(object?.count == 3)
                // Of a giant the beginning is kept.
                #expect(row.integer("size") == Int64(min(body.count, 1 << 16)), "\(reason)")
            }
            // The command line shows the headers too.
            let text = try scene.program.run(["rejected", "--store", scene.live]).output
            #expect(
                text.split(separator: "\n").count { $0.hasPrefix("    headers {") } == poison.count, "\(text)"
            )
            let json = try scene.program.run(["rejected", "--store", scene.live, "--format", "json"])
                .output
            #expect(
                try json.split(separator: "\n").map { line in
                    let row = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                    return row?["headers"] as? String
                } == rows.map { $0.text("headers") })
        }

        /// What its properties say of its body and of its sender is kept with a rejected message.
        @Test func rejectedMessagesKeepTheirProperties() async throws {
            let scene = try await Scene()
            try await scene.host.declareQueue("q")
            // As gzip begins.
            let packed = Data([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3])
            try await scene.host.publish(
                packed, to: "q", headers: ["market": "north"],
                properties: [
                    "content_type": "application/json", "content_encoding": "gzip", "message_id": "m-1",
                    "type": "robot.error", "user_id": "guest", "app_id": "fleet-\"1\"",
                ])
            try await scene.host.publish(Data("?".utf8), to: "q", properties: ["content_type": "text/plain"])
            try await scene.host.publish(Data("!".utf8), to: "q")
            let service = try await scene.serve()
            try await eventually("all are acknowledged") {
                try await service.metric("sessionizer_amqp_acknowledged_total") == 3
            }
            #expect(try await service.stop() == 0)
            #expect(
                try scene.rows("SELECT headers FROM rejected_events ORDER BY rowid").map {
                    $0.text("headers")
                } == [
                    #"{"amqp-content-encoding":"gzip","amqp-message-id":"m-1","amqp-type":"robot.error","#
                        + #""amqp-user-id":"guest","amqp-app-id":"fleet-\"1\"","market":"north"}"#,
                    #"{"amqp-content-type":"text/plain"}"#, nil,
                ])
        }

        /// librabbitmq reads them by calling itself, and each takes RabbitMQ seconds to send: together longer than a call
        /// may wait for its answer. They pass all the same.
        @Test func headersNestedDeeplyEndNothing() async throws {
            let scene = try await Scene()
            try scene.simulate(deliveries: 5)
            try await scene.host.declareQueue("q")
            let (messages, depth) = (3, 26_000)
            for message in 0..<messages {
                try await scene.host.publish(
                    headers: "{\"deep\":" + String(repeating: "[", count: depth)
                        + String(repeating: "]", count: depth) + "}", plain: "mad \(message)", to: "q")
            }
            let good = try scene.publish()
            let service = try await scene.serve()
            try await scene.finish(service, acknowledged: good + messages)
            let rows = try scene.rows("SELECT headers FROM rejected_events")
            #expect(rows.count == messages)
            let headers = rows.compactMap { $0.text("headers") }
            #expect(headers.allSatisfy { $0.hasSuffix(#","sessionizer-cut":true}"#) }, "\(headers)")
        }

        /// A producer that has gone mad, between good events: none of it uses up the window, and each is kept.
        @Test(arguments: Scene.Kind.allCases)
        func tenThousandInARowBlockNothing(kind: Scene.Kind) async throws {
            let scene = try await Scene(kind)
            let poison = 10_000
            try scene.folder.write("archive/a.jsonl", Lines.deliveries(20))
            try scene.folder.write(
                "archive/b.jsonl", (0..<poison).map { "{\"event\": mad \($0)\n" }.joined())
            try scene.folder.write("archive/c.jsonl", Lines.deliveries(20, day: "2026-11-03"))
            try scene.replay()
            let published = try scene.publish("--declare")
            let service = try await scene.serve(["--prefetch", "100"])
            try await scene.finish(service, acknowledged: published)
            let rows = try scene.rows(
                "SELECT reason, count(*) AS n, count(DISTINCT body) AS bodies FROM rejected_events GROUP BY reason"
            )
            #expect(rows.map { $0.text("reason") } == ["malformed_json"])
            #expect(rows.map { $0.integer("n") } == [Int64(poison)])
            #expect(rows.map { $0.integer("bodies") } == [Int64(poison)])
        }

        /// Whoever was told of an assignment a week too late still has the robot's error told of the right delivery.
        @Test(arguments: Scene.Kind.allCases)
        func aLateEventForASessionClosedLongAgo(kind: Scene.Kind) async throws {
            let scene = try await Scene(kind)
            try scene.folder.write("archive/a.jsonl", Lines.deliveries(60))
            try scene.folder.write("archive/b.jsonl", Lines.deliveries(60, day: "2026-11-09"))
            let error =
                #"{"event":"robot.error","timestamp":"2026-11-02T00:12:30Z","event_id":"e","robot_id":"R-late","error":{"code":"LATE"}}"#
            try scene.folder.write("archive/c.jsonl", error + "\n")
            let first = try scene.publish("--declare")
            let before = try await scene.serve()
            try await eventually("the two days are done") {
                try await before.metric("sessionizer_amqp_acknowledged_total") == Double(first)
            }
            #expect(try await before.stop() == 0)
            let robots = "SELECT robot_ids, first_error_code FROM sessions WHERE delivery_id = 'D-1000'"
            #expect(try scene.rows(robots).first?.text("first_error_code") == "LID_ERROR")
            // To another robot before the first one's error: that error is not this delivery's any more.
            let late =
                #"{"event":"demand.assigned","timestamp":"2026-11-02T00:11:00Z","event_id":"l","robot_id":"R-late","delivery_id":"D-1000","demand_id":"M-0"}"#
            try scene.folder.write("late/l.jsonl", late + "\n")
            try scene.folder.write("archive/l.jsonl", late + "\n")
            try scene.replay()
            let after = try await scene.serve()
            #expect(try scene.publish(archive: "late") == 1)
            try await eventually("it is told as late") {
                try await after.metric("sessionizer_amqp_acknowledged_total") == 1
            }
            #expect(try await after.stop() == 0)
            #expect(try scene.rows(robots).first?.text("first_error_code") == "LATE")
            try scene.expectTablesOfReplay()
        }

        @Test(
            arguments: [
                ("taken:1", .sqlite), ("applied:2", .sqlite), ("committed:2", .sqlite),
                ("acknowledged:1", .sqlite),
                ("taken:1", .postgres), ("applied:1", .postgres), ("committed:2", .postgres),
                ("acknowledged:1", .postgres),
            ] as [(String, Scene.Kind)])
        func killedAroundTheCommit(point: String, kind: Scene.Kind) async throws {
            let scene = try await Scene(kind)
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

        @Test(arguments: Scene.Kind.allCases) func killedAgainAndAgain(kind: Scene.Kind) async throws {
            let scene = try await Scene(kind)
            try scene.simulate()
            let published = try scene.publish("--declare")
            var generator = SystemRandomNumberGenerator()
            for _ in 0..<4 {
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

        /// A prefetch counts messages, not bytes.
        @Test func largeMessagesDoNotFillTheMemory() async throws {
            let scene = try await Scene()
            let long = String(repeating: "x", count: 900_000)
            let lines = (0..<30).map { number in
                #"{"event":"note","timestamp":"2026-11-02T10:00:00Z","event_id":"\#(number)","robot_id":"R","x":"\#(long)"}"#
            }
            try scene.folder.write("archive/a.jsonl", lines.joined(separator: "\n"))
            try scene.replay()
            _ = try scene.publish("--declare")
            let service = try await scene.serve(
                ["--batch-max-age-ms", "1000"], environment: ["SESSIONIZER_AMQP_MAX_HELD_BYTES": "8388608"])
            try await service.drained()
            let prefetch = try #require(try await service.metric("sessionizer_amqp_prefetch_messages"))
            #expect((1...8).contains(prefetch), "\(prefetch)")
            // What is in a batch at the engine stays until it is committed, so once more than one notice is possible.
            let notices = try service.logged("too_much_held").count
            #expect((1...3).contains(notices), "\(notices)")
            #expect(try await service.metric("sessionizer_amqp_held_bytes") == 0)
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
        }

        /// The database is away for longer than two heartbeats: nothing is acknowledged or given back.
        @Test func theDatabaseIsRestarted() async throws {
            let server = try PrivatePostgres()
            defer { try? server.remove() }
            let scene = try await Scene(.postgres, server: server)
            try scene.simulate()
            let published = try scene.publish("--declare")
            try server.stop()
            let service = try await scene.serve(
                ["--batch-max-events", "50", "--prefetch", "100"],
                url: scene.host.url(port: scene.host.port))
            try await eventually("it is told as missing") {
                let ready = try await service.get("/readyz")
                return ready.status == 503 && ready.text.contains("[+] broker")
                    && ready.text.contains("[-] store")
            }
            try server.start()
            try await eventually("something is committed") {
                try await service.outcomes().values.reduce(0, +) > 100
            }
            try server.stop()
            // Once more, so that there is work whatever was done by then; all of it duplicates.
            #expect(try scene.publish() == published)
            try await eventually("it holds") { try await service.metric("sessionizer_store_up") == 0 }
            let acknowledged = try await service.metric("sessionizer_amqp_acknowledged_total")
            try await Task.sleep(for: .seconds(VirtualHost.longerThanTwoHeartbeats))
            #expect(try await service.metric("sessionizer_amqp_connected") == 1)
            #expect(try await service.metric("sessionizer_amqp_acknowledged_total") == acknowledged)
            try server.start()
            try await service.drained()
            #expect(try await service.metric("sessionizer_amqp_channels_total") == 1)
            #expect(try await service.metric("sessionizer_amqp_redeliveries_total") == 0)
            #expect(try await service.outcomes().values.reduce(0, +) == 2 * published)
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
        }

        /// The store's disk is full for longer than two heartbeats: nothing is acknowledged or given back.
        @Test(.enabled(if: try SmallDisk.isAllowed()))
        func theDiskIsFullForAWhile() async throws {
            let scene = try await Scene()
            try scene.simulate(deliveries: 60, telemetrySeconds: 120)
            let published = try scene.publish("--declare")
            let disk = try SmallDisk(at: scene.folder.url.appendingPathComponent("disk"), megabytes: 6)
            defer { disk.remove() }
            scene.live = "sqlite:\(disk.url.path)/live.db"
            let service = try await scene.serve(
                ["--batch-max-events", "100", "--prefetch", "200"], url: scene.host.url(port: scene.host.port)
            )
            let decided = try await service.holdsWhileTheDiskIsFull("disk is full")
            #expect(decided < published)
            #expect(try await service.metric("sessionizer_amqp_connections_total") == 1)
            #expect(try await service.get("/healthz").text.contains(#""caught_up":false"#))
            try disk.resize(megabytes: 200)
            try await eventually("all is acknowledged") {
                try await service.metric("sessionizer_amqp_acknowledged_total") == Double(published)
            }
            #expect(try await service.metric("sessionizer_amqp_redeliveries_total") == 0)
            #expect(try await service.get("/readyz").status == 200)
            #expect(try await service.stop() == 0)
            // Full again, and asked to end: what it holds is not stored, so it is not acknowledged either.
            let ending = try await scene.serve(["--grace", "5"])
            try await ending.ready()
            disk.fill()
            // More than the room that the log of the store has already.
            try scene.folder.write("more/a.jsonl", Lines.deliveries(4000))
            try scene.replay("more")
            let more = try scene.publish(archive: "more")
            try await eventually("it holds") { try await ending.metric("sessionizer_store_up") == 0 }
            #expect(try await ending.stop() == 0)
            #expect(try ending.logged("grace_over").isEmpty)
            let received = try #require(try ending.logged("stopped").first?["received"] as? Int)
            #expect(received < more)
            try disk.empty()
            let last = try await scene.serve()
            try await last.drained()
            #expect(try await last.outcomes().values.reduce(0, +) >= more - received)
            #expect(try await last.stop() == 0)
            try scene.expectTablesOfReplay()
        }
    }
}
