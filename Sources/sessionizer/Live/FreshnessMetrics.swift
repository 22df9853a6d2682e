import SessionCore
import SessionStore
import Synchronization
import Telemetry

/// How far the events have come, and how late each was when it came.
final class FreshnessMetrics: Sendable {
    private struct State {
        /// The newest time of an event that is committed and was not ahead of the clock: one wrong clock would have all others
        /// count as late, and nobody be told that no more come.
        var newest = Instant.min
        /// When a batch was committed last.
        var committed = Instant.min
    }

    private let lateness: Metrics.Handle
    private let lastEvent: Metrics.Handle
    private let lastCommit: Metrics.Handle
    /// Of all workers.
    private let state = Mutex(State())

    init(_ all: Metrics, _ labels: KeyValuePairs<String, String>) {
        lateness = all.histogram(
            "sessionizer_event_lateness_seconds",
            "How far an accepted event's time is behind the newest before it; 0 for those in order.",
            bounds: [0, 1, 10, 60, 600, 3600, 21_600, 86_400, 604_800], labels)
        lastEvent = all.gauge(
            "sessionizer_last_event_timestamp_seconds",
            "The newest event time that is committed, of events not ahead of the clock.", labels)
        lastCommit = all.gauge(
            "sessionizer_last_commit_timestamp_seconds", "When a batch was committed last.", labels)
    }

    /// Goes on from what is stored: else the first event after a start would count as the newest ever, however old it is.
    func opened(_ stored: StoredFreshness, _ all: Metrics) {
        // Another worker may have gone on since this was read.
        state.withLock { state in
            state.newest = max(state.newest, stored.lastEvent ?? .min)
            state.committed = max(state.committed, stored.lastCommit)
        }
        all.change { show([], &$0) }
    }

    /// A batch was committed.
    /// - Returns: How late each of its events was, in seconds: for ``show(_:_:)``.
    func committed(_ events: [Event], at now: Instant) -> [Double] {
        state.withLock { state in
            let latenesses = events.map { event in
                defer {
                    if event.time <= now + StoredFreshness.tolerance {
                        state.newest = max(state.newest, event.time)
                    }
                }
                return state.newest > event.time ? Self.seconds(state.newest - event.time) : 0
            }
            state.committed = max(state.committed, now)
            return latenesses
        }
    }

    /// Shows what came of it, and how far all workers have come by now.
    func show(_ latenesses: [Double], _ change: inout Metrics.Changing) {
        let state = state.withLock { $0 }
        change.observe(lateness, latenesses)
        if state.newest > .min { change.set(lastEvent, Self.seconds(state.newest)) }
        if state.committed > .min { change.set(lastCommit, Self.seconds(state.committed)) }
    }

    private static func seconds(_ time: Microseconds) -> Double { Double(time) / 1e6 }
}
