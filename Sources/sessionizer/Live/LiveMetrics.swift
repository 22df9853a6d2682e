import AMQPSource
import EventDecoding
import Glibc
import SessionCore
import SessionPipeline
import SessionStore
import Synchronization
import Telemetry

/// Every figure of the live service, by the conventions of Prometheus (prometheus.io/docs/practices/naming).
///
/// The identity to watch: `sessionizer_messages_received_total` = the sum of `sessionizer_messages_total` over its
/// outcomes + `sessionizer_messages_given_back_total` + `sessionizer_messages_in_hand`. They change together.
final class LiveMetrics: Sendable {
    let all = Metrics()
    private let transport: String

    private let received: Metrics.Handle
    private let inHand: Metrics.Handle
    private let accepted: Metrics.Handle
    private let duplicates: Metrics.Handle
    private let skipped: Metrics.Handle
    private let rejected: Metrics.Handle
    private let rejections: [RejectReason: Metrics.Handle]
    private let batchMessages: Metrics.Handle
    private let batchTime: Metrics.Handle
    private let commitTime: Metrics.Handle
    private let eventLag: Metrics.Handle
    private let publishLag: Metrics.Handle
    private let storeUp: Metrics.Handle
    private let storeBusy: Metrics.Handle
    private let storeFailures: [StoreError.Kind: Metrics.Handle]
    private let otherFailures: Metrics.Handle
    private let storeReconnections: Metrics.Handle
    private let resident: Metrics.Handle
    private let broughtBack: Metrics.Handle
    private let evictions: Metrics.Handle
    private let twins: Metrics.Handle
    private let contradictions: Metrics.Handle
    private let conflicts: Metrics.Handle
    private let negativeDurations: Metrics.Handle
    private let overLinked: Metrics.Handle
    private let openSessions: Metrics.Handle
    private let broker: BrokerMetrics
    private let process: ProcessMetrics
    private let freshness: FreshnessMetrics
    private let givenBack: Metrics.Handle
    private let partitions: Metrics.Handle
    private let partitionsHeld: Metrics.Handle
    private let leaseFailures: Metrics.Handle
    private let movedKeys: Metrics.Handle
    private let alone: Metrics.Handle
    private let crossing: Metrics.Handle
    private let engines = Mutex(EngineFigures.All())

