import AMQPSource
import Glibc
import HTTPServer
import SessionAPI
import SessionPipeline
import SessionStore
import Telemetry

/// The live service, wired: a thread owns each connection to the broker, another decodes, applies and commits what it
/// brings, HTTP has threads of its own, and one waits for signals.
struct LiveService {
    private let settings: Settings
    private let location: StoreLocation
    private let brokers: LiveSettings.Brokers
    private let consumers: LiveConsumers
    private let metrics: LiveMetrics
    private let health: LiveHealth
    private let log: Log
    private let stop = StopFlag()
    private let offer: OfferedAPI?

    init(_ settings: Settings, _ arguments: Arguments) throws {
        self.settings = settings
        let log = Log(level: settings.live.logLevel)
        self.log = log
        let warn: @Sendable (String) -> Void = { log.write(.warning, "url_not_heeded", $0) }
        location = try settings.store(arguments["--store"], warn: warn)
        consumers = LiveConsumers(partitions: settings.live.partitions)
        metrics = LiveMetrics(transport: "amqp")
        metrics.isSplit(into: settings.live.partitions ?? 0)
        // Unusable settings are found before anything begins.
        let queue = try Self.checkedQueue(settings.live, location)
        brokers = try settings.live.brokers(warn: warn)
        health = LiveHealth(consumers: consumers, metrics: metrics, isStream: queue.kind == .stream)
        offer =
            Self.offersAPI(settings.http)
            ? try OfferedAPI(settings, location, clock: .wall) { log.write(.info, "api", $0) } : nil
    }

    /// The queue, where the settings for reading it fit together.
    static func checkedQueue(_ live: LiveSettings, _ location: StoreLocation) throws -> QueueSettings {
        let queue = try live.queueSettings()
        guard live.partitions != nil else { return queue }
        guard case .postgres = location else {
            throw UsageError(
                description:
                    "partitions are shared by leases in PostgreSQL; expected --store postgres://…, "
                    + "not \(location)")
        }
        if queue.kind == .stream {
            throw noSplitStream
        }
        return queue
    }

    /// Of settings that ask for one.
    static let noSplitStream = UsageError(
        description: "a stream is not split into partitions; expected a quorum queue")

    /// Whether more than probes and metrics is answered there: elsewhere than on this machine only to those who say who
    /// they are.
    static func offersAPI(_ http: HTTPSettings) -> Bool { OfferedAPI.isLoopback(http.listen) || http.asksWho }

    func run() throws -> Int32 {
        // Before there is a second thread: each inherits what is blocked.
        Signals.block()
        let health = health
        let readers = ReadersMetrics(metrics.all)
        let api = LiveAPI(offer, readers)
        var limits = HTTPServer.Limits()
        // Each that answers keeps one of the database's processes busy, whose priority is nothing of ours: at a flood of
        // questions half of the cores, or two, are left to whoever writes (docs/performance.md, "Readers").
        limits.workers = max(2, min(limits.workers, sysconf(Int32(_SC_NPROCESSORS_ONLN)) / 2))
        let isSecure = offer?.isSecure == true
        limits.refusal = { status in
            readers.noteRefusal(status)
            return SessionAPI.refusal(status, isSecure: isSecure)
        }
        let http = try HTTPServer(
            listen: settings.http.listen, limits: limits, tls: offer?.tls, probes: health.probes
        ) { request in
            api.answer(request)
        }
        let queue = try settings.live.queueSettings()
        log.write(
            .info, "started", "sessionizer serves",
            [
                "version": .text(CommandLineTool.version), "commit": .text(CommandLineTool.commit),
                "http_port": .integer(http.port),
                "store": .text("\(location)"), "queue": .text(queue.name),
                "queue_type": .text(queue.kind.rawValue),
                "partitions": .integer(settings.live.partitions ?? 1),
                "prefetch": .integer(queue.prefetch),
                "batch_max_events": .integer(BatchCloser.Limits(settings).messages),
                "batch_max_age_ms": .integer(settings.live.maxAgeMilliseconds),
            ])
        let end = LiveEnd(
            settings: settings, location: location, consumers: consumers, health: health, log: log, stop: stop
        )
        waitForSignals(end)
        api.begin(log, stop)
        let counting = OpenSessions(location, metrics: metrics, log: log)
        counting.begin()
        defer { counting.end() }
        if let count = settings.live.partitions {
            let work = PartitionedWork(
                count: count, settings: settings, location: location, brokers: brokers, consumers: consumers,
                metrics: metrics, health: health, log: log, stop: stop)
            return try end.run(http) { try work.run() }
        }
        let worker = LiveWorker(
            queue, settings, location, brokers, consumers, metrics, health, log, stop, partition: nil)
        worker.beginConsuming()
        return try end.run(http) {
            _ = try worker.run()
            return 0
        }
    }

    private func waitForSignals(_ end: LiveEnd) {
        let (log, health, stop, consumers) = (log, health, stop, consumers)
        let (grace, patience) = (settings.live.graceSeconds, settings.live.finishingMicroseconds)
        Signals.wait(grace: grace) {
            log.write(
                .info, "stopping", "finishes the batch in hand, then ends", ["grace_seconds": .integer(grace)]
            )
            health.stops()
            stop.set(patience: patience)
            consumers.stopAll()
        } onGraceOver: {
            end.graceIsOver()
        }
    }

    static func hostName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "?" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

extension LogLevel {
    init(_ severity: ConsumerStateMachine.Notice.Severity) {
        switch severity {
        case .info: self = .info
        case .warning: self = .warning
        case .error: self = .error
        }
    }
}
