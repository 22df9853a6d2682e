import EventDecoding
import SessionCore
import SessionStore
import SessionStory

/// What of an archive a store's retention has dropped: the months of `retired_months`, and how many of the archive's
/// events lie in them.
struct RetiredEvents {
    /// As `2022-05`, in order; those alone in which the archive has events.
    private(set) var months: [String] = []
    private(set) var events = 0

    /// - Parameter expected: The store that the archive was replayed into.
    init(of found: any TableReading, _ location: StoreLocation, expected: any TableReading) throws {
        switch location {
        // It drops nothing.
        case .sqlite: return
        case .postgres: break
        }
        for row in try found.rows("SELECT month FROM retired_months ORDER BY month", []) {
            guard let month = row.integer("month") else { continue }
            // A day of the next month, and that month's first.
            let next = InstantText.iso(month + 32 * 86_400_000_000).prefix(7)
            guard let end = EventDecoder.instant("\(next)-01T00:00:00Z") else { continue }
            let count = try expected.rows(
                "SELECT count(*) AS n FROM events WHERE occurred_at >= ?1 AND occurred_at < ?2",
                [.integer(month), .integer(end)]
            ).first?.integer("n")
            guard let count, count > 0 else { continue }
            months.append(String(InstantText.iso(month).prefix(7)))
            events += Int(count)
        }
    }
}
