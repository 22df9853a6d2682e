/// One session: its direct events, its outcome and its windows.
struct Session {
    var id: SessionID
    /// In time order, never empty.
    var direct: [ReferenceEvent]
    var outcome: String
    var closedAt: Instant?
    var robotWindows: [Window]
    var pilotWindows: [Window]
    var merchantWindow: Window?
}

/// Makes every session of a set of events.
func sessions(of events: [ReferenceEvent], links: Links, rules: ReferenceRules) -> [Session] {
    let sessionless = events.filter { $0.sessionIDs.isEmpty }
    let closers = sessionless.filter { $0.robotID == nil && Roles.pilotReleases[$0.name] != nil }

    func pilotWindows(_ scope: [ReferenceEvent]) -> [Window] {
        WindowFold(kind: .pilot, events: scope, closers: closers, maxWindow: rules.maxWindow).windows
    }

    var robotScopes: [String: [ReferenceEvent]] = [:]
    for event in sessionless {
        let opensOrReleases = Roles.pilotOpens.contains(event.name) || Roles.pilotReleases[event.name] != nil
        if let robot = event.robotID, opensOrReleases { robotScopes[robot, default: []].append(event) }
    }
    let pilotsOfRobot = robotScopes.mapValues(pilotWindows)

    return links.directEvents(events).map { id, direct in
        let robotFold = WindowFold(kind: .robot, events: direct, maxWindow: rules.maxWindow)
        let ownPilots = pilotWindows(direct)
        var session = Session(
            id: id, direct: chronological(direct),
            outcome: winner(robotFold.terminals.map(\.outcome)) ?? "in_progress",
            closedAt: robotFold.terminals.first?.at,
            robotWindows: robotFold.windows, pilotWindows: ownPilots)
        if ownPilots.isEmpty {
            session.pilotWindows = robotFold.windows.flatMap { robot in
                pilotsOfRobot[robot.entity, default: []].compactMap { inherited(pilot: $0, by: robot) }
            }
        }
        session.merchantWindow = merchantWindow(of: session, maxWindow: rules.maxWindow)
        return session
    }
}

/// The outcome that wins over all the others.
private func winner(_ outcomes: [String]) -> String? {
    Roles.outcomes.first { outcomes.contains($0) }
}

/// A robot scope's pilot window cut to a session's robot window; nil if nothing is left.
func inherited(pilot: Window, by robot: Window) -> Window? {
    var window = pilot
    window.startedAt = max(pilot.startedAt, robot.startedAt)
    window.expiresAt = min(pilot.expiresAt, robot.expiresAt)
    let until = min(pilot.until, robot.until)
    guard window.startedAt < until else { return nil }

    if robot.endedAt == until {  // the robot's on a tie
        window.endedAt = until
        window.endReason = robot.endReason
        window.cutByRobot = true
    } else if pilot.endedAt == until {
        window.endedAt = until
        window.endReason = pilot.endReason
    } else {  // a mere expiry comes first
        window.endedAt = nil
        window.endReason = nil
    }
    return window
}

/// The one window of the session's merchant; nil without a merchant or without a length.
private func merchantWindow(of session: Session, maxWindow: Int64) -> Window? {
    guard let first = session.direct.first,
        let merchant = session.direct.lazy.compactMap(\.merchantID).first
    else { return nil }
    var window = Window(
        entity: merchant, startedAt: first.at, openedBy: first.name, inferred: false,
        expiresAt: first.at + maxWindow)
    if let closedAt = session.closedAt {
        let expiredFirst = window.expiresAt < closedAt
        window.endedAt = expiredFirst ? window.expiresAt : closedAt
        window.endReason = expiredFirst ? "timed_out" : session.outcome
    }
    return window.startedAt < window.until ? window : nil
}
