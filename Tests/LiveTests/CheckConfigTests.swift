import Foundation
import PrivateServers
import ProgramUnderTest
import Testing

extension LiveTests {
    /// `sessionizer check-config` against the real broker and database.
    @Suite struct CheckConfigTests {
        /// What it found: whether all is well, and each line as `state part: text`.
        private func check(
            _ scene: Scene, _ more: [String], environment: [String: String] = [:]
        ) throws -> (status: Int32, lines: [String], outcome: Program.Outcome) {
            let outcome = try scene.program.run(
                ["check-config", "--format", "json"] + more, environment: environment)
            guard outcome.status != 2 else { return (2, [], outcome) }
            let object = try outcome.json()
            let checks = try #require(object["checks"] as? [[String: Any]])
            #expect(object["ok"] as? Bool == (outcome.status == 0))
            for secret in ["guest:guest", "p@ss", "p%40ss"] {
                #expect(!(outcome.output + outcome.complaints).contains(secret))
            }
            let lines = checks.map {
                "\($0["state"] as? String ?? "?") \($0["part"] as? String ?? "?"): \($0["text"] as? String ?? "?")"
            }
            return (outcome.status, lines, outcome)
        }

        @Test func saysWhatIsMissingUntilAllIsThere() async throws {
            let scene = try await Scene(.postgres)
            let server = try PrivatePostgres.shared()
            // postgres:///DATABASE?host=…
            let database = try #require(
                scene.live.dropFirst("postgres:///".count).split(separator: "?").first)
            // A role of this test's own, which may connect and nothing else.
            let role = "checked_\(database)"
            try server.sql("CREATE ROLE \(role) LOGIN")
            let store = server.url(String(database), user: role)
            let reader = "reader-\(database)"
            try await scene.host.makeReader(reader, of: "^other$")
            let url = scene.host.url.replacingOccurrences(of: "guest:guest", with: "\(reader):p%40ss")
            let words = ["--amqp", url, "--queue", "q", "--store", store]

