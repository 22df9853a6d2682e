/// What a window belongs to.
public enum WindowKind: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case robot, pilot, merchant

    /// The word in `assignment_windows.kind` and `session_events.via`.
    public var name: String {
        switch self {
        case .robot: "robot"
        case .pilot: "pilot"
        case .merchant: "merchant"
        }
    }
}

/// A row of `assignment_windows`: who served a session during `[startedAt, endedAt)`.
public struct WindowRow: Equatable, Sendable, BitwiseCopyable {
    /// What the entity is.
    public var kind: WindowKind
    /// The robot, pilot or merchant.
    public var entity: Symbol
    /// When it began.
    public var startedAt: Instant
    /// When it ended; nil while it has no end.
    public var endedAt: Instant?
    /// Until when it joins events if it never ends.
    public var expiresAt: Instant
    /// The name of the event that opened it.
    public var openedBy: Symbol
    /// Why it ended; nil while it has no end.
    public var endReason: EndReason?
    /// Begun by a neutral event that named the entity, not by an *open*.
    public var inferred: Bool

    /// All columns.
    public init(
        kind: WindowKind, entity: Symbol, startedAt: Instant, endedAt: Instant?, expiresAt: Instant,
        openedBy: Symbol, endReason: EndReason?, inferred: Bool
    ) {
        self.kind = kind
        self.entity = entity
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.expiresAt = expiresAt
        self.openedBy = openedBy
        self.endReason = endReason
        self.inferred = inferred
    }

    /// Until when it joins events: its end, or where it has none, its expiry.
    @inlinable
    public var joinsUntil: Instant { endedAt ?? expiresAt }
}

/// The times of the milestones, absent ones included.
public struct MilestoneTimes: Equatable, Sendable, BitwiseCopyable {
    private var times: InlineArray<20, Instant>

    /// None reached.
    public init() { times = InlineArray(repeating: .min) }

    /// When a milestone was reached.
    public subscript(_ milestone: Milestone) -> Instant? {
        get {
            let time = times[Int(milestone.rawValue)]
            return time == .min ? nil : time
        }
        set { times[Int(milestone.rawValue)] = newValue ?? .min }
    }

    /// Whether all times are equal.
    public static func == (a: MilestoneTimes, b: MilestoneTimes) -> Bool {
        for index in 0..<20 where a.times[index] != b.times[index] { return false }
        return true
    }

    /// Microseconds from one milestone to another; nil where an end is missing or the order is wrong.
    public func duration(from start: Milestone, to end: Milestone) -> Microseconds? {
        guard let start = self[start], let end = self[end], end >= start else { return nil }
        return end - start
    }

    /// How many durations end before they begin: each is an anomaly (semantics, "Anomalies").
    public var negativeDurations: Int32 {
        var count: Int32 = 0
        for column in DurationColumn.allCases {
            if let from = self[column.ends.from], let to = self[column.ends.to], to < from { count += 1 }
        }
        return count
    }
}

/// The duration columns of `sessions`: between which milestones each runs (contract, "Durations").
public enum DurationColumn: CaseIterable, Sendable {
    case assign, toPickup, pickup, transit, dropoff, total

    /// The column's name.
    public var column: String {
        switch self {
        case .assign: "assign_seconds"
        case .toPickup: "to_pickup_seconds"
        case .pickup: "pickup_seconds"
        case .transit: "transit_seconds"
        case .dropoff: "dropoff_seconds"
        case .total: "total_seconds"
        }
    }

    /// The milestones it runs between.
    public var ends: (from: Milestone, to: Milestone) {
        switch self {
        case .assign: (.demandCreated, .assigned)
        case .toPickup: (.assigned, .pickupArrival)
        case .pickup: (.pickupArrival, .pickupCompleted)
        case .transit: (.pickupCompleted, .dropoffArrival)
        case .dropoff: (.dropoffArrival, .dropoffCompleted)
        case .total: (.demandCreated, .dropoffCompleted)
        }
    }
}

