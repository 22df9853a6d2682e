/// Turns batches of events into row changes (the pure heart: facts in, changes out).
///
/// An entity is its ordered facts; what is derived from it is a fold over them. A batch inserts its facts,
/// folds what they touch, and emits the rows that differ. So a late event is no special case, and a
/// retraction is just a difference. What is not in memory is brought back from an ``EntitySource``; after
/// each commit everything in memory may be forgotten. One thread at a time.
///
/// The order inside a batch (each step needs only what the ones before have settled):
/// intake, zones, links, tracks (robot states, shifts, robot-scope pilots), session windows, session rows, hours,
/// hours by zone.
public final class Engine {
    let rules: Rules
    let symbols: SymbolTable
    let meanings: EventMeanings

    var nodes: [Node?] = []
    var lanes: [[Lane?]] = [[], [], []]
    /// Of each robot those that are in memory; none of them changes a row of another.
    var stateTracks: [Symbol: [StateTrack]] = [:]
    var scopeTracks: [Symbol: ScopeTrack] = [:]
    var pilotTracks: [Symbol: PilotTrack] = [:]
    var identities = IdentityIndex()

    /// Counts batches; marks what a batch has touched.
    var batch = 0
    var source: any EntitySource = EmptySource()
    var changes = Changes()
    var work = BatchWork()
    /// What the last batch had to do with, where ``notesTouched`` was set before it.
    public internal(set) var touched = TouchedEntities()
    /// Whether ``touched`` is wanted.
    public var notesTouched: Bool {
        get { touched.isNoted }
        set { touched.isNoted = newValue }
    }

    let stateClass: [Symbol: StateClass]
    var zonesKnown: [Symbol: ZonesKnown] = [:]
    /// By symbol: as what it has been told to the store (`Engine+Known.swift`).
    var namesStored: [UInt8] = []
    var sweepAbove = 1 << 17
    /// How much further than a batch needs a robot's states are brought back as a rule.
    public static let usualStateMargin: Microseconds = 6 * 3_600_000_000
    let stateMargin: Microseconds

    /// How many session ids, robots' and pilots' stretches of time are in memory.
    public internal(set) var residentEntities = 0
    /// How often something was brought back from the store.
    public internal(set) var broughtBack = 0
    /// How often something was evicted.
    public internal(set) var evictions = 0

    /// What a batch has touched so far.
    struct BatchWork {
        var relinked: [Node] = []
        var toFold: [Node] = []
        var toRow: [Node] = []
        var changedZones: [Symbol: ZonesChanged] = [:]
        var zoneMoves: [ZoneMove] = []
        var dirtyStates: [(robot: Symbol, track: StateTrack)] = []
        var dirtyScopes: [Symbol] = []
        var dirtyPilots: [Symbol] = []
        var windowless: [Int32] = []
        /// Ids that came to have too many targets, or no longer do.
        var overLinkChanged: Set<Symbol> = []
        var newClosers: [(pilot: Symbol, time: Instant)] = []
        /// Robot windows that began, ended or moved: the stretch of time they concern.
        var movedRobotWindows: [(robot: Symbol, from: Instant, until: Instant)] = []
        var coverage: [CoverageKey: [CoverageChange]] = [:]
    }

    struct CoverageKey: Hashable {
        var kind: WindowKind
        var entity: Symbol
    }

    struct CoverageChange {
        var start: Instant
        var end: Instant
        var isAdded: Bool
    }

    /// An engine with nothing in memory.
    /// - Parameters:
    ///   - meanings: The catalogue over the same table of symbols.
    ///   - stateMargin: How much further than a batch needs a robot's states are brought back, for the next batch. It changes
    ///     no table.
    public init(
        rules: Rules, meanings: EventMeanings, symbols: SymbolTable,
        stateMargin: Microseconds = Engine.usualStateMargin
    ) {
        self.stateMargin = stateMargin
        precondition(rules.maxWindow >= 1_000_000, "a window lasts at least a second")
        self.rules = rules
        self.symbols = symbols
        self.meanings = meanings
        var classes: [Symbol: StateClass] = [:]
        for state in rules.usableStates { classes[symbols.pin(state)] = .usable }
        for state in rules.downtimeStates { classes[symbols.pin(state)] = .downtime }
        for state in rules.offDutyStates { classes[symbols.pin(state)] = .offDuty }
        stateClass = classes
    }

