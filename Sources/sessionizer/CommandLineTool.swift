import ArchiveSource
import CBuildInfo
import ConfigurationFile
import Glibc
import SessionAPI
import SessionStore
import SessionStory

/// Parses the command line and runs one command. Exit codes: 0 done, 1 failed, 2 unusable arguments.
enum CommandLineTool {
    static let version = "0.1.0"
    /// What it was built from; `unknown` where `make build` did not build it.
    static let commit = String(cString: cbuildinfo_commit())

    static let help = """
        sessionizer: a robot fleet's events become the truth about each delivery

          sessionizer replay PATH... [--store URL] [--from DAY] [--to DAY] [--format text|json]
              read archived JSONL (files, folders with dt=YYYY-MM-DD days, - for standard input; plain, gzip
              or zstd) into the store; days pick dt= folders, a file in none is read whole (and that is said)
          sessionizer serve --amqp URL[,URL…] --queue NAME [--queue-type quorum|classic|stream] [--store URL]
              [--http HOST:PORT] [--declare [--exchange NAME] [--binding-key KEY]] [--prefetch N]
              [--batch-max-events N] [--batch-max-age-ms N] [--grace SECONDS]
              [--partitions N [--partition-header NAME]]
              [--from-offset N|first|last|next | --from-time TIME]
              consume events from RabbitMQ into the store until SIGTERM
          sessionizer check-config [the options of serve] [--replicas N] [--format text|json]
              read all settings as serve would, connect to broker and store without consuming or writing, and say
              what is well and what is missing: exit 0 when serve could work, 1 when something is missing
          sessionizer publish PATH... --amqp URL --queue NAME [--rate N | --speed 60x] [--declare]
              [--exchange NAME] [--partitions N] [--routing-key KEY] [--key-field NAME] [--partition-header NAME]
              [--from DAY] [--to DAY] [--format text|json]
              send archived events to RabbitMQ, each confirmed by the broker; its routing key may be a field of the
              event's (--key-field market), and a header as well; with --partitions it goes where serve with as many reads
          sessionizer verify PATH... [--store URL] [--from DAY] [--to DAY] [--limit N] [--format text|json]
              derive every table anew from an archive and compare it with the store, row by row: exit 0 when nothing
              differs, 1 with the differences
          sessionizer session ID [--store URL] [--brief] [--format text|json]
              the story of a delivery (a bare delivery id is enough), demand, trip, quote or offer; --brief leaves out
              the list of its events
          sessionizer robot ID [--store URL] [--format text|json]
              what a robot did
          sessionizer fleet [--store URL] [--format text|json]
              the fleet's utilization, downtime and deliveries
          sessionizer serve [--store URL] [--listen HOST:PORT | --http HOST:PORT]
              [--tokens FILE] [--jwks FILE --jwt-issuer ISS --jwt-audience AUD]
              [--tls-certificate FILE --tls-key FILE | --behind-tls] [--host NAME,...] [--audit FILE]
              the page and the API over a store, without a queue (docs/api.md); at 127.0.0.1:8080 unless told otherwise
          sessionizer token NAME --role viewer|operator|finance|admin [--merchants A,B] [--expires DAY]
              a new token, and its line for the file of tokens
          sessionizer rejected [--store URL] [--format text|json]
              messages that could not be read, with reason and origin
          sessionizer catalogue
              the events the rules know by name and what each does, as a Markdown table
          sessionizer simulate --out DIR [--seed N] [--days N] [--robots N] [--deliveries N] [--events N]
              [--disorder X] [--duplicates X] [--losses X] [--faults X] … (`simulate --list` names all dials)
              write the archive of a made-up fleet, and the truth about it
          sessionizer migrate [--store URL] [--retire]
              make or update the store's tables; with --retire also drop the months of events that are older than
              store.retention_days (PostgreSQL)
          sessionizer --version | help

        \(common)
        """

    private static let common = """
        Every command but simulate reads --config FILE (see config/sessionizer.yaml).
        Store URLs: sqlite:PATH (default sqlite:sessionizer.db, or SESSIONIZER_STORE_URL), postgres://…
        `sessionizer COMMAND --help` or `help COMMAND` shows one command. Exit codes: 0 done, 1 failed, 2 unusable arguments.
        """

