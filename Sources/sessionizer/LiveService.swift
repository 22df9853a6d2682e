import AMQPSource
import Dispatch
import EventDecoding
import Glibc
import HTTPServer
import MessageBatches
import SessionCore
import SessionPipeline
import SessionStore
import Synchronization
import Telemetry

/// The live service, wired: a thread owns the broker's connection, this one decodes, applies and commits, HTTP has
/// threads of its own, and one waits for signals.
struct LiveService {
    private let settings: Settings
    private let location: StoreLocation
    private let consumer: AMQPConsumer
    private let metrics: LiveMetrics
    private let health: LiveHealth
    private let log: Log
    private let stop: StopFlag

    init(_ settings: Settings, store: String?) throws {
        self.settings = settings
        location = try settings.store(store)
        let log = Log(level: settings.live.logLevel)
        let metrics = LiveMetrics(transport: "amqp")
        var configuration = AMQPConsumer.Configuration(
            brokers: try settings.live.brokers(), queue: try settings.live.queueSettings(),
            batch: BatchCloser.Limits(settings), connectionName: "sessionizer \(Self.hostName()) \(getpid())",
            version: CommandLineTool.version)
        if let killPoint = settings.live.killPoint {
            configuration.onAcknowledged = { killPoint.pass(KillPoint.Point.acknowledged) }
        }
        consumer = AMQPConsumer(configuration) { notice in
            metrics.noted(notice)
            log.write(LogLevel(notice.severity), notice.code, notice.text)
        }
        health = LiveHealth(consumer: consumer, metrics: metrics)
        stop = StopFlag()
        self.log = log
        self.metrics = metrics
    }

    func run() throws -> Int32 {
        // Before there is a second thread: each inherits what is blocked.
        Signals.block()
        let health = health
        let http = try HTTPServer(listen: settings.live.httpListen) { request in
            health.answer(request) ?? .text("not found\n", status: 404)
        }
        defer { withExtendedLifetime(http) {} }
        let queue = consumer.configuration.queue
        log.write(
            .info, "started", "sessionizer serves",
            [
                "version": .text(CommandLineTool.version), "http_port": .integer(http.port),
                "store": .text("\(location)"), "queue": .text(queue.name),
                "queue_type": .text(queue.kind.rawValue),
                "prefetch": .integer(queue.prefetch),
                "batch_max_events": .integer(consumer.configuration.batch.messages),
                "batch_max_age_ms": .integer(settings.live.maxAgeMilliseconds),
            ])
        waitForSignals()
        let consumer = consumer
        DispatchQueue(label: "sessionizer.amqp").async { consumer.run() }
        return try work()
    }

    private func waitForSignals() {
        let (log, health, stop, consumer) = (log, health, stop, consumer)
        let grace = settings.live.graceSeconds
        Signals.wait(grace: grace) {
            log.write(
                .info, "stopping", "finishes the batch in hand, then ends", ["grace_seconds": .integer(grace)]
            )
            health.stops()
            stop.set()
            consumer.stop()
        } onGraceOver: {
            log.write(
                .error, "grace_over",
                "the batch in hand was not committed in time: it is not acknowledged, so it will be delivered again"
            )
        }
    }

    // MARK: The engine's thread

    private func work() throws -> Int32 {
        guard let parts = try openStore() else {
            // The consumer has stopped, or is about to; nothing was taken.
            while consumer.take() != nil {}
            log.write(.info, "stopped", "ended before the store was open")
            return 0
        }
        defer { parts.store.close() }
        let counting = OpenSessions(location, metrics: metrics)
        counting.begin()
        defer { counting.end() }

        var decoded: [ObjectIdentifier: DecodedBatch] = [:]
        let decoder = EventDecoder()
        while let batch = consumer.take() {
            let takenAt = wallClock()
            metrics.took(batch.messages.messages.count)
            // Batches come round again, and their decoded form with them.
            if decoded.count > 16 { decoded.removeAll() }
            let id = ObjectIdentifier(batch.messages)
            let read = decoded[id] ?? DecodedBatch(batch: batch.messages)
            decoded[id] = read
            decoder.scan(read, now: takenAt)
            settings.live.killPoint?.pass(KillPoint.Point.taken)
            let isCommitted = commit(read, batch, takenAt, parts)
            read.removeAll()
            if isCommitted { consumer.settle(batch) } else { consumer.abandon(batch) }
        }
        let totals = parts.ingestor.totals
        log.write(
            .info, "stopped", "ended",
            [
                "received": .integer(totals.received), "accepted": .integer(totals.accepted),
                "duplicates": .integer(totals.duplicates), "skipped": .integer(totals.skipped),
                "rejected": .integer(totals.rejectedCount), "batches": .integer(totals.batches),
            ])
        return 0
    }

