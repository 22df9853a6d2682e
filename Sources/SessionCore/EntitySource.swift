/// What the store knows of one session id.
public struct StoredNode {
    /// The events whose most specific session id it is.
    public var events: [Event] = []
    /// The ids it links to. Of more deliveries than `rules.maxTargets` a store need not tell more than one above that,
    /// and of the other kinds none then: they change nothing.
    public var links: [Symbol] = []
    /// The ids that link to it.
    public var linkedBy: [Symbol] = []
    /// The other ids whose direct events belong to the session of this id.
    public var members: [Symbol] = []
    /// The sessions its own events belong to; empty where that is its own session.
    public var targets: [Symbol] = []
    /// Whether a row was derived for it of events that are no longer stored: need not be told where its events are.
    public var hasRow = false

    /// Nothing known.
    public init() {}
}

/// What the store has derived for one session.
public struct StoredSession {
    /// Its row, if there is one.
    public var row: SessionRow?
    /// Its windows of every kind.
    public var windows: [WindowRow] = []

    /// Nothing derived.
    public init() {}
}

/// What the store knows of a stretch of time of a robot, pilot or merchant.
public struct StoredLane {
    /// Events that name no session id and: for a robot, name it; for a pilot, name it; for a merchant, name
    /// it and neither robot nor pilot.
    public var events: [Event] = []
    /// Session windows of the entity that start in it; the owner is the session.
    public var windows: [Owned<WindowRow>] = []
    /// Robot-scope pilot windows that start in it (of the robot, or of the pilot).
    public var scopeWindows: [ScopeWindow] = []

    /// Nothing known.
    public init() {}
}

/// What the store knows of the pilots of a robot's own scope from some instant on.
public struct StoredRobotScope {
    /// Events from then on that open or release a pilot in the robot's scope.
    public var events: [Event] = []
    /// The window that began before and, at that instant, had not ended.
    public var windowBefore: ScopeWindow?

    /// Nothing known.
    public init() {}
}

/// A row of `robot_hours`.
public struct StoredRobotHour {
    /// The hour's beginning.
    public var start: Instant
    /// Its figures.
    public var figures: RobotHourDelta

    /// Both.
    public init(start: Instant, figures: RobotHourDelta) {
        self.start = start
        self.figures = figures
    }
}

/// When a robot was heard: event times of everything that named it.
public struct StoredRobotHeard {
    /// The last one before some instant.
    public var before: Instant?
    /// Those from then on.
    public var since: [Instant] = []

    /// Never heard.
    public init() {}
}

/// What the store knows of a pilot's shifts from some instant on.
public struct StoredPilotTrack {
    /// Events from then on that start or end a shift of the pilot.
    public var events: [Event] = []
    /// The shift that began before and, at that instant, had not ended.
    public var shiftBefore: ShiftRow?

    /// Nothing known.
    public init() {}
}

