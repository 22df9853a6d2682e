/// An entity and something of its own that has no other key.
public struct Owned<Value: Sendable>: Sendable {
    /// Whose it is.
    public var owner: Symbol
    /// What it is.
    public var value: Value

    /// Both.
    public init(owner: Symbol, value: Value) {
        self.owner = owner
        self.value = value
    }
}

extension Owned: Equatable where Value: Equatable {}

/// The key of a row of `assignment_windows`.
public struct WindowKey: Hashable, Sendable, BitwiseCopyable {
    /// `session_id`
    public var session: Symbol
    /// `kind`
    public var kind: WindowKind
    /// `entity_id`
    public var entity: Symbol
    /// `started_at`
    public var startedAt: Instant

    /// All parts.
    public init(session: Symbol, kind: WindowKind, entity: Symbol, startedAt: Instant) {
        self.session = session
        self.kind = kind
        self.entity = entity
        self.startedAt = startedAt
    }
}

/// The key of an hourly figure. What `a`, `b` and `c` are, each table says.
public struct HourKey: Hashable, Sendable, BitwiseCopyable {
    /// The hour's beginning.
    public var hour: Instant
    /// The first part of the key.
    public var a: Symbol
    /// The second, where there is one.
    public var b = Symbol.absent
    /// The third, where there is one.
    public var c = Symbol.absent

    /// From its parts.
    public init(hour: Instant, _ a: Symbol, _ b: Symbol = .absent, _ c: Symbol = .absent) {
        self.hour = hour
        self.a = a
        self.b = b
        self.c = c
    }

    /// One number made of the four: hashing them one by one costs three times as much.
    public func hash(into hasher: inout Hasher) {
        let names = UInt64(UInt32(bitPattern: a.index)) << 32 | UInt64(UInt32(bitPattern: b.index))
        let rest = UInt64(bitPattern: hour / Hours.length) << 32 ^ UInt64(UInt32(bitPattern: c.index))
        hasher.combine(names ^ (rest &* 0x9E37_79B9_7F4A_7C15))
    }
}

/// What to add to a row of `robot_hourly`. Times in microseconds.
public struct RobotHourDelta: Equatable, Sendable, BitwiseCopyable {
    /// What to add to `usable`.
    public var usable: Microseconds = 0
    /// What to add to `downtime`.
    public var downtime: Microseconds = 0
    /// What to add to `off_duty`.
    public var offDuty: Microseconds = 0
    /// What to add to `other`.
    public var other: Microseconds = 0
    /// What to add to `on_delivery`.
    public var onDelivery: Microseconds = 0
    /// What to add to `deliveries_completed`.
    public var deliveriesCompleted: Int64 = 0
    /// What to add to `error_count`.
    public var errorCount: Int64 = 0
    /// Facts whose `from_state` contradicts the interval before.
    public var stateConflicts: Int64 = 0

    /// Whether anything is taken from the row, so that it may have come to nothing.
    public var takesAway: Bool {
        min(usable, downtime, offDuty, other) < 0
            || min(onDelivery, deliveriesCompleted, errorCount, stateConflicts) < 0
    }

    /// Nothing to add.
    public init() {}
}

/// What to add to a row of `pilot_hourly`.
public struct PilotHourDelta: Equatable, Sendable, BitwiseCopyable {
    /// What to add to `shift`.
    public var shift: Microseconds = 0
    /// What to add to `assigned`.
    public var assigned: Microseconds = 0

    /// Whether anything is taken from the row, so that it may have come to nothing.
    public var takesAway: Bool {
        min(shift, assigned) < 0
    }

    /// Nothing to add.
    public init() {}
}

/// What to add to a row of `merchant_hourly`.
public struct MerchantHourDelta: Equatable, Sendable, BitwiseCopyable {
    /// What to add to `sessions`.
    public var sessions: Int64 = 0
    /// What to add to `completed`.
    public var completed: Int64 = 0
    /// What to add to `failed`.
    public var failed: Int64 = 0
    /// What to add to `canceled`.
    public var canceled: Int64 = 0
    /// What to add to `robot`.
    public var robot: Microseconds = 0
    /// What to add to `pilot`.
    public var pilot: Microseconds = 0

    /// Whether anything is taken from the row, so that it may have come to nothing.
    public var takesAway: Bool {
        min(sessions, completed, failed) < 0 || min(canceled, robot, pilot) < 0
    }

    /// Nothing to add.
    public init() {}
}

/// The key of a row of `session_hours`: sessions that began in one hour, by how far they came and how they ended.
public struct SessionHourKey: Hashable, Sendable, BitwiseCopyable {
    /// The hour that holds `first_event_at`.
    public var hour: Instant
    /// `source`
    public var source: Symbol
    /// `zone_id`
    public var zone: Symbol
    /// How far they came.
    public var step: FunnelStep
    /// `outcome`
    public var outcome: Outcome
    /// `failure_code`, of those that failed.
    public var failureCode: Symbol

    /// Of a row; nil where its kind is not counted.
    init?(_ row: SessionRow) {
        guard let step = FunnelStep(row) else { return nil }
        hour = Hours.start(of: row.firstEventAt)
        source = row.source
        zone = row.zone
        self.step = step
        outcome = row.outcome
        failureCode = row.outcome == .failed ? row.failureCode : .absent
    }
}

