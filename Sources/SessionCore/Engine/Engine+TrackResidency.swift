/// Tracks in memory: bringing back the stretch that a batch needs, and keeping the ends only.
extension Engine {
    /// Has robots' states in memory over all instants that the batch can change.
    /// - Parameter times: From the earliest to the latest of them.
    func ensureStateTracks(_ times: [Symbol: ClosedRange<Instant>]) throws {
        let split = stretches(of: times)
        for (robot, times) in times {
            touched.use(.robot, robot)
            var tracks = stateTracks[robot] ?? []
            let before = tracks.count
            var isKnown = true
            for stretch in split[robot] ?? [times] {
                if let known = tracks.first(where: { $0.covers(stretch) }) {
                    known.need(stretch, in: batch)
                } else {
                    try bringBackStates(of: robot, over: stretch, into: &tracks)
                    isKnown = false
                }
            }
            if isKnown, tracks.count <= 2 { continue }
            // Weeks ago and now; more of them rest for longer than they are of use.
            tracks.sort { $0.lastUsed > $1.lastUsed }
            while tracks.count > 2, let rested = tracks.last, rested.lastUsed < batch { tracks.removeLast() }
            residentEntities += tracks.count - before
            stateTracks[robot] = tracks
        }
    }

    /// What the batch tells of a robot weeks ago and what it tells of it now are stretches of their own.
    private func stretches(of times: [Symbol: ClosedRange<Instant>]) -> [Symbol: [ClosedRange<Instant>]] {
        let apart = 4 * Lane.span
        let wide = times.filter { $0.value.upperBound - $0.value.lowerBound > apart }
        if wide.isEmpty || rules.maxSilence != nil { return [:] }
        var told: [Symbol: [Instant]] = [:]
        for event in changes.accepted where wide[event.robot] != nil && meanings.state(of: event).isPresent {
            told[event.robot, default: []].append(event.time)
        }
        return told.mapValues { times in
            var found: [ClosedRange<Instant>] = []
            for time in times.sorted() {
                if let last = found.last, time - last.upperBound <= apart {
                    found[found.count - 1] = last.lowerBound...time
                } else {
                    found.append(time...time)
                }
            }
            return found
        }
    }

    /// Brings back a stretch, and forgets what it may change or be changed by; what of that the batch needs comes back with it.
    private func bringBackStates(
        of robot: Symbol, over stretch: ClosedRange<Instant>, into tracks: inout [StateTrack]
    ) throws {
        var stretch = stretch
        while true {
            let track = try outline(of: robot, over: stretch)
            let others = tracks.filter { !$0.isIndependent(of: track) }
            tracks.removeAll { known in others.contains { $0 === known } }
            let needed = others.filter { $0.lastUsed == batch }.compactMap(\.needed)
            if needed.isEmpty {
                try bringBackFacts(of: robot, into: track)
                track.need(stretch, in: batch)
                tracks.append(track)
                return
            }
            stretch = needed.reduce(stretch) { $0.spanning($1) }
        }
    }

    /// The stretch ends where a state begins after it: from then on the states are what they were, whatever the batch
    /// brings. (Silences are found between any two events, so with them it goes on to the end.)
    private func outline(of robot: Symbol, over stretch: ClosedRange<Instant>) throws -> StateTrack {
        let track = StateTrack(from: Lane.bucket(of: stretch.lowerBound) * Lane.span)
        track.before = try source.robotState(robot, before: track.from)
        if rules.maxSilence == nil,
            let next = try source.robotState(robot, after: stretch.upperBound + stateMargin)
        {
            track.until = next.startedAt
            track.next = next
        }
        return track
    }

    private func bringBackFacts(of robot: Symbol, into track: StateTrack) throws {
        if rules.maxSilence != nil {
            let heard = try source.robotHeard(robot, from: track.from)
            track.heardBefore = heard.before
            track.heard = heard.since.sorted()
        }
        for event in try source.robotFacts(robot, from: track.from, through: track.next?.startedAt) {
            track.insert(event, meanings, symbols)
        }
        track.fold(maxSilence: rules.maxSilence, unknown: meanings.unknownState)
    }

    func ensureScopeTrack(_ robot: Symbol, from time: Instant) throws {
        touched.use(.robot, robot)
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
        touched.use(.pilot, pilot)
        if let track = pilotTracks[pilot], track.from <= time {
            track.lastUsed = batch
            return
        }
        if pilotTracks[pilot] == nil { residentEntities += 1 }
        let from = Lane.bucket(of: time) * Lane.span
        let stored = try source.pilotTrack(pilot, from: from)
        let track = PilotTrack(from: from)
        track.before = stored.shiftBefore
        for event in stored.events { track.insert(event, meanings, symbols) }
        track.fold()
        track.lastUsed = batch
        pilotTracks[pilot] = track
    }

    /// Keeps of each track the end only; what was before it stays as one carried row. Of a stretch of a robot's states that
    /// ends before now the end is of no more use than the rest: it is forgotten where it has become long.
    func trimTracks() {
        for (robot, tracks) in stateTracks
        where tracks.contains(where: { $0.until < .max && $0.facts.count > 2048 }) {
            stateTracks[robot] = tracks.filter { $0.until == .max || $0.facts.count <= 2048 }
            residentEntities += (stateTracks[robot]?.count ?? 0) - tracks.count
        }
        for track in stateTracks.values.joined()
        where track.until == .max && track.facts.count + track.heard.count > 512 {
            let times = (track.facts.map(\.time) + track.heard).sorted()
            let from = times[times.count - 128]
            track.heardBefore = track.heard.last { $0 < from } ?? track.heardBefore
            track.heard.removeAll { $0 < from }
            track.contradictions.removeAll { $0 < from }
            track.forget(before: from)
        }
        for track in scopeTracks.values where track.facts.count > 512 {
            track.forget(before: track.facts[track.facts.count - 128].time)
        }
        for track in pilotTracks.values where track.facts.count > 256 {
            track.forget(before: track.facts[track.facts.count - 64].time)
        }
    }
}
