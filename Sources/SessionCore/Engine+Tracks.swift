/// Tracks: robot states, shifts, and the pilots of a robot's own scope.
extension Engine {
    /// Brings back, before any fact of the batch is inserted, each track from the earliest instant that the
    /// batch can change.
    func prepareTracks() throws {
        var robots: [Symbol: Instant] = [:]
        var pilots: [Symbol: Instant] = [:]
        for event in changes.accepted {
            if event.robot.isPresent, rules.maxSilence != nil || meanings.isRobotTrackFact(event) {
                robots[event.robot] = min(robots[event.robot] ?? .max, event.time)
            }
            if meanings.isPilotTrackFact(event) {
                pilots[event.pilot] = min(pilots[event.pilot] ?? .max, event.time)
            }
            if meanings.isCloser(event) {
                for scope in try scopeWindows(.pilot, event.pilot, heldBefore: event.time) {
                    robots[scope.robot] = min(robots[scope.robot] ?? .max, event.time)
                }
            }
        }
        for (robot, time) in robots { try ensureRobotTrack(robot, from: time) }
        for (pilot, time) in pilots { try ensurePilotTrack(pilot, from: time) }
    }

    func foldTracks() throws {
        for (pilot, time) in work.newClosers {
            for scope in try scopeWindows(.pilot, pilot, heldBefore: time) {
                if let track = robotTracks[scope.robot] { mark(track, of: scope.robot) }
            }
            let bucket = Lane.bucket(of: time)
            for bucket in (bucket - lookback)...bucket {
                let chunk = try chunk(.pilot, pilot, bucket)
                for window in chunk.windows where window.start < time && time <= window.until {
                    try markForFold(window.session)
                }
            }
        }
        for robot in work.dirtyRobots {
            guard let track = robotTracks[robot] else { continue }
            track.isDirty = false
            let (states, contradictions) = (track.stateRows, track.contradictions)
            track.foldStates(maxSilence: rules.maxSilence, unknown: meanings.unknownState)
            emitStates(robot, old: states, new: track.stateRows)
            for time in contradictions { countContradiction(robot, time, -1) }
            for time in track.contradictions { countContradiction(robot, time, 1) }
            let scopes = track.scopeRows
            try foldScope(track, of: robot)
            try emitScopes(robot, old: scopes, new: track.scopeRows)
        }
        for pilot in work.dirtyPilots {
            guard let track = pilotTracks[pilot] else { continue }
            track.isDirty = false
            let rows = track.rows
            track.fold()
            emitShifts(pilot, old: rows, new: track.rows)
        }
    }

    /// The robot's scope: pilot *opens* and *releases* that name the robot and no session, and the closers of
    /// whichever pilot is current.
    func foldScope(_ track: RobotTrack, of robot: Symbol) throws {
        let carried = track.scopeBefore.map {
            FoldedWindow(
                entity: $0.pilot, startedAt: $0.startedAt, endedAt: nil, openedBy: $0.openedBy,
                endReason: nil,
                inferred: false)
        }
        if carried == nil, track.scope.isEmpty {
            track.scopeRows = []
            return
        }
        var fold = WindowFold(maxWindow: rules.maxWindow, carrying: carried)
        let facts = track.scope
        try forEachInFoldOrder(facts, rank: { $0.release != nil ? 0 : ($0.pilot.isPresent ? 1 : 2) }) {
            fact, rank in
            try closeByPilot(&fold, before: fact, rank: rank)
            if let reason = fact.release {
                fold.apply(.release(reason), entity: fact.pilot, at: fact.time, name: fact.name)
            } else if fact.pilot.isPresent {
                fold.openWithoutReopening(fact.pilot, at: fact.time, name: fact.name)
            } else {
                fold.apply(.neutral, entity: .absent, at: fact.time, name: fact.name)
            }
        }
        try closeByPilot(&fold)
        track.scopeRows = fold.finished().map {
            ScopeWindow(
                robot: robot, pilot: $0.entity, startedAt: $0.startedAt, endedAt: $0.endedAt,
                expiresAt: $0.startedAt + rules.maxWindow, openedBy: $0.openedBy, endReason: $0.endReason)
        }
    }

    /// Ends the current pilot's window if the pilot released itself everywhere before this fact.
    func closeByPilot(_ fold: inout WindowFold, before fact: some TimedFact, rank: Int) throws {
        guard let current = fold.current else { return }
        try closeByPilot(&fold, current, until: fact.time) { closer in
            if closer.time != fact.time { return closer.time < fact.time }
            return rank > 0 || closer.tieBreak(fact, symbols) < 0
        }
    }

    /// Ends the current pilot's window if the pilot released itself everywhere before it expires.
    func closeByPilot(_ fold: inout WindowFold) throws {
        guard let current = fold.current else { return }
        try closeByPilot(&fold, current, until: .max) { _ in true }
    }

    private func closeByPilot(
        _ fold: inout WindowFold, _ current: FoldedWindow, until: Instant, _ precedes: (CloserFact) -> Bool
    ) throws {
        let expiry = current.startedAt + rules.maxWindow
        let last = min(until, expiry)
        for bucket in Lane.bucket(of: current.startedAt)...Lane.bucket(of: last) {
            let chunk = try chunk(.pilot, current.entity, bucket)
            for closer in chunk.closers where closer.time > current.startedAt && closer.time < expiry {
                if precedes(closer) { fold.end(at: closer.time, closer.reason) }
                return
            }
        }
    }

