/// A robot's error that belongs to no session.
public struct ReferenceOrphan: Hashable, Sendable {
    /// Its `event_id`; nil where the producer gave none.
    public var eventID: String?
    /// When, in microseconds since the Unix epoch.
    public var at: Int64
    /// The robot that it names.
    public var robot: String
    /// The code it gives; nil without one.
    public var errorCode: String?
}

/// What a set of lines holds beside its tables: what joined nothing, and how far it reaches.
public struct ReferenceRest: Sendable {
    /// Errors that name a robot and no session, and that no window holds (semantics, section 4).
    public var orphans: [ReferenceOrphan]
    /// The latest timestamp of an accepted event, in microseconds; nil where there is none.
    public var lastEventAt: Int64?
    /// Every robot's errors, whatever they belong to, by robot: their instants in order.
    public var errors: [String: [Int64]]
    /// The errors in every session's story, by session: in which lane (`delivery`, `robot:R-1`) and when, in order.
    public var sessionErrors: [String: [(lane: String, at: Int64)]]
}

/// Works it out from scratch, from the whole set of lines at once.
public func referenceRest(lines: [String], rules: ReferenceRules = .init()) -> ReferenceRest {
    let events = AcceptedEvents(lines: lines).events
    let sessions = sessions(of: events, links: Links(events: events), rules: rules)
    let stories = joins(of: events, sessions: sessions)
    let joined = Set(stories.values.joined().map(\.event))
    var rest = ReferenceRest(
        orphans: [], lastEventAt: events.map(\.at).max(), errors: [:], sessionErrors: [:])
    for (session, story) in stories {
        rest.sessionErrors[session.text] = story.filter(\.event.hasError).map { one in
            let lane = one.via == .direct ? "delivery" : "\(one.via.rawValue):\(one.viaID ?? "")"
            return (lane: lane, at: one.event.at)
        }.sorted { ($0.at, $0.lane) < ($1.at, $1.lane) }
    }
    for event in chronological(events) where event.hasError {
        guard let robot = event.robotID else { continue }
        rest.errors[robot, default: []].append(event.at)
        if event.sessionIDs.isEmpty, !joined.contains(event) {
            rest.orphans.append(
                ReferenceOrphan(
                    eventID: event.eventID, at: event.at, robot: robot, errorCode: event.errorCode))
        }
    }
    return rest
}
