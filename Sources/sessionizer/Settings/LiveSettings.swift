import AMQPSource
import ConfigurationFile
import SessionPipeline
import Telemetry

/// What `serve` and `publish` are told by the configuration file, then the environment, then options.
struct LiveSettings {
    /// As written; nothing shows it, for it may hold passwords.
    var amqpURL: GivenSecret?
    var queue: String?
    var queueType = QueueSettings.Kind.quorum
    var prefetch = 10_000
    /// Bytes of messages that may be held in memory.
    var maxHeldBytes = 256 << 20
    var declares = false
    var exchange: String?
    var bindingKey = "#"
    /// For TLS, where a URL does not name its own.
    var files = AMQPAddress.Files()
    var streamStart: QueueSettings.StreamStart?
    var maxAgeMilliseconds = 100
    var logLevel = LogLevel.info
    var graceSeconds = 25
    /// Into how many queues the messages are split; nil: one.
    var partitions: Int?
    /// The header they are split by; nil: their routing key.
    var partitionHeader: String?
    /// How long a lease of a partition lasts without being renewed.
    var leaseSeconds = 15
    /// `SESSIONIZER_TEST_KILL_AT`: for the tests of this program only.
    var killPoint: KillPoint?

    static let variables: Set<String> = [
        "SESSIONIZER_AMQP_URL", "SESSIONIZER_AMQP_URL_FILE", "SESSIONIZER_AMQP_CACERTFILE",
        "SESSIONIZER_AMQP_CERTFILE", "SESSIONIZER_AMQP_KEYFILE", "SESSIONIZER_AMQP_QUEUE",
        "SESSIONIZER_AMQP_QUEUE_TYPE", "SESSIONIZER_AMQP_PREFETCH", "SESSIONIZER_AMQP_MAX_HELD_BYTES",
        "SESSIONIZER_AMQP_DECLARE", "SESSIONIZER_AMQP_EXCHANGE", "SESSIONIZER_AMQP_BINDING_KEY",
        "SESSIONIZER_AMQP_FROM_OFFSET", "SESSIONIZER_AMQP_FROM_TIME", "SESSIONIZER_AMQP_PARTITIONS",
        "SESSIONIZER_AMQP_PARTITION_HEADER", "SESSIONIZER_BATCH_MAX_AGE_MS", "SESSIONIZER_LEASE_SECONDS",
        "SESSIONIZER_LOG_LEVEL", "SESSIONIZER_GRACE_SECONDS", "SESSIONIZER_TEST_KILL_AT",
    ]

    /// Takes over what a configuration file sets. What it says was checked before: its numbers and words where it was
    /// read, the rest by ``SettingsFile/expectUsable(_:)``.
    mutating func take(_ file: SettingsFile, urlFileNamed name: String) throws {
        if let urls = file.amqpURLs { amqpURL = .text(urls.joined(separator: ",")) }
        if let path = file.amqpURLFile { amqpURL = .file(path, namedBy: name) }
        queue = file.amqpQueue ?? queue
        if let kind = file.amqpQueueType { queueType = try Self.kind("amqp.queue_type", kind) }
        prefetch = file.amqpPrefetch ?? prefetch
        maxHeldBytes = file.amqpMaxHeldBytes ?? maxHeldBytes
        declares = file.amqpDeclares ?? declares
        exchange = file.amqpExchange ?? exchange
        bindingKey = file.amqpBindingKey ?? bindingKey
        files.authority = file.amqpAuthorityFile ?? files.authority
        files.certificate = file.amqpCertificateFile ?? files.certificate
        files.key = file.amqpKeyFile ?? files.key
        try takeStart(
            ("amqp.from_offset", file.amqpFromOffset), ("amqp.from_time", file.amqpFromTime))
        maxAgeMilliseconds = file.batchMaxAgeMilliseconds ?? maxAgeMilliseconds
        if let level = file.logLevel { logLevel = try Self.level("log.level", level) }
        graceSeconds = file.graceSeconds ?? graceSeconds
        partitions = file.amqpPartitions ?? partitions
        partitionHeader = file.amqpPartitionHeader ?? partitionHeader
        leaseSeconds = file.leaseSeconds ?? leaseSeconds
    }

