import AMQPSource
import Dispatch
import Glibc
import HTTPServer
import SessionPipeline
import Synchronization
import Telemetry

/// How the live service comes to its end: what is in hand is waited for, a database that answers nothing and readers of
/// long answers only so long that all of it ends within the grace.
struct LiveEnd {
    let settings: Settings
    let location: StoreLocation
    let consumers: LiveConsumers
    let health: LiveHealth
    let log: Log
    let stop: StopFlag

    /// What is not over yet.
    enum Left: String {
        case batch, broker, answers
    }

    /// What the program has to do before it may end.
    var left: Left {
        if health.holdsBatch { return .batch }
        return consumers.areGone ? .answers : .broker
    }

    /// Tells what is lost by ending now: nothing, but who has to do it again.
    func graceIsOver() {
        let left = left
        let text =
            switch left {
            case .batch:
                "the batch in hand was not committed in time: it is not acknowledged, so it will be delivered again"
            case .broker: "the broker did not confirm the end of the connection in time; no batch was in hand"
            case .answers:
                "only answers to readers, or of the database, were waited for; no batch was in hand"
            }
        log.write(.error, "grace_over", text, ["left": .text(left.rawValue)])
    }

    /// Does the work until its end, then lets go of HTTP.
    /// - Returns: The program's status. Where threads are at work still, it ends the program itself, as nothing that they
    ///   use may be torn down.
    func run(_ http: HTTPServer, _ work: @escaping @Sendable () throws -> Int32) throws -> Int32 {
        let outcome = Outcome()
        DispatchQueue(label: "sessionizer.work").async { outcome.end(Result { try work() }) }
        let status = try self.status(of: outcome)
        let left = http.stop(within: settings.live.lastSeconds)
        if left > 0 {
            log.write(
                .warning, "answers_left", "answers to readers were not finished in time: they are cut",
                ["answers": .integer(left)])
        }
        if left > 0 || status == nil { _exit(status ?? 0) }
        return status ?? 0
    }

    /// Waits for the end of the work.
    /// - Returns: Nil where only a database that does not answer keeps it from its end.
    private func status(of outcome: Outcome) throws -> Int32? {
        var idleSince: ContinuousClock.Instant?
        while true {
            if let result = outcome.wait(seconds: stop.isSet ? 0.05 : 0.5) { return try result.get() }
            guard stop.isSet, isOnlyDatabaseLeft else {
                idleSince = nil
                continue
            }
            let since = idleSince ?? .now
            idleSince = since
            if (.now - since) / .seconds(1) < settings.live.lastSeconds { continue }
            log.write(
                .warning, "database_not_waited_for",
                "nothing is in hand, and the database does not answer; leases that are not given back run out by themselves"
            )
            return nil
        }
    }

    private var isOnlyDatabaseLeft: Bool {
        switch location {
        case .postgres: left == .answers
        // It is a file of this machine's, which is written to until it is closed.
        case .sqlite: false
        }
    }

    /// What came of the work, for whoever waits for it.
    private final class Outcome: Sendable {
        private let result = Mutex<Result<Int32, any Error>?>(nil)
        private let ended = DispatchSemaphore(value: 0)

        func end(_ result: Result<Int32, any Error>) {
            self.result.withLock { $0 = result }
            ended.signal()
        }

        /// - Returns: Nil where that time was not enough.
        func wait(seconds: Double) -> Result<Int32, any Error>? {
            _ = ended.wait(timeout: .now() + seconds)
            return result.withLock { $0 }
        }
    }
}
