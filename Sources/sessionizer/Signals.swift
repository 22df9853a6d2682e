import AMQPSource
import Dispatch
import Glibc

/// SIGTERM and SIGINT, taken by a thread of their own.
///
/// They are blocked in every thread (so call ``block()`` before there is a second one), and waited for: no handler
/// runs anywhere, so nothing has to be safe in one.
enum Signals {
    private static func asked() -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        return set
    }

    static func block() {
        var set = asked()
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Waits on a thread of its own.
    /// - Parameters:
    ///   - grace: Seconds from the first signal on; after them the program ends as it is.
    ///   - onFirst: Called for the first signal. A second one ends the program at once, with status 1.
    ///   - onGraceOver: Called before the program ends because the time is over.
    static func wait(
        grace: Int, onFirst: @escaping @Sendable () -> Void, onGraceOver: @escaping @Sendable () -> Void
    ) {
        let queue = DispatchQueue(label: "sessionizer.signals")
        queue.async {
            var set = asked()
            var number: Int32 = 0
            while sigwait(&set, &number) != 0 {}
            onFirst()
            let end = monotonicNow() + Int64(grace) * 1_000_000
            while true {
                let left = max(end - monotonicNow(), 0)
                var time = timespec(tv_sec: Int(left / 1_000_000), tv_nsec: Int(left % 1_000_000) * 1000)
                if sigtimedwait(&set, nil, &time) > 0 { _exit(1) }
                if monotonicNow() >= end {
                    onGraceOver()
                    _exit(1)
                }
            }
        }
    }
}
