/// UTC hours, the grain of the hourly tables.
enum Hours {
    static let length: Microseconds = 3_600_000_000

    /// The beginning of the hour that holds an instant.
    static func start(of time: Instant) -> Instant {
        let hours = time >= 0 ? time / length : -((-time + length - 1) / length)
        return hours * length
    }

    /// A state or a shift longer than this is not counted hour by hour: only its first and last hours, which
    /// others may share, are. The hours between are whole and its own, and the views read them off its row.
    /// So a robot that stood still for months costs as much as one that stood still for a minute, also when
    /// a late fact cuts those months in two.
    static let longestCounted: Microseconds = 24 * length

    /// Like ``split(_:_:_:)``, but of what lasts longer than ``longestCounted`` only the first and the last piece.
    static func splitCounted(_ start: Instant, _ end: Instant, _ body: (Instant, Microseconds) -> Void) {
        guard end - start > longestCounted else { return split(start, end, body) }
        let first = Hours.start(of: start)
        if first != start { body(first, first + length - start) }
        let last = Hours.start(of: end)
        if last != end { body(last, end - last) }
    }

    /// Cuts `[start, end)` at the hours and hands on each piece's hour and length.
    static func split(_ start: Instant, _ end: Instant, _ body: (Instant, Microseconds) -> Void) {
        var from = start
        while from < end {
            let hour = Hours.start(of: from)
            let until = min(end, hour + length)
            body(hour, until - from)
            from = until
        }
    }
}
