internal import Dispatch
public import SessionCore
internal import Synchronization

/// That work is to end, or that there is something to look at. Any number of threads wait on it for time to pass, and
/// each of them is woken by either.
public final class StopFlag: Sendable {
    private struct State {
        var rings = 0
        /// Of those who wait, by a number of their own.
        var bells: [Int: DispatchSemaphore] = [:]
        var lastBell = 0
    }

    private let flag = Atomic<Bool>(false)
    /// Until when what is in hand is tried again.
    private let deadline = Mutex<ContinuousClock.Instant?>(nil)
    private let state = Mutex(State())
    /// What it is a part of: it is set where that is.
    private let whole: StopFlag?

    /// - Parameter whole: Where that is set, this one is too, without anybody having to come by and set it.
    public init(partOf whole: StopFlag? = nil) { self.whole = whole }

    /// Whether the work is to end.
    public var isSet: Bool { flag.load(ordering: .acquiring) || whole?.isSet == true }

    /// Asks for the end and wakes all who wait.
    /// - Parameter patience: Microseconds for which what is in hand may be tried again. Set anew, it only gets less.
    public func set(patience: Microseconds = 0) {
        let end = ContinuousClock.now + .microseconds(patience)
        deadline.withLock { deadline in deadline = min(deadline ?? end, end) }
        flag.store(true, ordering: .releasing)
        state.withLock { Self.wake($0) }
    }

    /// What is left of the time in which what is in hand may be tried again, in microseconds; `.max` before the end is
    /// asked for.
    public var microsecondsLeft: Microseconds {
        let own = deadline.withLock { deadline -> Microseconds in
            guard let deadline else { return .max }
            return max(Microseconds((deadline - .now) / .microseconds(1)), 0)
        }
        return min(own, whole?.microsecondsLeft ?? .max)
    }

    /// How often it was rung.
    public var rings: Int { state.withLock { $0.rings } }

    /// Says that there is something to look at: wakes all who wait.
    public func ring() {
        state.withLock { state in
            state.rings += 1
            Self.wake(state)
        }
    }

    /// Waits until the end is asked for, somebody rings, or time has passed.
    /// - Parameters:
    ///   - microseconds: For how long at most.
    ///   - heard: How often it was rung when the caller last looked around: a ring since then is not missed. Nil: only
    ///     rings from now on count.
    public func wait(microseconds: Microseconds, since heard: Int? = nil) {
        let bell = DispatchSemaphore(value: 0)
        guard let own = hang(bell, since: heard) else { return }
        let wholes = whole?.hang(bell, since: nil)
        // Whoever sets it from here on finds the bell; who did so before is seen now.
        if !isSet { _ = bell.wait(timeout: .now() + .microseconds(Int(clamping: microseconds))) }
        take(own)
        if let wholes { whole?.take(wholes) }
    }

    /// - Returns: Under which number; nil where there is nothing to wait for.
    private func hang(_ bell: DispatchSemaphore, since heard: Int?) -> Int? {
        state.withLock { state in
            if let heard, heard != state.rings { return nil }
            state.lastBell += 1
            state.bells[state.lastBell] = bell
            return state.lastBell
        }
    }

    private func take(_ bell: Int) { state.withLock { $0.bells[bell] = nil } }

    private static func wake(_ state: State) { for bell in state.bells.values { bell.signal() } }
}
