internal import SessionStore

/// How the rules of a store count each state.
struct StateClasses {
    private var classes: [String: String] = [:]

    init(_ store: any TableReading) throws {
        for stateClass in ["off_duty", "downtime", "usable"] {
            for row in try store.rows(store.flavour.listed("\(stateClass)_states"), []) {
                if let state = row.text("value") { classes[state] = stateClass }
            }
        }
    }

    /// `usable`, `downtime`, `off_duty`, or `other`.
    subscript(_ state: String) -> String { classes[state] ?? "other" }
}

/// UTC hours and days, also before 1970.
enum Grid {
    static let hour: Int64 = 3_600_000_000
    static let day: Int64 = 86_400_000_000

    static func floor(_ time: Int64, _ length: Int64) -> Int64 {
        time - (time % length + length) % length
    }

    static func ceiling(_ time: Int64, _ length: Int64) -> Int64 { floor(time + length - 1, length) }
}

/// The last instant that a story counts up to.
enum LastInstant {
    /// The newest event that was not ahead of the clock when it was committed, where there is one: an open state would be
    /// counted up to the year 9999 for a single wrong clock. Nil where there is no event.
    static func find(in store: any TableReading) throws -> Int64? {
        let scope = try store.rows("SELECT * FROM freshness WHERE scope = 'all'", []).first
        // No such column in a store of an older version that may not be written.
        return scope?.integer("last_past_event_at") ?? scope?.integer("last_event_at")
    }
}
