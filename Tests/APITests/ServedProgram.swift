import ChildProcesses
import Foundation
import Glibc

/// The built program, running.
struct ServedProgram {
    /// The program stands beside the tests' own binary.
    static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("sessionizer")

    let process: ChildProcess
    let folder: Folder
    let complaints: String

    init(_ folder: Folder, _ arguments: [String]) throws {
        self.folder = folder
        complaints = folder.path("stderr-\(UUID().uuidString)")
        _ = FileManager.default.createFile(atPath: complaints, contents: nil)
        _ = FileManager.default.createFile(atPath: complaints + "-out", contents: nil)
        let files = [complaints, complaints + "-out"].map { FileHandle(forWritingAtPath: $0) }
        process = try ChildProcess(
            [Self.program.path] + arguments, in: folder.url, environment: [:],
            output: files[1], complaints: files[0])
    }

    var text: String { (try? String(contentsOfFile: complaints, encoding: .utf8)) ?? "" }
    var output: String { (try? String(contentsOfFile: complaints + "-out", encoding: .utf8)) ?? "" }

    /// The port it says it listens on.
    func port() throws -> Int {
        let deadline = Date() + 30
        while Date() < deadline {
            if let line = text.split(separator: "\n").first(where: { $0.contains(" on http") }),
                let port = line.dropLast().split(separator: ":").last.flatMap({ Int($0) })
            {
                return port
            }
            if !process.isRunning { break }
            usleep(10_000)
        }
        throw Client.Failure(what: "it does not serve: \(text)")
    }

    func end() -> Int32 {
        process.waitUntilExit()
        return process.terminationStatus
    }

    func stop() -> Int32 {
        process.terminate()
        return end()
    }
}
