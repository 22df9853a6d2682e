import AMQPSource
import Synchronization

/// The consumers of this replica, seen as one: a single one, or one for each partition that it holds.
final class LiveConsumers: Sendable {
    private struct State {
        var living: [Int: AMQPConsumer] = [:]
        /// What those did that are gone.
        var ended = AMQPConsumer.Status()
    }

    private let state = Mutex(State())
    private let partitionCount: Int?

    /// - Parameter partitions: How many there are in all; nil where the queue is not split.
    init(partitions: Int? = nil) { partitionCount = partitions }

    func add(_ consumer: AMQPConsumer, _ number: Int) { state.withLock { $0.living[number] = consumer } }

    /// Its thread has ended. The partition may have been taken anew by then, and have another.
    func remove(_ consumer: AMQPConsumer, _ number: Int) {
        state.withLock { state in
            if state.living[number] === consumer { state.living[number] = nil }
            state.ended.addCounts(of: consumer.status)
        }
    }

    func stop(_ number: Int) { state.withLock { $0.living[number] }?.stop() }

    func stopAll() { for consumer in state.withLock({ Array($0.living.values) }) { consumer.stop() } }

    /// Whether no connection's thread is left.
    var areGone: Bool { state.withLock { $0.living.isEmpty } }

    /// Which partitions are held, for people; nil where the queue is not split.
    var partitions: String? {
        guard let partitionCount else { return nil }
        let held = state.withLock { $0.living.keys.sorted() }
        return held.isEmpty
            ? "none of \(partitionCount)"
            : held.map(String.init).joined(separator: ",") + " of \(partitionCount)"
    }

    /// Whether there is nothing to read: other replicas hold all partitions. Such a replica waits in good health.
    var isIdle: Bool { partitionCount != nil && state.withLock { $0.living.isEmpty } }

    /// All of them together: well where each is well.
    var status: AMQPConsumer.Status {
        let (all, ended) = state.withLock {
            ($0.living.sorted { $0.key < $1.key }.map(\.value.status), $0.ended)
        }
        var status = ended
        guard let first = all.first else { return status }
        status.state = first.state
        status.broker = first.broker
        status.isConnected = all.allSatisfy(\.isConnected)
        status.isConsuming = all.allSatisfy(\.isConsuming)
        status.isBlocked = all.contains(where: \.isBlocked)
        status.trouble = all.lazy.compactMap(\.trouble).first
        status.unacknowledged = all.reduce(0) { $0 + $1.unacknowledged }
        status.heldBytes = all.reduce(0) { $0 + $1.heldBytes }
        status.prefetch = all.reduce(0) { $0 + $1.prefetch }
        let depths = all.compactMap(\.queueDepth)
        status.queueDepth = depths.isEmpty ? nil : depths.reduce(0, +)
        status.lastDelivery = all.map(\.lastDelivery).max() ?? 0
        // The one that has not looked around for longest; 0 is one that has not begun.
        status.lastTurn = all.map(\.lastTurn).filter { $0 > 0 }.min() ?? 0
        for one in all { status.addCounts(of: one) }
        return status
    }
}

extension AMQPConsumer.Status {
    fileprivate mutating func addCounts(of other: AMQPConsumer.Status) {
        deliveries += other.deliveries
        redeliveries += other.redeliveries
        queueLooks += other.queueLooks
        acknowledged += other.acknowledged
        connections += other.connections
        channels += other.channels
    }
}
