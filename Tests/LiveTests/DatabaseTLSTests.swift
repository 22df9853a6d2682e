import Foundation
import PrivateServers
import ProgramUnderTest
import Testing

extension LiveTests {
    /// TLS to PostgreSQL, as `sslmode=verify-full` asks for it.
    @Suite struct DatabaseTLSTests {
        @Test func theServersCertificateIsVerified() async throws {
            let files = try Folder()
            let certificates = try Certificates(in: files.url.path)
            // A port that is taken elsewhere is free on an address of one's own.
            let address = (0..<3).reduce("127") { text, _ in "\(text).\(Int.random(in: 1...254))" }
            let server = try Self.begin(certificates, address)
            defer { try? server.remove() }
            let scene = try await Scene(.postgres, server: server)
            try scene.folder.write("archive/a.jsonl", Lines.deliveries(5))
            try scene.replay()
            let name = try #require(URLComponents(string: scene.live)?.path.dropFirst())
            func url(_ host: String, _ authority: String) -> String {
                "postgres://postgres@\(host)/\(name)?hostaddr=\(address)&sslmode=verify-full&sslrootcert=\(authority)"
            }
            for (wrong, words) in [
                (url("localhost", certificates.stranger), "certificate verify failed"),
                // The certificate says `localhost`.
                (url("elsewhere", certificates.authority), "does not match host name"),
            ] {
                let refused = try scene.program.run(["replay", "archive", "--store", wrong])
                #expect(refused.status == 1)
                #expect(
                    refused.complaints.contains(words) && refused.complaints.contains("sslmode"),
                    "\(refused.complaints)")
            }
            // Nothing got through.
            #expect(try server.sql("SELECT to_regclass('events') IS NULL", in: String(name)) == "t")

            let right = url("localhost", certificates.authority)
            let published = try scene.publish("--declare")
            let service = try await scene.serve(store: right)
            try await service.drained()
            #expect(try await service.outcomes().values.reduce(0, +) == published)
            let encrypted = try server.sql(
                "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = '\(name)'"
            )
            #expect(encrypted == "t")
            let checked = try scene.program.run([
                "check-config", "--amqp", scene.host.url, "--queue", "q", "--store", right,
            ])
            #expect(checked.status == 0, "\(checked.output)")
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
        }

        /// A server that speaks TLS on an address of the loopback interface.
        private static func begin(_ certificates: Certificates, _ address: String) throws -> PrivatePostgres {
            let folder = PrivatePostgres.newFolder()
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let (certificate, key) = ("\(folder.path)/tls.pem", "\(folder.path)/tls.key")
            try FileManager.default.copyItem(atPath: certificates.certificate, toPath: certificate)
            try FileManager.default.copyItem(atPath: certificates.key, toPath: key)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
            // The server refuses a key that is another's. As root it runs as `postgres`.
            if getuid() == 0 {
                try FileManager.default.setAttributes([.ownerAccountName: "postgres"], ofItemAtPath: key)
            }
            return try PrivatePostgres(
                in: folder,
                options:
                    "-c listen_addresses=\(address) -c ssl=on -c ssl_cert_file=\(certificate) -c ssl_key_file=\(key)"
            )
        }
    }
}
