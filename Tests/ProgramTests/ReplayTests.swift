import ChildProcesses
import EngineUnderTest
import Foundation
import ProgramUnderTest
import SeededRandomness
import Testing

@Suite struct ReplayTests {
    let program: Program
    var folder: Folder { program.folder }

    init() throws { program = Program(folder: try Folder()) }

    private func count(_ json: [String: Any], _ key: String) -> Int { json[key] as? Int ?? -1 }

    /// Every message is in exactly one bin.
    private func expectBalance(_ json: [String: Any], received: Int) {
        let rejected = (json["rejected"] as? [String: Int] ?? [:]).values.reduce(0, +)
        #expect(count(json, "received") == received)
        #expect(
            count(json, "accepted") + count(json, "duplicates") + count(json, "skipped") + rejected
                == received
        )
    }

    @Test func theSummaryCountsAndASecondReplayChangesNothing() throws {
        try folder.write("archive/dt=2026-11-02/a.jsonl", Lines.deliveries(50))
        let first = try program.run("replay", "archive", "--store", "sqlite:a.db", "--format", "json")
        #expect(first.status == 0, "\(first.complaints)")
        let json = try first.json()
        expectBalance(json, received: 350)
        #expect(count(json, "accepted") == 350)
        for key in ["elapsed_seconds", "events_per_second", "peak_memory_bytes", "sessions"] {
            #expect(json[key] != nil, "\(key)")
        }
        let second = try program.run("replay", "archive", "--store", "sqlite:a.db")
        #expect(second.status == 0)
        #expect(second.output.contains("duplicates  350"))
        #expect(second.output.contains("nothing changed: all events were there"))
    }

    @Test func linesComeFromStandardInputToo() throws {
        let outcome = try program.run(
            "replay", "-", "--store", "sqlite:a.db", "--format", "json", input: Lines.deliveries(3))
        #expect(outcome.status == 0, "\(outcome.complaints)")
        expectBalance(try outcome.json(), received: 21)
    }

    @Test func daysAreChosen() throws {
        for day in 1...4 {
            try folder.write("a/dt=2026-11-0\(day)/x.jsonl", Lines.deliveries(1, day: "2026-11-0\(day)"))
        }
        let outcome = try program.run(
            "replay", "a", "--store", "sqlite:a.db", "--format", "json", "--from", "2026-11-02", "--to",
            "2026-11-03")
        #expect(outcome.status == 0, "\(outcome.complaints)")
        #expect(outcome.complaints == "")
        expectBalance(try outcome.json(), received: 14)
        // A file that lies in no day's folder is read whole, and that is said.
        try folder.write("a/loose.jsonl", Lines.deliveries(1))
        let loose = try program.run("replay", "a", "--store", "sqlite:b.db", "--from", "2026-11-04")
        #expect(
            loose.complaints.contains("a/loose.jsonl: in no dt= folder; read whole"), "\(loose.complaints)")
    }

    @Test func whatCannotBeReadIsRejectedWithItsReasonAndPlace() throws {
        let good = Lines.delivery(1)[0]
        let deep = String(repeating: "[", count: 100_000)
        var data = Data(
            [
                good, "{\"event\":\"x\"", "[1]", #"{"event":"x"}"#,
                #"{"event":"x","timestamp":"soon"}"#, #"{"event":"x","timestamp":5}"#, #"{"level":"info"}"#,
                #"{"event":"x","timestamp":"2026-11-02T10:00:00Z","deep":\#(deep)}"#,
                #"{"event":"x","timestamp":"2026-11-02T10:00:00Z","robot_id":1e999999}"#, "",
            ].joined(separator: "\n").utf8)
        data.append(contentsOf: [0x7B, 0xFF, 0xFE, 0x7D, 0x0A])
        try folder.write("bad.jsonl", data)
        let outcome = try program.run("replay", "bad.jsonl", "--store", "sqlite:a.db", "--format", "json")
        #expect(outcome.status == 0, "\(outcome.complaints)")
        let json = try outcome.json()
        expectBalance(json, received: 10)
        #expect(count(json, "skipped") == 1)
        let rejected = json["rejected"] as? [String: Int] ?? [:]
        #expect(rejected["invalid_utf8"] == 1)
        #expect(rejected["not_an_object"] == 1)
        #expect(rejected["missing_timestamp"] == 1)
        #expect((rejected["invalid_timestamp"] ?? 0) + (rejected["malformed_json"] ?? 0) >= 4, "\(rejected)")

        let listed = try program.run("rejected", "--store", "sqlite:a.db")
        #expect(listed.status == 0)
        for place in [
            "bad.jsonl:2: malformed_json", "bad.jsonl:3: not_an_object", "bad.jsonl:10: invalid_utf8",
        ] {
            #expect(listed.output.contains(place), "\(place) in \(listed.output)")
        }
        // A second time they are no new rejects.
        try program.run("replay", "bad.jsonl", "--store", "sqlite:a.db")
        let again = try program.run("rejected", "--store", "sqlite:a.db")
        #expect(again.output == listed.output)
    }

    @Test func aLineOfAHundredMegabytesIsTooLargeAndNotKeptInMemory() throws {
        let file = folder.url.appendingPathComponent("giant.jsonl")
        try folder.write("giant.jsonl", "")
        let handle = try FileHandle(forWritingTo: file)
        let block = Data(repeating: 0x78, count: 1 << 20)
        for _ in 0..<100 { handle.write(block) }
        handle.write(Data(("\n" + Lines.delivery(1)[0] + "\n").utf8))
        try handle.close()
        let outcome = try program.run("replay", "giant.jsonl", "--store", "sqlite:a.db", "--format", "json")
        #expect(outcome.status == 0, "\(outcome.complaints)")
        let json = try outcome.json()
        expectBalance(json, received: 2)
        #expect((json["rejected"] as? [String: Int]) == ["too_large": 1])
        #expect(count(json, "peak_memory_bytes") < 90 << 20)
    }

    @Test func aDamagedFileGivesWhatIsReadableAndSaysWhereItEnds() throws {
        try folder.write("whole.jsonl", Lines.deliveries(2000))
        #expect(try ChildProcess.run(["gzip", "whole.jsonl"], in: folder.url).status == 0)
        let whole = try Data(contentsOf: folder.url.appendingPathComponent("whole.jsonl.gz"))
        try folder.write("cut.jsonl.gz", whole.prefix(whole.count / 2))
        let outcome = try program.run("replay", "cut.jsonl.gz", "--store", "sqlite:a.db", "--format", "json")
        #expect(outcome.status == 1)
        #expect(outcome.complaints.contains("cut.jsonl.gz"))
        #expect(outcome.complaints.contains("ends early"))
        let accepted = count(try outcome.json(), "accepted")
        #expect(accepted > 3000 && accepted < 14_000)
    }

    @Test func noiseIsRejectedLineByLine() throws {
        let seed = UInt64.random(in: 0...9999)
        var random = Randomness(state: seed)
        let noise = (0..<20_000).map { _ in UInt8.random(in: 0...255, using: &random) } + [0x0A]
        try folder.write("noise.jsonl", Data(noise))
        let outcome = try program.run("replay", "noise.jsonl", "--store", "sqlite:a.db", "--format", "json")
        #expect(outcome.status == 0 || outcome.status == 1, "seed \(seed): \(outcome.complaints)")
        let json = try outcome.json()
        expectBalance(json, received: count(json, "received"))
        #expect(count(json, "accepted") == 0, "seed \(seed)")
    }

    @Test func nothingIsSkippedSilently() throws {
        try FileManager.default.createDirectory(
            at: folder.url.appendingPathComponent("empty-folder"), withIntermediateDirectories: true)
        let folderless = try program.run("replay", "empty-folder", "--store", "sqlite:a.db")
        #expect(folderless.status == 1)
        #expect(folderless.complaints.contains("no event file"))
        let missing = try program.run("replay", "nowhere.jsonl", "--store", "sqlite:a.db")
        #expect(missing.status == 1)
        #expect(missing.complaints.contains("nowhere.jsonl"))
        try folder.write("empty.jsonl", "")
        let empty = try program.run("replay", "empty.jsonl", "--store", "sqlite:a.db")
        #expect(empty.status == 0)
        #expect(empty.output.contains("nothing was read"))
    }

    @Test func unusableArgumentsAreSaid() throws {
        func refused(_ arguments: String..., saying words: String) throws {
            let process = try program.start(arguments)
            process.waitUntilExit()
            #expect(process.terminationStatus == 2, "\(arguments)")
            #expect(try folder.text("stderr").contains(words), "\(arguments)")
        }
        try refused("replay", saying: "at least one file")
        try refused("replay", "x", "--frm", "2026-01-01", saying: "--frm")
        try refused("replay", "x", "--from", "2026-13-01", saying: "2026-13-01")
        try refused("replay", "x", "--store", "mysql:x", saying: "sqlite:PATH")
        try refused("replay", "x", "--format", "xml", saying: "xml")
        try refused("frobnicate", saying: "frobnicate")
        let typo = try program.run("replay", "x", environment: ["SESSIONIZER_STORE_ULR": "x"])
        #expect(typo.status == 2)
        #expect(typo.complaints.contains("SESSIONIZER_STORE_ULR"))
    }

    /// `make docs` writes it.
    @Test func theDocumentOfTheEventsIsCurrent() throws {
        let document = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("docs/events.md")
        let outcome = try program.run("catalogue")
        #expect(outcome.status == 0)
        #expect(outcome.output == String(decoding: try Data(contentsOf: document), as: UTF8.self))
    }

    @Test func aConfigurationFileSetsTheRulesAndAStoreKeepsThem() throws {
        try folder.write("a.jsonl", Lines.deliveries(2))
        try folder.write("mine.yaml", "store: {url: sqlite:mine.db}\nrules: {max_window_seconds: 300}\n")
        let first = try program.run("replay", "a.jsonl", "--config", "mine.yaml")
        #expect(first.status == 0, "\(first.complaints)")
        let story = try program.run("session", "D-1000", "--config=mine.yaml")
        #expect(story.output.contains("timed_out"), "\(story.output)")
        let other = try program.run("replay", "a.jsonl", "--store", "sqlite:mine.db")
        #expect(other.status == 1)
        #expect(other.complaints.contains("max_window_seconds"))
        try folder.write("broken.yaml", "rules:\n  max_widnow_seconds: 3\n")
        let broken = try program.run("replay", "a.jsonl", "--config", "broken.yaml")
        #expect(broken.status == 2)
        #expect(broken.complaints.contains("broken.yaml:2: unknown key"))
    }

    @Test func anUnknownIdGetsNearOnes() throws {
        try folder.write("a.jsonl", Lines.deliveries(10))
        try program.run("replay", "a.jsonl", "--store", "sqlite:a.db")
        let unknown = try program.run("session", "D-100", "--store", "sqlite:a.db")
        #expect(unknown.status == 1)
        #expect(unknown.complaints.contains("D-1000"))
        let known = try program.run("session", "D-1003", "--store", "sqlite:a.db")
        #expect(known.status == 0)
        for word in ["completed", "R-3", "LID_ERROR", "demand.assigned"] {
            #expect(known.output.contains(word), "\(word)")
        }
        #expect(!known.output.contains("\u{1B}"))
        let json = try program.run("session", "D-1003", "--store", "sqlite:a.db", "--format", "json")
        _ = try JSONSerialization.jsonObject(with: Data(json.output.utf8))
        let robot = try program.run("robot", "R-3", "--store", "sqlite:a.db")
        #expect(robot.status == 0)
        #expect(try program.run("robot", "R-9999", "--store", "sqlite:a.db").status == 1)
    }
}
