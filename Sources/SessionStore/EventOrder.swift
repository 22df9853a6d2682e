/// The order in which the engine takes events, in words of SQL that every store understands: by time and name, and of one name
/// and instant those without an id first, then by the ids' texts (semantics, section 8). What explains an outcome is asked in it.
///
/// An id that is longer than ``StoreReading/longestEventID`` is in no column: its event stands here among those without,
/// by its fingerprint, where the engine takes it by its text.
public enum EventOrder {
    /// Whether an `events.event_id` is an id that the event brought, and not the name of one without.
    public static func hasOwnID(_ column: String) -> String {
        let isHexadecimal = "ltrim(substr(\(column), 4), '0123456789abcdef') = ''"
        return "NOT (length(\(column)) = 35 AND substr(\(column), 1, 3) = 'fp-' AND \(isHexadecimal))"
    }

    /// What stands after `ORDER BY`, for rows of `events` under another name.
    public static func terms(of table: String, latestFirst: Bool = false) -> String {
        let id = "\(table).event_id"
        return ["\(table).occurred_at", "\(table).event", hasOwnID(id), id]
            .map { latestFirst ? "\($0) DESC" : $0 }.joined(separator: ", ")
    }
}
