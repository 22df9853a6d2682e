import Foundation
import ProgramUnderTest
import SessionStore
import Testing

extension LiveTests {
    /// What goes wrong with streams without anybody noticing, but for being told.
    @Suite struct StreamTests {
        private static let notices = "sessionizer_amqp_notices_total"

        private func count(_ service: Service, _ code: String) async throws -> Double? {
            try await service.metric("\(Self.notices){code=\"\(code)\"}")
        }

        /// Read as if it were a queue, a stream gives only what comes from then on. That is told, and a right start afterwards
        /// begins at its beginning.
        @Test func aStreamThatIsTakenForAQueueLosesNothing() async throws {
            let scene = try await Scene()
            try scene.folder.write("archive/a.jsonl", Lines.deliveries(20))
            try scene.replay()
            let published = try scene.publish("--declare", "--queue-type", "stream")
            try scene.folder.write("later/a.jsonl", Lines.deliveries(1))

            let wrong = try await scene.serve()
            try await wrong.ready()
            // It gives nothing of what it holds.
            try await eventually("it is told that nothing comes") {
                let health = try await wrong.get("/healthz").text
                return health.contains(#""caught_up":false"#)
                    && health.contains("messages are ready in the queue")
            }
            try scene.publish("--queue-type", "stream", archive: "later")
            try await eventually("the new messages are committed") {
                try await wrong.outcomes().values.reduce(0, +) == 7
            }
            #expect(try await count(wrong, "wrong_queue_type") == 1)
            let told = try #require(try wrong.logged("wrong_queue_type").first)
            #expect("\(told)".contains("--queue-type stream"), "\(told)")
            #expect(try await wrong.stop() == 0)
            #expect(try scene.rows("SELECT last_offset FROM source_offsets").isEmpty)

            let right = try await scene.serve(["--queue-type", "stream"])
            try await eventually("all is committed, from the beginning") {
                try await right.outcomes().values.reduce(0, +) == published + 7
            }
            #expect(try await count(right, "wrong_queue_type") == 0)
            #expect(try await count(right, "stream_gap") == 0)
            #expect(try await right.stop() == 0)
            try scene.expectTablesOfReplay()

            // Begun anew with nothing to read it is caught up, whatever the stream holds.
            let idle = try await scene.serve(["--queue-type", "stream"])
            try await idle.ready()
            try await eventually("it is caught up") {
                try await idle.get("/healthz").text.contains(#""caught_up":true"#)
            }
            #expect(try await idle.stop() == 0)
        }

        /// What the stream's own limits dropped before it was read is gone; that is an error in the log, and a count.
        @Test func whatAStreamDroppedUnreadIsTold() async throws {
            let scene = try await Scene()
            try scene.folder.write("archive/a.jsonl", Lines.deliveries(1))
            try scene.folder.write("flood/a.jsonl", Lines.deliveries(900))
            try await scene.host.declareQueue(
                "q",
                #"{"x-queue-type":"stream","x-max-length-bytes":300000,"x-stream-max-segment-size-bytes":100000}"#
            )
            let stream = ["--queue-type", "stream"]
            let first = try await scene.serve(stream)
            try await first.ready()
            try scene.publish("--queue-type", "stream")
            try await eventually("the first are committed") {
                try await first.outcomes().values.reduce(0, +) == 7
            }
            #expect(try await first.stop() == 0)
            let published = try scene.publish("--queue-type", "stream", archive: "flood")
            let second = try await scene.serve(stream)
            try await eventually("the rest is committed") {
                try await second.get("/healthz").text.contains(#""caught_up":true"#)
            }
            let came = try await second.outcomes().values.reduce(0, +)
            #expect(came > 0 && came < published)
            #expect(try await count(second, "stream_gap") == 1)
            let gap = try #require(try second.logged("stream_gap").first)
            #expect(
                "\(gap)".contains("was to go on at offset 7") && gap["level"] as? String == "error", "\(gap)")
            #expect(try await second.stop() == 0)
        }

        /// Its offsets begin anew. Whether it has come as far again or not, nothing of it is passed over.
        @Test(arguments: Scene.Kind.allCases, [1, 40]) func aStreamThatIsMadeAnewIsReadFromItsBeginning(
            kind: Scene.Kind, before: Int
        ) async throws {
            let scene = try await Scene(kind)
            try scene.folder.write("archive/a.jsonl", Lines.deliveries(before))
            try scene.folder.write("anew/a.jsonl", Lines.deliveries(20, day: "2026-11-03"))
            let stream = ["--queue-type", "stream", "--declare"]
            let first = try scene.publish("--declare", "--queue-type", "stream")
            // While nobody reads.
            let early = try await scene.serve(stream)
            try await eventually("the first are committed") {
                try await early.outcomes().values.reduce(0, +) == first
            }
            #expect(try await early.stop() == 0)
            try await scene.host.deleteQueue("q")
            let second = try scene.publish("--declare", "--queue-type", "stream", archive: "anew")
            let late = try await scene.serve(stream)
            try await eventually("all of the new one is committed") {
                try await late.outcomes()["accepted"] == second
            }
            #expect(try await count(late, "stream_remade") == 1)
            #expect(try await late.outcomes().values.reduce(0, +) == second)
            #expect(
                try scene.rows("SELECT last_offset FROM source_offsets")[0].integer("last_offset")
                    == Int64(second - 1))

            // While it is read.
            try scene.folder.write("last/a.jsonl", Lines.deliveries(1, day: "2026-11-04"))
            try await scene.host.deleteQueue("q")
            try await eventually("the cancellation is noticed") {
                try late.logged("consumer_cancelled").count == 1
            }
            let third = try scene.publish("--declare", "--queue-type", "stream", archive: "last")
            try await eventually("all of the newest one is committed") {
                try await late.outcomes()["accepted"] == second + third
            }
            let said = try late.program.folder.text("stderr")
            #expect(try await count(late, "stream_remade") == 2, "\(said)")
            #expect(try await late.stop() == 0)

            // Gone on with in order, nothing is read twice.
            try scene.folder.write("more/a.jsonl", Lines.deliveries(1, day: "2026-11-05"))
            let fourth = try scene.publish("--queue-type", "stream", archive: "more")
            let again = try await scene.serve(stream)
            try await eventually("what came since is committed") {
                try await again.outcomes().values.reduce(0, +) == fourth
            }
            #expect(try await again.outcomes()["accepted"] == fourth)
            #expect(try await count(again, "stream_remade") == 0)
            #expect(try await again.stop() == 0)
            for archive in ["archive", "anew", "last", "more"] { try scene.replay(archive) }
            try scene.expectTablesOfReplay()
        }
    }
}
