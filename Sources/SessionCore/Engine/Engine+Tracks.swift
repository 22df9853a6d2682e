/// Tracks: robot states and shifts; the pilots of a robot's own scope are in Engine+Scopes.swift.
extension Engine {
    /// Brings back, before any fact of the batch is inserted, each track over the stretch of time that the batch can
    /// change.
    func prepareTracks() throws {
        var states: [Symbol: ClosedRange<Instant>] = [:]
        var scopes: [Symbol: Instant] = [:]
        var pilots: [Symbol: Instant] = [:]
        for event in changes.accepted {
            let time = event.time
            if event.robot.isPresent, rules.maxSilence != nil || meanings.state(of: event).isPresent {
                states[event.robot] = (states[event.robot] ?? time...time).spanning(time...time)
            }
            if meanings.isScopeFact(event) {
                scopes[event.robot] = min(scopes[event.robot] ?? .max, time)
            }
            if meanings.isPilotTrackFact(event) {
                pilots[event.pilot] = min(pilots[event.pilot] ?? .max, time)
            }
            if meanings.isCloser(event) {
                for scope in try scopeWindows(.pilot, event.pilot, heldBefore: time) {
                    scopes[scope.robot] = min(scopes[scope.robot] ?? .max, time)
                }
            }
        }
        try ensureStateTracks(states)
        for (robot, time) in scopes { try ensureScopeTrack(robot, from: time) }
        for (pilot, time) in pilots { try ensurePilotTrack(pilot, from: time) }
    }

    func foldTracks() throws {
        for (pilot, time) in work.newClosers {
            for scope in try scopeWindows(.pilot, pilot, heldBefore: time) {
                if let track = scopeTracks[scope.robot] { mark(track, of: scope.robot) }
            }
            let bucket = Lane.bucket(of: time)
            for bucket in (bucket - lookback)...bucket {
                let chunk = try chunk(.pilot, pilot, bucket)
                for window in chunk.windows where window.start < time && time <= window.until {
                    try markForFold(window.session)
                }
            }
        }
        for (robot, track) in work.dirtyStates {
            track.isDirty = false
            let (rows, contradictions) = (track.rows, track.contradictions)
            track.fold(maxSilence: rules.maxSilence, unknown: meanings.unknownState)
            emitStates(robot, old: rows, new: track.rows)
            for time in contradictions { countContradiction(robot, time, -1) }
            for time in track.contradictions { countContradiction(robot, time, 1) }
        }
        for robot in work.dirtyScopes {
            guard let track = scopeTracks[robot] else { continue }
            track.isDirty = false
            let rows = track.rows
            try foldScope(track, of: robot)
            try emitScopes(robot, old: rows, new: track.rows)
        }
        for pilot in work.dirtyPilots {
            guard let track = pilotTracks[pilot] else { continue }
            track.isDirty = false
            let rows = track.rows
            track.fold()
            emitShifts(pilot, old: rows, new: track.rows)
        }
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
        let stateClass = stateClass[row.state] ?? .other
        Hours.splitCounted(row.startedAt, end) { hour, length in
            changes.robotStateHourly[HourKey(hour: hour, robot, row.state, row.reason), default: 0] +=
                sign * length
            let key = HourKey(hour: hour, robot)
            switch stateClass {
            case .usable: changes.robotHourly[key, default: RobotHourDelta()].usable += sign * length
            case .downtime: changes.robotHourly[key, default: RobotHourDelta()].downtime += sign * length
            case .offDuty: changes.robotHourly[key, default: RobotHourDelta()].offDuty += sign * length
            case .other: changes.robotHourly[key, default: RobotHourDelta()].other += sign * length
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
