internal import HTTPServer
internal import SessionStore

/// Finding anything by an id or a part of one, or by an error code.
enum Search {
    static let rules: [ParameterRule] = [
        .text("q", max: 200, mayBeEmpty: false, isRequired: true), .whole("limit", 1...50),
    ]

    private struct Hit {
        var kind: String
        var id: String
        var match: String
        var session: AnswerRow?
    }

    static func answer(_ call: Call) throws -> Answer {
        let query = trimmed(call.parameters.text("q") ?? "")
        if query.isEmpty { throw Parameters.problem([("q", "is empty but for blanks and quotes")]) }
        let limit = Int(call.parameters.whole("limit") ?? 20)
        var searched = "exact"
        var isComplete = true
        var isCut = false
        var hits = try exact(query, call)
        if hits.isEmpty {
            searched = "other_case"
            hits = try exact(inOtherCaseThan: query, call)
        }
        if hits.isEmpty {
            searched = "prefix"
            for form in [query] + otherCases(of: query) where hits.isEmpty {
                let found = try beginning(with: form, limit: limit + 1, call)
                hits = found.hits
                if !found.isComplete { isComplete = false }
            }
        }
        if hits.isEmpty, query.utf8.count >= 2 {
            searched = "anywhere"
            (hits, isComplete) = try anywhere(query, limit: limit + 1, call)
            // By the clock: the same store may tell more another time.
            isCut = !isComplete
        }
        if hits.count > limit { isComplete = false }
        hits = Array(hits.prefix(limit))
        let isOne = searched == "other_case" && hits.allSatisfy { $0.id == hits.first?.id }
        let go = hits.count == 1 && isComplete || searched == "exact" || isOne ? hits.first : nil
        var out = JSONWriter()
        out.object { out in
            out.text("query", query)
            out.text("searched", searched)
            out.flag("complete", isComplete)
            if let go {
                out.object("go") { out in
                    out.text("kind", go.kind)
                    out.text("id", go.id)
                }
            } else {
                out.raw("go", nil)
            }
            out.array("results") { out in
                for hit in hits {
                    out.object { out in
                        out.text("kind", hit.kind)
                        out.text("id", hit.id)
                        out.text("match", hit.match)
                        out.text("session_id", hit.session?.text("session_id"))
                        out.text("outcome", hit.session?.text("outcome"))
                        out.instant("first_event_at", hit.session?.integer("first_event_at"))
                        out.text("merchant_id", hit.session?.text("merchant_id"))
                    }
                }
            }
            out.instant("newest_event_at", call.reader.merchants == nil ? call.asOf.lastEventAt : nil)
        }
        return .json(out, rows: hits.count, isPassing: isCut)
    }

    /// Without blanks, quotes, a whole address or `delivery:` around it.
    static func trimmed(_ text: String) -> String {
        var text = text[...]
        let around: Set<Character> = ["\"", "'", "`", "<", ">", "(", ")", ",", ";", "“", "”"]
        func bare(_ part: Substring) -> Substring {
            let front = part.drop { $0.isWhitespace || around.contains($0) }
            return front.prefix(
                front.count - front.reversed().prefix { $0.isWhitespace || around.contains($0) }.count)
        }
        text = bare(text)
        if text.contains("://") {
            let path = text.prefix { $0 != "?" && $0 != "#" }.split(separator: "/")
            if let last = path.last, path.count > 2, pages.contains(path[path.count - 2]) {
                return decoded(last)
            }
            text = path.last ?? text
        }
        return String(bare(text))
    }

    /// What stands before an id in the addresses of the page.
    private static let pages: Set<Substring> = [
        "deliveries", "demands", "trips", "robots", "pilots", "events",
    ]

    /// An id as it was before it was put into an address. What no page of ours wrote stays as it is.
    private static func decoded(_ part: Substring) -> String {
        let text = PercentCoding.decoded(part.utf8, plusIsBlank: false)
        return text.unicodeScalars.contains("\u{FFFD}") ? String(part) : text
    }

    /// Kind and bare id of a session id.
    private static func parts(_ id: String) -> (kind: String, id: String) {
        let colon = id.firstIndex(of: ":") ?? id.endIndex
        return (String(id[..<colon]), colon == id.endIndex ? id : String(id[id.index(after: colon)...]))
    }

