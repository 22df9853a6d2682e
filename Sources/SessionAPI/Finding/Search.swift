internal import SessionStore

/// Finding anything by an id or a part of one, or by an error code.
enum Search {
    static let rules: [ParameterRule] = [
        .text("q", max: 200, mayBeEmpty: false, isRequired: true), .whole("limit", 1...50),
    ]

    /// Something that was found.
    struct Hit {
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
}
