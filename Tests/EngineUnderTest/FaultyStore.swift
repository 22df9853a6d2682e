public import SessionCore
public import SessionStore

/// A store with something between it and the engine that goes wrong when the test says so.
public final class FaultyStore: SessionStoring {
    private let store: any SessionStoring
    /// Runs before each question that the engine asks while it applies a batch.
    public var beforeReading: () throws -> Void = {}
    /// Runs before a batch is written, its transaction begun.
    public var beforeCommit: () throws -> Void = {}
    /// Runs when a batch is committed, before the program hears of it.
    public var afterCommit: () throws -> Void = {}

    /// How many facts of robots were brought back.
    public private(set) var robotFactsRead = 0
    /// What came of each claim of partition keys.
    public private(set) var claims: [Bool] = []

    /// How many batches were begun alone.
    public private(set) var batchesAlone = 0
    /// What came of each registration of whom a batch names.
    public private(set) var registrations: [NamingOutcome] = []

    /// In front of a store.
    public init(_ store: any SessionStoring) { self.store = store }

    /// See ``SessionStoring``.
    public func begin(alone: Bool) throws -> StoreMemory {
        let memory = try store.begin(alone: alone)
        if alone { batchesAlone += 1 }
        return memory
    }
    /// See ``SessionStoring``.
    public func claim(_ partitionKeys: [String]) throws -> Bool {
        let isFirst = try store.claim(partitionKeys)
        claims.append(isFirst)
        return isFirst
    }
    /// See ``SessionStoring``.
    public func register(_ named: [NamedEntity], joining merchants: [String], since earliest: Instant) throws
        -> NamingOutcome
    {
        let outcome = try store.register(named, joining: merchants, since: earliest)
        registrations.append(outcome)
        return outcome
    }
    /// See ``SessionStoring``.
    public func mayCommit(_ touched: TouchedEntities, of partitionKeys: [String]) throws -> Bool {
        try store.mayCommit(touched, of: partitionKeys)
    }
    /// See ``SessionStoring``.
    public var wantsExpectations: Bool { store.wantsExpectations }
    /// See ``SessionStoring``.
    public func prefetch(_ expectation: Expectation, bytes: UnsafeRawPointer) throws {
        try store.prefetch(expectation, bytes: bytes)
    }
    /// See ``SessionStoring``.
    public func rollback() { store.rollback() }
    /// See ``SessionStoring``.
    public func isRetired(_ instant: Instant) -> Bool { store.isRetired(instant) }
    /// See ``SessionStoring``.
    public func committedPlace(transport: String, origin: String) throws -> (
        offset: Int64, fingerprint: String?
    )? {
        try store.committedPlace(transport: transport, origin: origin)
    }
    /// See ``SessionStoring``.
    public func freshness(ofTransport transport: String) throws -> StoredFreshness? {
        try store.freshness(ofTransport: transport)
    }
    /// See ``SessionStoring``.
    public func close() { store.close() }

    /// See ``SessionStoring``.
    public func commit(
        _ changes: Changes, bytes: UnsafeRawPointer, rejected: [RejectedMessage], batch: BatchRecord
    ) throws {
        try beforeCommit()
        try store.commit(changes, bytes: bytes, rejected: rejected, batch: batch)
        try afterCommit()
    }

    /// See ``EntitySource``.
    public func node(_ id: Symbol) throws -> StoredNode {
        try beforeReading()
        return try store.node(id)
    }

    /// See ``EntitySource``.
    public func session(_ id: Symbol) throws -> StoredSession {
        try beforeReading()
        return try store.session(id)
    }

    /// See ``EntitySource``.
    public func lane(_ kind: WindowKind, _ entity: Symbol, from: Instant, until: Instant) throws -> StoredLane
    {
        try beforeReading()
        return try store.lane(kind, entity, from: from, until: until)
    }

    /// See ``EntitySource``.
    public func robotFacts(_ robot: Symbol, from: Instant, through: Instant?) throws -> [Event] {
        try beforeReading()
        let facts = try store.robotFacts(robot, from: from, through: through)
        robotFactsRead += facts.count
        return facts
    }

    /// See ``EntitySource``.
    public func robotState(_ robot: Symbol, before: Instant) throws -> RobotStateRow? {
        try beforeReading()
        return try store.robotState(robot, before: before)
    }

    /// See ``EntitySource``.
    public func robotState(_ robot: Symbol, after: Instant) throws -> RobotStateRow? {
        try beforeReading()
        return try store.robotState(robot, after: after)
    }

    /// See ``EntitySource``.
    public func robotZone(_ robot: Symbol, before: Instant) throws -> ZoneAt? {
        try beforeReading()
        return try store.robotZone(robot, before: before)
    }

    /// See ``EntitySource``.
    public func robotZone(_ robot: Symbol, from: Instant) throws -> ZoneAt? {
        try beforeReading()
        return try store.robotZone(robot, from: from)
    }

    /// See ``EntitySource``.
    public func robotZones(_ robot: Symbol, from: Instant, through: Instant) throws -> [ZoneAt] {
        try beforeReading()
        return try store.robotZones(robot, from: from, through: through)
    }

    /// See ``EntitySource``.
    public func zoneReports(_ robot: Symbol, from: Instant, through: Instant) throws -> [ZoneAt] {
        try beforeReading()
        return try store.zoneReports(robot, from: from, through: through)
    }

    /// See ``EntitySource``.
    public func zoneReport(_ robot: Symbol, after: Instant) throws -> ZoneAt? {
        try beforeReading()
        return try store.zoneReport(robot, after: after)
    }

    /// See ``EntitySource``.
    public func lastZoneReport(_ robot: Symbol) throws -> Instant? {
        try beforeReading()
        return try store.lastZoneReport(robot)
    }

    /// See ``EntitySource``.
    public func robotHours(_ robot: Symbol, from: Instant, until: Instant) throws -> [StoredRobotHour] {
        try beforeReading()
        return try store.robotHours(robot, from: from, until: until)
    }

    /// See ``EntitySource``.
    public func robotHeard(_ robot: Symbol, from: Instant) throws -> StoredRobotHeard {
        try beforeReading()
        return try store.robotHeard(robot, from: from)
    }

    /// See ``EntitySource``.
    public func robotScope(_ robot: Symbol, from: Instant, named names: [Symbol]) throws -> StoredRobotScope {
        try beforeReading()
        return try store.robotScope(robot, from: from, named: names)
    }

    /// See ``EntitySource``.
    public func pilotTrack(_ pilot: Symbol, from: Instant) throws -> StoredPilotTrack {
        try beforeReading()
        return try store.pilotTrack(pilot, from: from)
    }

    /// See ``EntitySource``.
    public func hasEvents(inHour hour: Instant) throws -> Bool {
        try beforeReading()
        return try store.hasEvents(inHour: hour)
    }

    /// See ``EntitySource``.
    public func identities(inHour hour: Instant) throws -> [EventIdentity] {
        try beforeReading()
        return try store.identities(inHour: hour)
    }

    /// See ``EntitySource``.
    public func storedTwin(of candidate: Event, bytes: UnsafeRawPointer) throws -> Event? {
        try beforeReading()
        return try store.storedTwin(of: candidate, bytes: bytes)
    }
}
