import AMQPSource
import Dispatch
import Glibc
import PostgresStore
import SessionPipeline
import SessionStore
import Synchronization
import Telemetry

/// This replica's fair part of the partitions: takes leases, has a worker for each, and gives them back.
///
/// A partition is left in this order: no more is taken, what is in hand is committed, acknowledged, the channel and the
/// connection closed, the lease given back. What was taken over by another is dropped instead: its worker's next
/// transaction is refused (the fence), and what it holds goes back to the queue.
struct PartitionedWork {
    let count: Int
    let settings: Settings
    let location: StoreLocation
    /// Found at the start: a partition that is taken later is at the same ones.
    let brokers: LiveSettings.Brokers
    let consumers: LiveConsumers
    let metrics: LiveMetrics
    let health: LiveHealth
    let log: Log
    let stop: StopFlag

    /// A worker and its lease.
    private final class Running: Sendable {
        let fence: PostgresLeases.Fence
        let stop: StopFlag
        /// How its thread ended; nil while it works.
        let end = Mutex<Result<LiveWorker.End, any Error>?>(nil)

        /// - Parameter stop: The replica's: where that is to end, so is the worker, whatever the table of leases says.
        init(_ fence: PostgresLeases.Fence, partOf stop: StopFlag) {
            self.fence = fence
            self.stop = StopFlag(partOf: stop)
        }
    }

    func run() throws -> Int32 {
        guard case .postgres(let postgres) = location else { return 1 }
        // Different from that of its own last life, whose lease may be held by a transaction still.
        let replica = "\(LiveService.hostName())/\(getpid())/\(UInt32.random(in: 0...UInt32.max))"
        let keeper = LeaseKeeper(replica: replica)
        let voice = Voice(log)
        let seconds = Double(settings.live.leaseSeconds)
        var leases: PostgresLeases?
        var running: [Int: Running] = [:]
        var leaving: Set<Int> = []
        var contested: [Int] = []
        let every = Int64(seconds * 1e6 / 3)
        var backOff = BackOff(base: 200_000, limit: every)
        defer { leases?.close() }
        while true {
            let heard = stop.rings
            let begun = monotonicNow()
            var wait: Int64
            // Before anything that the database has to answer: a consumer that began after the signal is stopped, too.
            if stop.isSet { consumers.stopAll() }
            do {
                let table =
                    try leases
                    ?? PostgresLeases(postgres, replica: replica, partitions: count, seconds: seconds)
                leases = table
                try reap(&running, &leaving, table)
                if stop.isSet {
                    if running.isEmpty {
                        try table.retire()
                        log.write(.info, "stopped", "ended")
                        return 0
                    }
                } else {
                    try turn(table, keeper, &running, &leaving, &contested)
                }
                wait = max(begun + every - monotonicNow(), 100_000)
                metrics.holds(partitions: running.count)
                health.storeWorks()
                backOff.reset()
            } catch let error as StoreError
                where error.kind.isMismatch
            {
                throw error
            } catch let error as StoreError {
                // Workers go on meanwhile: whether they still may, each of their transactions asks.
                metrics.leasesFailed()
                health.storeFails("\(error)", isBusy: error.kind == .conflict)
                voice.say(.error, "leases_failed", "\(error); trying again")
                if stop.isSet, running.values.allSatisfy({ $0.end.withLock { $0 != nil } }) { return 0 }
                wait = backOff.next(random: .random(in: 0..<1))
            }
            // A stop that is set ends every waiting at once.
            if stop.isSet { usleep(50_000) } else { stop.wait(microseconds: wait, since: heard) }
        }
    }

    private func turn(
        _ table: PostgresLeases, _ keeper: LeaseKeeper, _ running: inout [Int: Running],
        _ leaving: inout Set<Int>, _ contested: inout [Int]
    ) throws {
        let view = try table.renew(running.values.map(\.fence))
        let decision = keeper.decide(
            LeaseKeeper.View(
                replicas: view.replicas,
                leases: view.leases.map {
                    LeaseKeeper.Lease(
                        partition: $0.partition, holder: $0.holder, epoch: $0.epoch, hasRunOut: $0.hasRunOut)
                }), running: running.mapValues(\.fence.epoch), leaving: leaving, contested: contested)
        func leave(
            _ partitions: [Int], _ level: LogLevel, _ event: String, _ text: String, patience: Int64
        ) {
            for partition in partitions {
                log.write(level, event, text, ["partition": .integer(partition)])
                running[partition]?.stop.set(patience: patience)
                consumers.stop(partition)
                leaving.insert(partition)
            }
        }
        // Its successor waits for its deliveries: nothing is tried again.
        leave(decision.lost, .warning, "partition_lost", "another replica has taken it over", patience: 0)
        leave(
            decision.letGo, .info, "partition_leaving", "another replica is to have it",
            patience: settings.live.finishingMicroseconds)
        var left = decision.takeAtMost
        for partition in decision.take where left > 0 {
            contested.removeAll { $0 == partition }
            do {
                guard let fence = try table.take(partition) else { continue }
                left -= 1
                running[partition] = try start(fence)
            } catch let error as StoreError where error.kind == .conflict {
                // A transaction of the holder before is in the way still, and was waited for: for up to half of a lease.
                // Before another is, what is held here has to be renewed. At the next turn those come first that may be free.
                contested.append(partition)
                return
            }
        }
    }

    /// Gives back the leases of those that have ended.
    private func reap(
        _ running: inout [Int: Running], _ leaving: inout Set<Int>, _ table: PostgresLeases
    ) throws {
        for (partition, worker) in running {
            guard let end = worker.end.withLock({ $0 }) else { continue }
            switch end {
            case .failure(let error): throw error
            case .success(.stopped): try table.letGo(worker.fence)
            case .success(.fenced): break
            }
            running[partition] = nil
            leaving.remove(partition)
        }
    }

    private func start(_ fence: PostgresLeases.Fence) throws -> Running {
        let one = Running(fence, partOf: stop)
        let log = log.adding("partition", .integer(fence.partition))
        log.write(
            .info, "partition_taken", "its deliveries are read here", ["epoch": .integer(Int(fence.epoch))])
        var settings = settings
        settings.maxResidentEntities = max(settings.maxResidentEntities / count, 1000)
        let worker = LiveWorker(
            try settings.live.queueSettings(partition: fence.partition), settings,
            location.fenced(fence, leaseSeconds: settings.live.leaseSeconds),
            brokers, consumers, metrics, health, log, one.stop, partition: fence.partition)
        worker.beginConsuming()
        let bell = stop
        DispatchQueue(label: "sessionizer.partition-\(fence.partition)").async {
            let end = Result { try worker.run() }
            one.end.withLock { $0 = end }
            bell.ring()
        }
        return one
    }
}
