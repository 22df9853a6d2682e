import ChildProcesses
import Foundation
import ProgramUnderTest
import Testing

/// Does something on a thread of its own. What is timed must not wait for the two threads that all tests share, where one
/// that works or waits for a while keeps the others from going on.
func onItsOwnThread<Result: Sendable>(
    _ body: @escaping @Sendable () throws -> Result
) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: .init(catching: body)) }
    }
}

/// An answer, and how long it took to come.
struct Probe: Sendable {
    var path: String
    /// 0 where there was none.
    var status: Int
    var text: String
    var duration: Duration
}

extension Service {
    /// Asks again and again for a while, one after the other, then asks it to end and waits for that: on a thread of its own,
    /// by `curl`, as Foundation's answers come by the threads that tests share.
    /// - Parameter holds: What must hold all the while.
    /// - Returns: All answers in order; the service's status, -1 where a signal ended it, and how long that took.
    func probedAndEnded(
        _ paths: [String], for time: Duration, while holds: @escaping @Sendable () -> Bool
    ) async throws -> (probes: [Probe], end: (status: Int32, duration: Duration)) {
        let port = port
        let process = process
        return try await onItsOwnThread {
            let begun = ContinuousClock.now
            var probes: [Probe] = []
            while begun.duration(to: .now) < time {
                for path in paths {
                    let asked = ContinuousClock.now
                    let outcome = try ChildProcess.run([
                        "curl", "--silent", "--max-time", "30", "--write-out", "\n%{http_code}",
                        "http://127.0.0.1:\(port)\(path)",
                    ])
                    let duration = asked.duration(to: .now)
                    let status = outcome.output.split(separator: "\n").last.flatMap { Int($0) } ?? 0
                    probes.append(Probe(path: path, status: status, text: outcome.output, duration: duration))
                }
            }
            #expect(holds())
            process.terminate()
            let signalled = ContinuousClock.now
            process.waitUntilExit(within: 60)
            return (probes, (process.terminationStatus, signalled.duration(to: .now)))
        }
    }
}
