/// Which session ids stand for which sessions.
struct Links {
    static let mostTargets = 32

    private var linked: [SessionID: Set<SessionID>] = [:]
    private var known: [SessionID: Set<SessionID>] = [:]

    init(events: [ReferenceEvent]) {
        for event in events {
            guard let most = event.sessionIDs.first else { continue }
            for other in event.sessionIDs.dropFirst() { linked[other, default: []].insert(most) }
        }
        // A link leads to a more specific kind, so each kind needs only the ones before it.
        for kind in SessionKind.allCases {
            for id in linked.keys where id.kind == kind {
                let all = Set(linked[id, default: []].flatMap { targets(of: $0) })
                known[id] = all.count > Self.mostTargets ? [id] : all
            }
        }
    }

    func targets(of id: SessionID) -> Set<SessionID> {
        // No delivery is ever linked on, since nothing is more specific.
        known[id] ?? [id]
    }

    /// The sessions an event names; none if it carries no session id.
    func sessions(of event: ReferenceEvent) -> Set<SessionID> {
        event.sessionIDs.first.map { targets(of: $0) } ?? []
    }

    /// Every session's direct events.
    func directEvents(_ events: [ReferenceEvent]) -> [SessionID: [ReferenceEvent]] {
        var direct: [SessionID: [ReferenceEvent]] = [:]
        for event in events {
            for session in sessions(of: event) { direct[session, default: []].append(event) }
        }
        return direct
    }
}
