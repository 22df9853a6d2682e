/// What one event does to the windows of one kind: its part in the fold.
enum FoldAction {
    /// Semantics section 3, *open*: begins a window of the entity.
    case open
    /// *release*: ends the current window if it names the current entity or none.
    case release(EndReason)
    /// Says nothing of windows, but may name the entity.
    case neutral
    /// In the pilot fold, a robot *open*: reopens the session, then neutral.
    case reopen
    /// *terminal*: ends the current window and closes the session.
    case close(Outcome)

    /// Among events of one instant: releases first, terminals last.
    var rank: Int {
        switch self {
        case .release: 0
        case .open: 1
        case .neutral, .reopen: 2
        case .close: 3
        }
    }
}

/// One window as the fold leaves it.
struct FoldedWindow: Equatable {
    var entity: Symbol
    var startedAt: Instant
    var endedAt: Instant?
    var openedBy: Symbol
    var endReason: EndReason?
    var inferred: Bool
}

/// The fold that makes assignment windows (semantics section 3): who served when, one at a time.
///
/// It is told its scope's events in order and holds at most one current window. What closes a robot's
/// window stands in ``apply(_:entity:at:name:)``, one case for each way.
struct WindowFold {
    let maxWindow: Microseconds
    private(set) var windows: [FoldedWindow] = []
    private(set) var current: FoldedWindow?
    private(set) var isClosed = false
    /// Neutral events that named another entity than the current one.
    private(set) var conflicts = 0

    /// The terminals since the last reopening, one bit an outcome.
    private(set) var terminals: UInt8 = 0
    /// The time of the first of them.
    private(set) var closedAt: Instant?

    init(maxWindow: Microseconds, carrying current: FoldedWindow? = nil) {
        self.maxWindow = maxWindow
        self.current = current
    }

    /// The next event of the scope.
    mutating func apply(_ action: FoldAction, entity: Symbol, at time: Instant, name: Symbol) {
        expire(at: time)
        switch action {
        case .open:
            reopen()
            if let current {
                if current.entity == entity { return }
                end(at: time, .reassigned)
            }
            begin(entity, at: time, name: name, inferred: false)
        case .release(let reason):
            if let current, !entity.isPresent || entity == current.entity { end(at: time, reason) }
        case .reopen:
            reopen()
            consider(entity, at: time, name: name)
        case .neutral:
            consider(entity, at: time, name: name)
        case .close(let outcome):
            if current != nil { end(at: time, EndReason(outcome)) }
            isClosed = true
            if terminals == 0 { closedAt = time }
            terminals |= 1 << outcome.rawValue
        }
    }

    /// A pilot *open*: begins a window even in a closed session, and does not reopen it.
    mutating func openWithoutReopening(_ entity: Symbol, at time: Instant, name: Symbol) {
        expire(at: time)
        if let current {
            if current.entity == entity { return }
            end(at: time, .reassigned)
        }
        begin(entity, at: time, name: name, inferred: false)
    }

    /// Ends the current window, for a reason that stands outside the scope's own events.
    mutating func end(at time: Instant, _ reason: EndReason) {
        guard var window = current else { return }
        window.endedAt = time
        window.endReason = reason
        windows.append(window)
        current = nil
    }

    /// The windows, those of no length dropped, the one without an end last.
    func finished() -> [FoldedWindow] {
        var all = windows.filter { $0.endedAt != $0.startedAt }
        if let current { all.append(current) }
        return all
    }

    /// Semantics section 5, `outcome`: among the terminals since the last reopening, the strongest.
    var outcome: Outcome {
        guard isClosed else { return .inProgress }
        for outcome in Outcome.allCases where terminals & (1 << outcome.rawValue) != 0 { return outcome }
        return .inProgress
    }

    private mutating func expire(at time: Instant) {
        if let current, time >= current.startedAt + maxWindow {
            end(at: current.startedAt + maxWindow, .timedOut)
        }
    }

    private mutating func reopen() {
        guard isClosed else { return }
        isClosed = false
        terminals = 0
        closedAt = nil
    }

    private mutating func consider(_ entity: Symbol, at time: Instant, name: Symbol) {
        guard entity.isPresent else { return }
        if let current {
            if current.entity != entity { conflicts += 1 }
        } else if !isClosed {
            begin(entity, at: time, name: name, inferred: true)
        }
    }

    private mutating func begin(_ entity: Symbol, at time: Instant, name: Symbol, inferred: Bool) {
        current = FoldedWindow(
            entity: entity, startedAt: time, endedAt: nil, openedBy: name, endReason: nil, inferred: inferred)
    }
}
