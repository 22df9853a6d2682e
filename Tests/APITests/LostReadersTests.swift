import EngineUnderTest
import Foundation
import PrivateServers
import Testing

/// Connections of readers that a restart of the server has ended.
@Suite struct LostReadersTests {
    /// Nobody is told of one that was lost while nobody used it.
    @Test func aLostConnectionIsMadeAnew() throws {
        let folder = try Folder()
        let server = try PrivatePostgres.shared()
        let database = try server.makeDatabase()
        let url = server.url(database)
        let store = try StoreUnderTest(place: .postgres(url: url), maxResident: 0)
        try store.ingest([
            #"{"event":"demand.created","timestamp":"2026-11-02T10:00:00Z","delivery_id":"D1"}"#
        ])
        store.close()
        let serve = try ServedProgram(folder, ["serve", "--store", url, "--listen", "127.0.0.1:0"])
        defer { _ = serve.stop() }
        let client = Client(port: try serve.port())
        #expect(try client.get("/analytics/v1/deliveries/D1").status == 200)
        for _ in 0..<3 {
            try server.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(database)'")
            #expect(try client.get("/analytics/v1/deliveries/D1").status == 200)
            #expect(try client.get("/analytics/v1/sessions").status == 200)
        }
    }
}
