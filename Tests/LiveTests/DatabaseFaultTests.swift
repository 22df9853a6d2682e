import Foundation
import PrivateServers
import ProgramUnderTest
import Testing

extension LiveTests {
    /// What befalls the database, or the way to it.
    @Suite struct DatabaseFaultTests {
        /// Cut in the middle of an answer, again and again, then silent for longer than two of the broker's heartbeats.
        @Test func theWayToItIsCutAndStalls() async throws {
            let server = try PrivatePostgres.shared()
            let scene = try await Scene(.postgres, server: server)
            try scene.simulate(telemetrySeconds: 60)
            let published = try scene.publish("--declare")
            let proxy = try Proxy(.socket(path: server.socketPath))
            defer { proxy.end() }
            let database = try #require(URLComponents(string: scene.live)?.path.dropFirst())
            proxy.cut(afterBytes: 40_001)
            let service = try await scene.serve(
                ["--batch-max-events", "20", "--prefetch", "40"], url: scene.host.url(port: scene.host.port),
                store: "postgres://postgres@127.0.0.1:\(proxy.port)/\(database)")
            try await eventually("three batches, or attempts to begin, came to nothing") {
                // Who reads has connections of its own through here, and may be the one that is cut.
                if !proxy.isAboutToCut { proxy.cut(afterBytes: 7_001) }
                return try await service.metric("sessionizer_store_failures_total") ?? 0 >= 3
            }
            proxy.stall()
            // Once more, so that there is work in hand while nothing passes; all of it duplicates.
            #expect(try scene.publish() == published)
            try await eventually("a batch waits") {
                try await service.metric("sessionizer_messages_in_hand{transport=\"amqp\"}") ?? 0 > 0
            }
            let acknowledged = try await service.metric("sessionizer_amqp_acknowledged_total")
            // The broker gives a connection up after two missed heartbeats.
            try await Task.sleep(for: .seconds(VirtualHost.longerThanTwoHeartbeats))
            #expect(try await service.metric("sessionizer_amqp_connected") == 1)
            #expect(try await service.metric("sessionizer_amqp_acknowledged_total") == acknowledged)
            proxy.goOn()
            try await service.drained()
            #expect(try await service.metric("sessionizer_amqp_channels_total") == 1)
            #expect(try await service.metric("sessionizer_amqp_redeliveries_total") == 0)
            #expect(try await service.outcomes().values.reduce(0, +) == 2 * published)
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
        }

        /// Its disk is full for longer than two heartbeats: nothing is acknowledged or given back.
        @Test(.enabled(if: try SmallDisk.isAllowed()))
        func itsDiskIsFullForAWhile() async throws {
            let folder = PrivatePostgres.newFolder()
            let disk = try SmallDisk(at: folder, megabytes: 400)
            defer { disk.remove() }
            // Small steps of the log, so that it fits on the disk.
            let server = try PrivatePostgres(in: folder, options: "-c max_wal_size=64MB")
            defer { try? server.remove() }
            let scene = try await Scene(.postgres, server: server)
            try scene.simulate(deliveries: 60, telemetrySeconds: 60)
            let service = try await scene.serve(
                ["--batch-max-events", "100", "--prefetch", "200", "--declare"],
                url: scene.host.url(port: scene.host.port))
            try await service.ready()
            disk.fill()
            let published = try scene.publish()
            let decided = try await service.holdsWhileTheDiskIsFull("No space left on device")
            #expect(decided < published)
            try disk.empty()
            // Where its log could not grow either, the server has ended.
            try server.start()
            try await eventually("all is acknowledged") {
                try await service.metric("sessionizer_amqp_acknowledged_total") == Double(published)
            }
            #expect(try await service.metric("sessionizer_amqp_redeliveries_total") == 0)
            #expect(try await service.get("/readyz").status == 200)
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
        }
    }
}
