import ChildProcesses
import EngineUnderTest
import Foundation
import ProgramUnderTest
import SQLiteStore
import SessionStore
import Testing

/// What can go wrong with the store while an archive is replayed.
@Suite struct StoreFaultTests {
    let program: Program
    var folder: Folder { program.folder }

    init() throws { program = Program(folder: try Folder()) }

    private func tables(_ name: String) throws -> [String: [String]] {
        try Tables.read(folder.url.appendingPathComponent(name).path)
    }

    @Test func aStoreThatCannotBeWrittenIsSaid() throws {
        try folder.write("a.jsonl", Lines.deliveries(2))
        try folder.write("noise.db", String(repeating: "not a database ", count: 1000))
        for (url, words) in [
            ("sqlite:/nonexistent/a.db", "cannot open the store"), ("sqlite:.", "cannot open the store"),
            ("sqlite:noise.db", "not a store"),
        ] {
            let outcome = try program.run("replay", "a.jsonl", "--store", url)
            #expect(outcome.status == 1, "\(url)")
            #expect(outcome.complaints.contains(words), "\(url): \(outcome.complaints)")
        }
    }

    @Test func aKilledReplayIsTakenUpWhereItStopped() throws {
        try folder.write("a.jsonl", Lines.deliveries(3000))
        try program.run("replay", "a.jsonl", "--store", "sqlite:whole.db")
        var killedAtWork = 0
        for _ in 0..<4 {
            let process = try program.start(
                ["replay", "a.jsonl", "--store", "sqlite:killed.db"],
                environment: ["SESSIONIZER_BATCH_MAX_EVENTS": "200"])
            // Killed once it has committed something more, in the middle of whatever it does then.
            let before = batches("killed.db")
            do {
                defer {
                    kill(process.processIdentifier, SIGKILL)
                    process.waitUntilExit()
                }
                try waitUntil("it has committed some batches, or has ended") {
                    !process.isRunning || batches("killed.db") >= before + 3
                }
            }
            if process.terminationStatus == -1 { killedAtWork += 1 }
        }
        #expect(killedAtWork > 0, "every replay had ended before it was killed")
        let last = try program.run("replay", "a.jsonl", "--store", "sqlite:killed.db")
        #expect(last.status == 0, "\(last.complaints)")
        #expect(try tables("killed.db") == tables("whole.db"))
    }

    /// What was replayed is in the one file that was named, also where somebody read it meanwhile: whoever copies or
    /// moves the file after the program has ended has everything.
    @Test func theFileAloneIsTheStore() throws {
        try folder.write("a.jsonl", Lines.deliveries(20))
        try program.run("replay", "a.jsonl", "--store", "sqlite:a.db")
        let before = try tables("a.db")
        let reader = try SQLiteReader(path: folder.url.appendingPathComponent("a.db").path)
        defer { reader.close() }
        try folder.write("b.jsonl", Lines.deliveries(40))
        try program.run("replay", "b.jsonl", "--store", "sqlite:a.db")
        try FileManager.default.copyItem(
            at: folder.url.appendingPathComponent("a.db"), to: folder.url.appendingPathComponent("copy.db"))
        #expect(try tables("copy.db") == tables("a.db"))
        #expect(try tables("copy.db") != before, "the second archive had events of its own")
    }

    private func batches(_ name: String) -> Int64 {
        guard let reader = try? SQLiteReader(path: folder.url.appendingPathComponent(name).path) else {
            return 0
        }
        defer { reader.close() }
        return (try? reader.rows("SELECT count(*) AS n FROM ingestion_batches", []))?.first?.integer("n") ?? 0
    }

    /// A small file system in memory, where mounting is allowed.
    @Test(.enabled("no file system may be mounted here") { try SmallDisk.isAllowed() })
    func aFullDiskLosesNothing() throws {
        let disk = try SmallDisk(at: folder.url.appendingPathComponent("disk"), megabytes: 3)
        defer { disk.remove() }

        try folder.write("a.jsonl", Lines.deliveries(3000))
        try program.run("replay", "a.jsonl", "--store", "sqlite:whole.db")
        let full = try program.run(
            "replay", "a.jsonl", "--store", "sqlite:disk/a.db",
            environment: ["SESSIONIZER_BATCH_MAX_EVENTS": "500"])
        #expect(full.status == 1)
        #expect(full.complaints.contains("full"), "\(full.complaints)")
        try disk.resize(megabytes: 200)
        let after = try program.run("replay", "a.jsonl", "--store", "sqlite:disk/a.db")
        #expect(after.status == 0, "\(after.complaints)")
        #expect(try tables("disk/a.db") == tables("whole.db"))
    }

    @Test func aSecondWriterWaitsOrIsToldWhy() throws {
        // Of the same day: their events meet in the same hours, robots and sessions.
        let lines = Lines.deliveries(300).split(separator: "\n")
        try folder.write(
            "a.jsonl",
            lines.enumerated().filter { $0.offset % 2 == 0 }.map(\.element).joined(separator: "\n") + "\n")
        try folder.write(
            "b.jsonl",
            lines.enumerated().filter { $0.offset % 2 == 1 }.map(\.element).joined(separator: "\n") + "\n")
        try program.run("migrate", "--store", "sqlite:a.db")
        // Many batches of the same robots' events each, so that they take turns.
        let small = ["SESSIONIZER_BATCH_MAX_EVENTS": "50"]
        let first = try program.start(["replay", "a.jsonl", "--store", "sqlite:a.db"], environment: small)
        let second = try program.run("replay", "b.jsonl", "--store", "sqlite:a.db", environment: small)
        first.waitUntilExit()
        #expect(second.status == 0 || second.complaints.contains("another process"), "\(second.complaints)")
        #expect(first.terminationStatus == 0)
        // Whoever waited: the tables are those of one replay of both.
        if second.status != 0 { try program.run("replay", "b.jsonl", "--store", "sqlite:a.db") }
        try program.run("replay", "a.jsonl", "b.jsonl", "--store", "sqlite:one.db")
        #expect(try Tables.differences(tables("a.db"), tables("one.db")) == [])
    }
}
