internal import SessionStore

extension Story {
    /// A session's events in order, those after one of them, as the request's filters want them; and, where there are more,
    /// the last one's place.
    static func page(
        of session: String, after: [String]?, size: Int, _ call: Call
    ) throws -> (rows: [AnswerRow], next: [String]?) {
        var conditions = ""
        var parameters: [TableValue] = [.text(session)]
        func bind(_ value: TableValue) -> String {
            parameters.append(value)
            return "?\(parameters.count)"
        }
        func bindInstant(_ instant: Int64) -> String { call.flavour.instant(bind(.integer(instant))) }
        let given = call.parameters
        if !given.list("via").isEmpty {
            conditions +=
                " AND s.via IN (\(given.list("via").map { bind(.text($0)) }.joined(separator: ", ")))"
        }
        if let entity = given.text("entity") { conditions += " AND s.via_id = \(bind(.text(entity)))" }
        if let from = given.instant("from") { conditions += " AND s.occurred_at >= \(bindInstant(from))" }
        if let to = given.instant("to") { conditions += " AND s.occurred_at < \(bindInstant(to))" }
        if let after, let at = Int64(after[0]) {
            let (event, id) = (bind(.text(after[1])), bind(.text(after[2])))
            conditions += " AND \(StoryEvent.isAfter(bindInstant(at), event, id))"
        }
        let rows = try call.rows(
            "\(StoryEvent.select)\(conditions) ORDER BY \(StoryEvent.order) "
                + "LIMIT \(bind(.integer(Int64(size + 1))))", parameters + [])
        let last = rows.count > size ? rows[size - 1] : nil
        return (
            Array(rows.prefix(size)),
            last.map {
                ["\($0.integer("occurred_at") ?? 0)", $0.text("event") ?? "", $0.text("event_id") ?? ""]
            }
        )
    }
}
