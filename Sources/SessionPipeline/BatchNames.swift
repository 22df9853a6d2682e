internal import SessionCore
internal import SessionStore

/// Whom the events of a batch name.
struct BatchNames {
    /// Robots, pilots and merchants, each once for each partition key under which it is named.
    private(set) var all: [NamedEntity] = []
    /// Those of events that join by them (semantics section 4: an event that names no session, robot or pilot).
    private(set) var joining: [JoiningMerchant] = []
    private var merchants: [NamedEntity: Symbol] = [:]

    private struct Name: Hashable {
        var kind: WindowKind
        var entity: Symbol
        var key: Int
    }

    /// - Parameters:
    ///   - partitionKeys: The batch's.
    ///   - keyOfEvent: Which of them an event's message has, by the event's place.
    init(of events: [Event], _ symbols: SymbolTable, partitionKeys: [String], keyOfEvent: (Int) -> Int) {
        var names: Set<Name> = []
        var earliest: [Symbol: Instant] = [:]
        for (index, event) in events.enumerated() {
            let key = keyOfEvent(index)
            if event.robot.isPresent { names.insert(Name(kind: .robot, entity: event.robot, key: key)) }
            if event.pilot.isPresent { names.insert(Name(kind: .pilot, entity: event.pilot, key: key)) }
            if event.merchant.isPresent {
                names.insert(Name(kind: .merchant, entity: event.merchant, key: key))
                if !event.subject.isPresent, !event.robot.isPresent, !event.pilot.isPresent {
                    earliest[event.merchant] = min(earliest[event.merchant] ?? event.time, event.time)
                }
            }
        }
        for name in names {
            let one = NamedEntity(
                kind: name.kind, entity: symbols.text(name.entity), partitionKey: partitionKeys[name.key])
            all.append(one)
            if name.kind == .merchant { merchants[one] = name.entity }
        }
        joining = earliest.map { JoiningMerchant(merchant: symbols.text($0.key), earliest: $0.value) }
    }

    /// The merchants among these names.
    func merchants(among names: [NamedEntity]) -> [Symbol] { names.compactMap { merchants[$0] } }
}
