/// How long to wait before trying again: longer each time, up to a limit, and never the same for two who failed
/// together.
///
/// A pure policy: time and randomness come from whoever uses it.
public struct Backoff: Equatable, Sendable {
    /// The longest wait after the first failure, in seconds.
    public var first: Double
    /// The longest wait ever, in seconds.
    public var limit: Double
    /// By how much the longest wait grows with each failure.
    public var factor: Double

    /// The defaults suit a database on a network: half a second, doubling up to half a minute.
    public init(first: Double = 0.5, limit: Double = 30, factor: Double = 2) {
        precondition(
            first > 0 && limit >= first && factor >= 1, "a back-off waits, and never shorter and shorter")
        self.first = first
        self.limit = limit
        self.factor = factor
    }

    /// The wait after so many failures in a row, in seconds: half of the longest wait, and a random part of the
    /// other half. So it never comes to nothing, and a thousand clients that lost one server come back spread out.
    /// - Parameters:
    ///   - failures: How often it has failed, at least once.
    ///   - random: Anything in 0..<1.
    public func delay(afterFailures failures: Int, random: Double) -> Double {
        precondition(failures >= 1 && (0..<1).contains(random))
        var longest = first
        var left = failures - 1
        // Step by step, and no further than the limit: a power of many failures is no number any more.
        while left > 0, longest < limit, factor > 1 {
            longest *= factor
            left -= 1
        }
        longest = min(longest, limit)
        return longest / 2 + longest / 2 * random
    }
}
