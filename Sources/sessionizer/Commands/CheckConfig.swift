import AMQPSource
import SessionAPI
import SessionCore
import SessionStory

/// `sessionizer check-config`: what `serve` would find with the same settings, without consuming or writing anything.
enum CheckConfig {
    static func run(_ words: [String], _ settings: Settings) throws -> Int32 {
        let arguments = try Arguments(
            words, allowed: ServeLive.options.union(["--listen", "--replicas", "--format"]),
            flags: ServeLive.flags)
        try arguments.takeNoOperand("check-config")
        let wantsJSON = try arguments.wantsJSON()
        let replicas = try LiveSettings.number(arguments, "--replicas", 1...10_000) ?? 1
        var settings = settings
        try settings.live.take(arguments)
        try settings.http.take(arguments)
        _ = try LiveSettings.number(arguments, "--batch-max-events", 1...1_000_000)
        let location = try settings.store(arguments["--store"])
        let isLive = ServeLive.isAsked(words, settings)
        // What makes `serve` end with status 2 does the same here.
        let queue = isLive ? try LiveService.checkedQueue(settings.live, location) : nil
        let brokers = isLive ? try settings.live.brokers(warn: { _ in }).first : []
        let catalogue = try settings.catalogue()

        var findings: [Finding] = []
        findings.append(
            Finding(
                "settings", .well,
                "read; the catalogue has \(catalogue.entries.count) events, its rules are those of "
                    + (settings.catalogueFile ?? "the program")))
        if let queue {
            CheckedBroker.look(settings.live, brokers, queue, &findings)
        } else {
            findings.append(
                Finding(
                    "broker", .note, "none is named: serve would show the store and consume nothing",
                    "for the live service: --amqp URL --queue NAME"))
        }
        // One of them writes the audit, unless that is a file.
        let readers =
            !isLive || LiveService.offersAPI(settings.http)
            ? OfferedAPI.connections + (settings.http.audit == nil ? 1 : 0) : 0
        let store = CheckedStore(
            settings: settings, location: location, catalogue: catalogue, isWriter: isLive, readers: readers,
            replicas: replicas)
        store.look(&findings)
        offered(settings, location, isLive, &findings)

        try put(wantsJSON ? json(findings) : text(findings))
        return findings.contains { $0.state == .missing } ? 1 : 0
    }

    /// What `serve` offers over HTTP: its files are read as `serve` reads them.
    private static func offered(
        _ settings: Settings, _ location: StoreLocation, _ isLive: Bool, _ findings: inout [Finding]
    ) {
        let listen = settings.http.listen
        if isLive, !LiveService.offersAPI(settings.http) {
            findings.append(
                Finding(
                    "http", .note, "\(listen): probes and metrics only",
                    "the API and the page too: --tokens FILE or --jwks FILE"))
            return
        }
        let said = Told()
        do {
            _ = try OfferedAPI(settings, location, clock: isLive ? .wall : .lastEvent) { said.add($0) }
        } catch {
            findings.append(Finding("http", .missing, "\(error)"))
            return
        }
        let files = settings.http.files
        findings.append(
            Finding(
                "http", .well,
                "\(listen): probes, metrics, the API and the page"
                    + (files.isEmpty ? "" : "; read \(files.joined(separator: ", "))")))
        for text in said.all { findings.append(Finding("http", .note, text)) }
    }

    private static func text(_ findings: [Finding]) -> String {
        var lines: [String] = []
        for finding in findings {
            lines.append("[\(finding.state.mark)] \(finding.part): \(finding.text)")
            if let advice = finding.advice { lines.append("      \(advice)") }
        }
        let missing = findings.count { $0.state == .missing }
        lines.append(missing == 0 ? "all is there" : "\(missing) of \(findings.count) are missing")
        return lines.joined(separator: "\n")
    }

    private static func json(_ findings: [Finding]) -> String {
        var out = JSONText()
        out.object { out in
            out.flag("ok", !findings.contains { $0.state == .missing })
            out.array("checks") { out in
                for finding in findings {
                    out.object { out in
                        out.string("part", finding.part)
                        out.string("state", finding.state.rawValue)
                        out.string("text", finding.text)
                        out.string("advice", finding.advice)
                    }
                }
            }
        }
        return out.text
    }
}

/// One line of what was found.
struct Finding {
    enum State: String {
        /// As it should be.
        case well
        /// Worth knowing; `serve` works all the same.
        case note
        /// `serve` could not work, or not rightly.
        case missing

        var mark: String {
            switch self {
            case .well: "+"
            case .note: "!"
            case .missing: "-"
            }
        }
    }

    /// What it is about: settings, broker, queue, store, http.
    let part: String
    let state: State
    let text: String
    /// What to do.
    let advice: String?

    init(_ part: String, _ state: State, _ text: String, _ advice: String? = nil) {
        self.part = part
        self.state = state
        self.text = text
        self.advice = advice
    }
}
