/// A row that lasts from an instant to another, or has no end yet.
protocol Interval {
    var startedAt: Instant { get }
    var endedAt: Instant? { get }
}

extension RobotStateRow: Interval {}
extension ScopeWindow: Interval {}
extension ShiftRow: Interval {}

/// The facts of a robot or a pilot from some instant on, the row that had begun before, and the rows as last derived.
protocol Track: AnyObject {
    associatedtype Fact: TimedFact
    associatedtype Row: Interval

    var from: Instant { get set }
    var before: Row? { get set }
    var facts: [Fact] { get set }
    var rows: [Row] { get set }
}

extension Track {
    /// Keeps what is from an instant on; what was before it stays as one carried row.
    func forget(before instant: Instant) {
        before = rows.last { $0.startedAt < instant && ($0.endedAt.map { $0 >= instant } ?? true) }
        rows.removeAll { $0.startedAt < (before?.startedAt ?? instant) }
        facts.removeAll { $0.time < instant }
        from = instant
    }
}

/// A robot's state facts over a stretch of time, with what was the case before it and after it.
///
/// Telling a robot's states needs nothing older than the last change, and nothing newer than the next state that is
/// told: from that instant on they are what they were, whatever happened before. So only the end of its history is in
/// memory, and a late fact brings back the stretch around its own time.
final class StateTrack: Track {
    var from: Instant
    /// Facts before this instant belong to the track; those of the instant itself end it. `.max` where nothing is known
    /// after the last fact.
    var until = Instant.max
    var lastUsed = 0
    /// What the batch that used it last needed it for.
    private(set) var needed: ClosedRange<Instant>?
    var isDirty = false

    var before: RobotStateRow?
    /// The row that begins at ``until``. Its own facts may be gone: a store drops events, but not what they told.
    var next: RobotStateRow?
    var facts: [StateFact] = []
    var heard: [Instant] = []
    var heardBefore: Instant?

    var rows: [RobotStateRow] = []
    /// Times of facts whose `from_state` contradicts the interval before.
    var contradictions: [Instant] = []

    init(from: Instant) { self.from = from }

    /// Has a batch need it for these instants.
    func need(_ times: ClosedRange<Instant>, in batch: Int) {
        needed = lastUsed == batch ? needed?.spanning(times) ?? times : times
        lastUsed = batch
    }

    /// Whether facts of all these instants belong to it.
    func covers(_ times: ClosedRange<Instant>) -> Bool {
        from <= times.lowerBound && times.upperBound < until
    }

    /// Whether neither can change a row of the other, nor what the other carries: the last row of the earlier one has ended
    /// when the row that the later one carries begins.
    func isIndependent(of other: StateTrack) -> Bool {
        let (earlier, later) = from < other.from ? (self, other) : (other, self)
        guard earlier.until < later.from, let last = earlier.next?.endedAt, let carried = later.before else {
            return false
        }
        return last <= carried.startedAt
    }

    func insert(_ event: Event, _ meanings: EventMeanings, _ symbols: SymbolTable) {
        let state = meanings.state(of: event)
        guard state.isPresent else { return }
        facts.insertInOrder(
            StateFact(
                time: event.time, key: event.key, name: event.name, state: state,
                reason: event.reason.isPresent ? event.reason : event.errorCode,
                fromState: event.fromState), symbols)
    }

    /// Semantics section 6: of several facts at one instant the last stands; equal neighbours are one
    /// interval; an interval ends where the next begins.
    func fold(maxSilence: Microseconds?, unknown: Symbol) {
        var rows: [RobotStateRow] = []
        contradictions.removeAll(keepingCapacity: true)
        if var before {
            before.endedAt = nil
            rows.append(before)
        }
        var silences = maxSilence.map { silenceStarts(longerThan: $0) } ?? []
        silences.reverse()
        func change(_ time: Instant, _ state: Symbol, _ reason: Symbol) {
            if let last = rows.last {
                if last.state == state, last.reason == reason { return }
                rows[rows.count - 1].endedAt = time
            }
            rows.append(RobotStateRow(startedAt: time, endedAt: nil, state: state, reason: reason))
        }
        for (index, fact) in facts.enumerated() {
            if index + 1 < facts.count, facts[index + 1].time == fact.time { continue }
            while let silence = silences.last, silence < fact.time {
                silences.removeLast()
                if !rows.isEmpty { change(silence, unknown, .absent) }
            }
            if fact.fromState.isPresent, let last = rows.last, last.state != fact.fromState {
                contradictions.append(fact.time)
            }
            change(fact.time, fact.state, fact.reason)
        }
        while let silence = silences.popLast() {
            if !rows.isEmpty { change(silence, unknown, .absent) }
        }
        if let next {
            change(next.startedAt, next.state, next.reason)
            rows[rows.count - 1].endedAt = next.endedAt
        }
        self.rows = rows
    }

    /// Where a silence of that length ran out before the robot was heard again.
    private func silenceStarts(longerThan silence: Microseconds) -> [Instant] {
        var starts: [Instant] = []
        var last = heardBefore
        for time in heard {
            if let last, time - last > silence { starts.append(last + silence) }
            last = time
        }
        return starts
    }
}

/// A robot's scope facts from some instant on, with the window that had begun before it: opens and releases of pilots
/// that name the robot and no session.
final class ScopeTrack: Track {
    var from: Instant
    var lastUsed = 0
    var isDirty = false

    var before: ScopeWindow?
    var facts: [ScopeFact] = []
    var rows: [ScopeWindow] = []

    init(from: Instant) { self.from = from }

    func insert(_ event: Event, _ meanings: EventMeanings, _ symbols: SymbolTable) {
        guard meanings.isScopeFact(event) else { return }
        let release: EndReason?
        switch meanings[event.name].window {
        case .releasesPilot(let reason): release = reason
        case .opensPilot, .neutral, .opensRobot, .releasesRobot, .closes: release = nil
        }
        facts.insertInOrder(
            ScopeFact(
                time: event.time, key: event.key, name: event.name, pilot: event.pilot, release: release),
            symbols)
    }
}

/// A pilot's shift facts from some instant on.
final class PilotTrack: Track {
    var from: Instant
    var lastUsed = 0
    var isDirty = false

    var before: ShiftRow?
    var facts: [ShiftFact] = []
    var rows: [ShiftRow] = []

    init(from: Instant) { self.from = from }

    func insert(_ event: Event, _ meanings: EventMeanings, _ symbols: SymbolTable) {
        let starts: Bool
        switch meanings[event.name].shift {
        case .none: return
        case .starts: starts = true
        case .ends: starts = false
        }
        facts.insertInOrder(
            ShiftFact(time: event.time, key: event.key, name: event.name, starts: starts), symbols)
    }

    /// Semantics section 7: from `pilot.shift_started` to the next `pilot.shift_ended`; of two starts before
    /// one end, the first counts.
    func fold() {
        var rows: [ShiftRow] = []
        var open = before?.startedAt
        for fact in facts {
            if fact.starts {
                if open == nil { open = fact.time }
            } else if let start = open {
                if start < fact.time { rows.append(ShiftRow(startedAt: start, endedAt: fact.time)) }
                open = nil
            }
        }
        if let open { rows.append(ShiftRow(startedAt: open, endedAt: nil)) }
        self.rows = rows
    }
}
