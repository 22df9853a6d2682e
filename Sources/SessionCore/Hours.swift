/// UTC hours, the grain of the hourly tables.
enum Hours {
    static let length: Microseconds = 3_600_000_000

    /// The beginning of the hour that holds an instant.
    static func start(of time: Instant) -> Instant {
        let hours = time >= 0 ? time / length : -((-time + length - 1) / length)
        return hours * length
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
