/// A robot's state facts and scope facts from some instant on, with what was the case before it.
///
/// Telling a robot's states needs nothing older than the last change, so only the end of its history is in
/// memory; a late fact brings back the track from its own time on.
final class RobotTrack {
    var from: Instant
    var lastUsed = 0
    var isDirty = false

    var stateBefore: RobotStateRow?
    var scopeBefore: ScopeWindow?
    var states: [StateFact] = []
    var scope: [ScopeFact] = []
    var heard: [Instant] = []
    var heardBefore: Instant?

    /// The rows as last derived.
    var stateRows: [RobotStateRow] = []
    var scopeRows: [ScopeWindow] = []
    /// Times of facts whose `from_state` contradicts the interval before.
    var contradictions: [Instant] = []

    init(from: Instant) { self.from = from }

    func insert(_ event: Event, _ meanings: EventMeanings, _ symbols: SymbolTable) {
        let state = meanings.state(of: event)
        if state.isPresent {
            states.insertInOrder(
                StateFact(
                    time: event.time, key: event.key, name: event.name, state: state,
                    reason: event.reason.isPresent ? event.reason : event.errorCode,
                    fromState: event.fromState), symbols)
        }
        if meanings.isScopeFact(event) {
            let release: EndReason?
            switch meanings[event.name].window {
            case .releasesPilot(let reason): release = reason
            case .opensPilot, .neutral, .opensRobot, .releasesRobot, .closes: release = nil
            }
            scope.insertInOrder(
                ScopeFact(
                    time: event.time, key: event.key, name: event.name, pilot: event.pilot, release: release),
                symbols)
        }
    }

    /// Semantics section 6: of several facts at one instant the last stands; equal neighbours are one
    /// interval; an interval ends where the next begins.
    func foldStates(maxSilence: Microseconds?, unknown: Symbol) {
        var rows: [RobotStateRow] = []
        contradictions.removeAll(keepingCapacity: true)
        if var before = stateBefore {
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
        for (index, fact) in states.enumerated() {
            if index + 1 < states.count, states[index + 1].time == fact.time { continue }
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
        stateRows = rows
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

/// A pilot's shift facts from some instant on.
final class PilotTrack {
    var from: Instant
    var lastUsed = 0
    var isDirty = false

    var shiftBefore: ShiftRow?
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
        var open = shiftBefore?.startedAt
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
