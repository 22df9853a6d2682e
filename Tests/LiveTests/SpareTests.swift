import Foundation
import ProgramUnderTest
import Testing

extension LiveTests {
    /// A second service beside one that reads the same queue into the same store, neither with partitions.
    @Suite struct SpareTests {
        /// It takes nothing while the first one lives, and all when it is gone, however that went.
        @Test(arguments: [SIGTERM, SIGKILL]) func aSecondOneWaitsAndTakesOver(signal: Int32) async throws {
            let scene = try await Scene(.postgres)
            for (number, day) in ["2026-11-02", "2026-11-03", "2026-11-04"].enumerated() {
                let lines = Lines.deliveries(10, day: day)
                try scene.folder.write("archive/\(number).jsonl", lines)
                try scene.folder.write("part\(number)/a.jsonl", lines)
            }
            try scene.replay()
            let begun = try scene.publish("--declare", archive: "part0")
            let first = try await scene.serve()
            try await first.drained()
            // It asks twice a second, not every ten, whether the first one has gone.
            let second = try await scene.serve(store: scene.live + "&options=-c%20lock_timeout%3D500")
            try await eventually("it says what it waits for") {
                let ready = try await second.get("/readyz")
                return ready.status == 503 && ready.text.contains("[-] store: busy: ")
                    && ready.text.contains("[-] queue: waits for the store")
            }
            let more = try scene.publish(archive: "part1")
            try await eventually("the first one has all of it") {
                try await first.outcomes().values.reduce(0, +) == begun + more
            }
            #expect(try await first.get("/readyz").status == 200)
            #expect(try await second.metric("sessionizer_amqp_deliveries_total") == 0)
            first.signal(signal)
            #expect(try await first.end() == (signal == SIGTERM ? 0 : -1))
            let last = try scene.publish(archive: "part2")
            try await second.ready()
            try await second.drained()
            // What the first one had not acknowledged yet comes again.
            let taken = try await second.outcomes().values.reduce(0, +)
            #expect((last...last + more).contains(taken), "\(taken)")
            #expect(try await second.outcomes()["accepted"] == last)
            #expect(try await second.stop() == 0)
            try scene.expectTablesOfReplay()
        }
    }
}
