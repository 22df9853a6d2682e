public import SessionCore

/// What `config/sessionizer.yaml` may set. What it leaves out is nil, or the rules' default.
public struct SettingsFile: Equatable, Sendable {
    /// `store.url`
    public var storeURL: String?
    /// `store.url_file`: a file that holds the URL, for it may hold a password.
    public var storeURLFile: String?
    /// `store.retention_days`: how long events are kept.
    public var retentionDays: Retention?
    /// `rules`: what the tables depend on beside the events.
    public var rules = Rules()
    /// `memory.max_resident_entities`
    public var maxResidentEntities: Int?
    /// `batch.max_events`
    public var batchMaxEvents: Int?
    /// `batch.max_age_ms`
    public var batchMaxAgeMilliseconds: Int?
    /// `amqp.url`: brokers, tried in order.
    public var amqpURLs: [String]?
    /// `amqp.url_file`: a file that holds the URLs, for they may hold a password.
    public var amqpURLFile: String?
    /// `amqp.queue`
    public var amqpQueue: String?
    /// `amqp.queue_type`
    public var amqpQueueType: String?
    /// `amqp.prefetch`
    public var amqpPrefetch: Int?
    /// `amqp.max_held_bytes`
    public var amqpMaxHeldBytes: Int?
    /// `amqp.declare`
    public var amqpDeclares: Bool?
    /// `amqp.exchange`
    public var amqpExchange: String?
    /// `amqp.binding_key`
    public var amqpBindingKey: String?
    /// `amqp.cacertfile`: whom to believe, where a URL with TLS does not say.
    public var amqpAuthorityFile: String?
    /// `amqp.certfile`
    public var amqpCertificateFile: String?
    /// `amqp.keyfile`
    public var amqpKeyFile: String?
    /// `amqp.from_offset`: where to begin in a stream.
    public var amqpFromOffset: String?
    /// `amqp.from_time`: likewise.
    public var amqpFromTime: String?
    /// `http`: where `serve` answers, and to whom.
    public var http = HTTP()
    /// `log.level`
    public var logLevel: String?
    /// `amqp.partitions`
    public var amqpPartitions: Int?
    /// `amqp.partition_header`
    public var amqpPartitionHeader: String?
    /// `amqp.lease_seconds`
    public var leaseSeconds: Int?
    /// `shutdown.grace_seconds`
    public var graceSeconds: Int?
    /// `catalogue`: a file beside this one, or a path from the root.
    public var catalogue: String?
    /// The lines of the keys that are set: for what is judged elsewhere, by whoever knows URLs, times or addresses.
    public var lines: [String: Int] = [:]

    /// What is below `http`.
    public struct HTTP: Equatable, Sendable {
        /// `http.listen`
        public var listen: String?
        /// `http.hosts`: names under which it may be asked.
        public var hosts: [String]?
        /// `http.audit`: a file.
        public var audit: String?
        /// `http.tokens`: a file.
        public var tokens: String?
        /// `http.jwks`: a file.
        public var keys: String?
        /// `http.jwt_issuer`
        public var issuer: String?
        /// `http.jwt_audience`
        public var audience: String?
        /// `http.tls_certificate`: a file.
        public var certificate: String?
        /// `http.tls_key`: a file.
        public var key: String?
        /// `http.behind_tls`: an ingress speaks TLS.
        public var isBehindTLS: Bool?
        /// `http.kept_answers_mb`: what answers may take that are given again while the store has not changed.
        public var keptMegabytes: Int?
        /// What that may be.
        public static let keptMegabytesRange = 0...4096
    }

    /// How long the events of a month are kept after it ended.
    public enum Retention: Equatable, Sendable {
        /// For ever.
        case off
        /// So many days.
        case days(Int)
    }

    /// Nothing set.
    public init() {}

