import ChildProcesses
import Foundation
import FoundationNetworking
import ProgramUnderTest
import Testing

/// Waits until something holds, at most so many seconds; fails the test with what it waited for otherwise.
func eventually(
    _ what: String, within seconds: Double = 60, sourceLocation: SourceLocation = #_sourceLocation,
    _ holds: () async throws -> Bool
) async throws {
    let end = Date().addingTimeInterval(seconds)
    while true {
        if try await holds() { return }
        if Date() > end {
            Issue.record("not within \(seconds) s: \(what)", sourceLocation: sourceLocation)
            throw Trouble("not within \(seconds) s: \(what)")
        }
        try await Task.sleep(for: .milliseconds(20))
    }
}

/// `sessionizer serve` as a process of its own.
final class Service {
    let process: ChildProcess
    let program: Program
    private(set) var port = 0

    /// Starts it and waits until its HTTP answers.
    init(
        _ arguments: [String], in folder: Folder, environment: [String: String] = [:]
    ) async throws {
        // Each has its own files for what it writes; the store's path is relative to the tests' folder.
        program = Program(folder: folder)
        process = try program.start(
            ["serve", "--http", "127.0.0.1:0"] + arguments, environment: environment)
        try await eventually("the service listens") {
            if let port = try logged("started").first?["http_port"] as? Int { self.port = port }
            return port != 0 || !process.isRunning
        }
    }

    /// The log's lines of an event. Every line must be one JSON object.
    func logged(_ event: String? = nil) throws -> [[String: Any]] {
        try program.folder.text("stderr").split(separator: "\n").compactMap { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            guard let object else { throw Trouble("no object: \(line)") }
            return event == nil || object["event"] as? String == event ? object : nil
        }
    }

    func get(_ path: String) async throws -> (status: Int, text: String, type: String?) {
        guard let url = URL(string: "http://127.0.0.1:\(port)\(path)") else {
            throw Trouble("no URL: \(path)")
        }
        let (data, response) = try await URLSession.shared.data(from: url)
        let answer = response as? HTTPURLResponse
        return (
            answer?.statusCode ?? 0, String(decoding: data, as: UTF8.self),
            answer?.value(forHTTPHeaderField: "Content-Type")
        )
    }

    /// A figure of `/metrics`, by its name and labels as they stand there; by its name alone the sum of those with labels.
    func metric(_ name: String) async throws -> Double? {
        let lines = try await get("/metrics").text.split(separator: "\n")
            .filter { $0.hasPrefix(name + " ") || $0.hasPrefix(name + "{") }
        if lines.isEmpty { return nil }
        return lines.reduce(0) { $0 + (Double($1.split(separator: " ").last ?? "") ?? .nan) }
    }

    /// How many messages came to what.
    func outcomes() async throws -> [String: Int] {
        let text = try await get("/metrics").text
        var outcomes: [String: Int] = [:]
        for line in text.split(separator: "\n") where line.hasPrefix("sessionizer_messages_total{") {
            let parts = line.split(separator: "\"")
            outcomes[String(parts[3])] = Int(Double(line.split(separator: " ").last ?? "") ?? -1)
        }
        return outcomes
    }

    func ready() async throws {
        try await eventually("the service is ready") { try await get("/readyz").status == 200 }
    }

    /// Waits until everything that is in the queue now is acknowledged: the broker itself says, to the service's own
    /// question asked later than now, that nothing is ready, and nothing is unacknowledged. (The management API's
    /// counts of a quorum queue are up to five seconds old.)
    func drained(within seconds: Double = 60) async throws {
        let looks = "sessionizer_queue_looks_total"
        let before = try await metric(looks) ?? 0
        try await eventually("the queue is drained", within: seconds) {
            let text = try await get("/metrics").text
            func figure(_ name: String) -> Double? {
                text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
                    .flatMap { Double($0.split(separator: " ").last ?? "") }
            }
            return try #require(figure(looks)) > before && figure("sessionizer_queue_messages_ready") == 0
                && figure("sessionizer_amqp_unacknowledged_messages") == 0
        }
    }

    /// Waits until it tells that its store's disk is full, and for longer than two of the broker's heartbeats:
    /// connection and channel stay, and nothing more is acknowledged.
    /// - Parameter words: The store's own.
    /// - Returns: How many messages it has decided about.
    func holdsWhileTheDiskIsFull(
        _ words: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Int {
        try await eventually("the full disk is told", sourceLocation: sourceLocation) {
            let ready = try await get("/readyz")
            return ready.status == 503 && ready.text.contains(words)
        }
        let decided = try await outcomes().values.reduce(0, +)
        try await Task.sleep(for: .seconds(VirtualHost.longerThanTwoHeartbeats))
        for (name, value) in [
            ("amqp_connected", 1), ("amqp_channels_total", 1), ("store_up", 0),
            ("amqp_acknowledged_total", decided),
        ] {
            #expect(
                try await metric("sessionizer_" + name) == Double(value), "\(name)",
                sourceLocation: sourceLocation)
        }
        #expect(try await get("/livez").status == 200, sourceLocation: sourceLocation)
        return decided
    }

    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// Asks it to end and waits.
    @discardableResult
    func stop() async throws -> Int32 {
        signal(SIGTERM)
        return try await end()
    }

    /// Waits for its end: its status, or -1 where a signal ended it.
    func end(within seconds: Double = 30) async throws -> Int32 {
        try await eventually("the service ends", within: seconds) { !process.isRunning }
        return process.terminationStatus
    }

    deinit {
        if process.isRunning {
            // Only a test that failed leaves it running: what it said is of use then.
            print("the service said:\n\((try? program.folder.text("stderr")) ?? "")")
            signal(SIGKILL)
            process.waitUntilExit()
        }
    }
}
