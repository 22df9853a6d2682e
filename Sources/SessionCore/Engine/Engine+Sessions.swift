/// Session windows: the folds of semantics section 3, and what changes with them.
extension Engine {
    func foldSessions() throws {
        var index = 0
        while index < work.toFold.count {
            try foldSession(work.toFold[index])
            index += 1
        }
    }

    /// A session's direct events, in order: its own and those of its members.
    func directFacts(of node: Node) throws -> [Fact] {
        var facts: [Fact] = node.targets.first == node.id ? node.facts : []
        var isSorted = true
        for member in node.members {
            let member = try self.node(member)
            if let last = facts.last, let first = member.facts.first, !last.precedes(first, symbols) {
                isSorted = false
            }
            facts.append(contentsOf: member.facts)
        }
        if !isSorted { facts.sort { $0.precedes($1, symbols) } }
        return facts
    }

    private func foldSession(_ node: Node) throws {
        var derived = try derived(of: node)
        let facts = try directFacts(of: node)
        guard let first = facts.first else {
            try replaceWindows(of: node, derived.windows, by: [])
            derived.windows = []
            derived.summary = nil
            node.derived = derived
            return
        }

        var robots = WindowFold(maxWindow: rules.maxWindow)
        forEachInFoldOrder(facts, rank: { robotAction($0).rank }) { fact, _ in
            robots.apply(robotAction(fact), entity: fact.robot, at: fact.time, name: fact.name)
        }
        var pilots = WindowFold(maxWindow: rules.maxWindow)
        try forEachInFoldOrder(facts, rank: { pilotAction($0).rank }) { fact, rank in
            try closeByPilot(&pilots, before: fact, rank: rank)
            let action = pilotAction(fact)
            if case .open = action {
                pilots.openWithoutReopening(fact.pilot, at: fact.time, name: fact.name)
            } else {
                pilots.apply(action, entity: fact.pilot, at: fact.time, name: fact.name)
            }
        }
        try closeByPilot(&pilots)

        var windows = robots.finished().map { row($0, .robot) }
        let robotCount = windows.count
        let ownPilots = pilots.finished()
        var handoffs: Int32 = 0
        if ownPilots.isEmpty {
            for held in windows[..<robotCount] {
                for (window, isHandoff) in try inheritedPilots(of: held) {
                    windows.append(window)
                    if isHandoff { handoffs += 1 }
                }
            }
        } else {
            for window in ownPilots {
                windows.append(row(window, .pilot))
                if window.endReason == .reassigned { handoffs += 1 }
            }
        }
        var summary = summarize(node, facts)
        summary.row.outcome = robots.outcome
        summary.row.closedAt = robots.isClosed ? robots.closedAt : nil
        summary.row.anomalyCount += Int32(robots.conflicts + pilots.conflicts)
        if let merchant = merchantWindow(summary.row, first) { windows.append(merchant) }
        summary.row.pilotHandoffCount = handoffs
        tell(&summary.row, of: windows)

        try replaceWindows(of: node, derived.windows, by: windows)
        derived.windows = windows
        derived.summary = summary
        node.derived = derived
    }

    private func robotAction(_ fact: Fact) -> FoldAction {
        switch meanings[fact.name].window {
        case .neutral, .opensPilot, .releasesPilot: .neutral
        case .opensRobot: fact.robot.isPresent ? .open : .neutral
        case .releasesRobot(let reason): .release(reason)
        case .closes(let outcome): .close(outcome)
        }
    }

    private func pilotAction(_ fact: Fact) -> FoldAction {
        switch meanings[fact.name].window {
        case .neutral, .releasesRobot: .neutral
        case .opensRobot: fact.robot.isPresent ? .reopen : .neutral
        case .opensPilot: fact.pilot.isPresent ? .open : .neutral
        case .releasesPilot(let reason): .release(reason)
        case .closes(let outcome): .close(outcome)
        }
    }

    private func row(_ window: FoldedWindow, _ kind: WindowKind) -> WindowRow {
        WindowRow(
            kind: kind, entity: window.entity, startedAt: window.startedAt, endedAt: window.endedAt,
            expiresAt: window.startedAt + rules.maxWindow, openedBy: window.openedBy,
            endReason: window.endReason, inferred: window.inferred)
    }