    /// Applies a batch and says what changed. Afterwards the engine is ahead of the store until the changes
    /// are committed; if that fails, or if this throws, call ``forgetEverything()`` and start over.
    /// - Parameters:
    ///   - events: Accepted ones and duplicates alike, in the order they came.
    ///   - bytes: What the events' ranges refer to.
    ///   - source: The committed state.
    public func apply(_ events: [Event], bytes: UnsafeRawPointer, source: any EntitySource) throws -> Changes
    {
        batch += 1
        self.source = source
        changes = Changes()
        work = BatchWork()
        touched.forget()
        defer { self.source = EmptySource() }

        let (fresh, duplicates) = try identities.admit(events, bytes: bytes, source: source, batch: batch)
        changes.duplicateCount = duplicates.count
        changes.accepted.reserveCapacity(fresh.count)
        for index in fresh { changes.accepted.append(events[Int(index)]) }
        try countUnequalTwins(events, duplicates, bytes: bytes)

        try prepareTracks()
        try takeIn()
        try tellZones()
        try relink()
        try foldTracks()
        try foldSessions()
        try markJoined()
        try writeRows()
        try settleCoverage()
        dropZeroDifferences()
        try sumZoneHours()
        let result = changes
        changes = Changes()
        work = BatchWork()
        return result
    }

    /// Forgets all that is in memory: the next batch starts from what the source says.
    public func forgetEverything() {
        nodes = []
        lanes = [[], [], []]
        stateTracks = [:]
        scopeTracks = [:]
        pilotTracks = [:]
        identities = IdentityIndex()
        namesStored = []
        zonesKnown = [:]
        residentEntities = 0
    }

    /// Forgets what sessions came to, which of them were whose merchants', and what merchants' events said: another engine has
    /// joined events to them. What sessions, robots and pilots themselves did stays.
    public func forgetJoins() {
        let kind = Int(WindowKind.merchant.rawValue)
        for case let lane? in lanes[kind] { residentEntities -= lane.chunks.count }
        lanes[kind] = []
        for case let node? in nodes { node.derived = nil }
    }

    /// Forgets what is in memory of merchants' own events and sessions.
    public func forgetLanes(ofMerchants merchants: [Symbol]) {
        let kind = Int(WindowKind.merchant.rawValue)
        for merchant in merchants where Int(merchant.index) < lanes[kind].count {
            residentEntities -= lanes[kind][Int(merchant.index)]?.chunks.count ?? 0
            lanes[kind][Int(merchant.index)] = nil
        }
    }

    private func countUnequalTwins(
        _ events: [Event], _ duplicates: [(index: Int, first: Int?)], bytes: UnsafeRawPointer
    ) throws {
        guard !duplicates.isEmpty else { return }
        // Where a duplicate's first is in the batch, the index says where, unless it stands in an hour that was
        // loaded whole.
        var wanted: Set<EventPlace> = []
        for (index, first) in duplicates where first == nil { wanted.insert(EventPlace(events[index])) }
        var firsts: [EventPlace: Event] = [:]
        if !wanted.isEmpty {
            for event in changes.accepted where wanted.contains(EventPlace(event)) {
                firsts[EventPlace(event)] = event
            }
        }
        for (index, first) in duplicates {
            let event = events[index]
            let twin: Event?
            if let first {
                twin = events[first]
            } else if let here = firsts[EventPlace(event)] {
                twin = here
            } else {
                twin = try source.storedTwin(of: event, bytes: bytes)
            }
            if let twin, !event.hasSameContent(as: twin) { changes.unequalTwinCount += 1 }
        }
    }

    private func dropZeroDifferences() {
        changes.robotStateHourly = changes.robotStateHourly.filter { $0.value != 0 }
        changes.robotHourly = changes.robotHourly.filter { $0.value != RobotHourDelta() }
        changes.pilotHourly = changes.pilotHourly.filter { $0.value != PilotHourDelta() }
        changes.merchantHourly = changes.merchantHourly.filter { $0.value != MerchantHourDelta() }
        changes.sessionHourly = changes.sessionHourly.filter { $0.value != 0 }
        changes.sessionSpans = changes.sessionSpans.filter { $0.value != 0 }
    }
}

extension Event {
    /// Whether two events of one identity say the same in every known field.
    public func hasSameContent(as other: Event) -> Bool {
        time == other.time && name == other.name && delivery == other.delivery && demand == other.demand
            && trip == other.trip && quote == other.quote && offer == other.offer && robot == other.robot
            && pilot == other.pilot && merchant == other.merchant && zone == other.zone
            && parkingLot == other.parkingLot && source == other.source && state == other.state
            && fromState == other.fromState && toState == other.toState && reason == other.reason
            && rejectionReason == other.rejectionReason && errorCode == other.errorCode
            && errorMessage == other.errorMessage
    }
}
