import AccessControl
import ArchiveSource
import EngineUnderTest
import FleetSimulator
import Foundation
import HTTPServer
import SQLiteStore
import SessionAPI
import SessionStore

/// A folder that is gone when the test is.
final class Folder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "sessionizer-api-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appendingPathComponent(name).path }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: url.appendingPathComponent(name))
        return path(name)
    }
}

/// Where the day's store is, to be removed when the tests end: nothing else lives so long.
private nonisolated(unsafe) var leftBehind = ""

/// A simulated day in a store, made once for all tests: nobody changes it.
struct SimulatedStore: Sendable {
    let folder: Folder
    let path: String
    let truth: [DeliveryTruth]

    static let shared = Result { try SimulatedStore() }

    private init() throws {
        folder = try Folder()
        path = folder.path("day.db")
        leftBehind = folder.url.path
        atexit { try? FileManager.default.removeItem(atPath: leftBehind) }
        let (lines, truth) = try Self.events()
        self.truth = truth
        try Self.fill(StoreUnderTest(path: path, maxResident: 5000), lines)
    }

    /// The day's events; the same each time.
    static func events() throws -> (lines: [String], truth: [DeliveryTruth]) {
        var options = FleetOptions()
        options.seed = 35
        options.robots = 30
        options.deliveriesPerDay = 250
        options.sharedTrips = 0.2
        options.faultsPerRobotHour = 1.5
        options.disorder = 0.05
        options.telemetrySeconds = 300
        let fleet = try FleetSimulator(options)
        var lines: [String] = []
        var truth: [DeliveryTruth] = []
        while fleet.advance({ line, _ in lines.append(String(decoding: line, as: UTF8.self)) }) {
            truth += fleet.takeTruth()
        }
        truth += fleet.takeTruth()
        return (lines, truth)
    }

    /// Puts them into a store, which is closed afterwards.
    static func fill(_ store: StoreUnderTest, _ lines: [String]) throws {
        for start in stride(from: 0, to: lines.count, by: 5000) {
            _ = try store.ingest(Array(lines[start..<min(start + 5000, lines.count)]))
        }
        store.close()
    }
}

/// The service as a whole: real HTTP on a port of its own.
final class ServiceUnderTest {
    let api: SessionAPI
    let server: HTTPServer
    let client: Client
    let audit: SQLiteAudit
    /// Where the store is: as long as the service is there, so is it.
    private let folder: Folder

    init(
        store path: String, folder: Folder, access: (any AccessChecking)? = nil,
        limits: SessionAPI.Limits = SessionAPI.Limits(), clock: APIClock = .lastEvent, connections: Int = 4,
        wall: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970 * 1e6) },
        wrap: (any AskableStore) -> any AskableStore = { $0 }
    ) throws {
        self.folder = folder
        // However busy the machine is, what is asked is answered at once.
        var limits = limits
        limits.momentSeconds = 30
        if limits.statementSeconds == SessionAPI.Limits().statementSeconds { limits.statementSeconds = 60 }
        _ = try SQLiteStore.prepareForQuestions(path: path)
        audit = try SQLiteAudit(path: folder.path("audit-\(UUID().uuidString).db"))
        let begun = ContinuousClock.now
        var surroundings = SessionAPI.Surroundings(
            version: "test", clock: clock, wall: wall,
            elapsed: { Int64((ContinuousClock.now - begun) / .microseconds(1)) },
            compress: { GzipBytes.compressed($0) })
        surroundings.access = access
        surroundings.audit = audit
        surroundings.knownEvents = ["robot.error"]
        surroundings.hosts = ["sessions.example"]
        let api = try SessionAPI(
            store: wrap(SQLiteReaders(path: path, connections: connections)), limits: limits,
            surroundings: surroundings)
        self.api = api
        var http = HTTPServer.Limits()
        http.refusal = { api.refusal($0) }
        server = try HTTPServer(listen: "127.0.0.1:0", limits: http) { request in
            api.answer(request)
        }
        client = Client(port: server.port)
    }

    /// On a store of these lines alone.
    convenience init(of lines: [String]) throws {
        let folder = try Folder()
        let path = folder.path("lines.db")
        let store = try StoreUnderTest(path: path, maxResident: 0)
        _ = try store.ingest(lines)
        store.close()
        try self.init(store: path, folder: folder)
    }

    /// On the simulated day, with nobody asked who they are.
    static func simulated(_ access: (any AccessChecking)? = nil) throws -> (ServiceUnderTest, SimulatedStore)
    {
        let store = try SimulatedStore.shared.get()
        return (try ServiceUnderTest(store: store.path, folder: store.folder, access: access), store)
    }

    func get(_ path: String, _ headers: [String: String] = [:]) throws -> Client.Reply {
        try client.get("/analytics/v1/\(path)", headers)
    }
}