    /// The robot scope's pilots cut to a robot window (semantics section 3, last paragraph but one, and 8).
    private func inheritedPilots(of held: WindowRow) throws -> [(WindowRow, isHandoff: Bool)] {
        var inherited: [(WindowRow, isHandoff: Bool)] = []
        let first = Lane.bucket(of: held.startedAt) - lookback
        for bucket in first...Lane.bucket(of: held.joinsUntil) {
            let chunk = try chunk(.robot, held.entity, bucket)
            if chunk.scopeWindows.isEmpty { continue }
            for scope in chunk.scopeWindows.sorted(by: { $0.startedAt < $1.startedAt }) {
                let start = max(held.startedAt, scope.startedAt)
                let expiry = min(held.expiresAt, scope.expiresAt)
                var end = held.endedAt
                var reason = held.endReason
                var isCutByRobot = true
                if let scopeEnd = scope.endedAt, end.map({ scopeEnd < $0 }) ?? true {
                    end = scopeEnd
                    reason = scope.endReason
                    isCutByRobot = false
                }
                if let real = end, real > expiry {
                    end = nil
                    reason = nil
                }
                guard start < (end ?? expiry) else { continue }
                inherited.append(
                    (
                        WindowRow(
                            kind: .pilot, entity: scope.pilot, startedAt: start, endedAt: end,
                            expiresAt: expiry, openedBy: scope.openedBy, endReason: reason, inferred: false),
                        isHandoff: !isCutByRobot && reason == .reassigned
                    ))
            }
        }
        return inherited
    }

    private func merchantWindow(_ row: SessionRow, _ first: Fact) -> WindowRow? {
        guard row.merchant.isPresent else { return nil }
        let expiry = first.time + rules.maxWindow
        var window = WindowRow(
            kind: .merchant, entity: row.merchant, startedAt: first.time, endedAt: nil, expiresAt: expiry,
            openedBy: first.name, endReason: nil, inferred: false)
        if let closedAt = row.closedAt {
            window.endedAt = min(closedAt, expiry)
            window.endReason = closedAt <= expiry ? EndReason(row.outcome) : .timedOut
        }
        return window.endedAt == window.startedAt ? nil : window
    }

    /// Puts a session's new windows in the place of the old ones: rows, index, and what depends on them.
    ///
    /// A planner that takes a delivery to and fro gives it tens of thousands: what begins and ends alike is passed by, and the rest
    /// found by key.
    private func replaceWindows(of node: Node, _ old: [WindowRow], by new: [WindowRow]) throws {
        let (old, new) = differing(old, new)
        if old.isEmpty, new.isEmpty { return }
        func key(_ window: WindowRow) -> WindowKey {
            WindowKey(
                session: node.id, kind: window.kind, entity: window.entity, startedAt: window.startedAt)
        }
        let there = Dictionary(old.map { (key($0), $0) }, uniquingKeysWith: { first, _ in first })
        let coming = Dictionary(new.map { (key($0), $0) }, uniquingKeysWith: { first, _ in first })
        for window in old where coming[key(window)] != window {
            if coming[key(window)] == nil { changes.deletedWindows.append(key(window)) }
            try chunk(window.kind, window.entity, Lane.bucket(of: window.startedAt))
                .removeWindow(session: node.id, start: window.startedAt)
            noteMove(window, isAdded: false)
        }
        for window in new where there[key(window)] != window {
            changes.windows.append(Owned(owner: node.id, value: window))
            try chunk(window.kind, window.entity, Lane.bucket(of: window.startedAt)).windows.append(
                LaneWindow(
                    start: window.startedAt, until: window.joinsUntil, session: node.id,
                    isEnded: window.endedAt != nil))
            noteMove(window, isAdded: true)
        }
    }

    private func noteMove(_ window: WindowRow, isAdded: Bool) {
        switch window.kind {
        case .robot:
            touched.change(.robot, window.entity)
            work.movedRobotWindows.append((window.entity, window.startedAt, window.joinsUntil))
        case .pilot: touched.change(.pilot, window.entity)
        case .merchant: return
        }
        guard let end = window.endedAt else { return }
        work.coverage[CoverageKey(kind: window.kind, entity: window.entity), default: []].append(
            CoverageChange(start: window.startedAt, end: end, isAdded: isAdded))
    }

    /// What the windows say of who served the session.
    private func tell(_ row: inout SessionRow, of windows: [WindowRow]) {
        var lastRobot = Instant.min
        var lastPilot = Instant.min
        for window in windows {
            let length = window.endedAt.map { $0 - window.startedAt } ?? 0
            switch window.kind {
            case .robot:
                if window.startedAt >= lastRobot {
                    lastRobot = window.startedAt
                    row.robot = window.entity
                }
                if !row.robots.contains(window.entity) { row.robots.append(window.entity) }
                row.robotTime += length
                if window.endReason == .reassigned || window.endReason == .orphaned {
                    row.reassignmentCount += 1
                }
            case .pilot:
                if window.startedAt >= lastPilot {
                    lastPilot = window.startedAt
                    row.pilot = window.entity
                }
                if !row.pilots.contains(window.entity) { row.pilots.append(window.entity) }
                row.pilotTime += length
            case .merchant: break
            }
        }
        row.robots.sort { symbols.precedes($0, $1) }
        row.pilots.sort { symbols.precedes($0, $1) }
    }
}
