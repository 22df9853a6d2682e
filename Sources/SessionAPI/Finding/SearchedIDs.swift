internal import SessionStore

/// Finding by a whole id, or by how it begins.
extension Search {
    /// Visible sessions of ids that were named, each id once; an id of several sessions has none of its own.
    static func hits(_ rows: [AnswerRow], match: String, _ call: Call) -> [Hit] {
        var hits: [Hit] = []
        var places: [ByBytes: Int] = [:]
        for row in rows where call.reader.sees(merchant: row.text("merchant_id")) {
            let named = row.text("named_id") ?? ""
            if let place = places[named.byBytes] {
                hits[place].session = nil
                continue
            }
            places[named.byBytes] = hits.count
            let (kind, id) = parts(named)
            hits.append(Hit(kind: kind, id: id, match: match, session: row))
        }
        return hits
    }

    static let columns = "s.session_id, s.outcome, s.first_event_at, s.merchant_id"

    static func exact(_ query: String, _ call: Call) throws -> [Hit] {
        var found = try named(query, match: "exact", call)
        if found.isEmpty, call.reader.merchants == nil, try Events.find(query, call) != nil {
            found.append(Hit(kind: "event", id: query, match: "exact"))
        }
        return found
    }

    /// Not of events, whose ids nobody types.
    static func exact(inOtherCaseThan query: String, _ call: Call) throws -> [Hit] {
        try otherCases(of: query).flatMap { try named($0, match: "other_case", call) }
    }

    /// Sessions, robots, pilots and merchants that are called so, and the error code.
    private static func named(_ query: String, match: String, _ call: Call) throws -> [Hit] {
        var found: [Hit] = []
        for candidate in [query] + Sessions.kinds.map({ "\($0):\(query)" }) {
            let rows = try call.rows(
                """
                SELECT s.session_id AS named_id, \(columns) FROM sessions s WHERE s.session_id = ?1
                UNION ALL
                SELECT m.named_id, \(columns) FROM session_members m JOIN sessions s ON s.session_id = m.session_id
                WHERE m.named_id = ?1 LIMIT 50
                """, [.text(candidate)])
            found += hits(rows, match: match, call)
        }
        for kind in entities where call.reader.merchants == nil || kind == "merchant" {
            guard try isKnown(kind, query, call) else { continue }
            if kind == "merchant", !call.reader.sees(merchant: query) { continue }
            found.append(Hit(kind: kind, id: query, match: match))
        }
        // A code may be known from others' events only: a bound reader is not told. Without its index it is not looked for.
        if call.reader.merchants == nil, call.rules.hasErrorCodes,
            try !call.rows("SELECT 1 AS one FROM events WHERE error_code = ?1 LIMIT 1", [.text(query)])
                .isEmpty
        {
            found.append(Hit(kind: "error", id: query, match: match))
        }
        return found
    }

    /// Whether an event names a `robot`, `pilot` or `merchant` of this id.
    static func isKnown(_ kind: String, _ id: String, _ call: Call) throws -> Bool {
        try !call.rows("SELECT 1 AS one FROM known_\(kind)s WHERE \(kind)_id = ?1", [.text(id)]).isEmpty
    }

    /// The least id of a kind that ….
    private static func least(_ kind: String, _ condition: String) -> String {
        "SELECT min(\(kind)_id) AS id FROM known_\(kind)s WHERE \(kind)_id \(condition)"
    }

    static let entities = ["robot", "pilot", "merchant"]

    /// - Returns: What was found, and whether it is all there is.
    static func beginning(with query: String, limit: Int, _ call: Call) throws -> (
        hits: [Hit], isComplete: Bool
    ) {
        var found: [Hit] = []
        var isComplete = true
        for kind in entities where call.reader.merchants == nil || kind == "merchant" {
            var id = try call.rows(least(kind, ">= ?1"), [.text(query)]).first?.text("id")
            while let next = id, next.hasPrefix(query), found.count < limit {
                if kind != "merchant" || call.reader.sees(merchant: next) {
                    found.append(Hit(kind: kind, id: next, match: "prefix"))
                }
                id = try call.rows(least(kind, "> ?1"), [.text(next)]).first?.text("id")
            }
        }
        // A bound reader's own may lie behind others': look further.
        let bound = Int64(call.reader.merchants == nil ? limit : 5000)
        for stem in [query] + Sessions.kinds.map({ "\($0):\(query)" }) where found.count < limit {
            let rows = try call.rows(
                """
                SELECT * FROM (SELECT s.session_id AS named_id, \(columns), 0 AS part FROM sessions s
                  WHERE s.session_id >= ?1 AND s.session_id < ?2 ORDER BY s.session_id LIMIT ?3) own
                UNION ALL
                SELECT * FROM (SELECT m.named_id, \(columns), 1 AS part FROM session_members m
                  JOIN sessions s ON s.session_id = m.session_id
                  WHERE m.named_id >= ?1 AND m.named_id < ?2 ORDER BY m.named_id LIMIT ?3) named
                """, [.text(stem), .text(stem + "\u{10FFFF}"), .integer(bound + 1)])
            // Behind what was looked at there may be more, of a bound reader's own too, and of ids that stand for many.
            let ownRows = rows.count { $0.integer("part") == 0 }
            if max(ownRows, rows.count - ownRows) > bound { isComplete = false }
            found += hits(rows, match: "prefix", call)
        }
        return (found, isComplete)
    }

    /// Ids of deliveries that look like one that is unknown, by the longest beginning they share.
    static func near(_ id: String, _ call: Call) throws -> [String] {
        // To a bound reader what belongs to others looks like what does not exist, also by what is near it.
        if call.reader.merchants != nil { return [] }
        var stem = String(id.prefix(64))
        for _ in 0..<8 where stem.count > 1 {
            stem.removeLast()
            let begin = "delivery:" + stem
            let rows = try call.rows(
                """
                SELECT session_id FROM sessions WHERE session_id >= ?1 AND session_id < ?2
                ORDER BY session_id LIMIT 50
                """, [.text(begin), .text(begin + "\u{10FFFF}")])
            let near = rows.compactMap {
                $0.text("session_id").map { String($0.dropFirst("delivery:".count)) }
            }
            if !near.isEmpty { return Array(near.prefix(5)) }
        }
        return []
    }
}
