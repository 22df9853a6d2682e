import Dispatch
import SessionPipeline
import SessionStore
import Synchronization

/// Counts the sessions in progress in the store from time to time, on a thread of its own: the count takes the longer
/// the more of them there are, and nothing waits for it. Between two counts the batches' differences are added.
final class OpenSessions: Sendable {
    private let location: StoreLocation
    private let metrics: LiveMetrics
    private let stop = StopFlag()

    /// Microseconds from one count to the next.
    private static let every: Int64 = 60_000_000
    /// Microseconds from the start to the first count.
    private static let afterStart: Int64 = 3_000_000

    init(_ location: StoreLocation, metrics: LiveMetrics) {
        self.location = location
        self.metrics = metrics
    }

    func begin() {
        DispatchQueue(label: "sessionizer.open-sessions").async { [self] in
            // What a restart has to do first is commit: the count would take a part of the database from that.
            stop.wait(microseconds: Self.afterStart)
            while !stop.isSet {
                let startedAt = wallClock()
                if let reader = try? location.reader() {
                    let rows = try? reader.rows(
                        // What is in progress is not closed, and those have an index: the millions that are closed are
                        // not looked at.
                        "SELECT count(*) AS n FROM sessions WHERE closed_at IS NULL AND outcome = 'in_progress'",
                        [])
                    if let count = rows?.first?.integer("n") { metrics.setOpenSessions(count) }
                    reader.close()
                }
                // A count that takes long is made the more seldom.
                stop.wait(microseconds: max(Self.every, 50 * (wallClock() - startedAt)))
            }
        }
    }

    func end() { stop.set() }
}