    /// Opens the store, trying again until it is there; nil when the program is to end before.
    ///
    /// A store that time will not mend ends the program: one of other rules, of a newer version, or no store at all.
    private func openStore() throws -> WritingParts? {
        var backOff = BackOff()
        while !stop.isSet {
            do {
                let parts = try WritingParts(settings: settings, store: location, transport: "amqp")
                let queue = consumer.configuration.queue
                var offset: Int64?
                if queue.kind == .stream, settings.live.streamStart == nil {
                    offset = try parts.store.committedOffset(transport: "amqp", origin: queue.name)
                }
                wire(parts)
                health.storeWorks()
                metrics.storeOpened()
                consumer.storeReady(committedOffset: offset)
                return parts
            } catch let error as StoreError
                where error.kind == .otherRules || error.kind == .newerSchema || error.kind == .damaged
            {
                throw error
            } catch let error as StoreError {
                failed("\(error)", "store_not_open")
                stop.wait(microseconds: backOff.next(random: .random(in: 0..<1)))
            }
        }
        return nil
    }

    private func wire(_ parts: WritingParts) {
        if let killPoint = settings.live.killPoint { parts.ingestor.onMark = { killPoint.pass($0) } }
    }

    /// Commits a batch, trying again until the store takes it: what is not committed is never acknowledged, nor given
    /// back, for a queue counts every giving back against its messages.
    /// - Returns: False when the program is to end before.
    private func commit(
        _ read: DecodedBatch, _ batch: DeliveryBatch, _ takenAt: Instant, _ parts: WritingParts
    ) -> Bool {
        let isStream = consumer.configuration.queue.kind == .stream
        let details = BatchDetails(
            hasPositions: isStream, offsets: batch.offsets, headers: { batch.headers(ofMessage: $0) })
        parts.ingestor.onCommit = { committed in
            let now = wallClock()
            metrics.committed(committed, takenAt: takenAt, publishedAt: batch.publishedAt, now: now)
            let published = batch.publishedAt.lazy.filter { $0 > 0 }.min()
            health.committed(publishLag: published.map { Double(now - $0) / 1e6 })
        }
        var backOff = BackOff()
        var isHeld = false
        while true {
            do {
                try parts.ingestor.ingest(read, details, clock: wallClock)
                metrics.memory(parts.engine)
                if isHeld {
                    health.storeWorks()
                    consumer.storeReady()
                }
                return true
            } catch {
                failed("\(error)", "commit_failed")
                if !isHeld { consumer.storeFailed("\(error)") }
                isHeld = true
                stop.wait(microseconds: backOff.next(random: .random(in: 0..<1)))
                if stop.isSet { return false }
            }
        }
    }

    private func failed(_ reason: String, _ event: String) {
        metrics.storeFailed()
        health.storeFails(reason)
        log.write(.error, event, "\(reason); trying again")
    }

    private static func hostName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "?" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// That the program is to end; waiting for time to pass ends with it.
final class StopFlag: Sendable {
    private let flag = Atomic<Bool>(false)
    private let bell = DispatchSemaphore(value: 0)

    var isSet: Bool { flag.load(ordering: .relaxed) }

    func set() {
        flag.store(true, ordering: .relaxed)
        bell.signal()
    }

    func wait(microseconds: Int64) {
        if isSet { return }
        _ = bell.wait(timeout: .now() + .microseconds(Int(microseconds)))
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
