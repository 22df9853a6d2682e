import Foundation
import PrivateServers
import ProgramUnderTest
import Testing

extension LiveTests {
    /// Secrets out of files change while the service runs, as those that an orchestrator mounts do.
    @Suite struct SecretTests {
        /// A new password for the broker and another user for the database are used as soon as a connection is made; a URL
        /// that names another place is not.
        @Test func secretsAreReadAnew() async throws {
            let server = try PrivatePostgres.shared()
            let scene = try await Scene(.postgres)
            let (old, new) = ("a\(UUID().uuidString)", "b\(UUID().uuidString)")
            for user in [old, new] { _ = try server.sql(#"CREATE ROLE "\#(user)" SUPERUSER LOGIN"#) }
            defer { for user in [old, new] { _ = try? server.sql(#"DROP ROLE "\#(user)""#) } }
            let database = try #require(
                scene.live.split(separator: "?").first?.split(separator: "/").last.map(String.init))
            try await scene.host.makeUser(old, password: "first")
            func broker(_ password: String, _ address: String? = nil) -> String {
                let place = address ?? scene.host.url.split(separator: "@").last.map(String.init) ?? ""
                return "amqp://\(old):\(password)@\(place)"
            }
            try scene.folder.write("broker", broker("first") + "\n")
            try scene.folder.write("store", server.url(database, user: old) + "\n")
            try scene.simulate(deliveries: 10)
            let service = try await Service(
                ["--queue", "q", "--declare"], in: Folder(),
                environment: [
                    "SESSIONIZER_AMQP_URL_FILE": scene.path("broker"),
                    "SESSIONIZER_STORE_URL_FILE": scene.path("store"),
                ])
            try await eventually("it consumes") {
                try await service.metric("sessionizer_amqp_consuming") == 1
            }

            _ = try server.sql(#"ALTER ROLE "\#(old)" NOLOGIN"#)
            try server.cutConnections(to: database)
            try scene.publish()
            func refusals() async throws -> Double {
                try await service.metric("sessionizer_store_failures_total") ?? 0
            }
            try await eventually("the old user is refused") { try await refusals() > 0 }
            try await scene.host.makeUser(old, password: "second")
            try await Broker.shared.control("close_all_user_connections", old, "rotated")
            try await eventually("the old password is refused") {
                try !service.logged("connecting_failed").isEmpty
            }
            // Another broker, and another database: neither is where the rest is.
            try scene.folder.write("broker", broker("second", "127.0.0.1:1/\(scene.host.name)"))
            try scene.folder.write("store", server.url("postgres", user: new))
            let before = try await refusals()
            try await eventually("the old user is refused again") { try await refusals() > before + 1 }
            #expect(try await service.metric("sessionizer_amqp_consuming") == 0)

            try scene.folder.write("broker", broker("second"))
            try scene.folder.write("store", server.url(database, user: new))
            try await service.drained()
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
        }
    }
}