    /// Takes over what the environment sets.
    mutating func take(_ environment: [String: String]) throws {
        if let url = environment["SESSIONIZER_AMQP_URL"] { amqpURL = .text(url) }
        for name in ["SESSIONIZER_AMQP_URL", "SESSIONIZER_STORE_URL"]
        where environment[name] != nil && environment[name + "_FILE"] != nil {
            throw UsageError(description: "\(name) and \(name)_FILE are both set; expected one of them")
        }
        if let path = environment["SESSIONIZER_AMQP_URL_FILE"] {
            amqpURL = .file(path, namedBy: "SESSIONIZER_AMQP_URL_FILE")
        }
        queue = environment["SESSIONIZER_AMQP_QUEUE"] ?? queue
        if let kind = environment["SESSIONIZER_AMQP_QUEUE_TYPE"] {
            queueType = try Self.kind("SESSIONIZER_AMQP_QUEUE_TYPE", kind)
        }
        prefetch = try Self.number(environment, "SESSIONIZER_AMQP_PREFETCH", 2...65_535) ?? prefetch
        declares = try Self.truth(environment, "SESSIONIZER_AMQP_DECLARE") ?? declares
        exchange = environment["SESSIONIZER_AMQP_EXCHANGE"] ?? exchange
        bindingKey = environment["SESSIONIZER_AMQP_BINDING_KEY"] ?? bindingKey
        files.authority = environment["SESSIONIZER_AMQP_CACERTFILE"] ?? files.authority
        files.certificate = environment["SESSIONIZER_AMQP_CERTFILE"] ?? files.certificate
        files.key = environment["SESSIONIZER_AMQP_KEYFILE"] ?? files.key
        let (offset, time) = ("SESSIONIZER_AMQP_FROM_OFFSET", "SESSIONIZER_AMQP_FROM_TIME")
        try takeStart((offset, environment[offset]), (time, environment[time]))
        maxHeldBytes =
            try Self.number(environment, "SESSIONIZER_AMQP_MAX_HELD_BYTES", 1 << 22...1 << 40) ?? maxHeldBytes
        maxAgeMilliseconds =
            try Self.number(environment, "SESSIONIZER_BATCH_MAX_AGE_MS", 0...60_000) ?? maxAgeMilliseconds
        if let level = environment["SESSIONIZER_LOG_LEVEL"] {
            logLevel = try Self.level("SESSIONIZER_LOG_LEVEL", level)
        }
        graceSeconds = try Self.number(environment, "SESSIONIZER_GRACE_SECONDS", 1...3600) ?? graceSeconds
        partitions = try Self.number(environment, "SESSIONIZER_AMQP_PARTITIONS", 1...1024) ?? partitions
        partitionHeader = environment["SESSIONIZER_AMQP_PARTITION_HEADER"] ?? partitionHeader
        leaseSeconds = try Self.number(environment, "SESSIONIZER_LEASE_SECONDS", 2...600) ?? leaseSeconds
        if let text = environment["SESSIONIZER_TEST_KILL_AT"] { killPoint = try KillPoint(text) }
    }

    /// Fails where the environment has one of a client's certificate and its key, and the other is nowhere.
    func expectPair() throws {
        let names = ("SESSIONIZER_AMQP_CERTFILE", "SESSIONIZER_AMQP_KEYFILE")
        switch (files.certificate, files.key) {
        case (nil, nil), (_?, _?): break
        case (_?, nil):
            throw UsageError(description: "\(names.0) is set without \(names.1); expected both or none")
        case (nil, _?):
            throw UsageError(description: "\(names.1) is set without \(names.0); expected both or none")
        }
    }

