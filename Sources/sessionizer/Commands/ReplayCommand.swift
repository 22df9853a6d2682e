import SessionPipeline
import SessionStore

/// `sessionizer replay PATH... --store URL`
enum ReplayCommand {
    static let options: Set<String> = ["--store", "--from", "--to", "--format"]

    /// How many rejects are kept: what a replay adds is told from what was there.
    private static func rejects(in store: StoreLocation) throws -> Int64 {
        let reader = try store.reader()
        defer { reader.close() }
        return try reader.rows("SELECT count(*) AS n FROM rejected_events", []).first?.integer("n") ?? 0
    }

    static func run(_ words: [String], _ settings: Settings) throws -> Int32 {
        let arguments = try Arguments(words, allowed: options)
        let wantsJSON = try arguments.wantsJSON()
        let store = try settings.store(arguments["--store"])
        let replay = try ArchiveReplay(arguments, of: "replay")
        let parts = try WritingParts(settings: settings, store: store)
        defer { parts.store.close() }
        let rejectsBefore = try rejects(in: store)

        try replay.run(into: parts, batchSize: settings.batchMaxEvents)
        let summary = ReplaySummary(
            totals: parts.ingestor.totals, problems: replay.problems, files: replay.files.count,
            newRejects: max(0, try rejects(in: store) - rejectsBefore), elapsed: replay.elapsed,
            sessions: try store.reader().rows(
                "SELECT kind, outcome, count(*) AS n FROM sessions GROUP BY kind, outcome ORDER BY kind, outcome",
                []))
        try put(wantsJSON ? summary.json() : summary.text())
        for problem in replay.problems { complain("sessionizer: \(problem)") }
        return replay.problems.isEmpty ? 0 : 1
    }
}
