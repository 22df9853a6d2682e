public import SessionCore

/// How long to wait before the next attempt: longer each time, never the same for many clients at once.
///
/// Half of the wait is fixed and half is random ("equal jitter", aws.amazon.com/blogs/architecture/
/// exponential-backoff-and-jitter): replicas that lost one broker do not come back to it all at once, and none
/// comes back at once. Randomness is an argument, so that a test can say what it is.
public struct BackOff: Equatable, Sendable {
    /// The longest first wait.
    public let base: Microseconds
    /// The longest wait of all.
    public let limit: Microseconds
    /// How many attempts failed since the last success.
    public private(set) var failures = 0

    /// With a first and a longest wait.
    public init(base: Microseconds = 500_000, limit: Microseconds = 30_000_000) {
        precondition(base > 0 && limit >= base, "a wait is longer than nothing, and the limit is the longest")
        self.base = base
        self.limit = limit
    }

    /// Notes a failed attempt.
    /// - Parameter random: From 0 up to, not including, 1.
    /// - Returns: How long to wait.
    public mutating func next(random: Double) -> Microseconds {
        var ceiling = base
        for _ in 0..<failures where ceiling < limit { ceiling = ceiling > limit / 2 ? limit : ceiling * 2 }
        failures += 1
        let half = ceiling / 2
        return half + Microseconds(Double(ceiling - half) * min(max(random, 0), 1))
    }

    /// Notes a success.
    public mutating func reset() { failures = 0 }
}