    /// Takes over what the command line says.
    mutating func take(_ arguments: Arguments) throws {
        amqpURL = arguments["--amqp"].map { .text($0) } ?? amqpURL
        queue = arguments["--queue"] ?? queue
        if let kind = arguments["--queue-type"] { queueType = try Self.kind("--queue-type", kind) }
        prefetch = try Self.number(arguments, "--prefetch", 2...65_535) ?? prefetch
        if arguments.has("--declare") { declares = true }
        exchange = arguments["--exchange"] ?? exchange
        bindingKey = arguments["--binding-key"] ?? bindingKey
        graceSeconds = try Self.number(arguments, "--grace", 1...3600) ?? graceSeconds
        partitions = try Self.number(arguments, "--partitions", 1...1024) ?? partitions
        partitionHeader = arguments["--partition-header"] ?? partitionHeader
        maxAgeMilliseconds =
            try Self.number(arguments, "--batch-max-age-ms", 0...60_000) ?? maxAgeMilliseconds
        try takeStart(
            ("--from-offset", arguments["--from-offset"]), ("--from-time", arguments["--from-time"]))
        if streamStart != nil, queueType != .stream {
            throw UsageError(
                description:
                    "--from-offset and --from-time (amqp.from_offset, amqp.from_time) need --queue-type stream: a \(queueType.rawValue) "
                    + "queue gives each message away once")
        }
    }

    /// Where to begin in a stream: one of two, each by the name under which it was given.
    private mutating func takeStart(
        _ offset: (name: String, text: String?), _ time: (name: String, text: String?)
    )
        throws
    {
        if let text = offset.text { streamStart = try Self.start(offset.name, text) }
        guard let text = time.text else { return }
        guard offset.text == nil else {
            throw UsageError(description: "\(offset.name) and \(time.name): expected one of them")
        }
        guard let seconds = InstantArgument.seconds(text) else {
            throw UsageError(
                description: "\(time.name) \(text): expected RFC 3339, e.g. 2026-11-02T16:15:00Z, or a day")
        }
        streamStart = .time(seconds)
    }

    /// For how long what is in hand is tried again once it is to be the last: a fifth of the grace time is left for
    /// closing.
    var finishingMicroseconds: Int64 { Int64(graceSeconds) * 800_000 }

    /// For how many seconds, once nothing is in hand, a database that does not answer is waited for, and then for as long
    /// readers' last answers: both fit into the rest of the grace time.
    var lastSeconds: Double { min(Double(graceSeconds) * 0.08, 3) }

    /// Where the brokers are, found once, and how they are reached, which is asked for each connection: what a file holds may
    /// change, as passwords do.
    struct Brokers: Sendable {
        let first: [AMQPAddress]
        /// Nil where that does not change.
        let now: (@Sendable () -> [AMQPAddress])?
    }

    /// Where the brokers are.
    /// - Parameter warn: Told why the URL's file is not heeded any more.
    func brokers(warn: @escaping @Sendable (String) -> Void) throws -> Brokers {
        guard let amqpURL else {
            throw UsageError(
                description: "no broker; expected --amqp amqp://user:password@host:port/vhost, "
                    + "SESSIONIZER_AMQP_URL or amqp.url")
        }
        guard case .file(_, let name) = amqpURL else {
            return Brokers(first: try Self.brokers(amqpURL.read(), files), now: nil)
        }
        let files = files
        let file = try HeededFile<[AMQPAddress]>(
            amqpURL,
            read: { text, last in
                let brokers = try Self.brokers(text, files)
                if let last, !brokers.areSameBrokers(as: last) {
                    throw UsageError(
                        description: "\(name): it names other brokers than before; for these restart")
                }
                return brokers
            }, warn: warn)
        return Brokers(first: file.value) { file.value }
    }