    /// Walks facts in the order of the fold: by time, then rank, then name and id.
    func forEachInFoldOrder<F: TimedFact>(
        _ facts: [F], rank: (F) -> Int, _ body: (F, Int) throws -> Void
    ) rethrows {
        var index = 0
        while index < facts.count {
            var end = index + 1
            while end < facts.count, facts[end].time == facts[index].time { end += 1 }
            if end - index == 1 {
                try body(facts[index], rank(facts[index]))
            } else {
                for wanted in 0...3 {
                    for same in index..<end where rank(facts[same]) == wanted {
                        try body(facts[same], wanted)
                    }
                }
            }
            index = end
        }
    }

    /// Scope windows (of a robot, or of a pilot) that began before an instant and had not ended before it.
    func scopeWindows(_ kind: WindowKind, _ entity: Symbol, heldBefore time: Instant) throws -> [ScopeWindow]
    {
        let bucket = Lane.bucket(of: time)
        var found: [ScopeWindow] = []
        for bucket in (bucket - lookback)...bucket {
            let chunk = try chunk(kind, entity, bucket)
            for window in chunk.scopeWindows
            where window.startedAt < time && time <= (window.endedAt ?? window.expiresAt) {
                found.append(window)
            }
        }
        return found
    }

    private func countContradiction(_ robot: Symbol, _ time: Instant, _ sign: Int64) {
        changes.robotHourly[
            HourKey(hour: Hours.start(of: time), robot), default: RobotHourDelta()
        ].stateConflicts += sign
    }

    private func emitStates(_ robot: Symbol, old: [RobotStateRow], new: [RobotStateRow]) {
        forEachDifference(old, new, start: \.startedAt) { was, now in
            if let was {
                countState(robot, was, -1)
                if now == nil {
                    changes.deletedRobotStates.append(Owned(owner: robot, value: was.startedAt))
                }
            }
            if let now {
                countState(robot, now, 1)
                changes.robotStates.append(Owned(owner: robot, value: now))
            }
        }
    }

    private func countState(_ robot: Symbol, _ row: RobotStateRow, _ sign: Int64) {
        guard let end = row.endedAt else { return }
        let stateClass = stateClass[row.state]
        Hours.splitCounted(row.startedAt, end) { hour, length in
            changes.robotStateHourly[HourKey(hour: hour, robot, row.state, row.reason), default: 0] +=
                sign * length
            let key = HourKey(hour: hour, robot)
            switch stateClass {
            case .usable: changes.robotHourly[key, default: RobotHourDelta()].usable += sign * length
            case .downtime: changes.robotHourly[key, default: RobotHourDelta()].downtime += sign * length
            case .offDuty: changes.robotHourly[key, default: RobotHourDelta()].offDuty += sign * length
            case nil: changes.robotHourly[key, default: RobotHourDelta()].other += sign * length
            }
        }
    }

    private func emitScopes(_ robot: Symbol, old: [ScopeWindow], new: [ScopeWindow]) throws {
        try forEachDifference(old, new, start: \.startedAt) { was, now in
            if let was {
                // The key is robot, start and pilot.
                if was.pilot != now?.pilot { changes.deletedScopeWindows.append(was) }
                try index(was, add: false)
                try markInheritors(of: was)
            }
            if let now {
                changes.scopeWindows.append(now)
                try index(now, add: true)
                try markInheritors(of: now)
            }
        }
    }

    private func index(_ window: ScopeWindow, add: Bool) throws {
        let bucket = Lane.bucket(of: window.startedAt)
        for chunk in [try chunk(.robot, window.robot, bucket), try chunk(.pilot, window.pilot, bucket)] {
            chunk.scopeWindows.removeAll { $0 == window }
            if add { chunk.scopeWindows.append(window) }
        }
    }

    /// Sessions that the robot served during the window may inherit its pilot.
    private func markInheritors(of window: ScopeWindow) throws {
        let until = window.endedAt ?? window.expiresAt
        for bucket in (Lane.bucket(of: window.startedAt) - lookback)...Lane.bucket(of: until) {
            let chunk = try chunk(.robot, window.robot, bucket)
            for held in chunk.windows where held.start < until && window.startedAt < held.until {
                try markForFold(held.session)
            }
        }
    }

    private func emitShifts(_ pilot: Symbol, old: [ShiftRow], new: [ShiftRow]) {
        forEachDifference(old, new, start: \.startedAt) { was, now in
            if let was {
                countShift(pilot, was, -1)
                if now == nil { changes.deletedShifts.append(Owned(owner: pilot, value: was.startedAt)) }
            }
            if let now {
                countShift(pilot, now, 1)
                changes.shifts.append(Owned(owner: pilot, value: now))
            }
        }
    }

    private func countShift(_ pilot: Symbol, _ row: ShiftRow, _ sign: Int64) {
        guard let end = row.endedAt else { return }
        Hours.splitCounted(row.startedAt, end) { hour, length in
            changes.pilotHourly[HourKey(hour: hour, pilot), default: PilotHourDelta()].shift += sign * length
        }
    }
}
