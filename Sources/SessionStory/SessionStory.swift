public import SessionStore

/// What happened to one delivery, demand, trip, quote or offer, and why each event is part of it.
public struct SessionStory: Sendable {
    /// Its row of `sessions`.
    public let row: TableRow
    /// Its windows, by start.
    public let windows: [TableRow]
    /// Its joined events with their payloads, in order.
    public let events: [TableRow]
    /// The id that was asked for, where it became this session's only later.
    public let askedFor: String?

    /// Finds the story of an id.
    /// - Parameter id: A delivery id, or a whole session id such as `demand:M-1`, or a demand's, trip's,
    ///   quote's or offer's id.
    /// - Returns: The stories of the sessions it names (a shared trip names several); none where it is unknown.
    public static func find(_ id: String, in store: any TableReading) throws -> [SessionStory] {
        try stories(of: sessions(of: id, in: store), in: store)
    }

    /// The stories of sessions that were found already.
    public static func stories(of sessions: [(row: TableRow, askedFor: String?)], in store: any TableReading)
        throws -> [SessionStory]
    {
        try sessions.map { try load($0.row, askedFor: $0.askedFor, in: store) }
    }

    /// The rows of the sessions that an id names, as ``find(_:in:)`` takes it, each with the id that led to it where that
    /// is another one.
    public static func sessions(of id: String, in store: any TableReading) throws -> [(
        row: TableRow, askedFor: String?
    )] {
        for candidate in [id] + ["delivery:", "demand:", "trip:", "quote:", "offer:"].map({ $0 + id }) {
            if let row = try store.rows("SELECT * FROM sessions WHERE session_id = ?1", [.text(candidate)])
                .first
            {
                return [(row, nil)]
            }
            let owners = try store.rows(
                """
                SELECT s.* FROM session_members m JOIN sessions s ON s.session_id = m.session_id
                WHERE m.named_id = ?1 ORDER BY s.session_id
                """, [.text(candidate)])
            if !owners.isEmpty { return owners.map { ($0, candidate) } }
        }
        return []
    }

    /// Ids that look like one that is unknown.
    public static func near(_ id: String, in store: any TableReading) throws -> NearIDs {
        try NearIDs.sessions(id, in: store)
    }

    private static func load(_ row: TableRow, askedFor: String?, in store: any TableReading) throws
        -> SessionStory
    {
        let id = row["session_id"]
        let events = try store.rows(
            """
            SELECT s.event_id, s.occurred_at, s.event, s.via, s.via_id, e.robot_id, e.pilot_id, e.payload
            FROM session_events s JOIN events e
              ON e.hour = \(store.flavour.hour("s.occurred_at")) AND e.event_id = s.event_id
                AND e.occurred_at = s.occurred_at
            WHERE s.session_id = ?1 ORDER BY \(EventOrder.terms(of: "s"))
            """, [id])
        return SessionStory(
            row: row,
            windows: try store.rows(
                """
                SELECT * FROM assignment_windows WHERE session_id = ?1
                ORDER BY started_at, CASE kind WHEN 'merchant' THEN 0 WHEN 'robot' THEN 1 ELSE 2 END, entity_id
                """, [id]),
            events: events, askedFor: askedFor)
    }

    /// How many letters must change to make one id of the other.
    static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.utf8.prefix(64)), Array(b.utf8.prefix(64)))
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let next = min(row[j] + 1, row[j + 1] + 1, diagonal + (x == y ? 0 : 1))
                diagonal = row[j + 1]
                row[j + 1] = next
            }
        }
        return row[b.count]
    }

    /// The window that holds an event, if it came in through one.
    public func window(holding event: TableRow) -> TableRow? {
        guard let via = event.text("via"), via != "direct", let time = event.integer("occurred_at") else {
            return nil
        }
        return windows.first { window in
            window.text("kind") == via && window.text("entity_id") == event.text("via_id")
                && (window.integer("started_at") ?? .max) <= time
                && time < (window.integer("ended_at") ?? window.integer("expires_at") ?? .min)
        }
    }

    /// Why an event is part of the session, in a sentence.
    public func reason(for event: TableRow) -> String {
        guard let via = event.text("via"), via != "direct" else {
            return askedFor.map { "names \($0) or this session" } ?? "names this session"
        }
        guard let window = window(holding: event), let start = window.integer("started_at") else {
            return "\(via) \(event.text("via_id") ?? "?") served this session"
        }
        let opened =
            (window.integer("inferred") ?? 0) != 0
            ? "inferred from \(window.text("opened_by") ?? "?")"
            : "opened by \(window.text("opened_by") ?? "?")"
        let held = "\(event.text("via_id") ?? "?") held it \(InstantText.time(start).prefix(8))"
        if let end = window.integer("ended_at") {
            return
                "\(held)–\(InstantText.time(end).prefix(8)), \(opened), ended: \(window.text("end_reason") ?? "?")"
        }
        return "\(held)–, \(opened), no end yet"
    }
}
