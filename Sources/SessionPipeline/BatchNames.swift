internal import SessionCore
internal import SessionStore

/// Whom the events of a batch name.
struct BatchNames {
    /// Robots, pilots, merchants and session ids, each once for each partition key under which it is named.
    private(set) var all: [NamedEntity] = []
    /// Merchants by whom events join.
    private(set) var joining: [String] = []
    /// When the first of these events happened.
    private(set) var earliestJoining = Instant.max
    private var merchants: [NamedEntity: Symbol] = [:]

    private struct Name: Hashable {
        var kind: EntityKind
        var entity: Symbol
        var key: Int
    }

    /// - Parameters:
    ///   - partitionKeys: The batch's.
    ///   - keyOfEvent: Which of them an event's message has, by the event's place.
    init(of events: [Event], _ symbols: SymbolTable, partitionKeys: [String], keyOfEvent: (Int) -> Int) {
        var names: Set<Name> = []
        var joining: Set<Symbol> = []
        for (index, event) in events.enumerated() {
            let key = keyOfEvent(index)
            func name(_ kind: EntityKind, _ entity: Symbol) {
                if entity.isPresent { names.insert(Name(kind: kind, entity: entity, key: key)) }
            }
            name(.robot, event.robot)
            name(.pilot, event.pilot)
            name(.merchant, event.merchant)
            for id in [event.delivery, event.demand, event.trip, event.quote, event.offer] {
                name(.session, id)
            }
            if event.joinsByMerchant {
                joining.insert(event.merchant)
                earliestJoining = min(earliestJoining, event.time)
            }
        }
        for name in names {
            let one = NamedEntity(
                kind: name.kind, entity: symbols.text(name.entity), partitionKey: partitionKeys[name.key])
            all.append(one)
            if name.kind == .merchant { merchants[one] = name.entity }
        }
        self.joining = joining.map { symbols.text($0) }
    }

    /// The merchants among these names.
    func merchants(among names: [NamedEntity]) -> [Symbol] { names.compactMap { merchants[$0] } }
}