    static func run(_ words: [String]) -> Int32 {
        do {
            guard let command = words.first else {
                complain(help)
                return 2
            }
            var rest = Array(words.dropFirst())
            if rest.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" }),
                let text = help(of: command)
            {
                try put(text)
                return 0
            }
            let file = try configuration(&rest)
            switch command {
            case "help", "--help", "-h":
                guard let asked = rest.first else {
                    try put(help)
                    return 0
                }
                guard let text = help(of: asked) else { throw UsageError(description: "no command \(asked)") }
                try put(text)
                return 0
            case "--version", "version":
                try put("sessionizer \(version) (\(commit))")
                return 0
            case "replay": return try ReplayCommand.run(rest, Settings.ofProcess(file: file))
            case "verify": return try VerifyCommand.run(rest, Settings.ofProcess(file: file))
            case "session": return try session(rest, Settings.ofProcess(file: file))
            case "robot": return try robot(rest, Settings.ofProcess(file: file))
            case "fleet": return try fleet(rest, Settings.ofProcess(file: file))
            case "rejected": return try rejected(rest, Settings.ofProcess(file: file))
            case "catalogue":
                try Arguments(rest, allowed: []).takeNoOperand("catalogue")
                try put(
                    CatalogueTable.markdown(try Settings.ofProcess(file: file).catalogue()), terminator: "")
                return 0
            case "token": return try ServeArchive.token(rest)
            case "simulate": return try SimulateCommand.run(rest)
            case "serve":
                let settings = try Settings.ofProcess(file: file)
                if ServeLive.isAsked(rest, settings) { return try ServeLive.run(rest, settings) }
                return try ServeArchive.run(rest, settings)
            case "check-config": return try CheckConfig.run(rest, Settings.ofProcess(file: file))
            case "publish": return try PublishCommand.run(rest, Settings.ofProcess(file: file))
            case "migrate":
                let arguments = try Arguments(rest, allowed: ["--store"], flags: ["--retire"])
                try arguments.takeNoOperand("migrate")
                let settings = try Settings.ofProcess(file: file)
                let store = try settings.store(arguments["--store"])
                try WritingParts(settings: settings, store: store).store.close()
                try put("\(store): the tables are up to date")
                if arguments.has("--retire"), let days = settings.retentionDays {
                    for name in try store.retireMonths(olderThan: days) { try put("dropped \(name)") }
                }
                return 0
            default: throw UsageError(description: "unknown command \(command); see `sessionizer help`")
            }
        } catch let error as UsageError {
            complain("sessionizer: \(error)")
            return 2
        } catch let error as ConfigurationError {
            complain("sessionizer: \(error)")
            return 2
        } catch let error as ArchiveError {
            complain("sessionizer: \(error)")
            switch error.problem {
            case .daysReversed, .standardInputTwice: return 2
            case .missing, .unreadable, .notAFile, .noEventFile, .noDayFolder, .exists, .unwritable,
                .compression:
                return 1
            }
        } catch let error as OutputError where error.isEnough {
            return OutputError.endedByPipe
        } catch {
            complain("sessionizer: \(error)")
            return 1
        }
    }

    /// Takes `--config FILE` out of a command's words: every command knows it.
    private static func configuration(_ words: inout [String]) throws -> String? {
        let options = words.prefix { $0 != "--" }
        if let index = options.firstIndex(of: "--config") {
            guard index + 1 < words.count else { throw UsageError(description: "--config needs a file") }
            let file = words[index + 1]
            words.removeSubrange(index...(index + 1))
            return file
        }
        guard let index = options.firstIndex(where: { $0.hasPrefix("--config=") }) else { return nil }
        return String(words.remove(at: index).dropFirst("--config=".count))
    }

    /// Only a terminal that can, and whose user wants it (no-color.org).
    private static var isColoured: Bool {
        guard isatty(STDOUT_FILENO) == 1 else { return false }
        let terminal = getenv("TERM").map { String(cString: $0) }
        return terminal != "dumb" && getenv("NO_COLOR").map { $0.pointee == 0 } ?? true
    }

    /// The parts of the help that are about a command, of which `serve` has two; nil where there is none.
    static func help(of command: String) -> String? {
        var lines: [Substring] = []
        var isOfIt = false
        for line in help.split(separator: "\n", omittingEmptySubsequences: false) {
            let begins = line.hasPrefix("  sessionizer \(command) ") || line == "  sessionizer \(command)"
            if begins {
                isOfIt = true
            } else if line.isEmpty || line.hasPrefix("  sessionizer ") {
                isOfIt = false
            }
            if isOfIt { lines.append(line) }
        }
        guard !lines.isEmpty else { return nil }
        return lines.map { $0.dropFirst(2) }.joined(separator: "\n") + "\n\n" + common
    }

