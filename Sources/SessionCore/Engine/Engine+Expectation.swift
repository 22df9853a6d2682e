/// What a batch will ask its source for, as far as that can be told before it is applied: a source that is far away
/// answers all of it at once.
public struct Expectation: Sendable {
    /// A stretch of time of an entity, as ``EntitySource/lane(_:_:from:until:)`` is asked for it.
    public struct Stretch: Hashable, Sendable {
        /// Whose.
        public var kind: WindowKind
        /// Whose.
        public var entity: Symbol
        /// Its beginning.
        public var from: Instant
        /// Its end.
        public var until: Instant

        /// All parts.
        public init(kind: WindowKind, entity: Symbol, from: Instant, until: Instant) {
            self.kind = kind
            self.entity = entity
            self.from = from
            self.until = until
        }
    }

    /// Hours (multiples of one) of which nothing is in memory: are there events?
    public var hours: [Instant] = []
    /// Events that may be stored already.
    public var candidates: [Event] = []
    /// Session ids that are not in memory.
    public var nodes: [Symbol] = []
    /// Session ids whose row and windows are not in memory.
    public var sessions: [Symbol] = []
    /// Stretches that are not in memory.
    public var stretches: [Stretch] = []

    /// Nothing.
    public init() {}

    /// Whether there is nothing to fetch.
    public var isEmpty: Bool {
        hours.isEmpty && candidates.isEmpty && nodes.isEmpty && sessions.isEmpty && stretches.isEmpty
    }
}

/// What is expected, each thing once, and only what is not in memory.
private struct Gathering {
    var expectation = Expectation()
    private var ids: Set<Symbol> = []
    private var stretches: Set<Expectation.Stretch> = []

    mutating func add(_ id: Symbol, _ engine: Engine) {
        guard id.isPresent, !engine.isInMemory(id) else { return }
        if ids.insert(id).inserted { expectation.nodes.append(id) }
    }

    mutating func add(_ kind: WindowKind, _ entity: Symbol, _ buckets: ClosedRange<Int64>, _ engine: Engine) {
        let (lane, index) = (Int(kind.rawValue), Int(entity.index))
        let inMemory = index < engine.lanes[lane].count ? engine.lanes[lane][index] : nil
        for bucket in buckets where inMemory?.chunk(bucket) == nil {
            let stretch = Expectation.Stretch(
                kind: kind, entity: entity, from: bucket * Lane.span, until: (bucket + 1) * Lane.span)
            if stretches.insert(stretch).inserted { expectation.stretches.append(stretch) }
        }
    }
}

extension Engine {
    /// Has what these events will need fetched, a level at a time: what is known of an id tells which sessions are asked
    /// for, and a session's windows tell which stretches of time are. More may be asked for while they are applied, and not
    /// all of it need be.
    ///
    /// Within the transaction of the batch that is about to be applied; if it throws, call ``forgetEverything()``.
    /// - Parameters:
    ///   - events: As ``apply(_:bytes:source:)`` will get them.
    ///   - fetch: Reads at once what the source is going to be asked for.
    public func expect(
        _ events: [Event], bytes: UnsafeRawPointer, source: any EntitySource,
        fetch: (Expectation) throws -> Void
    ) throws {
        self.source = source
        defer { self.source = EmptySource() }
        func fetchAll(_ expectation: Expectation) throws {
            if !expectation.isEmpty { try fetch(expectation) }
        }

        let fresh = try withoutKnown(events, bytes: bytes, fetch: fetchAll)
        try fetchAll(named(by: fresh))

        // Which sessions they belong to.
        var subjects: [Node] = []
        var seen: Set<Symbol> = []
        for event in fresh where event.subject.isPresent && seen.insert(event.subject).inserted {
            subjects.append(try node(event.subject))
        }
        var next = Gathering()
        for subject in subjects { for target in subject.targets { next.add(target, self) } }
        try fetchAll(next.expectation)

        // Their rows and windows, and the other ids whose events they are made of.
        next = Gathering()
        var sessions: [Node] = []
        seen = []
        for target in subjects.lazy.flatMap(\.targets) where seen.insert(target).inserted {
            let session = try node(target)
            if session.derived != nil { continue }
            sessions.append(session)
            next.expectation.sessions.append(target)
            for member in session.members { next.add(member, self) }
        }
        try fetchAll(next.expectation)

        // What happened in those windows. A pilot is inherited from a window that began before.
        next = Gathering()
        for session in sessions {
            for window in try derived(of: session).windows {
                let first = Lane.bucket(of: window.startedAt) - (window.kind == .merchant ? 0 : lookback)
                next.add(window.kind, window.entity, first...Lane.bucket(of: window.joinsUntil), self)
            }
        }
        try fetchAll(next.expectation)
    }

    /// The events that are not known already: for the others nothing will be asked.
    private func withoutKnown(
        _ events: [Event], bytes: UnsafeRawPointer, fetch: (Expectation) throws -> Void
    ) throws -> [Event] {
        var expectation = Expectation()
        expectation.hours = identities.unknownHours(of: events)
        try fetch(expectation)
        var stored: Set<Instant> = []
        for hour in expectation.hours where try source.hasEvents(inHour: hour) { stored.insert(hour) }
        var unclear: [Instant: [Event]] = [:]
        var fresh: [Event] = []
        for event in events {
            let isKnown = identities.isKnown(event)
            if isKnown == true { continue }
            let hour = Hours.start(of: event.time)
            if isKnown == nil, stored.contains(hour) {
                unclear[hour, default: []].append(event)
            } else {
                fresh.append(event)
            }
        }
        expectation = Expectation()
        for several in unclear.values {
            // Of an hour that comes in great part all identities are brought back, not these.
            if several.count >= IdentityIndex.wholeHourThreshold {
                fresh += several
            } else {
                expectation.candidates += several
            }
        }
        try fetch(expectation)
        for event in expectation.candidates where try source.storedTwin(of: event, bytes: bytes) == nil {
            fresh.append(event)
        }
        return fresh
    }

    /// What the events themselves name.
    private func named(by events: [Event]) -> Expectation {
        var gathering = Gathering()
        for event in events {
            gathering.add(event.delivery, self)
            gathering.add(event.demand, self)
            gathering.add(event.trip, self)
            gathering.add(event.quote, self)
            gathering.add(event.offer, self)
            let bucket = Lane.bucket(of: event.time)
            for (kind, entity) in [
                (WindowKind.robot, event.robot), (.pilot, event.pilot), (.merchant, event.merchant),
            ] where entity.isPresent {
                // A window that began in the stretch before may still hold the event, and one that begins now lasts
                // into the next.
                gathering.add(kind, entity, (bucket - lookback)...(bucket + lookback), self)
            }
        }
        return gathering.expectation
    }

    fileprivate func isInMemory(_ id: Symbol) -> Bool {
        let index = Int(id.index)
        return index < nodes.count && nodes[index] != nil
    }
}