/// The key of a row of `session_spans`: sessions that last beyond the hour after the one they began in.
public struct SessionSpanKey: Hashable, Sendable, BitwiseCopyable {
    /// The hour that holds `first_event_at`.
    public var first: Instant
    /// The hour that holds `last_event_at`.
    public var last: Instant

    /// Of a row; nil where it is shorter.
    init?(_ row: SessionRow) {
        (first, last) = (Hours.start(of: row.firstEventAt), Hours.start(of: row.lastEventAt))
        if last - first <= Hours.length { return nil }
    }
}

/// How far a session came on its way from an offer to a drop-off. A trip is none: it is a leg of a delivery.
public enum FunnelStep: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case offered, accepted, demanded, assigned, pickedUp, droppedOff

    /// Nil for a trip.
    init?(_ row: SessionRow) {
        func isReached(_ milestone: Milestone) -> Bool { row.milestones[milestone] != nil }
        let isOrdered: Bool
        switch row.kind {
        case .trip: return nil
        case .delivery, .demand: isOrdered = true
        case .quote, .offer: isOrdered = false
        }
        if isReached(.dropoffCompleted) || isReached(.fulfilled) {
            self = .droppedOff
        } else if isReached(.pickupCompleted) {
            self = .pickedUp
        } else if isReached(.assigned) {
            self = .assigned
        } else if isOrdered || isReached(.demandCreated) {
            self = .demanded
        } else {
            self = isReached(.offerAccepted) ? .accepted : .offered
        }
    }
}

/// Everything that a batch of events changes, to be written in one transaction.
///
/// Rows are whole and only there where they differ from what is stored. Hourly figures are differences to
/// be added to what is stored (zero differences are left out), so that an hour's row is never read back.
/// No key stands twice in one list, and a key that is upserted is not among the deleted.
public struct Changes: Sendable {
    /// The events that were new, in the order they came.
    public var accepted: [Event] = []
    /// Events that were there already.
    public var duplicateCount = 0
    /// Duplicates whose content differs from that of the event first accepted.
    public var unequalTwinCount = 0

    /// Robots that an event names. Some may have been told before: that changes nothing.
    public var knownRobots: [Symbol] = []
    /// Pilots, likewise.
    public var knownPilots: [Symbol] = []
    /// Merchants, likewise.
    public var knownMerchants: [Symbol] = []

    /// New facts "the owner links to the value" (semantics section 2).
    public var links: [Owned<Symbol>] = []
    /// `session_members`: the owner (a session) takes over the direct events of the value (another id).
    public var addedMembers: [Owned<Symbol>] = []
    /// Members that moved on.
    public var removedMembers: [Owned<Symbol>] = []

    /// Rows of `sessions` that changed.
    public var sessions: [SessionRow] = []
    /// Sessions that are no more.
    public var deletedSessions: [Symbol] = []
    /// The owner is the session.
    public var windows: [Owned<WindowRow>] = []
    /// Windows that are no more.
    public var deletedWindows: [WindowKey] = []

    /// The owner is the robot.
    public var robotStates: [Owned<RobotStateRow>] = []
    /// The owner is the robot, the value `started_at`.
    public var deletedRobotStates: [Owned<Instant>] = []
    /// The owner is the robot.
    public var robotZones: [Owned<ZoneAt>] = []
    /// The owner is the robot, the value `started_at`.
    public var deletedRobotZones: [Owned<Instant>] = []
    /// Rows of `robot_pilot_windows` that changed.
    public var scopeWindows: [ScopeWindow] = []
    /// Owner: the robot; value: the window as it was.
    public var deletedScopeWindows: [ScopeWindow] = []
    /// The owner is the pilot.
    public var shifts: [Owned<ShiftRow>] = []
    /// The owner is the pilot, the value `started_at`.
    public var deletedShifts: [Owned<Instant>] = []

    /// Key: hour, robot, state, reason.
    public var robotStateHourly: [HourKey: Microseconds] = [:]
    /// Key: hour, robot.
    public var robotHourly: [HourKey: RobotHourDelta] = [:]
    /// Sums of robots' hours by zone. Key: hour, zone.
    public var zoneHourly: [HourKey: RobotHourDelta] = [:]
    /// Key: hour, pilot.
    public var pilotHourly: [HourKey: PilotHourDelta] = [:]
    /// Key: hour, merchant, source.
    public var merchantHourly: [HourKey: MerchantHourDelta] = [:]
    /// Key: hour, event, merchant, source.
    public var eventHourly: [HourKey: Int64] = [:]
    /// Sessions by the hour they began in.
    public var sessionHourly: [SessionHourKey: Int64] = [:]
    /// Long sessions by the hours of their first and last event.
    public var sessionSpans: [SessionSpanKey: Int64] = [:]

    /// How many more sessions are in progress than before; fewer where negative. For gauges, not stored.
    public var openSessions: Int64 = 0
    /// How many more ids than before have too many targets and stand for themselves, whether or not they have a row of
    /// their own that says so. For summaries and counters, not stored.
    public var overLinkedIDs: Int64 = 0
    /// How many more events that name another robot or pilot than the one that has the session, the sessions' rows
    /// count than before. Likewise.
    public var windowConflicts: Int64 = 0
    /// How many more durations that would be negative. Likewise.
    public var negativeDurations: Int64 = 0

    /// Nothing changed.
    public init() {}
}