    /// Reads a settings file; everything in it is checked but for URLs, addresses and places in a stream, which are texts
    /// here.
    public static func parse(_ text: String, file: String) throws(ConfigurationError) -> SettingsFile {
        var settings = SettingsFile()
        let reader = KeyReader(file: file)
        guard let root = try YAMLDocument.parse(text, file: file), root.text != "" else { return settings }
        for (path, value) in try reader.leaves(of: root) {
            if let first = settings.lines[path] {
                throw reader.fail(value.line, "`\(path)` stands here a second time (first in line \(first))")
            }
            settings.lines[path] = value.line
            switch path {
            case "store.url": settings.storeURL = try reader.text(path, value)
            case "store.url_file": settings.storeURLFile = try reader.text(path, value)
            case "store.retention_days":
                settings.retentionDays =
                    value.text == "off" ? .off : .days(try reader.whole(path, value, 31...36_500, or: "off"))
            case "catalogue": settings.catalogue = try reader.text(path, value)
            case "memory.max_resident_entities":
                settings.maxResidentEntities = try reader.whole(path, value, 1...100_000_000)
            case "batch.max_events": settings.batchMaxEvents = try reader.whole(path, value, 1...1_000_000)
            case "batch.max_age_ms":
                settings.batchMaxAgeMilliseconds = try reader.whole(path, value, 0...60_000)
            case "amqp.url": settings.amqpURLs = try reader.list(path, value)
            case "amqp.url_file": settings.amqpURLFile = try reader.text(path, value)
            case "amqp.queue": settings.amqpQueue = try reader.text(path, value)
            case "amqp.queue_type":
                settings.amqpQueueType = try reader.one(path, value, ["quorum", "classic", "stream"])
            case "amqp.prefetch": settings.amqpPrefetch = try reader.whole(path, value, 2...65_535)
            case "amqp.max_held_bytes":
                settings.amqpMaxHeldBytes = try reader.whole(path, value, 1 << 22...1 << 40)
            case "amqp.declare": settings.amqpDeclares = try reader.truth(path, value)
            case "amqp.exchange": settings.amqpExchange = try reader.text(path, value)
            case "amqp.binding_key": settings.amqpBindingKey = try reader.text(path, value)
            case "amqp.cacertfile": settings.amqpAuthorityFile = try reader.text(path, value)
            case "amqp.certfile": settings.amqpCertificateFile = try reader.text(path, value)
            case "amqp.keyfile": settings.amqpKeyFile = try reader.text(path, value)
            case "amqp.from_offset": settings.amqpFromOffset = try reader.text(path, value)
            case "amqp.from_time": settings.amqpFromTime = try reader.text(path, value)
            case "http.listen": settings.http.listen = try reader.text(path, value)
            case "http.hosts": settings.http.hosts = try reader.list(path, value)
            case "http.audit": settings.http.audit = try reader.text(path, value)
            case "http.tokens": settings.http.tokens = try reader.text(path, value)
            case "http.jwks": settings.http.keys = try reader.text(path, value)
            case "http.jwt_issuer": settings.http.issuer = try reader.text(path, value)
            case "http.jwt_audience": settings.http.audience = try reader.text(path, value)
            case "http.tls_certificate": settings.http.certificate = try reader.text(path, value)
            case "http.tls_key": settings.http.key = try reader.text(path, value)
            case "http.behind_tls": settings.http.isBehindTLS = try reader.truth(path, value)
            case "http.kept_answers_mb":
                settings.http.keptMegabytes = try reader.whole(path, value, HTTP.keptMegabytesRange)
            case "log.level":
                settings.logLevel = try reader.one(path, value, ["debug", "info", "warning", "error"])
            case "amqp.partitions":
                settings.amqpPartitions = try reader.whole(path, value, 1...1024)
            case "amqp.partition_header": settings.amqpPartitionHeader = try reader.text(path, value)
            case "amqp.lease_seconds":
                settings.leaseSeconds = try reader.whole(path, value, 2...600)
            case "shutdown.grace_seconds":
                settings.graceSeconds = try reader.whole(path, value, 1...3600)
            case "rules.max_window_seconds":
                settings.rules.maxWindow = Int64(try reader.whole(path, value, 1...31_622_400)) * 1_000_000
            case "rules.max_silence_seconds":
                settings.rules.maxSilence =
                    value.text == "off"
                    ? nil : Int64(try reader.whole(path, value, 1...31_622_400, or: "off")) * 1_000_000
            case "rules.max_targets": settings.rules.maxTargets = try reader.whole(path, value, 1...10_000)
            case "rules.usable_states": settings.rules.usableStates = try reader.words(path, value)
            case "rules.downtime_states": settings.rules.downtimeStates = try reader.words(path, value)
            case "rules.off_duty_states": settings.rules.offDutyStates = try reader.words(path, value)
            default:
                throw reader.fail(
                    value.line, "unknown key `\(path)`; known: \(Self.keys.joined(separator: ", "))")
            }
        }
        try reader.expectDisjoint(settings.rules, settings.lines)
        return settings
    }

    /// Every key there is.
    public static let keys = [
        "store.url", "store.url_file", "store.retention_days", "catalogue", "memory.max_resident_entities",
        "batch.max_events",
        "batch.max_age_ms", "amqp.url", "amqp.url_file", "amqp.queue", "amqp.queue_type", "amqp.prefetch",
        "amqp.max_held_bytes", "amqp.declare", "amqp.exchange", "amqp.binding_key", "amqp.partitions",
        "amqp.partition_header", "amqp.lease_seconds", "amqp.cacertfile", "amqp.certfile", "amqp.keyfile",
        "amqp.from_offset", "amqp.from_time", "http.listen", "http.hosts", "http.audit", "http.tokens",
        "http.jwks", "http.jwt_issuer", "http.jwt_audience", "http.tls_certificate", "http.tls_key",
        "http.behind_tls", "http.kept_answers_mb", "log.level", "shutdown.grace_seconds",
        "rules.max_window_seconds", "rules.max_silence_seconds",
        "rules.max_targets", "rules.usable_states",
        "rules.downtime_states", "rules.off_duty_states",
    ]
}

