import AccessControl
import ArchiveSource
import Glibc
import HTTPServer
import SessionAPI
import SessionStory
import Telemetry

/// `sessionizer serve --store URL`: an archive's tables over HTTP, with the page; no queue.
enum ServeArchive {
    static let options = HTTPSettings.options.union(["--store", "--listen", "--http"])

    static func run(_ words: [String], _ settings: Settings) throws -> Int32 {
        let arguments = try Arguments(words, allowed: options, flags: HTTPSettings.flags)
        if let operand = arguments.operands.first {
            throw UsageError(description: "serve takes no operand; unexpected \(operand)")
        }
        // Signals are waited for below, by this thread alone: blocked here, before any other begins.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGTERM)
        pthread_sigmask(SIG_BLOCK, &signals, nil)

        var settings = settings
        try settings.http.take(arguments)
        let listen = settings.http.listen
        let location = try settings.store(arguments["--store"])
        let metrics = Metrics()
        let readers = ReadersMetrics(metrics)
        let offer = try OfferedAPI(settings, location, clock: .lastEvent) {
            complain("sessionizer: \($0)")
        }
        let api = try offer.open(readers)

        var limits = HTTPServer.Limits()
        limits.refusal = { status in
            readers.noteRefusal(status)
            return api.refusal(status)
        }
        let server = try HTTPServer(
            listen: listen, limits: limits, tls: offer.tls, probes: probes(metrics)
        ) { request in
            api.answer(request)
        }
        let scheme = offer.tls == nil ? "http" : "https"
        complain("sessionizer: serving \(location) on \(scheme)://\(address(listen, port: server.port))/")
        var signal: Int32 = 0
        sigwait(&signals, &signal)
        complain("sessionizer: stopping")
        let left = server.stop(within: lastSeconds)
        if left > 0 {
            complain(
                "sessionizer: \(left) answers were not finished within \(Int(lastSeconds)) s: they are cut")
            // Threads are at work on them still: nothing is torn down under those.
            _exit(0)
        }
        return 0
    }

    /// For whoever runs this as a container: it lives while it answers, and it is ready as soon as it listens, for the store was
    /// opened before. Nothing is behind: nothing comes.
    private static func probes(_ metrics: Metrics) -> [String: HTTPServer.Handler] {
        let process = ProcessMetrics(metrics)
        var health = JSONText()
        health.object { out in
            for name in ["live", "ready", "caught_up"] { out.flag(name, true) }
            out.string("process_text", "answers")
            out.string("store_text", "open")
        }
        let summary = health.text + "\n"
        return [
            "/livez": { _ in .text("[+] process: answers\n") },
            "/readyz": { _ in .text("[+] store: open\n") },
            "/healthz": { _ in .text(summary, type: "application/json; charset=utf-8") },
            "/metrics": { _ in
                process.update(metrics)
                return .text(metrics.render(), type: Metrics.contentType)
            },
        ]
    }

    /// How long answers in hand get at the end, in seconds: longer than one may take beside a store that answers.
    private static let lastSeconds = 5.0

    /// `sessionizer token NAME --role ROLE`
    static func token(_ words: [String]) throws -> Int32 {
        let arguments = try Arguments(words, allowed: ["--role", "--merchants", "--expires"])
        guard arguments.operands.count == 1, let name = arguments.operands.first,
            name.allSatisfy({ !$0.isWhitespace && $0 != "#" })
        else { throw UsageError(description: "token needs one name, without blanks") }
        let roles = Role.allCases.map(\.rawValue)
        guard let role = arguments["--role"], roles.contains(role) else {
            throw UsageError(description: "token needs --role, one of \(roles.joined(separator: ", "))")
        }
        if let day = arguments["--expires"], ArchiveDay(day) == nil {
            throw UsageError(description: "--expires \(day): not a day; expected e.g. 2027-01-01")
        }
        if let merchants = arguments["--merchants"] { try expectWritable(merchants: merchants) }
        let (token, digest) = AccessControl.fresh()
        var line = "\(name) \(role) \(digest)"
        if let merchants = arguments["--merchants"] { line += " merchants=\(merchants)" }
        if let day = arguments["--expires"] { line += " expires=\(day)" }
        complain("The token, told once, for \(name): \(token)")
        complain("The line for the file of tokens:")
        try put(line)
        return 0
    }

    /// A line of the file is words with blanks between them.
    private static func expectWritable(merchants: String) throws {
        for merchant in merchants.split(separator: ",", omittingEmptySubsequences: false)
        where merchant.isEmpty || merchant.contains(where: \.isWhitespace) {
            throw UsageError(
                description: "--merchants \(merchants): expected ids without blanks, divided by commas, "
                    + "e.g. harbor-burgers,pier-pizza; the file of tokens cannot hold \(merchant.isEmpty ? "an empty one" : "`\(merchant)`")"
            )
        }
    }

    /// Where it is, with the port that was chosen.
    static func address(_ listen: String, port: Int) -> String {
        let host = listen.lastIndex(of: ":").map { listen[..<$0] } ?? listen[...]
        return "\(host):\(port)"
    }
}
