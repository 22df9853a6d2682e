import Foundation
import PrivateServers
import ProgramUnderTest
import Testing

extension LiveTests {
    /// Back-pressure: what waits, waits in the queue. The long form is `torture/hold.py`.
    @Suite struct MemoryTests {
        /// The database is frozen before a deep queue: the service holds a prefetch of messages and no more, keeps its
        /// connection to the broker for longer than two missed heartbeats, and goes on when the database does. Batches are small,
        /// so that many are held: none takes much more than its messages.
        @Test func aFrozenDatabaseBeforeADeepQueue() async throws {
            let server = try PrivatePostgres()
            defer { try? server.remove() }
            let scene = try await Scene(.postgres, server: server)
            // 2 kB each: 40 MB in all, of which a prefetch is four.
            let filler = String(repeating: "x", count: 1900)
            func lines(_ range: Range<Int>) -> String {
                range.map {
                    #"{"event":"note","timestamp":"2026-11-02T10:00:00Z","event_id":"\#($0)","robot_id":"R-\#($0 % 50)","x":"\#(filler)"}"#
                }.joined(separator: "\n") + "\n"
            }
            try scene.folder.write("archive/a.jsonl", lines(0..<10_000))
            try scene.folder.write("more/a.jsonl", lines(10_000..<20_000))
            let service = try await scene.serve(
                ["--batch-max-events", "20", "--prefetch", "2000", "--declare"],
                url: scene.host.url(port: scene.host.port))
            try await eventually("it consumes") {
                try await service.metric("sessionizer_amqp_consuming") == 1
            }
            let before = try await Self.resident(service)
            let published = try scene.publish()
            // It begins with few, and takes a whole prefetch only after a good many are committed.
            try await eventually("it takes a whole prefetch") {
                try await service.metric("sessionizer_amqp_prefetch_messages") == 2000
            }
            let frozen = try server.processes()
            defer { for process in frozen { kill(process, SIGCONT) } }
            for process in frozen { kill(process, SIGSTOP) }
            let begun = ContinuousClock.now
            let more = try scene.publish(archive: "more")
            try await eventually("a whole prefetch is held") {
                try await service.metric("sessionizer_amqp_unacknowledged_messages") == 2000
            }
            let acknowledged = try await service.metric("sessionizer_amqp_acknowledged_total")
            // The broker gives a connection up after two missed heartbeats.
            var most = before
            while begun.duration(to: .now) < .seconds(VirtualHost.longerThanTwoHeartbeats) {
                most = max(most, try await Self.resident(service))
                #expect(try await service.metric("sessionizer_amqp_unacknowledged_messages") == 2000)
                try await Task.sleep(for: .milliseconds(200))
            }
            #expect(most - before < 16 << 20, "\(before) bytes before, \(most) while frozen")
            #expect(try await service.get("/livez").status == 200)
            #expect(try await service.metric("sessionizer_amqp_connected") == 1)
            #expect(try await service.metric("sessionizer_amqp_acknowledged_total") == acknowledged)
            for process in frozen { kill(process, SIGCONT) }
            try await eventually("all is acknowledged", within: 120) {
                try await service.metric("sessionizer_amqp_acknowledged_total") == Double(published + more)
            }
            #expect(try await service.metric("sessionizer_amqp_connections_total") == 1)
            #expect(try await service.metric("sessionizer_amqp_channels_total") == 1)
            #expect(try await service.metric("sessionizer_amqp_redeliveries_total") == 0)
            most = try await Self.resident(service)
            #expect(most - before < 32 << 20, "\(before) bytes before, \(most) at the end")
            #expect(try await service.stop() == 0)
            try scene.replay("archive")
            try scene.replay("more")
            try scene.expectTablesOfReplay()
        }

        private static func resident(_ service: Service) async throws -> Int {
            Int(try await service.metric("process_resident_memory_bytes") ?? 0)
        }
    }
}
