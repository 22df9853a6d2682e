import ChildProcesses
import Foundation
import FoundationNetworking
import ProgramUnderTest

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
    var status: Int
    var text: String
    var duration: Duration
}

extension Service {
    /// Asks again and again for a while, one after the other, then asks it to end and waits for that: on a thread of its own.
    /// - Returns: All answers in order; the service's status, -1 where a signal ended it, and how long that took.
    func probedAndEnded(
        _ paths: [String], after time: Duration
    ) async throws -> (probes: [Probe], end: (status: Int32, duration: Duration)) {
        let port = port
        let process = process
        return try await onItsOwnThread {
            let session = URLSession(configuration: .ephemeral)
            let begun = ContinuousClock.now
            var probes: [Probe] = []
            while begun.duration(to: .now) < time {
                for path in paths {
                    guard let url = URL(string: "http://127.0.0.1:\(port)\(path)") else {
                        throw Trouble("no URL: \(path)")
                    }
                    let asked = ContinuousClock.now
                    let (status, text) = session.answer(url)
                    probes.append(
                        Probe(path: path, status: status, text: text, duration: asked.duration(to: .now)))
                }
            }
            process.terminate()
            let signalled = ContinuousClock.now
            process.waitUntilExit(within: 60)
            return (probes, (process.terminationStatus, signalled.duration(to: .now)))
        }
    }
}

extension URLSession {
    /// Waits for an answer: its status, 0 where there was none, and its text.
    fileprivate func answer(_ url: URL) -> (status: Int, text: String) {
        let done = DispatchSemaphore(value: 0)
        let found = Found()
        let task = dataTask(with: url) { data, response, error in
            found.text = data.map { String(decoding: $0, as: UTF8.self) } ?? "\(error as Any)"
            found.status = (response as? HTTPURLResponse)?.statusCode ?? 0
            done.signal()
        }
        task.resume()
        done.wait()
        return (found.status, found.text)
    }

    /// Written before the semaphore is signalled, read after.
    private final class Found: @unchecked Sendable {
        var status = 0
        var text = ""
    }
}