/// A row of `sessions` (semantics section 5, contract "Tables"). Durations follow from the milestones.
public struct SessionRow: Equatable, Sendable {
    /// `session_id`
    public var id: Symbol
    /// `kind`
    public var kind: SessionKind
    /// `demand_ids` as session ids (`demand:…`), sorted by text, without repeats.
    public var demands: [Symbol] = []
    /// `trip_ids` as session ids (`trip:…`), likewise.
    public var trips: [Symbol] = []
    /// `merchant_id`
    public var merchant = Symbol.absent
    /// `source`
    public var source = Symbol.absent
    /// `zone_id`
    public var zone = Symbol.absent
    /// `outcome`
    public var outcome = Outcome.inProgress
    /// `failure_code`
    public var failureCode = Symbol.absent
    /// `failure_message`
    public var failureMessage = Symbol.absent
    /// `first_error_code`
    public var firstErrorCode = Symbol.absent
    /// `first_event_at`: over joined events of every `via`.
    public var firstEventAt: Instant = 0
    /// `last_event_at`: likewise.
    public var lastEventAt: Instant = 0
    /// When its first direct event happened: the hour it counts in. Not a column of the contract.
    public var firstDirectAt: Instant = 0
    /// `closed_at`
    public var closedAt: Instant?
    /// The milestone columns.
    public var milestones = MilestoneTimes()
    /// `robot_id`: of the last window.
    public var robot = Symbol.absent
    /// `pilot_id`: of the last window.
    public var pilot = Symbol.absent
    /// `robot_ids`, sorted by text, without repeats.
    public var robots: [Symbol] = []
    /// `pilot_ids`, likewise.
    public var pilots: [Symbol] = []
    /// `reassignment_count`
    public var reassignmentCount: Int32 = 0
    /// `pilot_handoff_count`
    public var pilotHandoffCount: Int32 = 0
    /// `attempt_count`
    public var attemptCount: Int32 = 0
    /// `attempt_failed_count`
    public var attemptFailedCount: Int32 = 0
    /// `rescue_count`
    public var rescueCount: Int32 = 0
    /// `error_count`
    public var errorCount: Int32 = 0
    /// `event_count`
    public var eventCount: Int32 = 0
    /// `anomaly_count`: conflicts in the folds, negative durations, over-linked ids.
    public var anomalyCount: Int32 = 0
    /// `robot_seconds`, in microseconds.
    public var robotTime: Microseconds = 0
    /// `pilot_seconds`, in microseconds.
    public var pilotTime: Microseconds = 0

    /// A row with nothing but its key.
    public init(id: Symbol, kind: SessionKind) {
        self.id = id
        self.kind = kind
    }
}

/// A row of `robot_states`.
public struct RobotStateRow: Equatable, Sendable, BitwiseCopyable {
    /// When the state began.
    public var startedAt: Instant
    /// When the next one began; nil for the last.
    public var endedAt: Instant?
    /// The state.
    public var state: Symbol
    /// Its reason; may be absent.
    public var reason: Symbol

    /// All columns but the robot.
    public init(startedAt: Instant, endedAt: Instant?, state: Symbol, reason: Symbol) {
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.state = state
        self.reason = reason
    }
}

/// In which zone a robot is at an instant: as an event tells, or from then on by a row of `robot_zones`.
public struct ZoneAt: Equatable, Sendable, BitwiseCopyable {
    /// The event's time, or `started_at`.
    public var time: Instant
    /// The zone.
    public var zone: Symbol

    /// Both.
    public init(time: Instant, zone: Symbol) {
        self.time = time
        self.zone = zone
    }
}

/// A pilot's window in a robot's scope: a row of `robot_pilot_windows`, from which sessions inherit.
public struct ScopeWindow: Equatable, Sendable, BitwiseCopyable {
    /// The robot whose scope it is.
    public var robot: Symbol
    /// The pilot.
    public var pilot: Symbol
    /// When it began.
    public var startedAt: Instant
    /// When it ended; nil while it has no end.
    public var endedAt: Instant?
    /// Until when it counts if it never ends.
    public var expiresAt: Instant
    /// The name of the event that opened it.
    public var openedBy: Symbol
    /// Why it ended.
    public var endReason: EndReason?

    /// All columns.
    public init(
        robot: Symbol, pilot: Symbol, startedAt: Instant, endedAt: Instant?, expiresAt: Instant,
        openedBy: Symbol, endReason: EndReason?
    ) {
        self.robot = robot
        self.pilot = pilot
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.expiresAt = expiresAt
        self.openedBy = openedBy
        self.endReason = endReason
    }
}

/// A pilot's shift: a row of `pilot_shifts`.
public struct ShiftRow: Equatable, Sendable, BitwiseCopyable {
    /// When it began.
    public var startedAt: Instant
    /// When it ended; nil while it has no end.
    public var endedAt: Instant?

    /// Both ends.
    public init(startedAt: Instant, endedAt: Instant?) {
        self.startedAt = startedAt
        self.endedAt = endedAt
    }
}
