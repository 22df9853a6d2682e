import EventDecoding
import Glibc
import SessionCore
import SessionPipeline
import SessionStore
import StoreComparison

/// `sessionizer verify PATH... --store URL`: derives every table anew from an archive, and compares.
enum VerifyCommand {
    static let options: Set<String> = ["--store", "--from", "--to", "--format", "--limit"]

    static func run(_ words: [String], _ settings: Settings) throws -> Int32 {
        let arguments = try Arguments(words, allowed: options)
        let wantsJSON = try arguments.wantsJSON()
        let limit = try LiveSettings.number(arguments, "--limit", 0...1_000_000) ?? 10
        let location = try settings.store(arguments["--store"])
        let replay = try ArchiveReplay(arguments, of: "verify")
        // Before the long part: is there something to compare with?
        let found = try location.reader()

        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let scratch = StoreLocation.sqlite(path: folder.path + "/expected.db")
        let parts = try WritingParts(settings: settings, store: scratch)
        try expectRules(scratch, found, location)
        do { try replay.run(into: parts, batchSize: settings.batchMaxEvents) } catch {
            parts.store.close()
            throw error
        }
        parts.store.close()

        // All tables as of one moment, though a service may be writing meanwhile.
        _ = try found.rows(found.flavour.beginSnapshot, [])
        let expected = try scratch.reader()
        let comparison = StoreComparison(expected: expected, found: found, limit: limit)
        var outcomes: [TableOutcome] = []
        let isShown = isatty(STDERR_FILENO) == 1
        for table in ComparedTable.all {
            outcomes.append(
                try comparison.compare(table) { rows in
                    if isShown { complain("\r\u{1B}[K\(table.name): \(rows) rows", newline: false) }
                })
        }
        outcomes.append(
            try comparison.compareRejected(
                leavingOut: RejectReason.allCases.filter(\.dependsOnArrival).map(\.rawValue)))
        if isShown { complain("\r\u{1B}[K", newline: false) }
        let report = try VerifyReport(
            store: location.description, files: replay.files.count, totals: parts.ingestor.totals,
            outcomes: outcomes, problems: replay.problems,
            retired: RetiredEvents(of: found, location, expected: expected))
        try put(wantsJSON ? report.json() : report.text())
        for problem in replay.problems { complain("sessionizer: \(problem)") }
        return report.isSame && replay.problems.isEmpty ? 0 : 1
    }

    /// Tables made under other rules differ by right: that is no finding.
    private static func expectRules(
        _ scratch: StoreLocation, _ found: any TableReading, _ location: StoreLocation
    ) throws {
        var stored: [String: String] = [:]
        for row in try found.rows("SELECT key, value FROM meta", []) {
            if let key = row.text("key") { stored[key] = row.text("value") }
        }
        for row in try scratch.reader().rows("SELECT key, value FROM meta ORDER BY key", []) {
            guard let key = row.text("key"), let now = row.text("value"), let before = stored[key] else {
                continue
            }
            if before != now {
                throw RuleFacts.refusal(of: location.description, name: key, stored: before, now: now)
            }
        }
    }
}

/// A folder under TMPDIR, or else /tmp.
private struct TemporaryFolder {
    let path: String

    init() throws {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var name = Array("\(parent)/sessionizer-verify-XXXXXX".utf8CString)
        guard mkdtemp(&name) != nil else { throw Folder.Failure(path: parent, code: errno) }
        path = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    func remove() {
        for name in (try? Folder.names(path)) ?? [] { try? Folder.remove("\(path)/\(name)") }
        rmdir(path)
    }
}
