import ChildProcesses
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
            // Told once, however often it is read.
            func unheeded() throws -> [String] {
                try service.logged("url_not_heeded").compactMap { $0["message"] as? String }.sorted()
            }
            try await eventually("both are told") { try unheeded().count == 2 }
            let told = try unheeded()
            for words in [
                "SESSIONIZER_AMQP_URL_FILE: it names other brokers",
                "SESSIONIZER_STORE_URL_FILE: the store's URL names another place than before, by its dbname",
            ] {
                #expect(told.count { $0.contains(words) } == 1, "\(told)")
            }
            #expect(!told.contains { $0.contains("second") || $0.contains("127.0.0.1:1") }, "\(told)")

            try scene.folder.write("broker", broker("second"))
            try scene.folder.write("store", server.url(database, user: new))
            try await service.drained()

            // Half written, and gone: what they said last is used, not what they said at the start.
            try scene.folder.write("broker", "amqp://\(old):sec")
            try FileManager.default.removeItem(atPath: scene.path("store"))
            let connections = try await service.metric("sessionizer_amqp_connections_total") ?? 0
            try await Broker.shared.control("close_all_user_connections", old, "once more")
            try server.cutConnections(to: database)
            try await eventually("it has connected again") {
                let now = try await service.metric("sessionizer_amqp_connections_total") ?? 0
                let consumes = try await service.metric("sessionizer_amqp_consuming") == 1
                return now > connections && consumes
            }
            try scene.publish()
            try await service.drained()
            try await eventually("both are told anew") { try unheeded().count == 4 }
            #expect(try await service.stop() == 0)
            #expect(try unheeded().count == 4 && !service.program.folder.text("stderr").contains(":sec"))
            try scene.expectTablesOfReplay()
        }

        /// A partition that is taken later is read where the others are, whatever the broker's file says by then.
        @Test(arguments: ["", "amqp://guest:guest@127.0.0.1:1/other", "amqp://guest:"])
        func partitionsStayWhereTheyAre(now: String) async throws {
            let scene = try await Scene(.postgres)
            try scene.simulate(deliveries: 10)
            let settings = ["--partitions", "2", "--declare", "--queue", "q", "--store", scene.live]
            let environment = ["SESSIONIZER_LEASE_SECONDS": "6"]
            let other = try await Service(
                settings + ["--amqp", scene.host.url], in: Folder(), environment: environment)
            func held(_ service: Service) async throws -> Double {
                try await service.metric("sessionizer_partitions_held") ?? -1
            }
            try await eventually("the first has both") { try await held(other) == 2 }
            try scene.folder.write("broker", scene.host.url)
            let service = try await Service(
                settings, in: Folder(),
                environment: environment.merging(["SESSIONIZER_AMQP_URL_FILE": scene.path("broker")]) { $1 })
            try await eventually("each has one") {
                let counts = [try await held(other), try await held(service)]
                return counts == [1, 1]
            }
            try scene.folder.write("broker", now)
            #expect(try await other.stop() == 0)
            try await eventually("it has both") { try await held(service) == 2 }
            try await eventually("it consumes both") { try await service.get("/readyz").status == 200 }
            try scene.publish("--partitions", "2", "--key-field", "robot_id")
            try await service.drained()
            #expect(try await service.stop() == 0)
            #expect(try service.logged("url_not_heeded").count == 1)
            try scene.expectTablesOfReplay()
        }

        /// A password that changes while an archive is published is used for the next connection, too.
        @Test func publishingReadsSecretsAnew() async throws {
            let scene = try await Scene()
            try scene.simulate(deliveries: 5)
            try await scene.host.declareQueue("q")
            let user = "c\(UUID().uuidString)"
            try await scene.host.makeUser(user, password: "first")
            let proxy = try Proxy(to: scene.host.port)
            defer { proxy.end() }
            func url(_ password: String) -> String {
                "amqp://\(user):\(password)@127.0.0.1:\(proxy.port)/\(scene.host.name)"
            }
            try scene.folder.write("broker", url("first"))
            let publishing = try scene.program.start(
                ["publish", scene.path("archive"), "--queue", "q", "--rate", "100", "--format", "json"],
                environment: ["SESSIONIZER_AMQP_URL_FILE": scene.path("broker")])
            defer { if publishing.isRunning { publishing.terminate() } }
            // More than it takes to connect: one that never was connected gives up.
            try await eventually("it publishes") { proxy.bytes > 8000 }
            try await scene.host.makeUser(user, password: "second")
            try scene.folder.write("broker", url("second"))
            proxy.cut()
            try await eventually("it has ended") { !publishing.isRunning }
            #expect(publishing.terminationStatus == 0)
            let service = try await scene.serve()
            try await service.drained()
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
        }
    }
}
