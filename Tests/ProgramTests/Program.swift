import Foundation

/// The built program, run as a user runs it.
struct Program {
    /// What a run came to.
    struct Outcome {
        var status: Int32
        var output: String
        var complaints: String

        /// The output of `--format json`.
        func json() throws -> [String: Any] {
            try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any] ?? [:]
        }
    }

    /// The program stands beside the tests' own binary.
    static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("sessionizer").path

    let folder: Folder

    /// Starts it in the folder; its output goes to files there, so that no pipe can fill up.
    func start(
        _ arguments: [String], environment: [String: String] = [:], input: String? = nil
    ) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.path)
        process.arguments = arguments
        process.currentDirectoryURL = folder.url
        process.environment = environment
        process.standardOutput = try folder.handle("stdout")
        process.standardError = try folder.handle("stderr")
        if let input { try folder.write("stdin", input) }
        process.standardInput =
            input == nil
            ? FileHandle.nullDevice
            : try FileHandle(forReadingFrom: folder.url.appendingPathComponent("stdin"))
        try process.run()
        return process
    }

    @discardableResult
    func run(
        _ arguments: String..., environment: [String: String] = [:], input: String? = nil
    ) throws -> Outcome {
        let process = try start(arguments, environment: environment, input: input)
        process.waitUntilExit()
        return Outcome(
            status: process.terminationReason == .exit ? process.terminationStatus : -1,
            output: try folder.text("stdout"), complaints: try folder.text("stderr"))
    }
}

/// A folder that is gone when the test is.
final class Folder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "sessionizer-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func write(_ name: String, _ text: String) throws { try write(name, Data(text.utf8)) }

    func write(_ name: String, _ data: Data) throws {
        let file = url.appendingPathComponent(name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: file)
    }

    func text(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: url.appendingPathComponent(name)), as: UTF8.self)
    }

    func handle(_ name: String) throws -> FileHandle {
        try write(name, "")
        return try FileHandle(forWritingTo: url.appendingPathComponent(name))
    }
}

/// A small delivery, as lines: created, assigned, picked up, dropped off, with a robot's error in between.
enum Lines {
    static func delivery(_ number: Int, day: String = "2026-11-02") -> [String] {
        let id = "D-\(1000 + number)"
        let robot = "R-\(number % 40)"
        let hour = (number / 40) % 20
        func line(_ event: String, _ minute: Int, _ rest: String) -> String {
            let time = "\(day)T\(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute):00Z"
            return
                #"{"event":"\#(event)","timestamp":"\#(time)","event_id":"\#(day)-\#(number)-\#(minute)",\#(rest)}"#
        }
        let ids = #""delivery_id":"\#(id)","demand_id":"M-\#(number)","merchant_id":"S-\#(number % 7)""#
        return [
            line("demand.created", 0, ids), line("demand.assigned", 1, ids + #","robot_id":"\#(robot)""#),
            line("delivery.pickup_arrival", 10, ids),
            line(
                "robot.error", 12, #""robot_id":"\#(robot)","error":{"code":"LID_ERROR","message":"lid"}"#),
            line("delivery.pickup_completed", 14, ids), line("delivery.dropoff_arrival", 25, ids),
            line("delivery.dropoff_completed", 27, ids),
        ]
    }

    static func deliveries(_ count: Int, day: String = "2026-11-02") -> String {
        (0..<count).flatMap { delivery($0, day: day) }.joined(separator: "\n") + "\n"
    }
}
