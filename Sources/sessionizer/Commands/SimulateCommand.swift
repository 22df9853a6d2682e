import ArchiveSource
import FleetSimulator
import Glibc
import SessionStory

/// `sessionizer simulate --out DIR`: the archive of a made-up fleet, and the truth about it.
enum SimulateCommand {
    /// What it writes beside the days. Names that begin with `_` are no event files to `replay`.
    static let truthName = "_truth.jsonl"
    static let manifestName = "_manifest.json"
    static let readmeName = "_README.md"
    static let filePrefix = "simulated"

    static func run(_ words: [String]) throws -> Int32 {
        let dials = FleetDial.all
        let arguments = try Arguments(
            words,
            allowed: Set(dials.map { "--\($0.name)" } + ["--out", "--events", "--compression", "--format"]),
            flags: ["--force", "--list"])
        if arguments.has("--list") {
            try put(list(dials))
            return 0
        }
        guard arguments.operands.isEmpty else {
            throw UsageError(
                description: "simulate takes no \(arguments.operands[0]); name the folder with --out")
        }
        guard let folder = arguments["--out"], !folder.isEmpty else {
            throw UsageError(description: "simulate needs a folder to write into: --out DIR")
        }
        let wantsJSON = try arguments.wantsJSON()
        let compression = try compression(arguments["--compression"] ?? "gzip")
        let options = try options(arguments, dials)
        try prepare(folder, isForced: arguments.has("--force"))

        let startedAt = wallClock()
        let totals = try write(options, folder, compression)
        let elapsed = Double(wallClock() - startedAt) / 1e6
        let summary = SimulationSummary(
            options: options, totals: totals, folder: folder, elapsed: elapsed)
        // Without the time it took: the same dials give the same files.
        try TextFile.write("\(folder)/\(manifestName)", summary.json(withElapsed: false) + "\n")
        try TextFile.write("\(folder)/\(readmeName)", summary.readme())
        try put(wantsJSON ? summary.json(withElapsed: true) : summary.text())
        return 0
    }

    private static func list(_ dials: [FleetDial]) -> String {
        dials.map { dial in
            let name = "--\(dial.name)"
            let standard = dial.get(FleetOptions())
            return name + String(repeating: " ", count: max(1, 22 - name.count)) + standard
                + String(repeating: " ", count: max(1, 12 - standard.count)) + dial.meaning
        }.joined(separator: "\n")
    }

    private static func compression(_ name: String) throws -> ArchiveWriter.Compression {
        switch name {
        case "gzip": return ArchiveWriter.quickGzip
        case "zstd": return .zstd(level: 3)
        case "none": return .plain
        default: throw UsageError(description: "--compression \(name): expected gzip, zstd or none")
        }
    }

    private static func options(_ arguments: Arguments, _ dials: [FleetDial]) throws -> FleetOptions {
        var options = FleetOptions.day
        if let text = arguments["--events"] {
            guard let events = Int(text), (1...1_000_000_000).contains(events) else {
                throw UsageError(
                    description: "--events \(text): expected a whole number from 1 to 1000000000")
            }
            for sized in ["--days", "--robots", "--deliveries"] where arguments[sized] != nil {
                throw UsageError(description: "--events sets \(sized) itself; leave one of them out")
            }
            options = FleetOptions.sized(events: events)
        }
        for dial in dials {
            guard let text = arguments["--\(dial.name)"] else { continue }
            guard dial.set(&options, text) else {
                throw UsageError(
                    description: "--\(dial.name) \(text): cannot be read; expected e.g. \(dial.get(.day)) "
                        + "(\(dial.meaning))")
            }
        }
        do {
            try options.validate()
        } catch {
            throw UsageError(description: "\(error)")
        }
        return options
    }

    /// Makes sure that nothing of somebody else's gets mixed with the simulation.
    private static func prepare(_ folder: String, isForced: Bool) throws {
        let there: [String]
        do {
            there = try Folder.names(folder)
        } catch let error as Folder.Failure where error.code == ENOENT {
            return try Folder.make(folder)
        }
        if there.isEmpty { return }
        guard isForced else {
            throw SimulateFailure(
                "\(folder): is not empty. Name another folder with --out, or replace the simulation that is "
                    + "there with --force.")
        }
        for name in there {
            if [truthName, manifestName, readmeName].contains(name) {
                try Folder.remove("\(folder)/\(name)")
            }
            guard name.hasPrefix("dt=") else { continue }
            for file in try Folder.names("\(folder)/\(name)")
            where file.hasPrefix("\(filePrefix)-") || file.hasPrefix(".\(filePrefix)-") {
                try Folder.remove("\(folder)/\(name)/\(file)")
            }
            _ = rmdir("\(folder)/\(name)")
        }
    }

    private static func write(
        _ options: FleetOptions, _ folder: String, _ compression: ArchiveWriter.Compression
    ) throws -> FleetTotals {
        let fleet = try FleetSimulator(options)
        let truth = try TextFile(path: "\(folder)/\(truthName)")
        let writer = ArchiveWriter(
            folder: folder, name: filePrefix, compression: compression,
            rolling: ArchiveWriter.Rolling(intervalSeconds: 3600))
        let isShown = isatty(STDERR_FILENO) == 1
        let startedAt = wallClock()
        var shownAt = startedAt
        var minutes = 0
        var isGoingOn = true
        while isGoingOn {
            isGoingOn = try fleet.advance { line, arrival in
                try writer.append(line: line, arrivalMicros: arrival)
            }
            minutes += 1
            for delivery in fleet.takeTruth() { try truth.append(delivery.json + "\n") }
            let now = wallClock()
            if isShown, now - shownAt > 200_000 {
                shownAt = now
                let rate = Int(Double(fleet.totals.lines) / (Double(now - startedAt) / 1e6))
                let line = "day \(min(minutes / 1440 + 1, options.days)) of \(options.days), "
                complain("\r\u{1B}[K\(line)\(fleet.totals.lines) lines, \(rate)/s", newline: false)
            }
        }
        if isShown { complain("\r\u{1B}[K", newline: false) }
        try writer.finish()
        try truth.finish()
        return fleet.totals
    }
}

/// The simulation could not be written.
struct SimulateFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
