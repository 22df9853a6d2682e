/// Whose windows a fold makes.
enum WindowKind: String {
    case robot, pilot
}

/// A stretch of time in which an entity served a scope.
struct Window {
    var entity: String
    var startedAt: Instant
    var endedAt: Instant?
    var endReason: String?
    var openedBy: String
    var inferred: Bool
    var expiresAt: Instant
    /// An inherited pilot window whose end is the robot window's, not the pilot's.
    var cutByRobot = false

    /// Events before this instant join through the window.
    var until: Instant { endedAt ?? expiresAt }

    /// Its time, once it has ended.
    var endedSpan: Span? {
        endedAt.map { Span(start: startedAt, end: $0) }
    }
}

/// What an event does in a fold.
private enum Step {
    case release(reason: String, entity: String?)
    case open(entity: String)
    case neutral(entity: String?)
    case terminal(outcome: String)
    /// A pilot's end that names neither session nor robot: only for the window it ends.
    case closer(reason: String, entity: String)

    var rank: Int {
        switch self {
        case .release, .closer: 0
        case .open: 1
        case .neutral: 2
        case .terminal: 3
        }
    }

    init(_ event: ReferenceEvent, kind: WindowKind) {
        let entity = kind == .robot ? event.robotID : event.pilotID
        let opens = kind == .robot ? Roles.robotOpens : Roles.pilotOpens
        let releases = kind == .robot ? Roles.robotReleases : Roles.pilotReleases
        if let reason = releases[event.name] {
            self = .release(reason: reason, entity: entity)
        } else if opens.contains(event.name), let entity {
            self = .open(entity: entity)
        } else if let outcome = Roles.terminals[event.name] {
            self = .terminal(outcome: outcome)
        } else {
            self = .neutral(entity: entity)
        }
    }
}

/// The fold over one scope's events that makes the windows of one kind.
struct WindowFold {
    let maxWindow: Int64
    private var finished: [Window] = []
    private var current: Window?
    /// The terminals since the last reopening; the session is closed while there is one.
    private(set) var terminals: [(outcome: String, at: Instant)] = []

    /// Runs the fold. `closers` are all pilot ends that belong to no scope of their own.
    init(kind: WindowKind, events: [ReferenceEvent], closers: [ReferenceEvent] = [], maxWindow: Int64) {
        self.maxWindow = maxWindow
        var steps = events.map { (event: $0, step: Step($0, kind: kind)) }
        for closer in closers {
            guard let reason = Roles.pilotReleases[closer.name], let pilot = closer.pilotID else { continue }
            steps.append((event: closer, step: .closer(reason: reason, entity: pilot)))
        }
        steps.sort { precedes((event: $0.event, rank: $0.step.rank), (event: $1.event, rank: $1.step.rank)) }
        for (event, step) in steps { take(event, step) }
    }

    /// The windows that have a length, in time order; the last may have no end yet.
    var windows: [Window] {
        (finished + (current.map { [$0] } ?? [])).filter { $0.startedAt < $0.until }
    }

    private mutating func take(_ event: ReferenceEvent, _ step: Step) {
        if case .closer(let reason, let entity) = step {
            guard let current, current.entity == entity, event.at < current.expiresAt else { return }
            end(at: event.at, reason)
            return
        }
        if let current, event.at >= current.expiresAt { end(at: current.expiresAt, "timed_out") }
        if event.opensRobot { terminals = [] }

        switch step {
        case .release(let reason, let entity):
            if entity == nil || entity == current?.entity { end(at: event.at, reason) }
        case .open(let entity):
            if entity == current?.entity { return }
            end(at: event.at, "reassigned")
            begin(entity, with: event, inferred: false)
        case .neutral(let entity):
            if let entity, current == nil, terminals.isEmpty { begin(entity, with: event, inferred: true) }
        case .terminal(let outcome):
            end(at: event.at, outcome)
            terminals.append((outcome: outcome, at: event.at))
        case .closer:
            break
        }
    }

    private mutating func begin(_ entity: String, with event: ReferenceEvent, inferred: Bool) {
        current = Window(
            entity: entity, startedAt: event.at, openedBy: event.name, inferred: inferred,
            expiresAt: event.at + maxWindow)
    }

    /// Ends the current window, if there is one.
    private mutating func end(at instant: Instant, _ reason: String) {
        guard var window = current else { return }
        window.endedAt = instant
        window.endReason = reason
        finished.append(window)
        current = nil
    }
}