    private static func brokers(_ url: String, _ files: AMQPAddress.Files) throws -> [AMQPAddress] {
        do {
            return try AMQPAddress.list(url, files: files)
        } catch {
            throw UsageError(description: "the broker's URL: \(error)")
        }
    }

    /// Which queue, and how it is read.
    /// - Parameter bindsOnly: Whether an exchange is of use only for binding the queue to it.
    func queueSettings(bindsOnly: Bool = true) throws -> QueueSettings {
        guard let queue else {
            throw UsageError(
                description: "no queue; expected --queue NAME, SESSIONIZER_AMQP_QUEUE or amqp.queue")
        }
        if bindsOnly, exchange != nil, !declares {
            throw UsageError(description: "--exchange is for --declare, which binds the queue to it")
        }
        return QueueSettings(
            name: queue, kind: queueType, prefetch: prefetch, streamStart: streamStart ?? .first,
            topology: declares ? .init(exchange: exchange, bindingKey: bindingKey) : nil)
    }

    /// The queue of one partition: the queue's name, a dot and the partition's number.
    func queueSettings(partition: Int, bindsOnly: Bool = true) throws -> QueueSettings {
        var settings = try queueSettings(bindsOnly: bindsOnly)
        let stem = settings.name
        settings.name = Self.partitionQueue(stem, partition)
        settings.partitionKey = partitionHeader.map { .header($0) } ?? .routingKey
        if declares {
            let split = split(stem)
            settings.topology = .init(exchange: split?.exchange, partitions: split?.queues ?? [], stem: stem)
        }
        return settings
    }

    /// The queues of all partitions and the exchange before them; nil where the messages are not split.
    func split(_ queue: String) -> (exchange: String, queues: [String])? {
        guard let partitions else { return nil }
        return (exchange ?? queue, (0..<partitions).map { Self.partitionQueue(queue, $0) })
    }

    private static func partitionQueue(_ queue: String, _ number: Int) -> String { "\(queue).\(number)" }

    private static func kind(_ name: String, _ text: String) throws -> QueueSettings.Kind {
        guard let kind = QueueSettings.Kind(rawValue: text) else {
            throw UsageError(description: "\(name) \(text): expected quorum, classic or stream")
        }
        return kind
    }

    private static func level(_ name: String, _ text: String) throws -> LogLevel {
        guard let level = LogLevel(rawValue: text) else {
            throw UsageError(description: "\(name)=\(text): expected debug, info, warning or error")
        }
        return level
    }

    static func start(_ name: String, _ text: String) throws -> QueueSettings.StreamStart {
        switch text {
        case "first": return .first
        case "last": return .last
        case "next": return .next
        default:
            guard let offset = Int64(text), offset >= 0 else {
                throw UsageError(
                    description: "\(name) \(text): expected an offset, first, last or next")
            }
            return .offset(offset)
        }
    }

    /// A variable that says yes or no; nil where it is not set.
    static func truth(_ environment: [String: String], _ name: String) throws -> Bool? {
        switch environment[name] {
        case nil: nil
        case "true"?: true
        case "false"?: false
        case let other?: throw UsageError(description: "\(name)=\(other): expected true or false")
        }
    }

    static func number(
        _ environment: [String: String], _ name: String, _ range: ClosedRange<Int>
    ) throws -> Int? {
        try environment[name].map { try number(name + "=", $0, range) }
    }

    static func number(_ arguments: Arguments, _ name: String, _ range: ClosedRange<Int>) throws -> Int? {
        try arguments[name].map { try number(name + " ", $0, range) }
    }

    private static func number(_ name: String, _ text: String, _ range: ClosedRange<Int>) throws -> Int {
        guard let number = Int(text), range.contains(number) else {
            throw UsageError(
                description: "\(name)\(text): expected a whole number from \(range.lowerBound) to "
                    + "\(range.upperBound)")
        }
        return number
    }
}
