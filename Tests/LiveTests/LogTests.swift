import Foundation
import PrivateServers
import ProgramUnderTest
import Testing

extension LiveTests {
    /// What the service writes: one JSON object a line, whatever becomes of it (each look at ``Service/logged(_:)`` checks that).
    @Suite struct LogTests {
        /// What no waiting mends ends it with a last line like all others.
        @Test func aFatalEndIsToldAsAllElse() async throws {
            let scene = try await Scene()
            try scene.folder.write("archive/a.jsonl", Lines.deliveries(2))
            let published = try scene.publish("--declare")
            let good = try await scene.serve()
            try await eventually("all is committed") {
                try await good.outcomes().values.reduce(0, +) == published
            }
            #expect(try await good.stop() == 0)
            // The port is taken. (Of two that are named the last one counts.)
            let other = try Proxy(to: 1)
            defer { other.end() }
            let second = try await scene.serve(["--http", "127.0.0.1:\(other.port)"])
            #expect(try await second.end() == 1)
            let taken = try #require(try second.logged().last)
            #expect(taken["event"] as? String == "failed" && taken["level"] as? String == "error")
            #expect(
                (taken["message"] as? String)?.contains("cannot listen on 127.0.0.1:\(other.port)") == true)
            // The store was made under other rules.
            try scene.folder.write("rules.yaml", "rules:\n  max_window_seconds: 3600\n")
            let third = try await scene.serve(["--config", scene.path("rules.yaml")])
            #expect(try await third.end() == 1)
            let rules = try #require(try third.logged("failed").first)
            #expect(rules["reason"] as? String == "other_rules")
            #expect((rules["message"] as? String)?.contains("max_window_seconds") == true)
            // Words that cannot be used are for whoever typed them.
            let typed = try scene.program.run(["serve", "--queue", "q", "--prefetch", "0"])
            #expect(typed.status == 2 && typed.complaints.hasPrefix("sessionizer: --prefetch 0: expected"))
        }

        /// What fails at each attempt is written once a minute.
        @Test func leasesThatCannotBeRenewedAreToldOnce() async throws {
            let server = try PrivatePostgres()
            defer { try? server.remove() }
            let scene = try await Scene(.postgres, server: server)
            try server.stop()
            let service = try await scene.serve(
                ["--partitions", "2", "--declare"], environment: ["SESSIONIZER_LEASE_SECONDS": "2"])
            try await eventually("five attempts have failed") {
                try await service.metric("sessionizer_lease_failures_total") ?? 0 >= 5
            }
            #expect(try service.logged("leases_failed").count == 1)
            try server.start()
            try await service.ready()
            #expect(try await service.stop() == 0)
        }
    }
}
