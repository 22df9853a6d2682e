import Foundation
import ProgramUnderTest
import Testing

/// `sessionizer simulate` as a user runs it.
@Suite struct SimulateTests {
    private let folder: Folder
    private let program: Program

    init() throws {
        folder = try Folder()
        program = Program(folder: folder)
    }

    /// Simulates a small fleet into `archive`.
    private func simulate(_ more: String...) throws -> Program.Outcome {
        let small = [
            "--robots", "6", "--deliveries", "30", "--pilots", "3", "--telemetry-seconds", "900",
        ]
        return try program.run(["simulate", "--out", "archive"] + small + more)
    }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test(arguments: ["gzip", "zstd", "none"])
    func whatItWritesCanBeReplayed(compression: String) throws {
        let simulation = try simulate(
            "--compression", compression, "--format", "json", "--start-day", "2028-02-29")
        #expect(simulation.status == 0, "\(simulation.complaints)")
        let totals = try #require(try simulation.json()["totals"] as? [String: Any])
        let days = try FileManager.default.contentsOfDirectory(atPath: folder.url.path + "/archive")
        #expect(days.contains("dt=2028-02-29") && days.contains("_truth.jsonl"))

        // As many as there are lines: the truth is not read as events.
        let replay = try program.run("replay", "archive", "--store", "sqlite:a.db", "--format", "json")
        #expect(replay.status == 0, "\(replay.complaints)")
        let summary = try replay.json()
        #expect(summary["received"] as? Int == totals["lines"] as? Int)
        #expect(summary["accepted"] as? Int == totals["events"] as? Int)

        let truth = try folder.text("archive/_truth.jsonl")
        #expect(truth.split(separator: "\n").count == 30)
        let manifest = try object(folder.text("archive/_manifest.json"))
        #expect((manifest["options"] as? [String: Any])?["start-day"] as? String == "2028-02-29")
        let readme = try folder.text("archive/_README.md")
        #expect(readme.contains("--robots 6") && readme.contains("--start-day 2028-02-29"))
    }

    @Test func itDoesNotWriteIntoWhatIsThere() throws {
        #expect(try simulate("--seed", "7").status == 0)
        let first = try contents()
        #expect(first.count > 5)
        let refused = try simulate("--seed", "8")
        #expect(refused.status == 1)
        #expect(refused.complaints.contains("is not empty") && refused.complaints.contains("--force"))
        #expect(try contents() == first, "nothing was changed")

        try folder.write("archive/dt=2026-11-02/mine.txt", "keep me")
        #expect(try simulate("--seed", "8", "--force").status == 0)
        let second = try contents()
        #expect(second["dt=2026-11-02/mine.txt"] == Data("keep me".utf8), "only its own files are replaced")
        #expect(second["_truth.jsonl"] != first["_truth.jsonl"])
        #expect(try simulate("--seed", "7", "--force").status == 0)
        var third = try contents()
        third["dt=2026-11-02/mine.txt"] = nil
        #expect(third == first, "the same dials give the same files")
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
        let outcome = try program.run(["simulate"] + words)
        #expect(outcome.status == 2)
        #expect(outcome.complaints.contains(expected), "\(outcome.complaints)")
        #expect(!FileManager.default.fileExists(atPath: folder.url.path + "/x"))
    }

    @Test func aFolderThatCannotBeMadeIsNamed() throws {
        try folder.write("archive", "a file")
        let outcome = try simulate()
        #expect(outcome.status == 1)
        #expect(outcome.complaints.contains("archive"), "\(outcome.complaints)")
        #expect(try folder.text("archive") == "a file")
    }

    @Test func theDialsAreListedWithTheirDefaults() throws {
        let outcome = try program.run("simulate", "--list")
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("--disorder            0.01"))
        #expect(outcome.output.split(separator: "\n").count == 22)
    }

    @Test func theFleetOfAnEmptyStoreIsNotTold() throws {
        #expect(try program.run("migrate", "--store", "sqlite:empty.db").status == 0)
        let outcome = try program.run("fleet", "--store", "sqlite:empty.db")
        #expect(outcome.status == 1)
        #expect(outcome.complaints.contains("replay an archive into it first"))
    }

    /// Every file of the archive with its bytes.
    private func contents() throws -> [String: Data] {
        let archive = folder.url.path + "/archive"
        var found: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: archive) {
            let url = URL(fileURLWithPath: archive + "/" + name)
            if !url.hasDirectoryPath { found[name] = try Data(contentsOf: url) }
        }
        return found
    }
}
