/// How a session ended, in the order in which one wins over another (semantics section 5).
public enum Outcome: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case completed, failed, canceled, rejected, expired
    /// No terminal event yet, or none since the last reopening.
    case inProgress

    /// The word in `sessions.outcome`.
    public var name: String {
        switch self {
        case .completed: "completed"
        case .failed: "failed"
        case .canceled: "canceled"
        case .rejected: "rejected"
        case .expired: "expired"
        case .inProgress: "in_progress"
        }
    }
}

/// Why an assignment window ended.
public enum EndReason: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case completed, failed, canceled, rejected, expired
    case reassigned, orphaned, unassigned, shiftEnded, timedOut

    /// The word in `assignment_windows.end_reason`.
    public var name: String {
        switch self {
        case .completed: "completed"
        case .failed: "failed"
        case .canceled: "canceled"
        case .rejected: "rejected"
        case .expired: "expired"
        case .reassigned: "reassigned"
        case .orphaned: "orphaned"
        case .unassigned: "unassigned"
        case .shiftEnded: "shift_ended"
        case .timedOut: "timed_out"
        }
    }

    /// The reason that a terminal of this outcome gives to the window it ends.
    public init(_ outcome: Outcome) {
        switch outcome {
        case .completed: self = .completed
        case .failed: self = .failed
        case .canceled: self = .canceled
        case .rejected: self = .rejected
        case .expired: self = .expired
        case .inProgress: preconditionFailure("in_progress is not an end")
        }
    }
}

/// The session columns that hold the time of the earliest direct event of a name.
public enum Milestone: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case offerReceived, offerAccepted, quoteRequested, quoteProvided, demandCreated, demandConfirmed
    /// The earliest robot *open* that names a robot; follows from the role, never set by a catalogue line.
    case assigned
    case active, tripCreated, tripStarted, pilotAssigned, pickupArrival, pickupStarted, pickupCompleted
    case dropoffArrival, dropoffStarted, dropoffCompleted, fulfilled, canceled, failed

    /// The column in `sessions`.
    public var column: String {
        switch self {
        case .offerReceived: "offer_received_at"
        case .offerAccepted: "offer_accepted_at"
        case .quoteRequested: "quote_requested_at"
        case .quoteProvided: "quote_provided_at"
        case .demandCreated: "demand_created_at"
        case .demandConfirmed: "demand_confirmed_at"
        case .assigned: "assigned_at"
        case .active: "active_at"
        case .tripCreated: "trip_created_at"
        case .tripStarted: "trip_started_at"
        case .pilotAssigned: "pilot_assigned_at"
        case .pickupArrival: "pickup_arrival_at"
        case .pickupStarted: "pickup_started_at"
        case .pickupCompleted: "pickup_completed_at"
        case .dropoffArrival: "dropoff_arrival_at"
        case .dropoffStarted: "dropoff_started_at"
        case .dropoffCompleted: "dropoff_completed_at"
        case .fulfilled: "fulfilled_at"
        case .canceled: "canceled_at"
        case .failed: "failed_at"
        }
    }
}

/// What an event does to assignment windows (semantics section 3).
public enum WindowRole: Equatable, Sendable {
    case neutral
    case opensRobot
    case releasesRobot(EndReason)
    case opensPilot
    case releasesPilot(EndReason)
    /// Ends the current windows of the session and closes it.
    case closes(Outcome)
}

/// Where a robot's state stands in an event.
public enum StateRole: Equatable, Sendable {
    case none
    /// `to_state`, else `state`.
    case fromFields
    /// This word.
    case word(String)
}

/// What an event does to a pilot's shift.
public enum ShiftRole: Equatable, Sendable { case none, starts, ends }

/// The session column that counts events of a name.
public enum EventCounter: Equatable, Sendable { case none, attempts, failedAttempts, rescues }

/// One line of the catalogue: an event's name and everything that the rules know of it.
public struct CatalogueEntry: Equatable, Sendable {
    /// The event's name.
    public var name: String
    /// What it tells, for the docs.
    public var summary = ""
    /// Fields that it ought to carry. An event without them is still accepted.
    public var requires: [String] = []
    /// What it does to windows.
    public var window = WindowRole.neutral
    /// The milestone column it fills.
    public var milestone: Milestone?
    /// The robot state it tells.
    public var state = StateRole.none
    /// What it does to a pilot's shift.
    public var shift = ShiftRole.none
    /// The column it counts in.
    public var counter = EventCounter.none
    /// An error even without an `error` field.
    public var isError = false
    /// Its error becomes the session's `failure_code` and `failure_message`.
    public var tellsFailure = false

    /// An event without any role.
    public init(name: String) { self.name = name }
}

/// Every event the rules know by name. Unknown names are neutral: they join by their ids.
public struct Catalogue: Equatable, Sendable {
    /// The entries, in the order of the file.
    public let entries: [CatalogueEntry]

    /// From entries with distinct names.
    public init(entries: [CatalogueEntry]) {
        precondition(Set(entries.map(\.name)).count == entries.count, "a name stands once in a catalogue")
        self.entries = entries
    }
}
