internal import SessionCore
internal import SessionStore

/// How the rules of a store count each state.
struct StateClasses {
    private var classes: [String: StateClass] = [:]

    init(_ store: any TableReading) throws {
        for stateClass in StateClass.allCases where stateClass != .other {
            for row in try store.rows(store.flavour.listed("\(stateClass.rawValue)_states"), []) {
                if let state = row.text("value") { classes[state] = stateClass }
            }
        }
    }

    subscript(_ state: String) -> StateClass { classes[state] ?? .other }
}
