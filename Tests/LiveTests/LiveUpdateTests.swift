import ChildProcesses
import Foundation
import ProgramUnderTest
import Testing

extension LiveTests {
    /// What who looks at a delivery is told while events come out of the queue.
    @Suite struct LiveUpdateTests {
        /// Lines of events, by seconds after a beginning a quarter of an hour ago.
        private struct Lines {
            let start = (Date().timeIntervalSince1970 - 900).rounded(.down)

            func callAsFunction(_ second: Int, _ event: String, _ id: String, _ fields: String) -> Data {
                let formatter = ISO8601DateFormatter()
                let stamp = formatter.string(from: Date(timeIntervalSince1970: start + Double(second)))
                return Data(
                    #"{"event":"\#(event)","timestamp":"\#(stamp)","event_id":"\#(id)",\#(fields)}"#.utf8)
            }
        }

        private func story(_ id: String, _ service: Service) async throws -> (status: Int, events: [String]) {
            let answer = try await service.get("/analytics/v1/deliveries/\(id)")
            // Until the store is open the answer is none of the API's.
            let object =
                (try? JSONSerialization.jsonObject(with: Data(answer.text.utf8))) as? [String: Any] ?? [:]
            let events = object["events"] as? [[String: Any]] ?? []
            return (answer.status, events.compactMap { $0["event_id"] as? String })
        }

        @Test(arguments: Scene.Kind.allCases)
        func aListenerHearsWhatComesOutOfTheQueue(kind: Scene.Kind) async throws {
            let scene = try await Scene(kind)
            let line = Lines()
            let service = try await scene.serve(["--declare", "--batch-max-age-ms", "20"])
            try await service.ready()
            func publish(_ second: Int, _ event: String, _ id: String, _ fields: String) async throws {
                try await scene.host.publish(line(second, event, id, fields), to: "q")
            }
            try await publish(0, "demand.created", "e-0", #""delivery_id":"D-1","demand_id":"M-1""#)
            try await publish(10, "demand.assigned", "e-1", #""delivery_id":"D-1","robot_id":"R-1""#)
            try await eventually("the delivery is told") {
                try await story("D-1", service).events == ["e-0", "e-1"]
            }

            let stream = try EventStream(
                port: service.port, path: "/analytics/v1/deliveries/D-1/stream")
            try await eventually("it begins with what is there") {
                stream.messages.first?.number("event_count") == 2
            }
            #expect(stream.head.contains("200") && stream.head.contains("text/event-stream"))

            // An event of the robot comes, within its window.
            try await publish(
                60, "robot.error", "e-2", #""robot_id":"R-1","error":{"code":"LID_ERROR","message":"m"}"#)
            try await eventually("it tells of the event") {
                stream.messages.last?.number("event_count") == 3
            }
            #expect(try await story("D-1", service).events == ["e-0", "e-1", "e-2"])

            // Late: by then another robot had the delivery, so the error belongs to it no more.
            let before = stream.messages.count
            try await publish(30, "demand.assigned", "e-3", #""delivery_id":"D-1","robot_id":"R-2""#)
            try await eventually("it tells that something changed") { stream.messages.count > before }
            #expect(stream.messages.last?.event == "version")
            #expect(try await story("D-1", service).events == ["e-0", "e-1", "e-3"])
            let why = try await service.get("/analytics/v1/events/e-2/explain?session=D-1")
            #expect(why.status == 200 && why.text.contains(#""belongs":false"#), "\(why.text)")

            // Nothing happens for long: a comment shows that it lives.
            try await eventually("a comment comes", within: 30) { stream.comments > 0 }
            #expect(!stream.hasEnded)

            try await publish(300, "delivery.dropoff_completed", "e-4", #""delivery_id":"D-1""#)
            try await eventually("it ends with the delivery") { stream.hasEnded }
            #expect(stream.isWhole)
            let last = try #require(stream.messages.last)
            #expect(
                last.event == "closed" && last.text("outcome") == "completed"
                    && last.number("event_count") == 4)
            #expect(Set(stream.messages.map(\.id)).count == 4, "a version each: \(stream.messages)")
            // A browser connects again after the end, with the last id: nothing more comes.
            let again = try EventStream(
                port: service.port, path: "/analytics/v1/deliveries/D-1/stream",
                headers: "Last-Event-ID: \(last.id ?? "")\r\n")
            try await eventually("the answer to who has heard of the end") { again.hasEnded }
            #expect(again.head.hasPrefix("HTTP/1.1 204"), "\(again.head)")
            #expect(try await service.stop() == 0)
        }

        /// A listener does not hold up the end of the service.
        @Test func theEndOfTheServiceEndsItsStreams() async throws {
            let scene = try await Scene()
            let line = Lines()
            let service = try await scene.serve(["--declare", "--batch-max-age-ms", "20"])
            try await service.ready()
            try await scene.host.publish(line(0, "demand.created", "e-0", #""delivery_id":"D-1""#), to: "q")
            try await eventually("the delivery is told") {
                try await story("D-1", service).status == 200
            }
            let stream = try EventStream(port: service.port, path: "/analytics/v1/deliveries/D-1/stream")
            try await eventually("it begins") { stream.messages.count == 1 }
            #expect(try await service.stop() == 0)
            try await eventually("the stream ends") { stream.hasEnded }
            // Broken off, so that the browser connects again: the delivery is not at its end.
            #expect(!stream.isWhole && stream.messages.count == 1)
        }

        @Test(arguments: Scene.Kind.allCases)
        func itAnswersWhileEventsCome(kind: Scene.Kind) async throws {
            let scene = try await Scene(kind)
            try scene.simulate(deliveries: 15)
            let service = try await scene.serve(["--declare", "--batch-max-events", "50"])
            try await eventually("the API answers") {
                try await service.get("/analytics/v1/freshness").status == 200
            }
            // The API may be there before the queue is declared, and who publishes into none gives up.
            try await service.ready()
            // So slow that it is asked again and again while they come, however busy the machine is.
            let publisher = try scene.program.start([
                "publish", "archive", "--amqp", scene.host.url, "--queue", "q", "--rate", "50",
            ])
            var counts: Set<Int> = []
            try await eventually("answers of three different times") {
                for path in ["home", "sessions?limit=20", "freshness"] {
                    let answer = try await service.get("/analytics/v1/\(path)")
                    #expect(answer.status == 200, "\(path): \(answer.text)")
                    guard path == "freshness" else { continue }
                    let object =
                        try JSONSerialization.jsonObject(with: Data(answer.text.utf8)) as? [String: Any]
                    let asOf = try #require(object?["as_of"] as? [String: Any])
                    counts.insert(try #require(asOf["events"] as? Int))
                }
                return counts.count >= 3
            }
            #expect(publisher.isRunning)
            publisher.terminate()
            publisher.waitUntilExit()
            // The rest of them, and what was sent already once more.
            try scene.publish()
            try await service.drained()
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
        }
    }
}