/// The committed state, from which the engine brings back what it does not hold in memory.
///
/// Everything it returns is as of the last commit; nothing of a batch that is still being applied.
public protocol EntitySource {
    /// A session id's events, links and place.
    func node(_ id: Symbol) throws -> StoredNode
    /// A session's row and windows.
    func session(_ id: Symbol) throws -> StoredSession
    /// A robot's, pilot's or merchant's events and windows in `[from, until)`.
    func lane(_ kind: WindowKind, _ entity: Symbol, from: Instant, until: Instant) throws -> StoredLane
    /// A robot's facts from an instant on, through another or to the last: events that tell its state, or that open or
    /// release a pilot in its scope.
    func robotFacts(_ robot: Symbol, from: Instant, through: Instant?) throws -> [Event]
    /// A robot's last state row that began before an instant.
    func robotState(_ robot: Symbol, before: Instant) throws -> RobotStateRow?
    /// A robot's first state row that began after an instant.
    func robotState(_ robot: Symbol, after: Instant) throws -> RobotStateRow?
    /// A robot's last row of `robot_zones` that began before an instant.
    func robotZone(_ robot: Symbol, before: Instant) throws -> ZoneAt?
    /// A robot's first row of `robot_zones` that begins at an instant or later.
    func robotZone(_ robot: Symbol, from: Instant) throws -> ZoneAt?
    /// A robot's rows of `robot_zones` from an instant through another.
    func robotZones(_ robot: Symbol, from: Instant, through: Instant) throws -> [ZoneAt]
    /// Where events from an instant through another say that a robot was.
    func zoneReports(_ robot: Symbol, from: Instant, through: Instant) throws -> [ZoneAt]
    /// Where the first event after an instant that tells it says that a robot was; of several at one instant the greatest
    /// zone.
    func zoneReport(_ robot: Symbol, after: Instant) throws -> ZoneAt?
    /// When an event last told a robot's zone.
    func lastZoneReport(_ robot: Symbol) throws -> Instant?
    /// A robot's rows of `robot_hours` from an hour up to another.
    func robotHours(_ robot: Symbol, from: Instant, until: Instant) throws -> [StoredRobotHour]
    /// When a robot was heard, before and from an instant on. Asked only where silence is watched.
    func robotHeard(_ robot: Symbol, from: Instant) throws -> StoredRobotHeard
    /// The pilots of a robot's own scope from an instant on.
    /// - Parameter names: What events that open or release a pilot are called.
    func robotScope(_ robot: Symbol, from: Instant, named names: [Symbol]) throws -> StoredRobotScope
    /// A pilot's shift facts from an instant on.
    func pilotTrack(_ pilot: Symbol, from: Instant) throws -> StoredPilotTrack
    /// Whether any event of this hour (a multiple of an hour) is stored.
    func hasEvents(inHour hour: Instant) throws -> Bool
    /// The identities of all stored events of an hour.
    func identities(inHour hour: Instant) throws -> [EventIdentity]
    /// The stored event of an hour with this identity (of `candidate`, whose texts stand in `bytes`).
    func storedTwin(of candidate: Event, bytes: UnsafeRawPointer) throws -> Event?
}

/// A source that knows nothing: an engine on it starts from an empty store and must not evict.
public struct EmptySource: EntitySource {
    /// Nothing.
    public init() {}
    /// See ``EntitySource``.
    public func node(_ id: Symbol) -> StoredNode { StoredNode() }
    /// See ``EntitySource``.
    public func session(_ id: Symbol) -> StoredSession { StoredSession() }
    /// See ``EntitySource``.
    public func lane(_ kind: WindowKind, _ entity: Symbol, from: Instant, until: Instant) -> StoredLane {
        StoredLane()
    }
    /// See ``EntitySource``.
    public func robotFacts(_ robot: Symbol, from: Instant, through: Instant?) -> [Event] { [] }
    /// See ``EntitySource``.
    public func robotState(_ robot: Symbol, before: Instant) -> RobotStateRow? { nil }
    /// See ``EntitySource``.
    public func robotState(_ robot: Symbol, after: Instant) -> RobotStateRow? { nil }
    /// See ``EntitySource``.
    public func robotZone(_ robot: Symbol, before: Instant) -> ZoneAt? { nil }
    /// See ``EntitySource``.
    public func robotZone(_ robot: Symbol, from: Instant) -> ZoneAt? { nil }
    /// See ``EntitySource``.
    public func robotZones(_ robot: Symbol, from: Instant, through: Instant) -> [ZoneAt] { [] }
    /// See ``EntitySource``.
    public func zoneReports(_ robot: Symbol, from: Instant, through: Instant) -> [ZoneAt] { [] }
    /// See ``EntitySource``.
    public func zoneReport(_ robot: Symbol, after: Instant) -> ZoneAt? { nil }
    /// See ``EntitySource``.
    public func lastZoneReport(_ robot: Symbol) -> Instant? { nil }
    /// See ``EntitySource``.
    public func robotHours(_ robot: Symbol, from: Instant, until: Instant) -> [StoredRobotHour] { [] }
    /// See ``EntitySource``.
    public func robotHeard(_ robot: Symbol, from: Instant) -> StoredRobotHeard { StoredRobotHeard() }
    /// See ``EntitySource``.
    public func robotScope(_ robot: Symbol, from: Instant, named names: [Symbol]) -> StoredRobotScope {
        StoredRobotScope()
    }
    /// See ``EntitySource``.
    public func pilotTrack(_ pilot: Symbol, from: Instant) -> StoredPilotTrack { StoredPilotTrack() }
    /// See ``EntitySource``.
    public func hasEvents(inHour hour: Instant) -> Bool { false }
    /// See ``EntitySource``.
    public func identities(inHour hour: Instant) -> [EventIdentity] { [] }
    /// See ``EntitySource``.
    public func storedTwin(of candidate: Event, bytes: UnsafeRawPointer) -> Event? { nil }
}
