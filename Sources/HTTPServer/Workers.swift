internal import Dispatch
internal import Glibc
internal import Synchronization

/// Threads that answer, apart from those that serve connections: a slow answer keeps nobody else's connection
/// waiting. What they have to do waits in a queue of bounded length.
final class Workers: Sendable {
    /// Something to do.
    struct Job: Sendable {
        let run: @Sendable () -> Void
        /// What is done instead where it still waits at the end, which takes no time; nil: it is done all the same.
        var refuse: (@Sendable () -> Void)?
    }

    private struct Waiting {
        var jobs: [Job] = []
        /// Nothing new is taken.
        var isClosed = false
        /// The threads end once there is nothing to do.
        var isEnding = false
        var isEnded = false
    }

    private let waiting = Mutex(Waiting())
    private let filled = DispatchSemaphore(value: 0)
    private let ended = DispatchGroup()
    private let count: Int
    private let capacity: Int
    private let niceness: Int32
    /// Asks again later for what had nothing to send.
    private let later = DispatchQueue(label: "http.later")

    /// - Parameters:
    ///   - count: How many threads.
    ///   - capacity: How many jobs may wait for them.
    ///   - niceness: How much less than what else the program does, as `nice` counts it.
    init(count: Int, capacity: Int, niceness: Int32 = Workers.niceness) {
        self.count = count
        self.capacity = capacity
        self.niceness = niceness
        for _ in 0..<count { begin() }
    }

    /// How much less than what else the program does: `nice` of the threads that answer. At a flood of questions they
    /// get a tenth of a core that somebody else wants, and all of one that nobody does.
    static let niceness: Int32 = 10

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
                _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, workers.niceness)
                while let job = workers.take() { job.run() }
                workers.ended.leave()
                return nil
            }, me)
        precondition(code == 0, "no thread: \(String(cString: strerror(code)))")
        pthread_detach(thread)
    }

    /// - Returns: Whether there was room for it.
    func put(_ job: Job) -> Bool {
        let isTaken = waiting.withLock { waiting in
            if waiting.isClosed || waiting.jobs.count >= capacity { return false }
            waiting.jobs.append(job)
            return true
        }
        if isTaken { filled.signal() }
        return isTaken
    }

    /// Like ``put(_:)`` for what goes on already: there is always room for it. Once nothing new is taken, whoever brings it
    /// refuses it; what cannot be refused he does, when the threads have ended.
    func goOn(_ job: Job) {
        let instead: (@Sendable () -> Void)? = waiting.withLock { waiting in
            if waiting.isClosed, let refuse = job.refuse { return refuse }
            if waiting.isEnded { return job.run }
            waiting.jobs.append(job)
            return nil
        }
        if let instead { instead() } else { filled.signal() }
    }

    func goOnLater(_ job: Job) {
        later.asyncAfter(deadline: .now() + .milliseconds(250)) { [self] in goOn(job) }
    }

    private func take() -> Job? {
        while true {
            filled.wait()
            let (job, isOver) = waiting.withLock { waiting in
                waiting.jobs.isEmpty ? (nil, waiting.isEnding) : (waiting.jobs.removeFirst(), false)
            }
            // Neither: it was refused meanwhile.
            if job != nil || isOver { return job }
        }
    }

    /// Takes nothing more, and refuses what waits. What a thread is at goes on.
    func close() {
        let refused = waiting.withLock { waiting in
            waiting.isClosed = true
            let refused = waiting.jobs.compactMap(\.refuse)
            waiting.jobs.removeAll { $0.refuse != nil }
            return refused
        }
        for refuse in refused { refuse() }
    }

    /// Ends the threads, once nothing is to be done any more: waits for what they are at.
    func end() {
        waiting.withLock { $0.isEnding = true }
        for _ in 0..<count { filled.signal() }
        ended.wait()
        let left = waiting.withLock { waiting in
            waiting.isEnded = true
            defer { waiting.jobs = [] }
            return waiting.jobs
        }
        for job in left { job.run() }
    }
}
