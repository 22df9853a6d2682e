import ArchiveSource
import Foundation
import Testing

/// `sessionizer simulate` as a user runs it.
@Suite struct SimulateCommandTests {
    private struct Run {
        let status: Int32
        let output: String
        let errors: String
    }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    private let small = [
        "--robots", "6", "--deliveries", "30", "--pilots", "3", "--telemetry-seconds", "900",
    ]

    private func simulate(_ folder: String, _ more: String...) throws -> Run {
        let words = ["simulate", "--out", folder] + small + more
        return try withWords(words)
    }

    /// Runs the program that was built beside the tests.
    private func withWords(_ words: [String]) throws -> Run {
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("sessionizer")
        let process = Process()
        process.executableURL = program
        process.arguments = words
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        // What it writes is little: neither pipe can fill up while the other is read.
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return Run(status: process.terminationStatus, output: text, errors: complaint)
    }

    @Test(arguments: ["gzip", "zstd", "none"])
    func whatItWritesCanBeReplayed(compression: String) throws {
        let temporary = try TemporaryFolder()
        let folder = temporary.file("archive")
        let run = try simulate(
            folder, "--compression", compression, "--format", "json", "--start-day", "2028-02-29")
        #expect(run.status == 0, "\(run.errors)")
        let totals = try #require(try object(run.output)["totals"] as? [String: Any])
        let files = try ArchiveFiles.find(paths: [folder]).map(\.path)
        #expect(!files.isEmpty)
        #expect(files.allSatisfy { $0.contains("/dt=2028-0") }, "the truth is no event file: \(files)")
        let replay = try withWords(
            ["replay", folder, "--store", "sqlite:" + temporary.file("a.db"), "--format", "json"])
        #expect(replay.status == 0, "\(replay.errors)")
        let summary = try object(replay.output)
        #expect(summary["received"] as? Int == totals["lines"] as? Int)
        #expect(summary["accepted"] as? Int == totals["events"] as? Int)

        let truth = try String(contentsOfFile: folder + "/_truth.jsonl", encoding: .utf8)
        #expect(truth.split(separator: "\n").count == 30)
        let manifest = try object(String(contentsOfFile: folder + "/_manifest.json", encoding: .utf8))
        #expect((manifest["options"] as? [String: Any])?["start-day"] as? String == "2028-02-29")
        let readme = try String(contentsOfFile: folder + "/_README.md", encoding: .utf8)
        #expect(readme.contains("--robots 6") && readme.contains("--start-day 2028-02-29"))
    }

    @Test func itDoesNotWriteIntoWhatIsThere() throws {
        let temporary = try TemporaryFolder()
        let folder = temporary.file("archive")
        #expect(try simulate(folder, "--seed", "7").status == 0)
        let first = try contents(folder)
        let refused = try simulate(folder, "--seed", "8")
        #expect(refused.status == 1)
        #expect(refused.errors.contains("is not empty") && refused.errors.contains("--force"))
        #expect(try contents(folder) == first, "nothing was changed")

        let note = URL(fileURLWithPath: folder + "/dt=2026-11-02/mine.txt")
        try Data("keep me".utf8).write(to: note)
        #expect(try simulate(folder, "--seed", "8", "--force").status == 0)
        #expect(try String(contentsOf: note, encoding: .utf8) == "keep me", "only its own files are replaced")
        try FileManager.default.removeItem(at: note)
        #expect(try contents(folder) != first)
        #expect(try simulate(folder, "--seed", "7", "--force").status == 0)
        #expect(try contents(folder) == first, "the same dials give the same files")
    }

    @Test(arguments: [
        (["--out", "x", "--robots", "many"], "--robots many"),
        (["--out", "x", "--losses", "2"], "--losses 2.0: expected a share from 0 to 1"),
        (["--out", "x", "--start-day", "2026-02-30"], "--start-day 2026-02-30"),
        (["--out", "x", "--compression", "lzma"], "expected gzip, zstd or none"),
        (["--out", "x", "--events", "0"], "--events 0"),
        (["--out", "x", "--events", "1000", "--robots", "5"], "leave one of them out"),
        (["--out", "x", "--robotz", "5"], "unknown option --robotz"),
        (["--out", "x", "y"], "name the folder with --out"),
        ([], "--out DIR"),
    ])
    func unusableArgumentsAreExplained(words: [String], expected: String) throws {
        let run = try withWords(["simulate"] + words)
        #expect(run.status == 2)
        #expect(run.errors.contains(expected), "\(run.errors)")
        #expect(!FileManager.default.fileExists(atPath: "x"))
    }

    @Test func aFolderThatCannotBeMadeIsNamed() throws {
        let temporary = try TemporaryFolder()
        try Data("a file".utf8).write(to: URL(fileURLWithPath: temporary.file("taken")))
        let run = try simulate(temporary.file("taken") + "/archive")
        #expect(run.status == 1)
        #expect(run.errors.contains("taken"), "\(run.errors)")
    }

    @Test func theDialsAreListedWithTheirDefaults() throws {
        let run = try withWords(["simulate", "--list"])
        #expect(run.status == 0)
        #expect(run.output.contains("--disorder            0.01"))
        #expect(run.output.split(separator: "\n").count == 22)
    }

    @Test func theFleetOfAnEmptyStoreIsNotTold() throws {
        let temporary = try TemporaryFolder()
        let store = "sqlite:" + temporary.file("empty.db")
        #expect(try withWords(["migrate", "--store", store]).status == 0)
        let run = try withWords(["fleet", "--store", store])
        #expect(run.status == 1)
        #expect(run.errors.contains("replay an archive into it first"))
    }

    /// Every file below a folder with its bytes.
    private func contents(_ folder: String) throws -> [String: Data] {
        var found: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
            let url = URL(fileURLWithPath: folder + "/" + name)
            if !url.hasDirectoryPath { found[name] = try? Data(contentsOf: url) }
        }
        return found
    }
}
