import AMQPSource
import SessionPipeline
import Synchronization
import Telemetry

/// Logs what goes wrong; what fails the same way at each attempt is said once a minute.
final class Voice: Sendable {
    /// Told at each attempt. Everything else happens once and is said each time.
    private static let repeated: Set<String> = [
        "access_refused", "commit_failed", "connecting_failed", "connection_lost", "leases_failed",
        "not_found", "partition_keys_crossed", "partition_keys_moved", "precondition_failed", "queue_down",
        "resource_locked", "store_not_open",
    ]

    private let log: Log
    private let filter = Mutex(RepeatFilter())

    init(_ log: Log) { self.log = log }

    func say(_ level: LogLevel, _ event: String, _ text: String) {
        guard Self.repeated.contains(event) else { return log.write(level, event, text) }
        guard let heldBack = filter.withLock({ $0.admit(event + text, now: monotonicNow()) }) else { return }
        if heldBack == 0 {
            log.write(level, event, text)
        } else {
            log.write(level, event, text, ["repeated": .integer(heldBack)])
        }
    }
}
