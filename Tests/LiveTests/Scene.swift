import Foundation
import PostgresStore
import PrivateServers
import ProgramUnderTest
import SQLiteStore
import SessionStore
import Testing

/// What a test of the live service begins with: a folder, an archive, a virtual host, a store for the service and
/// another for the plain replay.
final class Scene {
    enum Kind: CaseIterable { case sqlite, postgres }

    let folder: Folder
    let program: Program
    let host: VirtualHost
    /// Where the service writes.
    var live: String
    /// Where the plain replay of the same events is.
    let plain: String

    private let server: PrivatePostgres?
    private let pass: Turnstile.Pass

    /// - Parameters:
    ///   - server: For a test that stops it; otherwise all share one.
    ///   - alone: For a test that disturbs the broker.
    init(_ kind: Kind = .sqlite, server: PrivatePostgres? = nil, alone: Bool = false) async throws {
        pass = await Turnstile.shared.enter(alone: alone)
        folder = try Folder()
        program = Program(folder: folder)
        host = try await Broker.shared.virtualHost()
        let server = kind == .postgres ? try server ?? PrivatePostgres.shared() : nil
        self.server = server
        live = try Self.store("live", folder, server)
        plain = try Self.store("plain", folder, server)
    }

    /// Lets the service begin with an empty store.
    func forgetLiveStore() throws { live = try Self.store("live-\(UUID().uuidString)", folder, server) }

    private static func store(_ name: String, _ folder: Folder, _ server: PrivatePostgres?) throws -> String {
        if let server { return server.url(try server.makeDatabase()) }
        return "sqlite:" + folder.url.appendingPathComponent(name + ".db").path
    }

    /// The path of a file in the folder.
    func path(_ name: String) -> String { folder.url.appendingPathComponent(name).path }

    /// Simulates a fleet into `archive` and replays it.
    func simulate(deliveries: Int = 40, telemetrySeconds: Int = 600, compression: String = "gzip") throws {
        let simulation = try program.run(
            "simulate", "--out", "archive", "--robots", "6", "--deliveries", "\(deliveries)", "--pilots", "3",
            "--telemetry-seconds", "\(telemetrySeconds)", "--seed", "11", "--duplicates", "0.02",
            "--disorder", "0.05", "--compression", compression)
        #expect(simulation.status == 0, "\(simulation.complaints)")
        try replay()
    }

    /// Every line of `archive`, which was simulated without compression.
    func archivedLines() throws -> [String] {
        let archive = folder.url.appendingPathComponent("archive")
        let names = try FileManager.default.subpathsOfDirectory(atPath: archive.path).sorted()
        return try names.filter { $0.hasPrefix("dt=") && $0.hasSuffix("jsonl") }.flatMap { name in
            let data = try Data(contentsOf: archive.appendingPathComponent(name))
            return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }

    func replay(_ archive: String = "archive") throws {
        let replay = try program.run("replay", archive, "--store", plain)
        #expect(replay.status == 0, "\(replay.complaints)")
    }

    /// Publishes the archive.
    /// - Returns: How many messages it holds.
    @discardableResult
    func publish(_ more: String..., archive: String = "archive", queue: String = "q") throws -> Int {
        let outcome = try program.run(
            ["publish", archive, "--amqp", host.url, "--queue", queue, "--format", "json"] + more)
        #expect(outcome.status == 0, "\(outcome.complaints)")
        return try outcome.json()["confirmed"] as? Int ?? -1
    }

    /// A service on the scene's queue and store.
    func serve(
        _ more: [String] = [], queue: String = "q", url: String? = nil, store: String? = nil,
        environment: [String: String] = [:]
    ) async throws -> Service {
        try await Service(
            ["--amqp", url ?? host.url, "--queue", queue, "--store", store ?? live] + more, in: Folder(),
            environment: environment)
    }

    /// Waits until a service has decided about so many messages in all, then ends it, and looks at the tables.
    func finish(
        _ service: Service, acknowledged: Int, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await eventually("\(acknowledged) messages are acknowledged", sourceLocation: sourceLocation) {
            try await service.metric("sessionizer_amqp_acknowledged_total") == Double(acknowledged)
        }
        #expect(try await service.stop() == 0, sourceLocation: sourceLocation)
        try expectTablesOfReplay(sourceLocation: sourceLocation)
    }

    /// The question every test ends with: do the tables equal those of a plain replay of the same events?
    ///
    /// What shippers add to a message is left out: of two copies of an event the first accepted is kept, and a queue gives back
    /// what it had delivered in an order of its own.
    func expectTablesOfReplay(sourceLocation: SourceLocation = #_sourceLocation) throws {
        func read(_ store: String) throws -> [String: [String]] {
            var tables = try Tables.read(Self.reader(store))
            tables["events"] = tables["events"]?.map { $0.replacing(/,\\"shipper\\":{[^}]*}/, with: "") }
            return tables
        }
        let rows = try read(live)
        let differences = Tables.differences(try read(plain), rows)
        #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))", sourceLocation: sourceLocation)
        #expect(rows["events"]?.isEmpty == false, "there were events at all", sourceLocation: sourceLocation)
    }

    /// Rows of the live store.
    func rows(_ sql: String) throws -> [TableRow] { try Self.reader(live).rows(sql, []) }

    private static func reader(_ url: String) throws -> any TableReading {
        url.hasPrefix("sqlite:")
            ? try SQLiteReader(path: String(url.dropFirst("sqlite:".count)))
            : try PostgresReader(PostgresStore.Settings(url: url))
    }
}