    private static func session(_ words: [String], _ settings: Settings) throws -> Int32 {
        let arguments = try Arguments(words, allowed: ["--store", "--format"], flags: ["--brief"])
        guard arguments.operands.count == 1 else { throw UsageError(description: "session needs one id") }
        let id = arguments.operands[0]
        let wantsJSON = try arguments.wantsJSON()
        let place = try settings.store(arguments["--store"])
        let store = try place.reader()
        let sessions = try SessionStory.sessions(of: id, in: store)
        if sessions.isEmpty {
            complain("sessionizer: no session is known as \(id)")
            complain(try SessionStory.near(id, in: store).text(command: "session"))
            return 1
        }
        if wantsJSON {
            for story in try SessionStory.stories(of: sessions, in: store) { try put(story.json()) }
            return 0
        }
        store.close()
        // The words are the API's: what is printed is what the page copies.
        let api = try OfferedAPI.ofOneReader(place)
        for (number, (row, askedFor)) in sessions.enumerated() {
            if number > 0 { try put("") }
            let text = try api.text(
                of: row.text("session_id") ?? id, askedFor: askedFor, isBrief: arguments.has("--brief"),
                isColoured: isColoured)
            try put(text, terminator: "")
        }
        return 0
    }

    private static func robot(_ words: [String], _ settings: Settings) throws -> Int32 {
        let arguments = try Arguments(words, allowed: ["--store", "--format"])
        guard arguments.operands.count == 1 else { throw UsageError(description: "robot needs one id") }
        let id = arguments.operands[0]
        let store = try settings.store(arguments["--store"]).reader()
        guard let story = try RobotStory.find(id, in: store) else {
            complain("sessionizer: no robot is known as \(id)")
            complain(try RobotStory.near(id, in: store).text(command: "robot"))
            return 1
        }
        try put(
            try arguments.wantsJSON() ? story.json() : story.rendered(isColoured: isColoured))
        return 0
    }

    private static func fleet(_ words: [String], _ settings: Settings) throws -> Int32 {
        let arguments = try Arguments(words, allowed: ["--store", "--format"])
        try arguments.takeNoOperand("fleet")
        let store = try settings.store(arguments["--store"])
        guard let story = try FleetStory.load(from: store.reader()) else {
            complain("sessionizer: \(store): holds no events; replay an archive into it first")
            return 1
        }
        try put(
            try arguments.wantsJSON() ? story.json() : story.rendered(isColoured: isColoured))
        return 0
    }

    /// Bytes of a rejected body that are shown; the store has all of it, or the first 64 KiB of one over 1 MiB.
    private static let shownBody: Int64 = 400

    private static func rejected(_ words: [String], _ settings: Settings) throws -> Int32 {
        let arguments = try Arguments(words, allowed: ["--store", "--format"])
        try arguments.takeNoOperand("rejected")
        let store = try settings.store(arguments["--store"]).reader()
        let rows = try store.rows(
            """
            SELECT received_at, transport, origin, reason, detail, substr(body, 1, \(shownBody)) AS body,
              length(body) AS size, headers
            FROM rejected_events ORDER BY \(store.flavour.arrival)
            """, [])
        let wantsJSON = try arguments.wantsJSON()
        for row in rows {
            if wantsJSON {
                var out = JSONText()
                out.object { out in
                    out.string("received_at", row.integer("received_at").map(InstantText.iso))
                    for column in ["transport", "origin", "reason", "detail", "body"] {
                        out.string(column, row.text(column))
                    }
                    out.integer("body_bytes", row.integer("size"))
                    out.string("headers", row.text("headers"))
                    out.flag("body_is_cut", (row.integer("size") ?? 0) > shownBody)
                }
                try put(out.text)
            } else {
                var out = TerminalText(isColoured: isColoured)
                out.write("\(row.text("origin") ?? "?"): ")
                out.write(row.text("reason") ?? "?", .bad)
                out.write(": \(row.text("detail") ?? "")")
                out.newline()
                out.write("    \((row.text("body") ?? "").prefix(160))", .dim)
                if let headers = row.text("headers") {
                    out.newline()
                    out.write("    headers \(headers.prefix(160))", .dim)
                }
                try put(out.text)
            }
        }
        if rows.isEmpty, !wantsJSON { try put("nothing was rejected") }
        return 0
    }
}
