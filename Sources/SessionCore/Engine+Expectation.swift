/// What a batch will ask its source for, as far as that can be told before it is applied: a source that is far away
/// answers all of it at once.
public struct Expectation: Equatable, Sendable {
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

    /// Session ids that are not in memory.
    public var nodes: [Symbol] = []
    /// Stretches that are not in memory.
    public var stretches: [Stretch] = []

    /// Nothing.
    public init() {}
}

extension Engine {
    /// What these events name and memory does not hold. More may be asked for, and not all of it need be.
    public func expectation(of events: [Event]) -> Expectation {
        var expected = Expectation()
        var ids: Set<Symbol> = []
        var stretches: Set<Expectation.Stretch> = []
        func expect(_ id: Symbol) {
            guard id.isPresent else { return }
            let index = Int(id.index)
            if index < nodes.count, nodes[index] != nil { return }
            if ids.insert(id).inserted { expected.nodes.append(id) }
        }
        func expect(_ kind: WindowKind, _ entity: Symbol, _ bucket: Int64) {
            let (lane, index) = (Int(kind.rawValue), Int(entity.index))
            if index < lanes[lane].count, lanes[lane][index]?.chunk(bucket) != nil { return }
            let stretch = Expectation.Stretch(
                kind: kind, entity: entity, from: bucket * Lane.span, until: (bucket + 1) * Lane.span)
            if stretches.insert(stretch).inserted { expected.stretches.append(stretch) }
        }
        for event in events {
            expect(event.delivery)
            expect(event.demand)
            expect(event.trip)
            expect(event.quote)
            expect(event.offer)
            let bucket = Lane.bucket(of: event.time)
            for (kind, entity) in [
                (WindowKind.robot, event.robot), (.pilot, event.pilot), (.merchant, event.merchant),
            ] where entity.isPresent {
                // A window that began in the stretch before may still hold the event.
                for ago in 0...lookback { expect(kind, entity, bucket - ago) }
            }
        }
        return expected
    }
}
