import Dispatch
import SessionPipeline
import SessionStore
import Synchronization
import Telemetry

/// Counts the sessions in progress in the store from time to time, on a thread of its own: the count takes the longer
/// the more of them there are, and nothing waits for it. Between two counts the batches' differences are added; before the
/// first there is no figure, as differences alone are none.
final class OpenSessions: Sendable {
    private let location: StoreLocation
    private let metrics: LiveMetrics
    private let log: Log
    private let stop = StopFlag()

    /// Microseconds from one count to the next.
    private static let every: Int64 = 60_000_000
    /// Microseconds from the start to the first count.
    private static let afterStart: Int64 = 3_000_000

    init(_ location: StoreLocation, metrics: LiveMetrics, log: Log) {
        self.location = location
        self.metrics = metrics
        self.log = log
    }

    func begin() {
        DispatchQueue(label: "sessionizer.open-sessions").async { [self] in
            // What a restart has to do first is commit: the count would take a part of the database from that.
            stop.wait(microseconds: Self.afterStart)
            var isFailing = false
            while !stop.isSet {
                let startedAt = wallClock()
                do {
                    metrics.setOpenSessions(try count())
                    isFailing = false
                } catch {
                    // Once, not every minute.
                    if !isFailing {
                        log.write(
                            .warning, "count_failed",
                            "the sessions in progress could not be counted; tried again once a minute",
                            ["error": .text("\(error)")])
                    }
                    isFailing = true
                }
                // A count that takes long is made the more seldom.
                stop.wait(microseconds: max(Self.every, 50 * (wallClock() - startedAt)))
            }
        }
    }

    private func count() throws -> Int64 {
        let reader = try location.reader()
        defer { reader.close() }
        // What is in progress is not closed, and those have an index: the millions that are closed are not looked at.
        let rows = try reader.rows(
            "SELECT count(*) AS n FROM sessions WHERE closed_at IS NULL AND outcome = 'in_progress'", [])
        return rows.first?.integer("n") ?? 0
    }

    func end() { stop.set() }
}