    init(transport: String) {
        self.transport = transport
        let all = all
        let labels: KeyValuePairs = ["transport": transport]
        func outcome(_ name: String) -> Metrics.Handle {
            all.counter(
                "sessionizer_messages_total",
                "Messages by what became of them; each is in exactly one outcome.",
                ["transport": transport, "outcome": name])
        }
        received = all.counter(
            "sessionizer_messages_received_total", "Messages handed to the engine.", labels)
        inHand = all.gauge(
            "sessionizer_messages_in_hand", "Messages handed to the engine that have no outcome yet.", labels)
        accepted = outcome("accepted")
        duplicates = outcome("duplicate")
        skipped = outcome("skipped")
        rejected = outcome("rejected")
        rejections = Dictionary(
            uniqueKeysWithValues: RejectReason.allCases.map { reason in
                (
                    reason,
                    all.counter(
                        "sessionizer_rejected_messages_total", "Messages that could not be read, by reason.",
                        ["transport": transport, "reason": reason.rawValue])
                )
            })
        batchMessages = all.histogram(
            "sessionizer_batch_messages", "Messages in a committed batch.",
            bounds: [1, 10, 50, 100, 500, 1000, 2000, 5000, 20_000], labels)
        batchTime = all.histogram(
            "sessionizer_batch_duration_seconds", "From taking a batch to its commit.", labels)
        commitTime = all.histogram(
            "sessionizer_commit_duration_seconds", "Writing and committing a batch.", labels)
        eventLag = all.histogram(
            "sessionizer_event_lag_seconds",
            "From an accepted event's own time to its commit; 0 for one ahead of the clock.", labels)
        publishLag = all.histogram(
            "sessionizer_publish_lag_seconds",
            "From the publishing of a message to its commit, where the message says when it was published.",
            labels)
        storeUp = all.gauge(
            "sessionizer_store_up",
            "Whether the store took the last batch of each queue, or was opened, or is there and only busy.")
        storeBusy = all.gauge(
            "sessionizer_store_busy",
            "Whether a batch waits for a lock or another transaction of the store's.")
        func failure(_ reason: String) -> Metrics.Handle {
            all.counter(
                "sessionizer_store_failures_total",
                "Attempts to open the store or to commit a batch that failed, by reason: unavailable (not reached, or "
                    + "the connection was lost), conflict (a lock, a deadlock, a time-out), full (its disk), and so on.",
                ["reason": reason])
        }
        storeFailures = Dictionary(
            uniqueKeysWithValues: StoreError.Kind.allCases.map { ($0, failure($0.rawValue)) })
        otherFailures = failure("other")
        storeReconnections = all.counter(
            "sessionizer_store_reconnections_total", "Writers' connections to PostgreSQL that were made anew."
        )
        resident = all.gauge(
            "sessionizer_resident_entities", "Session ids and stretches of time of an entity held in memory.")
        broughtBack = all.counter(
            "sessionizer_brought_back_total",
            "Entities brought back from the store because an event needed them.")
        evictions = all.counter(
            "sessionizer_evictions_total", "Entities forgotten because more would be in memory than allowed.")
        func anomaly(_ kind: String) -> Metrics.Handle {
            all.counter(
                "sessionizer_anomalies_total",
                "Anomalies met: unequal_twin (a duplicate that says something else), contradicted_from_state, "
                    + "window_conflict (an event names another robot or pilot than the one that has the session), "
                    + "negative_duration (a milestone before the one it follows), over_linked_id (an id that too many "
                    + "deliveries name).", ["kind": kind])
        }
        twins = anomaly("unequal_twin")
        contradictions = anomaly("contradicted_from_state")
        conflicts = anomaly("window_conflict")
        negativeDurations = anomaly("negative_duration")
        overLinked = anomaly("over_linked_id")
        givenBack = all.counter(
            "sessionizer_messages_given_back_total",
            "Messages handed to the engine that went back to the queue: at the end, or because another replica has "
                + "taken the partition over.", labels)
        partitions = all.gauge(
            "sessionizer_partitions",
            "Partitions that the queue is split into, by the settings; 0 where it is not.")
        partitionsHeld = all.gauge(
            "sessionizer_partitions_held", "Partitions of the queue that this replica holds a lease of.")
        movedKeys = all.counter(
            "sessionizer_partition_keys_moved_total",
            "Batches with messages of a partition key that another partition wrote last.")
        alone = all.counter(
            "sessionizer_batches_alone_total",
            "Batches that had to do with what belongs to other partition keys: no other partition wrote meanwhile."
        )
        crossing = all.counter(
            "sessionizer_partition_keys_crossed_total",
            "Robots, pilots and deliveries that were named under another partition key than before.")
        leaseFailures = all.counter(
            "sessionizer_lease_failures_total", "Turns in which the leases could not be renewed.")
        openSessions = all.gauge(
            "sessionizer_open_sessions", "Sessions in progress, counted in the store.", isKnown: false)
        freshness = FreshnessMetrics(all, labels)
        broker = BrokerMetrics(all)
        process = ProcessMetrics(all)
    }

    func took(_ messages: Int) {
        all.change { change in
            change.add(received, Double(messages))
            change.add(inHand, Double(messages))
        }
    }