    /// Visible sessions of ids that were named, each id once; an id of several sessions has none of its own.
    private static func hits(_ rows: [AnswerRow], match: String, _ call: Call) -> [Hit] {
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

    private static let columns = "s.session_id, s.outcome, s.first_event_at, s.merchant_id"

    private static func exact(_ query: String, _ call: Call) throws -> [Hit] {
        var found = try named(query, match: "exact", call)
        if found.isEmpty, call.reader.merchants == nil, try Events.find(query, call) != nil {
            found.append(Hit(kind: "event", id: query, match: "exact"))
        }
        return found
    }

    /// `d-7` for `D-7`: all of it in capitals or all in small letters.
    private static func otherCases(of query: String) -> [String] {
        [query.uppercased(), query.lowercased()].filter { $0 != query }
    }

    /// Not of events, whose ids nobody types.
    private static func exact(inOtherCaseThan query: String, _ call: Call) throws -> [Hit] {
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

    private static let entities = ["robot", "pilot", "merchant"]

    /// - Returns: What was found, and whether it is all there is.
    private static func beginning(with query: String, limit: Int, _ call: Call) throws -> (
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

    /// How long a search for a part may look through sessions and through the ids they were named by, in microseconds each:
    /// no index helps, so it looks at one after the other.
    private static let patience: Int64 = 20_000
    /// How many ids are looked at between two looks at the clock.
    private static let idsAtOnce: Int64 = 10_000

    /// Sessions the latest first, then what they were named by.
    /// - Returns: What was found, and whether all was looked at.
    private static func anywhere(_ query: String, limit: Int, _ call: Call) throws -> ([Hit], Bool) {
        var rows: [AnswerRow] = []
        var isComplete = true
        let holds = call.flavour.text("t.named_id", holds: "?1")
        // Each part begins where the one before it ended, and tells its own end in a last row.
        let begun = call.flavour.instant("?3")
        let parts = [
            """
            WITH part AS MATERIALIZED (SELECT session_id AS named_id, session_id, first_event_at AS at FROM sessions
              WHERE (first_event_at, session_id) < (\(begun), ?4) ORDER BY first_event_at DESC, session_id DESC LIMIT ?2),
            """,
            """
            WITH part AS MATERIALIZED (SELECT named_id, session_id, \(begun) AS at FROM session_members
              WHERE (named_id, session_id) > (?4, ?5) ORDER BY named_id, session_id LIMIT ?2),
            """,
        ]
        for (index, part) in parts.enumerated() where rows.count < limit {
            let end =
                index == 0
                ? "ORDER BY at, named_id LIMIT 1" : "ORDER BY named_id DESC, session_id DESC LIMIT 1"
            let sql = """
                \(part)
                found AS (SELECT t.named_id, t.session_id FROM part t WHERE \(holds))
                SELECT 1 AS is_found, t.named_id, \(columns), NULL AS looked FROM found t
                  JOIN sessions s ON s.session_id = t.session_id
                UNION ALL
                SELECT 0, last.named_id, last.session_id, NULL, last.at, NULL, (SELECT count(*) FROM part)
                FROM (SELECT * FROM part \(end)) last
                """
            let clock = ContinuousClock()
            let start = clock.now
            var (at, named, session) = (InstantFormat.latest, "", "")
            while rows.count < limit {
                var parameters: [TableValue] = [
                    .text(query), .integer(idsAtOnce), .integer(at), .text(named),
                ]
                if index == 1 { parameters.append(.text(session)) }
                var looked: Int64 = 0
                var found: [AnswerRow] = []
                for row in try call.rows(sql, parameters) {
                    if row.integer("is_found") == 1 {
                        if call.reader.sees(merchant: row.text("merchant_id")) { found.append(row) }
                    } else {
                        looked = row.integer("looked") ?? 0
                        (named, session) = (row.text("named_id") ?? "", row.text("session_id") ?? "")
                        at = row.integer("first_event_at") ?? at
                    }
                }
                rows += index == 0 ? found.sorted(by: isLater) : found.sorted(by: isNamedBefore)
                if looked < idsAtOnce { break }
                if clock.now - start > .microseconds(patience) {
                    isComplete = false
                    break
                }
            }
        }
        let entities = try entities(holding: query, limit: limit, call)
        return (
            entities.found + hits(rows, match: "anywhere", call), isComplete && entities.isComplete
        )
    }

    // A join gives its rows in whatever order suits it.

    private static func isLater(_ one: AnswerRow, _ other: AnswerRow) -> Bool {
        (one.integer("first_event_at") ?? 0, one.text("session_id") ?? "")
            > (other.integer("first_event_at") ?? 0, other.text("session_id") ?? "")
    }

    private static func isNamedBefore(_ one: AnswerRow, _ other: AnswerRow) -> Bool {
        (one.text("named_id") ?? "", one.text("session_id") ?? "")
            < (other.text("named_id") ?? "", other.text("session_id") ?? "")
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
