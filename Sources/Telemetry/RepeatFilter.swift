/// Holds back what would be said again and again: an attempt that fails every few seconds for an hour is one story.
public struct RepeatFilter: Sendable {
    private struct Said {
        var at: Int64
        var heldBack = 0
    }

    private let pause: Int64
    private var said: [String: Said] = [:]

    /// - Parameter pause: Microseconds in which the same thing is said once.
    public init(pause: Int64 = 60_000_000) { self.pause = pause }

    /// Whether to say something.
    /// - Parameters:
    ///   - text: All that tells it apart.
    ///   - now: Microseconds of a clock that does not jump.
    /// - Returns: How often it was held back since it was said last; nil where it is held back now.
    public mutating func admit(_ text: String, now: Int64) -> Int? {
        if let last = said[text], now - last.at < pause {
            said[text]?.heldBack += 1
            return nil
        }
        let heldBack = said[text]?.heldBack ?? 0
        // Texts that differ each time do not add up for ever.
        if said.count >= 100 { said = said.filter { now - $0.value.at < pause } }
        if said.count >= 100 { said.removeAll() }
        said[text] = Said(at: now)
        return heldBack
    }
}
