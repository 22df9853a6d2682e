internal import SessionStore

/// Finding by a part of an id: no index helps, so one is looked at after the other.
extension Search {
    /// How many ids are looked at between two looks at the clock.
    private static let idsAtOnce: Int64 = 10_000

    /// Where a part of an id is looked for among sessions, one place after the other; each for ``patience``.
    private enum Place: CaseIterable {
        /// Sessions themselves, the latest first.
        case sessions
        /// What they were named by, in order.
        case names

        /// How long a search may look there.
        static let patience = Duration.milliseconds(20)

        /// What is there behind where the last look ended, and of it what holds the text. The last row tells where this look ends.
        func question(_ flavour: SQLFlavour) -> String {
            let begun = flavour.instant("?3")
            let (part, end) =
                switch self {
                case .sessions:
                    (
                        """
                        SELECT session_id AS named_id, session_id, first_event_at AS at FROM sessions
                        WHERE (first_event_at, session_id) < (\(begun), ?4)
                        ORDER BY first_event_at DESC, session_id DESC LIMIT ?2
                        """, "at, named_id"
                    )
                case .names:
                    (
                        """
                        SELECT named_id, session_id, \(begun) AS at FROM session_members
                        WHERE (named_id, session_id) > (?4, ?5) ORDER BY named_id, session_id LIMIT ?2
                        """, "named_id DESC, session_id DESC"
                    )
                }
            return """
                WITH part AS MATERIALIZED (\(part)),
                found AS (SELECT t.named_id, t.session_id FROM part t WHERE \(flavour.text("t.named_id", holds: "?1")))
                SELECT 1 AS is_found, t.named_id, \(columns), NULL AS looked FROM found t
                  JOIN sessions s ON s.session_id = t.session_id
                UNION ALL
                SELECT 0, last.named_id, last.session_id, NULL, last.at, NULL, (SELECT count(*) FROM part)
                FROM (SELECT * FROM part ORDER BY \(end) LIMIT 1) last
                """
        }

        /// A join gives its rows in whatever order suits it.
        func isBefore(_ one: AnswerRow, _ other: AnswerRow) -> Bool {
            func session(_ row: AnswerRow) -> String { row.text("session_id") ?? "" }
            switch self {
            case .sessions:
                return (one.integer("first_event_at") ?? 0, session(one))
                    > (other.integer("first_event_at") ?? 0, session(other))
            case .names:
                return (one.text("named_id") ?? "", session(one))
                    < (other.text("named_id") ?? "", session(other))
            }
        }
    }

    /// Robots, pilots and merchants, then sessions.
    /// - Returns: What was found, and whether all was looked at.
    static func anywhere(_ query: String, limit: Int, _ call: Call) throws -> ([Hit], Bool) {
        var rows: [AnswerRow] = []
        var isComplete = true
        for place in Place.allCases where rows.count < limit {
            let found = try sessions(holding: query, in: place, limit: limit - rows.count, call)
            rows += found.rows
            if !found.isComplete { isComplete = false }
        }
        let entities = try entities(holding: query, limit: limit, call)
        return (
            entities.found + hits(rows, match: "anywhere", call), isComplete && entities.isComplete
        )
    }

    /// So many visible sessions at least, if there are; until the time is over.
    private static func sessions(
        holding query: String, in place: Place, limit: Int, _ call: Call
    ) throws -> (rows: [AnswerRow], isComplete: Bool) {
        let question = place.question(call.flavour)
        let start = ContinuousClock.now
        var rows: [AnswerRow] = []
        var (at, named, session) = (InstantFormat.latest, "", "")
        while rows.count < limit {
            var parameters: [TableValue] = [
                .text(query), .integer(idsAtOnce), .integer(at), .text(named),
            ]
            switch place {
            case .sessions: break
            case .names: parameters.append(.text(session))
            }
            var looked: Int64 = 0
            var found: [AnswerRow] = []
            for row in try call.rows(question, parameters) {
                if row.integer("is_found") == 1 {
                    if call.reader.sees(merchant: row.text("merchant_id")) { found.append(row) }
                } else {
                    looked = row.integer("looked") ?? 0
                    (named, session) = (row.text("named_id") ?? "", row.text("session_id") ?? "")
                    at = row.integer("first_event_at") ?? at
                }
            }
            rows += found.sorted(by: place.isBefore)
            if looked < idsAtOnce { break }
            if ContinuousClock.now - start > Place.patience { return (rows, false) }
        }
        return (rows, true)
    }

    /// How many robots, pilots and merchants are looked at, each: as a rule all of them.
    private static let entitiesAtMost: Int64 = 100_000

    /// Robots, pilots and merchants.
    /// - Returns: What was found, and whether all were looked at.
    private static func entities(holding query: String, limit: Int, _ call: Call) throws -> (
        found: [Hit], isComplete: Bool
    ) {
        var found: [Hit] = []
        var isComplete = true
        for kind in entities where call.reader.merchants == nil || kind == "merchant" {
            let rows = try call.rows(
                """
                WITH part AS MATERIALIZED (SELECT \(kind)_id AS id FROM known_\(kind)s ORDER BY \(kind)_id LIMIT ?2)
                SELECT id, 0 AS looked FROM part WHERE \(call.flavour.text("id", holds: "?1"))
                UNION ALL SELECT NULL, count(*) FROM part
                """, [.text(query), .integer(entitiesAtMost + 1)])
            for row in rows {
                guard let id = row.text("id") else {
                    if row.integer("looked") ?? 0 > entitiesAtMost { isComplete = false }
                    continue
                }
                if found.count < limit, kind != "merchant" || call.reader.sees(merchant: id) {
                    found.append(Hit(kind: kind, id: id, match: "anywhere"))
                }
            }
        }
        return (found, isComplete)
    }
}
