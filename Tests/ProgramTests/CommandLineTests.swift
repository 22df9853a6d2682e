import ChildProcesses
import Foundation
import ProgramUnderTest
import SQLiteStore
import SessionStore
import Testing

/// Exit codes, output, help, and what is said of ids and files that are not there.
@Suite struct CommandLineTests {
    let program: Program
    var folder: Folder { program.folder }

    init() throws { program = Program(folder: try Folder()) }

    private func run(_ words: [String], environment: [String: String] = [:], input: String? = nil) throws
        -> Program.Outcome
    {
        try program.run(words, environment: environment, input: input)
    }

    private func fill() throws {
        try folder.write("a.jsonl", Lines.deliveries(20))
        let outcome = try program.run("replay", "a.jsonl", "--store", "sqlite:a.db")
        #expect(outcome.status == 0, "\(outcome.complaints)")
    }

    @Test(arguments: [
        (["replay", "a.jsonl", "--from", "2026-11-03", "--to", "2026-11-02"], "after the last"),
        (["replay", "-", "-"], "only once"), (["rejected", "foo"], "foo is one too many"),
        (["migrate", "foo"], "foo is one too many"), (["catalogue", "foo"], "foo is one too many"),
        (["fleet", "foo"], "foo is one too many"),
    ])
    func unusableArgumentsAreTwo(words: [String], said: String) throws {
        try folder.write("a.jsonl", Lines.deliveries(1))
        let outcome = try run(words, input: "")
        #expect(outcome.status == 2)
        #expect(outcome.complaints.contains(said), "\(outcome.complaints)")
    }

    /// Which version, and in brackets which commit; the tests' program was not told one.
    @Test func theVersionSaysWhichBuild() throws {
        let outcome = try run(["--version"], input: "")
        let pattern = /sessionizer [0-9]+\.[0-9]+\.[0-9]+ \(([0-9a-f]{9}\+?|unknown)\)\n/
        #expect(outcome.output.wholeMatch(of: pattern) != nil, "\(outcome.output)")
    }

    /// Whatever prints says so when it cannot.
    @Test(arguments: [
        ["help"], ["--version"], ["catalogue"], ["session", "D-1000", "--store", "sqlite:a.db"],
        ["robot", "R-3", "--store", "sqlite:a.db", "--format", "json"], ["fleet", "--store", "sqlite:a.db"],
        ["rejected", "--store", "sqlite:a.db"], ["migrate", "--store", "sqlite:a.db"],
        ["replay", "a.jsonl", "--store", "sqlite:a.db"], ["simulate", "--list"], ["fleet", "--help"],
    ])
    func aFullDeviceIsAFailure(words: [String]) throws {
        try fill()
        let device = try FileHandle(forWritingTo: URL(fileURLWithPath: "/dev/full"))
        let complaints = try folder.handle("stderr")
        let process = try ChildProcess(
            [Program.path] + words, in: folder.url, environment: [:], output: device, complaints: complaints)
        process.waitUntilExit()
        #expect(process.terminationStatus == 1)
        #expect(try folder.text("stderr").contains("the output cannot be written: No space left"))
    }

    @Test(arguments: [
        "replay", "session", "robot", "fleet", "rejected", "migrate", "simulate", "serve", "publish",
        "catalogue",
    ])
    func eachCommandHasItsHelp(command: String) throws {
        let outcome = try run([command, "--help"])
        #expect(outcome.status == 0)
        #expect(outcome.output.hasPrefix("sessionizer \(command)"))
        #expect(outcome.output.count { $0 == "\n" } < 16, "\(outcome.output)")
        #expect(try run(["help", command]).output == outcome.output)
    }

