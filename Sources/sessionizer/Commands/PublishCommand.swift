import AMQPSource
import ArchiveSource
import EventDecoding
import Glibc
import MessageBatches
import SessionStory

/// `sessionizer publish PATH... --amqp URL --queue NAME`: an archive into a queue.
enum PublishCommand {
    static let options: Set<String> = [
        "--amqp", "--queue", "--queue-type", "--exchange", "--routing-key", "--key-field",
        "--partitions", "--partition-header", "--binding-key", "--rate", "--speed",
        "--from", "--to", "--format",
    ]

    static func run(_ words: [String], _ settings: Settings) throws -> Int32 {
        let arguments = try Arguments(words, allowed: options, flags: ["--declare"])
        let wantsJSON = try arguments.wantsJSON()
        if arguments.operands.isEmpty {
            throw UsageError(
                description: "publish needs at least one file or folder, or - for standard input")
        }
        var live = settings.live
        try live.take(arguments)
        let pace = try Pace(arguments)
        let files = try ArchiveFiles.find(
            paths: arguments.operands, from: ArchiveReplay.day("--from", arguments),
            to: ArchiveReplay.day("--to", arguments))
        var queue = try live.queueSettings(bindsOnly: false)
        var exchange = live.exchange
        let stem = queue.name
        if let split = Self.split(live, arguments) {
            if queue.kind == .stream { throw LiveService.noSplitStream }
            guard arguments["--routing-key"] != nil || arguments["--key-field"] != nil else {
                throw UsageError(
                    description:
                        "messages for \(split.queues.count) partitions need a key that says which belong together: --key-field "
                        + "NAME takes it from each message, e.g. --key-field market; --routing-key KEY gives all the same"
                )
            }
            exchange = split.exchange
            queue = try live.queueSettings(partition: 0, bindsOnly: false)
        }
        let brokers = try live.brokers { complain("sessionizer: \($0)") }
        var configuration = AMQPPublisher.Configuration(
            brokers: brokers.first, queue: queue, exchange: exchange ?? "",
            routingKey: arguments["--routing-key"] ?? stem, connectionName: "sessionizer publish",
            version: CommandLineTool.version)
        configuration.currentBrokers = brokers.now
        if let name = arguments["--key-field"] {
            guard exchange != nil else {
                throw UsageError(
                    description:
                        "--key-field needs --exchange or --partitions: without one, messages go to the queue by its name"
                )
            }
            let field = OuterField(name)
            configuration.keyOf = { field.value(in: $0, limit: Self.longestKey) }
        }
        configuration.keyHeader = live.partitionHeader
        let publisher = try AMQPPublisher(configuration)
        return try Run(publisher: publisher, pace: pace, files: files).run(wantsJSON: wantsJSON)
    }

    /// Where to, with partitions; nil for one queue. Whoever names a queue in the command means that one, whatever the
    /// settings say of the one that `serve` reads.
    private static func split(
        _ live: LiveSettings, _ arguments: Arguments
    ) -> (exchange: String, queues: [String])? {
        guard arguments["--partitions"] != nil || arguments["--queue"] == nil else { return nil }
        return live.queue.flatMap { live.split($0) }
    }

    /// Of a routing key (AMQP 0-9-1: a short string).
    private static let longestKey = 255

    /// How fast.
    enum Pace {
        /// As fast as the broker confirms.
        case free
        /// So many messages a second.
        case rate(Double)
        /// As the events happened, so many times faster.
        case speed(Double)

        /// Of a rate and of a speed.
        static let accepted = 0.001...1e9

        init(_ arguments: Arguments) throws {
            func positive(_ name: String, _ text: String, _ example: String) throws -> Double {
                guard let number = Double(text), Self.accepted.contains(number) else {
                    throw UsageError(
                        description:
                            "\(name) \(text): expected a number from 0.001 to 1000000000, e.g. \(example)"
                    )
                }
                return number
            }
            switch (arguments["--rate"], arguments["--speed"]) {
            case (nil, nil): self = .free
            case (let rate?, nil): self = .rate(try positive("--rate", rate, "2000 (messages a second)"))
            case (nil, let speed?):
                let number = speed.hasSuffix("x") ? String(speed.dropLast()) : speed
                self = .speed(try positive("--speed", number, "60x (an hour in a minute)"))
            case (_?, _?): throw UsageError(description: "--rate and --speed: expected one of them")
            }
        }

