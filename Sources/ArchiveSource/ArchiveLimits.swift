/// How much the reader holds in memory at most, whatever the files hold.
public struct ArchiveLimits: Sendable, Equatable {
    /// The longest line, in bytes, that is handed on whole.
    public let longestLine: Int
    /// How many bytes of a longer line are handed on.
    public let keptOfLongerLine: Int

    /// Limits; a line that is over them is cut, never longer than what is handed on whole.
    public init(longestLine: Int = 1 << 20, keptOfLongerLine: Int = 1 << 16) {
        precondition(
            longestLine > 0 && (1...longestLine).contains(keptOfLongerLine),
            "what is kept of a longer line must not be more than the longest line")
        self.longestLine = longestLine
        self.keptOfLongerLine = keptOfLongerLine
    }
}