    @Test func nearIDsAreOfEveryKindAndInAnyCase() throws {
        let kinds = [
            ("delivery_id", "D-alpha"), ("demand_id", "M-bravo"), ("trip_id", "T-charlie"),
            ("offer_id", "O-delta"), ("quote_id", "Q-echo"),
        ]
        let named = kinds.map { #"{"event":"x","timestamp":"2026-11-02T10:00:00Z","\#($0.0)":"\#($0.1)"}"# }
        // As many before them as a look at the first would show.
        let many = (0..<3000).map {
            #"{"event":"x","timestamp":"2026-11-02T10:00:00Z","delivery_id":"C-\#($0)","robot_id":"R-\#($0 % 7)"}"#
        }
        let moved = [
            #"{"event":"demand.created","timestamp":"2026-11-02T10:00:00Z","delivery_id":"D-alpha","demand_id":"M-foxtrot"}"#,
            #"{"event":"demand.created","timestamp":"2026-11-02T10:00:00Z","demand_id":"M-foxtrot"}"#,
        ]
        try folder.write("a.jsonl", (many + named + moved).joined(separator: "\n") + "\n")
        try program.run("replay", "a.jsonl", "--store", "sqlite:a.db")
        func said(_ command: String, _ id: String) throws -> String {
            let outcome = try run([command, id, "--store", "sqlite:a.db"])
            #expect(outcome.status == 1)
            return outcome.complaints
        }
        #expect(try said("session", "d-ALPHA").contains("near it: D-alpha"))
        #expect(try said("session", "alpha").contains("near it: D-alpha"))
        #expect(try said("session", "M-bravu").contains("near it: demand:M-bravo"))
        #expect(try said("session", "trip:T-charly").contains("near it: trip:T-charlie"))
        #expect(try said("session", "o_delta").contains("near it: offer:O-delta"))
        #expect(try said("session", "Q-eco").contains("near it: quote:Q-echo"))
        #expect(try said("session", "M-foxtrott").contains("near it: demand:M-foxtrot"))
        #expect(try said("session", "C-29999").contains("C-2999"))
        let nothing = try said("session", "zzzzzzzzzzzzzzz")
        #expect(nothing.contains("look like C-0") && nothing.contains("demand:M-"), "\(nothing)")
        #expect(try said("robot", "r-33").contains("R-3"))
        #expect(try said("robot", "zzzzzzzzz").contains("look like R-0, R-1, R-2"))
    }

    @Test func foldersThatShouldBeFilesAreSaid() throws {
        try folder.write("folder/x", "")
        let store = try run(["fleet", "--store", "sqlite:folder"])
        #expect(store.status == 1)
        #expect(
            store.complaints.contains("it is a folder")
                && store.complaints.contains("sqlite:folder/sessionizer.db"))
        let catalogue = try run(["catalogue"], environment: ["SESSIONIZER_CATALOGUE": "folder"])
        #expect(catalogue.status == 2)
        #expect(catalogue.complaints.contains("folder: cannot be read"))
    }

    /// Whoever reads has enough, as `head` has: nothing to complain of.
    @Test func aClosedPipeEndsIt() throws {
        let pipe = Pipe()
        try pipe.fileHandleForReading.close()
        try folder.write("said", "")
        let said = folder.url.appendingPathComponent("said").path
        let ended = try ChildProcess(
            [Program.path, "help"], output: pipe.fileHandleForWriting,
            complaints: FileHandle(forWritingAtPath: said))
        ended.waitUntilExit()
        #expect(ended.terminationStatus == 141)
        #expect(try folder.text("said").isEmpty)
    }

    /// Of a pipe that is called a secret's file the program would wait for somebody who writes to it; links to files are
    /// what orchestrators mount.
    @Test(arguments: [
        (["fleet"], "SESSIONIZER_STORE_URL_FILE", "SESSIONIZER_STORE_URL_FILE: pipe: no regular file"),
        (["serve", "--listen", "127.0.0.1:0"], "SESSIONIZER_HTTP_TOKENS", "pipe: no regular file"),
    ])
    func aSecretIsNotReadOfAPipe(words: [String], variable: String, complaint: String) throws {
        let pipe = folder.url.appendingPathComponent("pipe").path
        try #require(mkfifo(pipe, 0o600) == 0)
        let waiting = try Program(folder: folder).start(words, environment: [variable: "pipe"])
        let end = Date().addingTimeInterval(20)
        while waiting.isRunning, Date() < end { usleep(20_000) }
        #expect(!waiting.isRunning, "it waits for somebody who writes to the pipe")
        if waiting.isRunning { kill(waiting.processIdentifier, SIGKILL) }
        waiting.waitUntilExit()
        #expect(waiting.terminationStatus == 2)
        let said = try folder.text("stderr")
        #expect(said.contains(complaint), "\(said)")
    }

    @Test func aSecretStandsInARegularFile() throws {
        try folder.write("url", "sqlite:nothing.db\n")
        try FileManager.default.createSymbolicLink(
            atPath: folder.url.appendingPathComponent("link").path, withDestinationPath: "url")
        let linked = try run(["fleet"], environment: ["SESSIONIZER_STORE_URL_FILE": "link"])
        #expect(linked.complaints.contains("nothing.db"), "\(linked.complaints)")
    }

