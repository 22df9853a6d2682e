public import ChildProcesses
public import Foundation
internal import SQLiteStore
public import SessionStore

/// The built program, run as a user runs it.
public struct Program {
    /// What a run came to.
    public struct Outcome {
        /// The exit status; -1 where a signal ended it.
        public var status: Int32
        /// Standard output.
        public var output: String
        /// Standard error.
        public var complaints: String

        /// All parts.
        public init(status: Int32, output: String, complaints: String) {
            self.status = status
            self.output = output
            self.complaints = complaints
        }

        /// The output of `--format json`.
        public func json() throws -> [String: Any] {
            try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any] ?? [:]
        }
    }

    /// The program stands beside the tests' own binary.
    public static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("sessionizer").path

    /// Where it runs.
    public let folder: Folder

    /// In a folder.
    public init(folder: Folder) { self.folder = folder }

    /// Starts it in the folder; its output goes to files there, so that no pipe can fill up.
    public func start(
        _ arguments: [String], environment: [String: String] = [:], input: String? = nil
    ) throws -> ChildProcess {
        let (output, complaints) = (try folder.handle("stdout"), try folder.handle("stderr"))
        if let input { try folder.write("stdin", input) }
        let given = try input.map { _ in
            try FileHandle(forReadingFrom: folder.url.appendingPathComponent("stdin"))
        }
        return try ChildProcess(
            [Self.path] + arguments, in: folder.url, environment: environment, input: given, output: output,
            complaints: complaints)
    }

    /// Runs it to its end.
    @discardableResult
    public func run(
        _ arguments: String..., environment: [String: String] = [:], input: String? = nil
    ) throws -> Outcome {
        try run(arguments, environment: environment, input: input)
    }

    /// The same of words that are a list.
    @discardableResult
    public func run(
        _ arguments: [String], environment: [String: String] = [:], input: String? = nil
    ) throws -> Outcome {
        let process = try start(arguments, environment: environment, input: input)
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus,
            output: try folder.text("stdout"), complaints: try folder.text("stderr"))
    }
}

/// A folder that is gone when the test is.
public final class Folder {
    /// Where it is.
    public let url: URL

    /// A new one.
    public init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "sessionizer-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// Writes a file.
    public func write(_ name: String, _ text: String) throws { try write(name, Data(text.utf8)) }

    /// Writes a file, and the folders it lies in.
    public func write(_ name: String, _ data: Data) throws {
        let file = url.appendingPathComponent(name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: file)
    }

    /// What is in a file.
    public func text(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: url.appendingPathComponent(name)), as: UTF8.self)
    }

    /// An empty file to be written to.
    public func handle(_ name: String) throws -> FileHandle {
        try write(name, "")
        return try FileHandle(forWritingTo: url.appendingPathComponent(name))
    }
}

/// A small delivery, as lines: created, assigned, picked up, dropped off, with a robot's error in between.
public enum Lines {
    /// One.
    public static func delivery(_ number: Int, day: String = "2026-11-02") -> [String] {
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

    /// Many.
    public static func deliveries(_ count: Int, day: String = "2026-11-02") -> String {
        (0..<count).flatMap { delivery($0, day: day) }.joined(separator: "\n") + "\n"
    }
}

/// What the tables of a store say, whoever filled it and when.
public enum Tables {
    /// The tables by which stores are compared, and what orders their rows.
    private static let all = [
        "sessions": "session_id", "assignment_windows": "session_id, kind, entity_id, started_at",
        "session_events": "session_id, event_id, via, via_id", "robot_states": "robot_id, started_at",
        "robot_state_hourly": "robot_id, hour, state, reason", "robot_hourly": "robot_id, hour",
        "pilot_hourly": "pilot_id, hour", "merchant_hourly": "merchant_id, source, hour",
        "event_hourly": "event, merchant_id, source, hour", "events": "event_id",
    ]

    /// Every row of every table as text, without when it was written.
    public static func read(_ path: String) throws -> [String: [String]] {
        let reader = try SQLiteReader(path: path)
        defer { reader.close() }
        return try read(reader)
    }

    /// The same, of any store.
    public static func read(_ reader: any TableReading) throws -> [String: [String]] {
        var tables: [String: [String]] = [:]
        for (table, order) in all {
            tables[table] = try reader.rows("SELECT * FROM \(table) ORDER BY \(order)", []).map { row in
                row.columns.filter { $0 != "updated_at" && $0 != "received_at" }.map {
                    "\($0)=\(row[$0])"
                }.joined(separator: " ")
            }
        }
        return tables
    }

    /// Where two stores of one kind differ: the first differing rows of each table; nothing where they are equal.
    public static func differences(_ left: [String: [String]], _ right: [String: [String]]) -> [String] {
        var found: [String] = []
        for table in all.keys.sorted() {
            let (these, those) = (Set(left[table] ?? []), Set(right[table] ?? []))
            for row in these.subtracting(those).sorted().prefix(2) {
                found.append("\(table): only in the first: \(row)")
            }
            for row in those.subtracting(these).sorted().prefix(2) {
                found.append("\(table): only in the second: \(row)")
            }
            if found.isEmpty, left[table]?.count != right[table]?.count {
                found.append("\(table): rows twice")
            }
        }
        return found
    }
}
