import AMQPSource
import EventDecoding
import Glibc
import MessageBatches
import SessionCore
import SessionPipeline
import SessionStore
import Telemetry

/// One queue's way into the store: takes batches from its consumer, decodes, applies, commits, has them acknowledged.
struct LiveWorker: Sendable {
    /// How it came to its end.
    enum End {
        /// It was asked to stop: what was in hand is committed and acknowledged, or given back.
        case stopped
        /// Another replica has taken over its partition: what was in hand is given back.
        case fenced
    }

    private let settings: Settings
    private let location: StoreLocation
    private let consumer: AMQPConsumer
    private let consumers: LiveConsumers
    private let metrics: LiveMetrics
    private let health: LiveHealth
    private let log: Log
    private let voice: Voice
    private let stop: StopFlag
    /// Its partition; nil where it has the whole store to itself.
    private let partition: Int?
    /// The same, as what counts by worker knows it.
    private var part: Int { partition ?? LiveHealth.whole }

    init(
        _ queue: QueueSettings, _ settings: Settings, _ location: StoreLocation,
        _ brokers: LiveSettings.Brokers, _ consumers: LiveConsumers, _ metrics: LiveMetrics,
        _ health: LiveHealth, _ log: Log, _ stop: StopFlag, partition: Int?
    ) {
        self.settings = settings
        self.location = location
        self.consumers = consumers
        self.metrics = metrics
        self.health = health
        self.log = log
        let voice = Voice(log)
        self.voice = voice
        self.stop = stop
        self.partition = partition
        let name = partition.map { "partition \($0) " } ?? ""
        var configuration = AMQPConsumer.Configuration(
            brokers: brokers.first, queue: queue, batch: BatchCloser.Limits(settings),
            connectionName: "sessionizer \(LiveService.hostName()) \(name)\(getpid())",
            version: CommandLineTool.version)
        configuration.currentBrokers = brokers.now
        // Its part: any replica may come to hold all partitions.
        configuration.maxHeldBytes = max(
            settings.live.maxHeldBytes / (settings.live.partitions ?? 1), 4 << 20)
        if let killPoint = settings.live.killPoint {
            configuration.onAcknowledged = { killPoint.pass(KillPoint.Point.acknowledged) }
        }
        consumer = AMQPConsumer(configuration) { notice in
            metrics.noted(notice)
            voice.say(LogLevel(notice.severity), notice.code, notice.text)
        }
    }

    /// Gives the connection to the broker its thread.
    func beginConsuming() {
        consumers.add(consumer, part)
        let (consumer, consumers, part) = (consumer, consumers, part)
        // Asked to stop before it was known here.
        if stop.isSet { consumer.stop() }
        consumer.begin { consumers.remove(consumer, part) }
    }

