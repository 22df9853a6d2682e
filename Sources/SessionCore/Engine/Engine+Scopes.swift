/// Robot-scope pilots: who pilots a robot where no session says so.
extension Engine {
    /// The robot's scope: pilot *opens* and *releases* that name the robot and no session, and the closers of
    /// whichever pilot is current.
    func foldScope(_ track: ScopeTrack, of robot: Symbol) throws {
        let carried = track.before.map {
            FoldedWindow(
                entity: $0.pilot, startedAt: $0.startedAt, endedAt: nil, openedBy: $0.openedBy,
                endReason: nil,
                inferred: false)
        }
        if carried == nil, track.facts.isEmpty {
            track.rows = []
            return
        }
        var fold = WindowFold(maxWindow: rules.maxWindow, carrying: carried)
        try forEachInFoldOrder(track.facts, rank: { $0.release != nil ? 0 : ($0.pilot.isPresent ? 1 : 2) }) {
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
        track.rows = fold.finished().map {
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

    func emitScopes(_ robot: Symbol, old: [ScopeWindow], new: [ScopeWindow]) throws {
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
        touched.change(.pilot, window.pilot)
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
}
