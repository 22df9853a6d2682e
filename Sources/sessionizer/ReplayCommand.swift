import SessionPipeline
import SessionStore

/// `sessionizer replay PATH... --store URL`
enum ReplayCommand {
    static let options: Set<String> = ["--store", "--from", "--to", "--format"]

    static func run(_ words: [String], _ settings: Settings) throws -> Int32 {
        let arguments = try Arguments(words, allowed: options)
        let wantsJSON = try arguments.wantsJSON()
        let store = try settings.store(arguments["--store"])
        let replay = try ArchiveReplay(arguments, of: "replay")
        let parts = try WritingParts(settings: settings, store: store)
        defer { parts.store.close() }

        try replay.run(into: parts, batchSize: settings.batchMaxEvents)
        let summary = ReplaySummary(
            totals: parts.ingestor.totals, problems: replay.problems, files: replay.files.count,
            elapsed: replay.elapsed,
            sessions: try store.reader().rows(
                "SELECT kind, outcome, count(*) AS n FROM sessions GROUP BY kind, outcome ORDER BY kind, outcome",
                []))
        print(wantsJSON ? summary.json() : summary.text())
        for problem in replay.problems { complain("sessionizer: \(problem)") }
        return replay.problems.isEmpty ? 0 : 1
    }
}