    @Test func keysThatStandTwiceAreRefused() throws {
        try folder.write(
            "a.yaml", "rules: {max_targets: 3}\nbatch: {max_events: 5}\nrules: {max_targets: 4}\n")
        let settings = try run(["catalogue", "--config", "a.yaml"])
        #expect(settings.status == 2)
        #expect(
            settings.complaints.contains("a.yaml:3: `rules` stands here a second time (first in line 1)"),
            "\(settings.complaints)")
        let catalogue = try run(["catalogue"]).output
        #expect(!catalogue.isEmpty)
        let events = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("config/events.yaml")
        let text = try String(contentsOf: events, encoding: .utf8)
        let milestone = try #require(text.firstMatch(of: /milestone: [a-z_]+/))
        let doubled = text.replacingCharacters(in: milestone.range, with: "\(milestone.0), \(milestone.0)")
        try folder.write("events.yaml", doubled)
        let outcome = try run(["catalogue"], environment: ["SESSIONIZER_CATALOGUE": "events.yaml"])
        #expect(outcome.status == 2)
        #expect(outcome.complaints.contains("`milestone` stands here a second time"), "\(outcome.complaints)")
    }

    private func rejects() throws -> Int64 {
        let reader = try SQLiteReader(path: folder.url.appendingPathComponent("a.db").path)
        defer { reader.close() }
        return try reader.rows("SELECT count(*) AS n FROM rejected_events")[0].integer("n") ?? -1
    }

    /// What is rejected is kept once, however its file is spelt, and the summary says how much of it is new.
    @Test func rejectsAreKeptOnceByAnyPath() throws {
        try folder.write("sim/dt=2026-11-02/a.jsonl", "{\"broken\n[1]\n" + Lines.deliveries(1))
        try FileManager.default.createSymbolicLink(
            atPath: folder.url.path + "/link", withDestinationPath: "sim")
        for (path, new) in [
            ("sim", 2), ("./sim", 0), (folder.url.path + "/sim", 0), ("sim/dt=2026-11-02/a.jsonl", 0),
            ("link", 0),
        ] {
            let json = try run(["replay", path, "--store", "sqlite:a.db", "--format", "json"]).json()
            #expect(json["new_rejects"] as? Int == new, "\(path)")
            #expect((json["rejected"] as? [String: Int])?.values.reduce(0, +) == 2)
        }
        #expect(try rejects() == 2)
        let text = try run(["replay", "sim", "--store", "sqlite:a.db"]).output
        #expect(text.contains("in 1 file\n") && text.contains("2 of them were there"), "\(text)")
    }

    /// Two bodies at one place that differ only late are two.
    @Test func rejectsThatDifferLateAreBothKept() throws {
        let start = "{\"event\":\"x\",\"note\":\"" + String(repeating: "n", count: 400)
        for end in ["a", "b", "a"] {
            try folder.write("a.jsonl", start + end + "\n")
            try program.run("replay", "a.jsonl", "--store", "sqlite:a.db")
        }
        #expect(try rejects() == 2)
        let listed = try run(["rejected", "--store", "sqlite:a.db", "--format", "json"]).output.split(
            separator: "\n")
        #expect(listed.count == 2)
        let first = try #require(
            try JSONSerialization.jsonObject(with: Data(listed[0].utf8)) as? [String: Any])
        #expect(first["body_is_cut"] as? Bool == true && first["body_bytes"] as? Int == start.count + 1)
        #expect((first["received_at"] as? String)?.hasSuffix("Z") == true)
    }

    /// However many rejects came before it.
    @Test func aLastLineThatWasCutIsSaidAfterManyRejects() throws {
        try folder.write("a.jsonl", String(repeating: "x\n", count: 100_001) + "{\"event\":\"demand.crea")
        let outcome = try run(["replay", "a.jsonl", "--store", "sqlite:a.db"])
        #expect(outcome.status == 1)
        #expect(
            outcome.complaints.contains("line 100002, the last one, has no newline"), "\(outcome.complaints)")
    }

    /// A broken producer is told of though no session of the id's own says so.
    @Test func overLinkedIDsAreCounted() throws {
        let lines = (0..<40).map {
            #"{"event":"demand.created","timestamp":"2026-11-02T10:00:00Z","delivery_id":"D\#($0)","trip_id":"T0"}"#
        }
        try folder.write("a.jsonl", lines.joined(separator: "\n") + "\n")
        let json = try run(["replay", "a.jsonl", "--store", "sqlite:a.db", "--format", "json"]).json()
        #expect(json["over_linked_ids"] as? Int == 1)
        try folder.write("b.jsonl", lines.joined(separator: "\n") + "\n")
        #expect(
            try run(["replay", "b.jsonl", "--store", "sqlite:b.db"]).output.contains("over-linked 1 id:"))
        #expect(
            try run(["replay", "b.jsonl", "--store", "sqlite:b.db"]).output.contains("over-linked") == false)
    }
}
