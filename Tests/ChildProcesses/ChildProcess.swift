import CSpawn
public import Foundation
import Glibc
import Synchronization

/// A process that a test starts and waits for.
///
/// Not Foundation's `Process`: that takes a child for running as long as anybody holds a descriptor that the child was
/// given, and two that are started at once can give each other's away. One that is started beside a server then has no
/// end before the server has. (Of 200 to 2,800 short ones beside 300 to 400 long ones, one, in each of three tries.) Here nothing but the three standard
/// descriptors is given away, whatever else is open, and the system is asked for the child's end.
public final class ChildProcess: Sendable {
    /// It could not be started.
    public struct NotStarted: Error, CustomStringConvertible {
        /// What was to run, and why it does not.
        public let description: String
    }

    /// Its number.
    public let processIdentifier: Int32
    private let words: [String]
    /// As `waitpid` has it; nil while it runs.
    private let end = Mutex<Int32?>(nil)

    /// Starts it.
    /// - Parameters:
    ///   - words: The program, looked for in `PATH` where it has no slash, and its arguments.
    ///   - environment: All of it; nil gives this process's.
    ///   - input: Its standard input; nil is empty.
    ///   - output: Its standard output; nil drops it.
    ///   - complaints: Its standard error; nil drops it.
    public init(
        _ words: [String], in folder: URL? = nil, environment: [String: String]? = nil,
        input: FileHandle? = nil, output: FileHandle? = nil, complaints: FileHandle? = nil
    ) throws {
        self.words = words
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let folder { spawn_in_folder(&actions, folder.path) }
        for (target, given) in [(0, input), (1, output), (2, complaints)] as [(Int32, FileHandle?)] {
            if let given {
                posix_spawn_file_actions_adddup2(&actions, given.fileDescriptor, target)
            } else {
                posix_spawn_file_actions_addopen(&actions, target, "/dev/null", O_RDWR, 0)
            }
        }
        spawn_closing_from(&actions, 3)
        let variables = (environment ?? ProcessInfo.processInfo.environment).map { "\($0)=\($1)" }
        var child: Int32 = 0
        let code = Self.withPointers(words) { arguments in
            Self.withPointers(variables) { posix_spawnp(&child, words[0], &actions, nil, arguments, $0) }
        }
        guard code == 0 else {
            throw NotStarted(
                description: "\(words.joined(separator: " ")): \(String(cString: strerror(code)))")
        }
        processIdentifier = child
    }

    private static func withPointers<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let pointers = texts.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers + [nil])
    }

    /// Whether it has not ended yet.
    public var isRunning: Bool {
        end.withLock { end in
            var status: Int32 = 0
            if end == nil {
                let found = waitpid(processIdentifier, &status, WNOHANG)
                // Where the system knows no such child (any more), nobody can say that it ended well.
                if found != 0 { end = found == processIdentifier ? status : SIGKILL }
            }
            return end == nil
        }
    }

    /// Its exit status; -1 where a signal ended it, and while it runs.
    public var terminationStatus: Int32 {
        end.withLock { end in
            guard let end, end & 0x7F == 0 else { return -1 }
            return (end >> 8) & 0xFF
        }
    }

    /// Asks it to end.
    public func terminate() { kill(processIdentifier, SIGTERM) }

    /// Waits for its end. One that takes too long is killed, which is said, and has the status -1.
    public func waitUntilExit(within seconds: Double = 300) {
        let limit = Date().addingTimeInterval(seconds)
        while isRunning {
            if Date() > limit {
                print("killed after \(seconds) s: \(words.joined(separator: " "))")
                kill(processIdentifier, SIGKILL)
            }
            usleep(1000)
        }
    }

    /// What a process that ran to its end came to.
    public struct Outcome: Sendable {
        /// Its exit status; -1 where a signal ended it.
        public let status: Int32
        /// What it wrote to standard output.
        public let bytes: Data
        /// What it wrote to standard error.
        public let complaints: String
        /// Standard output as text.
        public var output: String { String(decoding: bytes, as: UTF8.self) }
    }

    /// Runs one to its end.
    public static func run(
        _ words: [String], in folder: URL? = nil, environment: [String: String]? = nil
    ) throws -> Outcome {
        // Files without a name: they never fill up, as a pipe would that nobody reads.
        let files = (0..<2).map { _ in FileHandle(fileDescriptor: spawn_nameless_file(), closeOnDealloc: true)
        }
        let child = try ChildProcess(
            words, in: folder, environment: environment, output: files[0], complaints: files[1])
        child.waitUntilExit()
        let texts = try files.map { file in
            try file.seek(toOffset: 0)
            return try file.readToEnd() ?? Data()
        }
        return Outcome(
            status: child.terminationStatus, bytes: texts[0],
            complaints: String(decoding: texts[1], as: UTF8.self))
    }
}