/// Typed values out of a YAML tree, each mistake with its line.
private struct KeyReader {
    let file: String

    func fail(_ line: Int, _ problem: String) -> ConfigurationError {
        ConfigurationError(file: file, line: line, problem: problem)
    }

    /// Everything that is not a map, under its dotted path.
    func leaves(of root: YAMLNode, under prefix: String = "") throws(ConfigurationError)
        -> [(path: String, value: YAMLNode)]
    {
        guard case .map(let pairs) = root.content else {
            throw fail(root.line, "expected keys with values, e.g. `store:` and below it `url: sqlite:FILE`")
        }
        var found: [(path: String, value: YAMLNode)] = []
        for (key, value) in pairs {
            guard let name = key.text, !name.isEmpty else { throw fail(key.line, "a key is a word") }
            switch value.content {
            case .map: found += try leaves(of: value, under: prefix + name + ".")
            case .scalar(let text):
                guard let example = SettingsFile.keys.first(where: { $0.hasPrefix(prefix + name + ".") })
                else {
                    found.append((prefix + name, value))
                    continue
                }
                // A section whose keys are all commented out is empty.
                if !text.isEmpty {
                    throw fail(
                        value.line,
                        "`\(prefix + name)` is `\(text)`; expected keys below it, e.g. `\(example)`")
                }
            case .list: found.append((prefix + name, value))
            }
        }
        return found
    }

    func text(_ path: String, _ value: YAMLNode) throws(ConfigurationError) -> String {
        guard let text = value.text, !text.isEmpty else {
            throw fail(value.line, "`\(path)` is empty; expected a text")
        }
        return text
    }

    func whole(
        _ path: String, _ value: YAMLNode, _ range: ClosedRange<Int>, or word: String? = nil
    ) throws(ConfigurationError) -> Int {
        guard let text = value.text, let number = Int(text), range.contains(number) else {
            let other = word.map { ", or \($0)" } ?? ""
            throw fail(
                value.line,
                "`\(path)` is `\(value.text ?? "a list")`; expected a whole number from \(range.lowerBound) to "
                    + "\(range.upperBound)\(other)")
        }
        return number
    }

    /// One of a few words.
    func one(_ path: String, _ value: YAMLNode, _ known: [String]) throws(ConfigurationError) -> String {
        guard let text = value.text, known.contains(text) else {
            throw fail(
                value.line,
                "`\(path)` is `\(value.text ?? "a list")`; expected one of \(known.joined(separator: ", "))")
        }
        return text
    }

    /// Whether something is so.
    func truth(_ path: String, _ value: YAMLNode) throws(ConfigurationError) -> Bool {
        try one(path, value, ["true", "false"]) == "true"
    }

    /// A text, or a list of texts.
    func list(_ path: String, _ value: YAMLNode) throws(ConfigurationError) -> [String] {
        guard case .list(let items) = value.content else { return [try text(path, value)] }
        var texts: [String] = []
        for item in items { texts.append(try text(path, item)) }
        if texts.isEmpty { throw fail(value.line, "`\(path)` is empty; expected a text, or a list of them") }
        return texts
    }

    func words(_ path: String, _ value: YAMLNode) throws(ConfigurationError) -> Set<String> {
        guard case .list(let items) = value.content else {
            throw fail(value.line, "`\(path)`: expected a list of states, e.g. [idle, available]")
        }
        var words: Set<String> = []
        for item in items { words.insert(try text(path, item)) }
        return words
    }

    /// A state counts as one thing only.
    func expectDisjoint(_ rules: Rules, _ lines: [String: Int]) throws(ConfigurationError) {
        let lists = [
            ("rules.usable_states", rules.usableStates), ("rules.downtime_states", rules.downtimeStates),
            ("rules.off_duty_states", rules.offDutyStates),
        ]
        for (index, first) in lists.enumerated() {
            for second in lists[(index + 1)...] {
                if let both = first.1.intersection(second.1).min() {
                    throw fail(
                        lines[second.0] ?? lines[first.0] ?? 1,
                        "the state `\(both)` is in `\(first.0)` and in `\(second.0)`; expected in one of them"
                    )
                }
            }
        }
    }
}
