/// How an event came to a session.
enum Via: String {
    case direct, robot, pilot, merchant
}

/// An event in a session's story.
struct Joined {
    var event: ReferenceEvent
    var via: Via
    /// The robot, pilot or merchant whose window brought it.
    var viaID: String?
}

/// Every session's joined events: the direct ones, and those that came through a window.
func joins(of events: [ReferenceEvent], sessions: [Session]) -> [SessionID: [Joined]] {
    struct Door: Hashable {
        var via: Via
        var entity: String
    }
    var windows: [Door: [(session: SessionID, window: Window)]] = [:]
    for session in sessions {
        for window in session.robotWindows {
            windows[Door(via: .robot, entity: window.entity), default: []].append((session.id, window))
        }
        for window in session.pilotWindows {
            windows[Door(via: .pilot, entity: window.entity), default: []].append((session.id, window))
        }
        if let window = session.merchantWindow {
            windows[Door(via: .merchant, entity: window.entity), default: []].append((session.id, window))
        }
    }

    func holding(_ event: ReferenceEvent, _ via: Via, _ entity: String) -> Set<SessionID> {
        let found = windows[Door(via: via, entity: entity), default: []].filter {
            $0.window.startedAt <= event.at && event.at < $0.window.until
        }
        return Set(found.map(\.session))
    }

    var joined: [SessionID: [Joined]] = [:]
    for session in sessions {
        joined[session.id] = session.direct.map { Joined(event: $0, via: .direct) }
    }
    for event in events where event.sessionIDs.isEmpty {
        var found: (via: Via, entity: String, sessions: Set<SessionID>)?
        if let robot = event.robotID {
            let sessions = holding(event, .robot, robot)
            if !sessions.isEmpty { found = (.robot, robot, sessions) }
        }
        if found == nil, let pilot = event.pilotID {
            found = (.pilot, pilot, holding(event, .pilot, pilot))
        }
        if event.robotID == nil, event.pilotID == nil, let merchant = event.merchantID {
            found = (.merchant, merchant, holding(event, .merchant, merchant))
        }
        guard let found else { continue }
        for session in found.sessions {
            joined[session, default: []].append(Joined(event: event, via: found.via, viaID: found.entity))
        }
    }
    return joined
}
