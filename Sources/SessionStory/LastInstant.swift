internal import SessionStore

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