        /// How long after the first message one is due.
        /// - Parameters:
        ///   - sent: How many were sent before it.
        ///   - passed: Microseconds from the first event to its own.
        /// - Returns: Microseconds, of a century at most: the years of events and a slow pace make more than a clock counts.
        func due(sent: Int, passed: Int64) -> Int64 {
            switch self {
            case .free: 0
            case .rate(let rate): Int64(min(Double(sent) / rate * 1e6, Self.longest))
            case .speed(let factor): Int64(min(Double(max(passed, 0)) / factor, Self.longest))
            }
        }

        private static let longest = 100 * 366 * 86_400 * 1e6
    }

    private struct Run {
        let publisher: AMQPPublisher
        let pace: Pace
        let files: [ArchiveFile]

        func run(wantsJSON: Bool) throws -> Int32 {
            let reader = ArchiveReader(files: files)
            let read = DecodedBatch(batch: MessageBatch())
            let decoder = EventDecoder()
            let startedAt = monotonicNow()
            let progress = PublishProgress()
            var firstEvent: Int64?
            var sent = 0
            var tooLong: [String] = []
            while try reader.fill(read.batch, maxMessages: 1000, maxBytes: 1 << 24) {
                var due: [Int: Int64] = [:]
                if case .speed = pace {
                    decoder.scan(read)
                    due = Dictionary(read.eventTimes.map { ($0.offset, $0.time) }) { first, _ in first }
                }
                for message in read.batch.messages {
                    if message.isCut {
                        tooLong.append(
                            "\(read.batch.origins[message.origin]):\(message.position): \(message.originalLength) bytes, which "
                                + "is more than an event may have: it was not published")
                        continue
                    }
                    switch pace {
                    case .free: break
                    case .rate:
                        try wait(until: startedAt + pace.due(sent: sent, passed: 0), progress)
                    case .speed:
                        if let time = due[message.offset] {
                            let first = firstEvent ?? time
                            firstEvent = first
                            try wait(until: startedAt + pace.due(sent: sent, passed: time - first), progress)
                        }
                    }
                    try publisher.publish(read.batch.bytes(of: message))
                    sent += 1
                    progress.show(publisher.counts, startedAt)
                }
                read.removeAll()
            }
            try publisher.finish()
            progress.clear()
            let problems = reader.reports.filter(\.isDamage).map(\.description) + tooLong
            try put(summary(wantsJSON, Double(monotonicNow() - startedAt) / 1e6, problems))
            for problem in problems { complain("sessionizer: \(problem)") }
            return problems.isEmpty ? 0 : 1
        }

        private func wait(until: Int64, _ progress: PublishProgress) throws {
            while true {
                let left = until - monotonicNow()
                if left <= 0 { return }
                try publisher.service(microseconds: min(left, 100_000))
                progress.show(publisher.counts, nil)
            }
        }

        private func summary(_ wantsJSON: Bool, _ seconds: Double, _ problems: [String]) -> String {
            let counts = publisher.counts
            if wantsJSON {
                var out = JSONText()
                out.object { out in
                    out.integer("published", Int64(counts.accepted))
                    out.integer("confirmed", Int64(counts.confirmed))
                    out.integer("repeated", Int64(counts.repeated))
                    out.integer("reconnects", Int64(counts.reconnects))
                    out.integer("files", Int64(files.count))
                    out.number("seconds", seconds)
                    out.array("problems") { out in for problem in problems { out.string(nil, problem) } }
                }
                return out.text
            }
            var text = "\(counts.confirmed) messages of \(files.count) files published and confirmed in "
            text += "\(InstantText.length(seconds)), \(Int(Double(counts.confirmed) / max(seconds, 0.001)))/s"
            if counts.repeated > 0 {
                text += "; \(counts.repeated) of them sent again after \(counts.reconnects) lost connections"
            }
            return text
        }
    }
}

/// One line on standard error, if that is a terminal.
private final class PublishProgress {
    private let isShown = isatty(STDERR_FILENO) == 1
    private var lastShown: Int64 = 0
    private var startedAt: Int64 = 0

    func show(_ counts: AMQPPublisher.Counts, _ startedAt: Int64?) {
        if let startedAt { self.startedAt = startedAt }
        guard isShown else { return }
        let now = monotonicNow()
        guard now - lastShown > 200_000 else { return }
        lastShown = now
        let elapsed = max(Double(now - self.startedAt) / 1e6, 0.001)
        var line = "\(counts.accepted) published, \(counts.confirmed) confirmed, "
        line += "\(Int(Double(counts.confirmed) / elapsed))/s"
        if counts.reconnects > 0 { line += ", \(counts.reconnects) reconnects" }
        if counts.isBlocked { line += ", the broker takes nothing for now" }
        complain("\r\u{1B}[K\(line)", newline: false)
    }

    func clear() {
        if isShown { complain("\r\u{1B}[K", newline: false) }
    }
}