            let empty = try check(scene, words)
            #expect(empty.status == 1)
            #expect(
                empty.lines.contains { $0.hasPrefix("well broker: ") && $0.contains("as \(reader)") },
                "\(empty)")
            #expect(empty.lines.contains { $0.hasPrefix("missing queue: q is not there") }, "\(empty)")
            #expect(
                empty.lines.contains {
                    $0.hasPrefix("missing migrations: none of ")
                        && $0.hasSuffix("made, and \(role) may not make them")
                },
                "\(empty)")

            try await scene.host.declareQueue("q")
            #expect(try scene.program.run("migrate", "--store", scene.live).status == 0)
            let ungranted = try check(scene, words)
            #expect(ungranted.status == 1)
            #expect(ungranted.lines.contains("missing queue: q: the user may not read it"), "\(ungranted)")
            #expect(
                ungranted.lines.contains("missing grants: \(role) lacks USAGE on schema sessionizer"),
                "\(ungranted)")

            try await scene.host.makeReader(reader, of: "^q$")
            try server.sql("CREATE ROLE \(role)_reader LOGIN")
            try server.run(
                file: Self.grants, in: String(database), user: "postgres",
                ["writer": role, "reader": "\(role)_reader"])
            let well = try check(scene, words)
            #expect(well.status == 0, "\(well)")
            #expect(well.lines.contains { $0.hasPrefix("well migrations: all ") }, "\(well)")
            #expect(well.lines.contains("well grants: \(role) may read and write what serve needs"))
            // It may not configure, so RabbitMQ does not tell it what kind the queue is.
            #expect(well.lines.contains { $0.hasPrefix("note queue: q: its type was not told") }, "\(well)")

            // What --declare needs is another matter.
            let declaring = try check(scene, words + ["--declare"])
            #expect(declaring.status == 1)
            for queue in ["q", "q.dead"] {
                #expect(
                    declaring.lines.contains("missing queue: \(queue): the user may not declare it"),
                    "\(declaring)")
            }
            await #expect(throws: Trouble.self) { try await scene.host.queue("q.dead") }

            // One right less, each in turn.
            for (revoked, told) in [
                ("UPDATE ON sessionizer.sessions", "UPDATE on sessions"),
                ("SELECT ON sessionizer.links", "SELECT on links"),
                ("EXECUTE ON FUNCTION sessionizer.ensure_partition(timestamptz)", "ensure_partition"),
                ("EXECUTE ON FUNCTION sessionizer.retire_months(integer)", "retire_months"),
            ] {
                try server.sql("REVOKE \(revoked) FROM \(role)", in: String(database))
                let less = try check(scene, words)
                #expect(less.status == 1)
                #expect(
                    less.lines.contains { $0.hasPrefix("missing ") && $0.contains(told) }, "\(told): \(less)")
                try server.sql("GRANT \(revoked) TO \(role)", in: String(database))
            }
            // Nothing was consumed, written or made by looking.
            #expect(try server.sql("SELECT count(*) FROM meta", in: String(database)) == "7")
            #expect(try server.sql("SELECT count(*) FROM replicas", in: String(database)) == "0")
            try server.sql(
                "UPDATE schema_migrations SET version = 99 WHERE version = 1", in: String(database))
            let newer = try check(scene, words)
            #expect(
                newer.lines.contains { $0.hasPrefix("missing migrations: ") && $0.contains("newer version") })
        }

        @Test func looksAtQueuesWithoutTouchingThem() async throws {
            let scene = try await Scene()
            try scene.simulate(deliveries: 5)
            let published = try scene.publish("--declare")
            try await scene.host.declareQueue("s", #"{"x-queue-type":"stream"}"#)
            try await scene.host.declareQueue("c", #"{"x-max-length":1000}"#)
            let base = ["--amqp", scene.host.url, "--store", scene.live]
            // The arguments that `--declare` gives a queue stand before its kind.
            let quorum = try check(scene, base + ["--queue", "q"])
            #expect(quorum.status == 0, "\(quorum)")
            #expect(
                quorum.lines.contains("well queue: q is there: quorum, \(published) messages ready"),
                "\(quorum)")
            for (queue, kind) in [("s", "stream"), ("c", "classic")] {
                let wrong = try check(scene, base + ["--queue", queue])
                #expect(wrong.status == 1)
                #expect(
                    wrong.lines.contains("missing queue: \(queue) is a \(kind) queue, not quorum"), "\(wrong)"
                )
                let right = try check(scene, base + ["--queue", queue, "--queue-type", kind])
                #expect(right.status == 0, "\(right)")
            }
            // Of a queue that is not there nothing is made, also where it may be.
            let declared = try check(scene, base + ["--queue", "d", "--declare"])
            #expect(declared.status == 0, "\(declared)")
            await #expect(throws: Trouble.self) { try await scene.host.queue("d") }
            let details = try await scene.host.queue("q")
            #expect((details["messages"] as? Int ?? published) == published)
            #expect(!FileManager.default.fileExists(atPath: scene.path("live.db")))

            let service = try await scene.serve()
            try await eventually("none was delivered before") {
                try await service.metric("sessionizer_amqp_acknowledged_total") == Double(published)
            }
            #expect(try await service.metric("sessionizer_amqp_redeliveries_total") == 0)
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
        }

        @Test func partitionsAndConnections() async throws {
            let scene = try await Scene(.postgres)
            let base = ["--amqp", scene.host.url, "--queue", "p", "--store", scene.live, "--partitions", "2"]
            let missing = try check(scene, base)
            #expect(missing.status == 1)
            for text in ["missing exchange: p is not there", "missing queue: p.0", "missing queue: p.1"] {
                #expect(missing.lines.contains { $0.hasPrefix(text) }, "\(missing)")
            }
            let service = try await scene.serve(["--partitions", "2", "--declare"], queue: "p")
            try await service.ready()
            try await eventually("both are read") {
                try await service.metric("sessionizer_partitions_held") == 2
            }
            #expect(try await service.stop() == 0)
            let well = try check(scene, base)
            #expect(well.status == 0, "\(well)")
            #expect(well.lines.contains { $0.hasPrefix("well queue: p.1 is there: quorum") }, "\(well)")
            let other = try check(scene, base.dropLast() + ["3"])
            #expect(
                other.lines.contains {
                    $0.hasPrefix("missing partitions: ") && $0.contains("2 partitions, not 3")
                },
                "\(other)")
            let many = try check(scene, base + ["--replicas", "20"])
            #expect(many.lines.contains { $0.hasPrefix("missing connections: 260 connections") }, "\(many)")
        }

        @Test func settingsFilesAndSecrets() async throws {
            let scene = try await Scene()
            try await scene.host.declareQueue("q")
            let base = ["--amqp", scene.host.url, "--queue", "q", "--store", scene.live]
            try scene.folder.write("s.yaml", "amqp:\n  queue: q\n  prefetsh: 4\n")
            let unknown = try check(scene, base + ["--config", scene.path("s.yaml")])
            #expect(unknown.status == 2)
            #expect(
                unknown.outcome.complaints.contains("s.yaml:3")
                    || unknown.outcome.complaints.contains("line 3"))
            #expect(unknown.outcome.complaints.contains("unknown key `amqp.prefetsh`"))
            #expect(try check(scene, base, environment: ["SESSIONIZER_AMQP_QEUE": "q"]).status == 2)
            // What Kubernetes tells of services so called is no setting; a mistyped one is none either.
            let links = [
                "SESSIONIZER_SERVICE_HOST": "10.0.0.1", "SESSIONIZER_SERVICE_PORT_HTTP": "80",
                "SESSIONIZER_PORT": "tcp://10.0.0.1:80", "SESSIONIZER_PORT_80_TCP_ADDR": "10.0.0.1",
                "SESSIONIZER_API_SERVICE_HOST": "10.0.0.2",
            ]
            #expect(try check(scene, base, environment: links).status == 0)
            #expect(try check(scene, base, environment: ["SESSIONIZER_HTTP_PORT": "80"]).status == 2)
            #expect(try check(scene, ["--queue", "q", "--store", scene.live]).status == 2)
            // A file with a secret is read where nothing goes before it; a missing one is told with what named it.
            try scene.folder.write("f.yaml", "store:\n  url_file: /nowhere\n")
            let file = ["--config", scene.path("f.yaml")]
            #expect(try check(scene, base + file).status == 0)
            let missing = try check(scene, Array(base.dropLast(2)) + file)
            #expect(missing.status == 2)
            #expect(
                missing.outcome.complaints.contains("f.yaml:2: `store.url_file`: /nowhere: No such file"),
                "\(missing)")
            let named = try check(
                scene, Array(base.dropLast(2)), environment: ["SESSIONIZER_STORE_URL_FILE": "/nowhere"])
            #expect(named.outcome.complaints.contains("SESSIONIZER_STORE_URL_FILE: /nowhere: "), "\(named)")
            let address = try check(scene, base, environment: ["SESSIONIZER_HTTP_LISTEN": "foo"])
            #expect(address.status == 2)
            #expect(address.outcome.complaints.contains("SESSIONIZER_HTTP_LISTEN foo: "), "\(address)")

            let refused = try check(
                scene,
                [
                    "--amqp",
                    scene.host.url.replacingOccurrences(of: "guest:guest", with: "guest:p%40ss")
                        + ",amqp://guest:guest@127.0.0.1:1", "--queue", "q", "--store",
                    "sqlite:\(scene.path("nowhere/live.db"))", "--tokens", scene.path("nothing"),
                ])
            #expect(refused.status == 1)
            #expect(
                refused.lines.contains { $0.hasPrefix("missing broker: ") && $0.contains("ACCESS_REFUSED") },
                "\(refused)")
            #expect(
                refused.lines.contains { $0.hasPrefix("missing broker: amqp://127.0.0.1:1: ") }, "\(refused)")
            #expect(refused.lines.contains { $0.hasPrefix("missing store: ") && $0.contains("is not there") })
            #expect(
                refused.lines.contains { $0.hasPrefix("missing http: ") && $0.contains("nothing") },
                "\(refused)")

            let certificates = try #require(await Broker.shared.certificates)
            for (authority, status) in [(certificates.authority, 0), (certificates.stranger, 1)] {
                let url =
                    "amqps://guest:guest@localhost:\(certificates.port)/\(scene.host.name)?cacertfile=\(authority)"
                let tls = try check(scene, ["--amqp", url, "--queue", "q", "--store", scene.live])
                #expect(tls.status == Int32(status), "\(tls)")
                #expect(tls.lines.contains { $0.contains("TLS verified by") } == (status == 0), "\(tls)")
            }
            try scene.folder.write("live.db", "this is no database at all")
            let foreign = try check(scene, base)
            #expect(
                foreign.lines.contains { $0.hasPrefix("missing store: ") && $0.contains("no SQLite file") })
        }

        private static let grants = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("deploy/postgres/grants.sql").path
    }
}
