/// Tracks in memory: bringing back the stretch that a batch needs, and keeping the ends only.
extension Engine {
    /// - Parameters:
    ///   - first: The earliest instant that the batch can change.
    ///   - last: The latest.
    func ensureStateTrack(_ robot: Symbol, from first: Instant, to last: Instant) throws {
        if let track = stateTracks[robot], track.from <= first, last < track.until {
            track.lastUsed = batch
            return
        }
        if stateTracks[robot] == nil { residentEntities += 1 }
        let track = StateTrack(from: Lane.bucket(of: first) * Lane.span)
        track.before = try source.robotState(robot, before: track.from)
        if rules.maxSilence != nil {
            let heard = try source.robotHeard(robot, from: track.from)
            track.heardBefore = heard.before
            track.heard = heard.since.sorted()
        }
        try bringBackFacts(of: robot, into: track, past: last)
        track.fold(maxSilence: rules.maxSilence, unknown: meanings.unknownState)
        track.lastUsed = batch
        stateTracks[robot] = track
    }

    /// Reads on until a state is told after `last`: from then on the states are what they were, whatever the batch brings.
    /// (Silences are found between any two events, so with them it reads to the end.)
    private func bringBackFacts(of robot: Symbol, into track: StateTrack, past last: Instant) throws {
        var (place, limit) = (track.from, factsAtOnce)
        while true {
            let events = try source.robotFacts(robot, from: place, limit: limit)
            guard events.count >= limit, let edge = events.last?.time else {
                for event in events { track.insert(event, meanings, symbols) }
                return
            }
            // More of the last instant may follow.
            for event in events where event.time < edge { track.insert(event, meanings, symbols) }
            let next = track.facts.firstIndex(from: last + 1)
            if rules.maxSilence == nil, next < track.facts.count {
                track.until = track.facts[next].time
                track.facts.removeSubrange(track.facts.firstIndex(from: track.until + 1)...)
                track.after = try source.robotStateStart(robot, after: track.until)
                return
            }
            place = edge
            limit *= 2
        }
    }

    func ensureScopeTrack(_ robot: Symbol, from time: Instant) throws {
        if let track = scopeTracks[robot], track.from <= time {
            track.lastUsed = batch
            return
        }
        if scopeTracks[robot] == nil { residentEntities += 1 }
        let track = ScopeTrack(from: Lane.bucket(of: time) * Lane.span)
        let stored = try source.robotScope(robot, from: track.from, named: meanings.scopeNames)
        track.before = stored.windowBefore
        for event in stored.events { track.insert(event, meanings, symbols) }
        try foldScope(track, of: robot)
        track.lastUsed = batch
        scopeTracks[robot] = track
    }

    func ensurePilotTrack(_ pilot: Symbol, from time: Instant) throws {
        if let track = pilotTracks[pilot], track.from <= time {
            track.lastUsed = batch
            return
        }
        if pilotTracks[pilot] == nil { residentEntities += 1 }
        let from = Lane.bucket(of: time) * Lane.span
        let stored = try source.pilotTrack(pilot, from: from)
        let track = PilotTrack(from: from)
        track.shiftBefore = stored.shiftBefore
        for event in stored.events { track.insert(event, meanings, symbols) }
        track.fold()
        track.lastUsed = batch
        pilotTracks[pilot] = track
    }

    /// Keeps of each track the end only; what was before it stays as one carried row.
    func trimTracks() {
        for track in stateTracks.values where track.facts.count + track.heard.count > 512 {
            let times = (track.facts.map(\.time) + track.heard).sorted()
            let from = times[times.count - 128]
            track.before = track.rows.last { $0.startedAt < from }
            track.heardBefore = track.heard.last { $0 < from } ?? track.heardBefore
            track.rows.removeAll { $0.startedAt < (track.before?.startedAt ?? from) }
            track.facts.removeAll { $0.time < from }
            track.heard.removeAll { $0 < from }
            track.contradictions.removeAll { $0 < from }
            track.from = from
        }
        for track in scopeTracks.values where track.facts.count > 512 {
            let from = track.facts[track.facts.count - 128].time
            track.before = track.windows.last {
                $0.startedAt < from && ($0.endedAt.map { $0 >= from } ?? true)
            }
            track.windows.removeAll { $0.startedAt < (track.before?.startedAt ?? from) }
            track.facts.removeAll { $0.time < from }
            track.from = from
        }
        for track in pilotTracks.values where track.facts.count > 256 {
            let from = track.facts[track.facts.count - 64].time
            track.shiftBefore = track.rows.last {
                $0.startedAt < from && ($0.endedAt.map { $0 >= from } ?? true)
            }
            track.rows.removeAll { $0.startedAt < (track.shiftBefore?.startedAt ?? from) }
            track.facts.removeAll { $0.time < from }
            track.from = from
        }
    }
}
