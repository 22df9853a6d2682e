internal import ChildProcesses
public import Foundation
internal import Synchronization

/// A PostgreSQL server that the tests start themselves, on a socket in a folder of its own: one for all tests of a
/// process, started when the first asks for it.
///
/// It ends with the process however that ends: a script waits at the other end of a pipe that closes when the process is
/// gone.
public final class PrivatePostgres: Sendable {
    /// What stands in the way of a test's server.
    public struct Failure: Error, CustomStringConvertible {
        /// What was tried and what came of it.
        public let description: String
    }

    /// The server.
    public static func shared() throws -> PrivatePostgres { try result.get() }

    private static let result = Result { try PrivatePostgres() }

    /// The folder that its socket and its data are in.
    public let folder: URL
    private let databases = Mutex(0)

    /// Settings of its own, as the server's command line has them (`-c name=value`).
    private let options: String

    /// Starts one more server, for a test that stops it. It is removed with the process, or before by ``remove()``.
    public convenience init() throws { try self.init(in: Self.newFolder(), options: "") }

    /// The same in a folder of the test's own, which ``remove()`` removes.
    public init(in folder: URL, options: String) throws {
        self.folder = folder
        self.options = options
        try Self.watch(folder)
        try start()
    }

    /// A path for a server's folder, short enough for its socket.
    public static func newFolder() -> URL {
        let name =
            "sessionizer-postgres-\(ProcessInfo.processInfo.processIdentifier)-\(UInt32.random(in: 0...UInt32.max))"
        return URL(fileURLWithPath: "/tmp").appendingPathComponent(name)
    }

    /// Its socket.
    public var socketPath: String { folder.appendingPathComponent(".s.PGSQL.5432").path }

    /// The URL of one of its databases.
    public func url(_ database: String, user: String = "postgres") -> String {
        "postgres:///\(database)?host=\(folder.path)&user=\(user)"
    }

    /// Makes a database, empty or a copy of another that nobody is connected to.
    /// - Returns: Its name.
    public func makeDatabase(template: String? = nil) throws -> String {
        let name = "t\(databases.withLock { count in count += 1; return count })"
        let copy = template.map { " TEMPLATE \($0) STRATEGY file_copy" } ?? ""
        try sql("CREATE DATABASE \(name)\(copy)")
        return name
    }

    /// Runs SQL. Tables of the program are found without their schema's name.
    /// - Returns: What it printed: a row a line, columns with `|` between them.
    @discardableResult
    public func sql(_ text: String, in database: String = "postgres", user: String = "postgres") throws
        -> String
    {
        try psql(["-c", text], database, user)
    }

    /// Runs a file of SQL.
    /// - Parameter variables: psql's, by name.
    public func run(file: String, in database: String, user: String, _ variables: [String: String]) throws {
        _ = try psql(variables.flatMap { ["-v", "\($0.key)=\($0.value)"] } + ["-f", file], database, user)
    }

    private func psql(_ words: [String], _ database: String, _ user: String) throws -> String {
        let settings = "PGOPTIONS=-c search_path=sessionizer -c client_min_messages=error -c timezone=UTC"
        let done = try Self.command(
            "/usr/bin/env",
            [settings, "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"] + words + [
                url(database, user: user)
            ])
        guard done.status == 0 else {
            throw Failure(description: "psql: \(done.complaints)\n\(words.joined(separator: " "))")
        }
        return done.output.trimmingCharacters(in: .newlines)
    }

    /// Ends the connections to a database, as a failover would. Those that go on end by themselves.
    public func cutConnections(to database: String) throws {
        // Those that are there: whoever is cut off may be back before the last of them has ended.
        let cut = try sql(
            "SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE datname = '\(database)'")
        if cut.isEmpty { return }
        try sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid IN (\(cut))")
        try wait("the connections to \(database) to end") {
            try sql("SELECT count(*) FROM pg_stat_activity WHERE pid IN (\(cut))") == "0"
        }
    }

    /// Stops it; its data stay.
    public func stop() throws { _ = try Self.script("stop", folder) }

    /// Ends it without a warning, as a crash would; its data stay.
    public func kill() throws { _ = try Self.script("kill", folder) }

    /// Its processes as of now, the first one first: for a test that freezes them all.
    public func processes() throws -> [pid_t] {
        let text = try String(contentsOfFile: folder.path + "/data/postmaster.pid", encoding: .utf8)
        guard let first = text.split(separator: "\n").first.flatMap({ pid_t($0) }) else {
            throw Failure(description: "no process in \(folder.path)/data/postmaster.pid")
        }
        let children = try Self.command("/bin/ps", ["-o", "pid=", "--ppid", "\(first)"])
        return [first] + children.output.split(whereSeparator: \.isWhitespace).compactMap { pid_t($0) }
    }

    /// Starts it again.
    public func start() throws {
        _ = try Self.script("start", folder, environment: ["PRIVATE_POSTGRES_OPTIONS": options])
    }

    /// Ends it and removes its folder.
    public func remove() throws { _ = try Self.script("remove", folder) }

    private func wait(_ what: String, until isDone: () throws -> Bool) throws {
        let deadline = Date().addingTimeInterval(20)
        while try !isDone() {
            if Date() > deadline { throw Failure(description: "waited 20 s for \(what)") }
            usleep(5000)
        }
    }

    // MARK: Processes

    private static let scriptPath = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("deploy/scripts/private-postgres.sh").path

    private static func script(
        _ action: String, _ folder: URL, environment: [String: String] = [:]
    ) throws -> String {
        let done = try command(scriptPath, [action, folder.path], environment)
        guard done.status == 0 else { throw Failure(description: done.complaints) }
        return done.output
    }

    private static func command(
        _ path: String, _ arguments: [String], _ environment: [String: String] = [:]
    ) throws -> ChildProcess.Outcome {
        let whole = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        return try ChildProcess.run([path] + arguments, environment: whole)
    }

    /// Has the server removed when this process is gone.
    private static func watch(_ folder: URL) throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else {
            throw Failure(description: "no pipe: \(String(cString: strerror(errno)))")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let reading = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true)
        // In a session of its own: an interrupt from the terminal is for the tests. Nor has it the tests' own output:
        // whoever reads that waits until all its writers are gone.
        let process = try ChildProcess(["setsid", scriptPath, "watch", folder.path], input: reading)
        let watcher = Watcher(pipe: ends[1], process: process)
        if watchers.withLock({ all in
            all.append(watcher); return all.count
        }) == 1 {
            atexit { PrivatePostgres.watchers.withLock { for watcher in $0 { watcher.end() } } }
        }
    }

    /// Where a process ends as it should, its servers are gone before it is.
    private struct Watcher {
        let pipe: Int32
        let process: ChildProcess

        func end() {
            close(pipe)
            process.waitUntilExit(within: 60)
        }
    }

    private static let watchers = Mutex<[Watcher]>([])
}
