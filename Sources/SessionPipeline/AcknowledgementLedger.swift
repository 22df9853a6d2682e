/// The deliveries of one channel that lie in one batch: first to last tag, none missing.
///
/// Delivery tags belong to the channel they were given on (AMQP 0-9-1 section 1.8.3.13: "the delivery tag is valid
/// only within the channel"), so a range names its channel's epoch, and one of a dead channel is told apart.
public struct DeliveryRange: Equatable, Sendable {
    /// Which channel: counted up with each one that is opened.
    public var epoch: UInt64
    /// The first tag.
    public var first: UInt64
    /// The last tag, itself included.
    public var last: UInt64

    /// All parts.
    public init(epoch: UInt64, first: UInt64, last: UInt64) {
        precondition(first >= 1 && first <= last, "tags begin with 1, and the last is not before the first")
        self.epoch = epoch
        self.first = first
        self.last = last
    }

    /// How many deliveries these are.
    public var count: Int { Int(last - first + 1) }
}

/// Which deliveries may be acknowledged.
///
/// A batch settles when its transaction is committed. Acknowledged is the highest tag up to which everything is
/// settled, with `multiple`: so a batch that settles before an earlier one waits for it, and what is not settled is
/// never acknowledged. Tags of a channel that is gone are forgotten: to acknowledge one on another channel is an
/// error there (406, unknown delivery tag), and the broker delivers the message again anyway.
public struct AcknowledgementLedger: Equatable, Sendable {
    /// The channel that is open now, or was last.
    public private(set) var epoch: UInt64 = 0
    /// The last tag that was delivered on it.
    public private(set) var lastDelivered: UInt64 = 0
    /// The last tag that was acknowledged on it, and all before.
    public private(set) var lastAcknowledged: UInt64 = 0

    /// Settled, but behind a gap: by first tag, neither overlapping nor touching.
    private var waiting: [ClosedRange<UInt64>] = []

    /// For no channel yet.
    public init() {}

    /// Deliveries that the broker counts against the prefetch.
    public var unacknowledgedCount: Int { Int(lastDelivered - lastAcknowledged) }

    /// Begins with a new channel and forgets the one before.
    public mutating func open(epoch: UInt64) {
        self.epoch = epoch
        lastDelivered = 0
        lastAcknowledged = 0
        waiting.removeAll()
    }

    /// Forgets every delivery: the channel is gone, and there is no new one yet.
    public mutating func close() { open(epoch: epoch) }

    /// Notes a delivery.
    /// - Returns: Whether it is the next in line. If not, the broker or the reading of frames is broken, and the
    ///   channel must not be used further: what lies in the gap would be acknowledged unseen.
    public mutating func delivered(_ tag: UInt64) -> Bool {
        guard tag == lastDelivered + 1 else { return false }
        lastDelivered = tag
        return true
    }

    /// Notes that a batch was committed.
    /// - Returns: The tag to acknowledge with `multiple`; nil when there is none (an earlier batch is not settled
    ///   yet, or the channel is gone).
    public mutating func settled(_ range: DeliveryRange) -> UInt64? {
        guard range.epoch == epoch, range.last > lastAcknowledged, range.last <= lastDelivered else {
            return nil
        }
        insert(max(range.first, lastAcknowledged + 1)...range.last)
        guard let next = waiting.first, next.lowerBound == lastAcknowledged + 1 else { return nil }
        waiting.removeFirst()
        lastAcknowledged = next.upperBound
        return lastAcknowledged
    }

    private mutating func insert(_ range: ClosedRange<UInt64>) {
        var merged = range
        var kept: [ClosedRange<UInt64>] = []
        for other in waiting {
            if other.upperBound + 1 >= merged.lowerBound, other.lowerBound <= merged.upperBound + 1 {
                merged = min(merged.lowerBound, other.lowerBound)...max(merged.upperBound, other.upperBound)
            } else {
                kept.append(other)
            }
        }
        let index = kept.firstIndex { $0.lowerBound > merged.lowerBound } ?? kept.endIndex
        kept.insert(merged, at: index)
        waiting = kept
    }
}
