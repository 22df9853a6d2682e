public import SessionCore

/// Since when each of several threads has been at what it does: one that never comes to an end of it is stuck.
public struct TurnWatch: Sendable {
    private var begun: [Int: Microseconds] = [:]

    /// With nobody at anything.
    public init() {}

    /// A thread begins a turn.
    /// - Parameter now: Of a clock that only goes forward.
    public mutating func begins(_ part: Int, now: Microseconds) { begun[part] = now }

    /// It has come to its end, or waits by itself for what it may try again.
    public mutating func ends(_ part: Int) { begun[part] = nil }

    /// How long the longest turn has lasted; none where all rest.
    public func longest(_ now: Microseconds) -> Microseconds? { begun.values.min().map { now - $0 } }
}