    /// A batch was committed.
    func committed(_ batch: Ingestor.Committed, takenAt: Instant, publishedAt: [Int64], now: Instant) {
        let changes = batch.changes
        let record = batch.record
        let latenesses = freshness.committed(changes.accepted, at: now)
        all.change { change in
            change.add(inHand, -Double(record.received))
            change.add(accepted, Double(record.accepted))
            change.add(duplicates, Double(record.duplicates))
            change.add(skipped, Double(record.skipped))
            change.add(rejected, Double(record.rejected))
            for rejection in batch.rejections {
                if let handle = rejections[rejection.reason] { change.add(handle, 1) }
            }
            if let handle = rejections[.beforeRetention] { change.add(handle, Double(batch.retiredCount)) }
            change.observe(batchMessages, CollectionOfOne(Double(record.received)))
            change.observe(batchTime, CollectionOfOne(Self.seconds(now - takenAt)))
            change.observe(commitTime, CollectionOfOne(Self.seconds(batch.commitTime)))
            change.observe(eventLag, changes.accepted.lazy.map { Self.seconds(max(now - $0.time, 0)) })
            change.observe(
                publishLag, publishedAt.lazy.filter { $0 > 0 }.map { Self.seconds(max(now - $0, 0)) })
            freshness.show(latenesses, &change)
            change.add(twins, Double(changes.unequalTwinCount))
            let contradicted = changes.robotHourly.values.reduce(0) { $0 + $1.stateConflicts }
            // A counter only grows: what a later event explained stays counted as met.
            change.add(contradictions, Double(max(contradicted, 0)))
            change.add(conflicts, Double(max(changes.windowConflicts, 0)))
            change.add(negativeDurations, Double(max(changes.negativeDurations, 0)))
            change.add(overLinked, Double(max(changes.overLinkedIDs, 0)))
            change.add(openSessions, Double(changes.openSessions))
            if batch.hasMovedKeys { change.add(movedKeys, 1) }
            if batch.wasAlone { change.add(alone, 1) }
            change.add(crossing, Double(batch.crossing.count))
        }
    }

    /// How far the store had come when it was opened: before this program's first event, or another replica's.
    func opened(_ stored: StoredFreshness) { freshness.opened(stored, all) }

    /// What an engine holds; there is one for each queue that is read.
    func memory(_ engine: Engine, worker: Int) {
        show(
            engines.withLock { engines in
                engines.living[worker] = EngineFigures(
                    resident: engine.residentEntities, broughtBack: engine.broughtBack,
                    evictions: engine.evictions)
                return engines.sum
            })
    }

    /// A worker's engine is gone: what it held is, what it did stays counted.
    func ended(worker: Int) {
        show(
            engines.withLock { engines in
                if let last = engines.living.removeValue(forKey: worker) {
                    engines.ended.broughtBack += last.broughtBack
                    engines.ended.evictions += last.evictions
                }
                return engines.sum
            })
    }

    private func show(_ figures: EngineFigures) {
        all.change { change in
            change.set(resident, Double(figures.resident))
            change.set(broughtBack, Double(figures.broughtBack))
            change.set(evictions, Double(figures.evictions))
        }
    }

    func gaveBack(_ messages: Int) {
        all.change { change in
            change.add(inHand, -Double(messages))
            change.add(givenBack, Double(messages))
        }
    }

    func isSplit(into count: Int) { all.set(partitions, Double(count)) }

    func holds(partitions: Int) { all.set(partitionsHeld, Double(partitions)) }

    func leasesFailed() { all.add(leaseFailures) }

    /// - Parameter kind: What kind of ``StoreError`` it was; nil for any other error.
    func storeFailed(_ kind: StoreError.Kind?) {
        all.add(kind.flatMap { storeFailures[$0] } ?? otherFailures)
    }

    func storeReconnected(_ times: Int) { if times > 0 { all.add(storeReconnections, Double(times)) } }

    func setOpenSessions(_ count: Int64) { all.set(openSessions, Double(count)) }

    func noted(_ notice: ConsumerStateMachine.Notice) { broker.noted(notice, all) }

    /// What Prometheus reads.
    /// - Parameters:
    ///   - isStoreUp: Whether every writer's last attempt at the store got through, or met a lock.
    ///   - isStoreBusy: Whether one met a lock.
    func render(_ status: AMQPConsumer.Status, isStoreUp: Bool, isStoreBusy: Bool) -> String {
        all.set(storeUp, isStoreUp ? 1 : 0)
        all.set(storeBusy, isStoreBusy ? 1 : 0)
        broker.update(status, all)
        process.update(all)
        return all.render()
    }

    private static func seconds(_ time: Microseconds) -> Double { Double(time) / 1e6 }
}

/// What engines hold and did.
private struct EngineFigures {
    var resident = 0
    var broughtBack = 0
    var evictions = 0

    /// Of all workers; those that have ended count for what they did.
    struct All {
        var living: [Int: EngineFigures] = [:]
        var ended = EngineFigures()

        var sum: EngineFigures {
            living.values.reduce(into: ended) { sum, one in
                sum.resident += one.resident
                sum.broughtBack += one.broughtBack
                sum.evictions += one.evictions
            }
        }
    }
}
