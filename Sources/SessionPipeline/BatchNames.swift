internal import SessionCore
internal import SessionStore

/// Whom the events of a batch name.
enum BatchNames {
    private struct Name: Hashable {
        var kind: WindowKind
        var entity: Symbol
        var key: Int
    }

    /// Robots, pilots and merchants, each once for each partition key under which it is named; and the merchants of
    /// events that join by them (semantics section 4: an event that names no session, robot or pilot).
    /// - Parameters:
    ///   - partitionKeys: The batch's.
    ///   - keyOfEvent: Which of them an event's message has, by the event's place.
    static func all(
        in events: [Event], _ symbols: SymbolTable, partitionKeys: [String], keyOfEvent: (Int) -> Int
    ) -> (named: [NamedEntity], joining: [String]) {
        var names: Set<Name> = []
        var merchants: Set<Symbol> = []
        for (index, event) in events.enumerated() {
            let key = keyOfEvent(index)
            if event.robot.isPresent { names.insert(Name(kind: .robot, entity: event.robot, key: key)) }
            if event.pilot.isPresent { names.insert(Name(kind: .pilot, entity: event.pilot, key: key)) }
            if event.merchant.isPresent {
                names.insert(Name(kind: .merchant, entity: event.merchant, key: key))
                if !event.subject.isPresent, !event.robot.isPresent, !event.pilot.isPresent {
                    merchants.insert(event.merchant)
                }
            }
        }
        return (
            names.map {
                NamedEntity(
                    kind: $0.kind, entity: symbols.text($0.entity), partitionKey: partitionKeys[$0.key])
            },
            merchants.map { symbols.text($0) }
        )
    }
}
