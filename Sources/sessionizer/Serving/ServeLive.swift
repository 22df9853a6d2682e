import AMQPSource
import SessionPipeline
import SessionStore
import Telemetry

/// `sessionizer serve --amqp URL --queue NAME --store URL`: the live service.
enum ServeLive {
    static let options = HTTPSettings.options.union([
        "--amqp", "--queue", "--queue-type", "--store", "--http", "--grace", "--prefetch", "--exchange",
        "--binding-key", "--from-offset", "--from-time", "--partitions", "--partition-header",
        "--batch-max-events", "--batch-max-age-ms",
    ])
    static let flags = HTTPSettings.flags.union(["--declare"])

    /// Whether the words or the settings name a broker or a queue: then `serve` means this.
    static func isAsked(_ words: [String], _ settings: Settings) -> Bool {
        if settings.live.amqpURL != nil || settings.live.queue != nil { return true }
        return words.contains { word in
            ["--amqp", "--queue"].contains { word == $0 || word.hasPrefix($0 + "=") }
        }
    }

    static func run(_ words: [String], _ settings: Settings) throws -> Int32 {
        let arguments = try Arguments(words, allowed: options, flags: flags)
        if let operand = arguments.operands.first {
            throw UsageError(description: "serve with a queue takes no operand; unexpected \(operand)")
        }
        var settings = settings
        try settings.live.take(arguments)
        try settings.http.take(arguments)
        if let count = try LiveSettings.number(arguments, "--batch-max-events", 1...1_000_000) {
            settings.batchMaxEvents = count
        }
        let service = try LiveService(settings, arguments)
        do { return try service.run() } catch let error as UsageError {
            throw error
        } catch {
            // From here on whoever reads standard error expects JSON (docs/live.md, "Log").
            Log(level: settings.live.logLevel).write(
                .error, "failed", "\(error)",
                (error as? StoreError).map { ["reason": .text($0.kind.rawValue)] } ?? [:])
            return 1
        }
    }
}

extension BatchCloser.Limits {
    /// Within the prefetch, so that one batch fills while another is being committed.
    init(_ settings: Settings) {
        self.init(
            messages: max(min(settings.batchMaxEvents, settings.live.prefetch / 2), 1),
            age: Int64(settings.live.maxAgeMilliseconds) * 1000)
    }
}