    /// Works until it is stopped or fenced. Throws what time will not mend.
    func run() throws -> End {
        guard let parts = try openStore() else {
            // The consumer has stopped, or is about to; nothing was taken.
            while consumer.take() != nil {}
            log.write(.info, "stopped", "ended before the store was open")
            return .stopped
        }
        defer {
            parts.store.close()
            metrics.ended(worker: part)
            if partition != nil { health.storeWorks(part) }
        }
        var end = End.stopped
        var decoded: [ObjectIdentifier: DecodedBatch] = [:]
        let decoder = EventDecoder()
        while let batch = consumer.take() {
            health.holds(true, part)
            defer { health.holds(false, part) }
            if case .fenced = end {
                consumer.abandon(batch)
                continue
            }
            let takenAt = wallClock()
            let count = batch.messages.messages.count
            metrics.took(count)
            // Batches come round again, and their decoded form with them.
            if decoded.count > 16 { decoded.removeAll() }
            let id = ObjectIdentifier(batch.messages)
            let read = decoded[id] ?? DecodedBatch(batch: batch.messages)
            decoded[id] = read
            decoder.scan(read, now: takenAt)
            settings.live.killPoint?.pass(KillPoint.Point.taken)
            let outcome = commit(read, batch, takenAt, parts)
            read.removeAll()
            switch outcome {
            case .committed: consumer.settle(batch)
            case .givenUp, .fenced:
                metrics.gaveBack(count)
                consumer.abandon(batch)
                if case .fenced = outcome {
                    end = .fenced
                    consumer.stop()
                }
            }
        }
        let totals = parts.ingestor.totals
        log.write(
            .info, "stopped", "ended",
            [
                "received": .integer(totals.received), "accepted": .integer(totals.accepted),
                "duplicates": .integer(totals.duplicates), "skipped": .integer(totals.skipped),
                "rejected": .integer(totals.rejectedCount), "batches": .integer(totals.batches),
            ])
        return end
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
                var place: StreamPlace?
                if queue.kind == .stream, settings.live.streamStart == nil {
                    place = try parts.store.committedPlace(transport: "amqp", origin: queue.name)
                        .map(StreamPlace.init)
                }
                if let stored = try parts.store.freshness(ofTransport: "amqp") { metrics.opened(stored) }
                if let killPoint = settings.live.killPoint {
                    parts.ingestor.onMark = { killPoint.pass($0) }
                }
                health.storeWorks(part)
                consumer.storeReady(committed: place)
                return parts
            } catch let error as StoreError
                where error.kind.isMismatch
            {
                throw error
            } catch let error as StoreError {
                failed(error, "store_not_open")
                stop.wait(microseconds: backOff.next(random: .random(in: 0..<1)))
            }
        }
        return nil
    }

    private enum Outcome { case committed, givenUp, fenced }

    /// Commits a batch, trying again until the store takes it: what is not committed is never acknowledged, nor given
    /// back, for a queue counts every giving back against its messages.
    private func commit(
        _ read: DecodedBatch, _ batch: DeliveryBatch, _ takenAt: Instant, _ parts: WritingParts
    ) -> Outcome {
        let isStream = consumer.configuration.queue.kind == .stream
        let details = BatchDetails(
            hasPositions: isStream, offsets: batch.offsets, lastPlace: batch.lastPlace,
            partitionKeys: batch.partitionKeys,
            partitionKey: { batch.partitionKey(ofMessage: $0) }, headers: { batch.headers(ofMessage: $0) })
        parts.ingestor.onCommit = { committed in
            let now = wallClock()
            metrics.committed(committed, takenAt: takenAt, publishedAt: batch.publishedAt, now: now)
            let published = batch.publishedAt.lazy.filter { $0 > 0 }.min()
            health.committed(publishLag: published.map { Double(now - $0) / 1e6 })
            if committed.hasMovedKeys {
                voice.say(
                    .warning, "partition_keys_moved",
                    "the exchange routes some keys here whose messages another partition wrote last, as after a restart "
                        + "of the broker that numbered its queues anew; what was in memory is read from the store again"
                )
            }
            if !committed.crossing.isEmpty {
                voice.say(
                    .warning, "partition_keys_crossed",
                    "robots, pilots or deliveries are named under another partition key than before; where that is another "
                        + "partition's, the batch was written while no other one wrote: SELECT * FROM "
                        + "sessionizer.partition_entities WHERE is_shared AND kind <> 'merchant' says who (docs/scaling.md)"
                )
            }
        }
        var backOff = BackOff()
        var isHeld = false
        var isLast = false
        while true {
            let reconnections = parts.store.reconnections
            defer { metrics.storeReconnected(parts.store.reconnections - reconnections) }
            do {
                health.batchBegins(part)
                defer { health.batchEnds(part) }
                try parts.ingestor.ingest(read, details, clock: wallClock)
                metrics.memory(parts.engine, worker: part)
                if isHeld {
                    health.storeWorks(part)
                    consumer.storeReady()
                }
                return .committed
            } catch let error as StoreError where error.kind == .fenced {
                log.write(.warning, "fenced", "\(error); what is in hand goes back to the queue")
                return .fenced
            } catch {
                failed(error, "commit_failed")
                consumer.storeFailed("\(error)", isBusy: Self.isBusy(error))
                isHeld = true
                if stop.isSet, !isLast {
                    // What is left of the grace time is short: the waits are too.
                    isLast = true
                    backOff = BackOff(base: 200_000, limit: 1_000_000)
                }
                let wait = backOff.next(random: .random(in: 0..<1))
                if isLast {
                    usleep(UInt32(min(wait, stop.microsecondsLeft)))
                } else {
                    stop.wait(microseconds: wait)
                }
                if stop.microsecondsLeft == 0 { return .givenUp }
            }
        }
    }

    private func failed(_ error: any Error, _ event: String) {
        let isBusy = Self.isBusy(error)
        metrics.storeFailed((error as? StoreError)?.kind)
        health.storeFails("\(error)", isBusy: isBusy, part)
        voice.say(isBusy ? .warning : .error, event, "\(error); trying again")
    }

    /// Whether the store is there, and only a lock or another transaction is in the way.
    private static func isBusy(_ error: any Error) -> Bool {
        guard let kind = (error as? StoreError)?.kind else { return false }
        return kind == .conflict || kind == .busy
    }
}
