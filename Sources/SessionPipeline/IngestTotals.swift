public import EventDecoding

/// Where every message went. Each is in exactly one bin: `received` is the sum of the others.
public struct IngestTotals: Equatable, Sendable {
    /// Messages taken in.
    public var received = 0
    /// Events that were new.
    public var accepted = 0
    /// Events that were there already.
    public var duplicates = 0
    /// Objects that are no events.
    public var skipped = 0
    /// What could not be read, by reason.
    public var rejected: [RejectReason: Int] = [:]
    /// Duplicates that say something else than the event first accepted. They are among `duplicates`.
    public var unequalTwins = 0
    /// Ids that came to have too many targets, less those that no longer do: a broken producer's.
    public var overLinkedIDs = 0
    /// Transactions.
    public var batches = 0

    /// Nothing yet.
    public init() {}

    /// All that was rejected.
    public var rejectedCount: Int { rejected.values.reduce(0, +) }

    /// Whether the bins add up.
    public var isBalanced: Bool { received == accepted + duplicates + skipped + rejectedCount }
}
