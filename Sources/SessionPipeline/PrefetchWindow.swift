/// How many deliveries may be unacknowledged: few when the program begins, more with what it has committed.
///
/// Each connection that ends counts, on a quorum queue with a delivery limit, against every message that was delivered on it.
/// A program that some message kills, again and again, would take a full prefetch of innocent ones to the dead letters with
/// it. So it begins with few, and takes so many times more whenever as many as that are committed: where it dies, it has
/// committed a good part of what it held, and at the next start dies nearer to the culprit.
public struct PrefetchWindow: Equatable, Sendable {
    /// How many when the program begins.
    public static let first = 50
    /// How many times as many after each step.
    public static let factor = 6

    /// What it grows to.
    public private(set) var full: Int
    /// How many now.
    public private(set) var size: Int
    private var committed = 0

    /// - Parameters:
    ///   - full: The configured prefetch.
    ///   - grows: Whether it begins with few.
    public init(full: Int, grows: Bool) {
        self.full = full
        size = grows ? min(Self.first, full) : full
    }

    /// Whether it is as large as it gets.
    public var isFull: Bool { size == full }

    /// Notes a batch that was committed.
    /// - Parameters:
    ///   - count: Its messages.
    ///   - isDrained: Whether nothing is unacknowledged: then nothing waits that could do harm.
    /// - Returns: How many more the broker may deliver now; nil where it stays as it is.
    public mutating func settled(_ count: Int, isDrained: Bool) -> Int? {
        if isFull { return nil }
        committed += count
        guard committed >= size || isDrained else { return nil }
        committed = 0
        let before = size
        size = min(size * Self.factor, full)
        return size - before
    }

    /// Makes it smaller for good: messages are so large that fewer of them fit.
    public mutating func limit(to most: Int) {
        full = min(full, max(most, 1))
        size = min(size, full)
    }
}
