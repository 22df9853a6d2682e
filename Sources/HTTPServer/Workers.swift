internal import Dispatch
internal import Glibc
internal import Synchronization

/// Threads that answer, apart from those that serve connections: a slow answer keeps nobody else's connection
/// waiting. What they have to do waits in a queue of bounded length.
final class Workers: Sendable {
    typealias Job = @Sendable () -> Void

    private struct Waiting {
        var jobs: [Job] = []
        var isClosed = false
        var isEnded = false
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
        for _ in 0..<count { begin() }
    }

    /// How much less than what else the program does: `nice` of the threads that answer. At a flood of questions they
    /// get a tenth of a core that somebody else wants, and all of one that nobody does.
    private static let niceness: Int32 = 10

    /// A thread of its own, not one of a pool: its priority can be lowered and not raised again.
    private func begin() {
        ended.enter()
        var thread = pthread_t()
        let me = Unmanaged.passRetained(self).toOpaque()
        let code = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                let workers = Unmanaged<Workers>.fromOpaque(context).takeRetainedValue()
                // 0: this thread (Linux; elsewhere it would be the process, sched(7)).
                _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Workers.niceness)
                while let job = workers.take() { job() }
                workers.ended.leave()
                return nil
            }, me)
        precondition(code == 0, "no thread: \(String(cString: strerror(code)))")
        pthread_detach(thread)
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

    /// Like ``put(_:)`` for what goes on already: there is always room for it. Once the threads have ended, whoever brings
    /// it does it.
    func goOn(_ job: @escaping Job) {
        let isTaken = waiting.withLock { waiting in
            if !waiting.isEnded { waiting.jobs.append(job) }
            return !waiting.isEnded
        }
        if isTaken { filled.signal() } else { job() }
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
        let left = waiting.withLock { waiting in
            waiting.isEnded = true
            defer { waiting.jobs = [] }
            return waiting.jobs
        }
        for job in left { job() }
    }
}
