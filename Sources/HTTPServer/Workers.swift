internal import Dispatch
internal import Synchronization

/// Threads that answer, apart from those that serve connections: a slow answer keeps nobody else's connection
/// waiting. What they have to do waits in a queue of bounded length.
final class Workers: Sendable {
    typealias Job = @Sendable () -> Void

    private struct Waiting {
        var jobs: [Job] = []
        var isClosed = false
    }

    private let waiting = Mutex(Waiting())
    private let filled = DispatchSemaphore(value: 0)
    private let ended = DispatchGroup()
    private let count: Int
    private let capacity: Int
    /// Asks again later for what had nothing to send.
    private let later = DispatchQueue(label: "http.later")

    init(count: Int, capacity: Int) {
        self.count = count
        self.capacity = capacity
        for index in 0..<count {
            ended.enter()
            DispatchQueue(label: "http.worker.\(index)").async { [self] in
                while let job = take() { job() }
                ended.leave()
            }
        }
    }

    /// - Returns: Whether there was room for it.
    func put(_ job: @escaping Job) -> Bool {
        let isTaken = waiting.withLock { waiting in
            if waiting.isClosed || waiting.jobs.count >= capacity { return false }
            waiting.jobs.append(job)
            return true
        }
        if isTaken { filled.signal() }
        return isTaken
    }

    /// Like ``put(_:)`` for what goes on already: there is always room for it.
    func goOn(_ job: @escaping Job) {
        waiting.withLock { $0.jobs.append(job) }
        filled.signal()
    }

    func goOnLater(_ job: @escaping Job) {
        later.asyncAfter(deadline: .now() + .milliseconds(250)) { [self] in goOn(job) }
    }

    private func take() -> Job? {
        filled.wait()
        return waiting.withLock { $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }
    }

    /// Takes no more requests. What goes on already may go on.
    func close() { waiting.withLock { $0.isClosed = true } }

    /// Ends the threads, once nothing is to be done any more.
    func end() {
        for _ in 0..<count { filled.signal() }
        ended.wait()
    }
}
