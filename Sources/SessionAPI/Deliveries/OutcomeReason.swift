internal import SessionStore

/// What sessions were called off or refused for, or failed for without a code: the reason that an event tells which they
/// ended with.
enum OutcomeReason {
    /// Whether a reason is told of a session's end. Of a failure with a code the code is.
    static func isTold(of row: AnswerRow) -> Bool {
        switch row.text("outcome") {
        case "canceled", "rejected": true
        case "failed": row.text("failure_code") == nil
        default: false
        }
    }

    /// Those of some rows of `sessions`, by `session_id`. Of several events at that instant the last one that tells any counts,
    /// as in a verdict.
    static func behind(_ rows: [AnswerRow], _ call: Call) throws -> [ByBytes: String] {
        let ids = rows.filter(isTold).compactMap { $0.text("session_id") }
        if ids.isEmpty { return [:] }
        var list = JSONWriter()
        list.texts(nil, ids)
        let hasOwnID = EventOrder.hasOwnID("e.event_id")
        let columns = "s.session_id, e.event, \(hasOwnID) AS has_own_id, e.event_id, e.payload"
        var reasons: [ByBytes: String] = [:]
        try call.store.forEachRow(
            """
            SELECT \(columns) FROM sessions s
              JOIN events e ON e.subject = s.session_id AND e.occurred_at = s.closed_at
            WHERE \(call.flavour.text("s.session_id", isAmong: "?1"))
            UNION ALL
            SELECT \(columns) FROM session_members m JOIN sessions s ON s.session_id = m.session_id
              JOIN events e ON e.subject = m.named_id AND e.occurred_at = s.closed_at
            WHERE \(call.flavour.text("m.session_id", isAmong: "?1"))
            ORDER BY 1, 2, 3, 4
            """, [.text(String(decoding: list.bytes, as: UTF8.self))]
        ) { row in
            let fields = PayloadFields(
                event: row.text("event") ?? "", payload: row.text("payload") ?? "")
            if let id = row.text("session_id"), let reason = fields.reason {
                reasons[id.byBytes] = Events.cut(reason)
            }
            return true
        }
        return reasons
    }

    /// That of one.
    static func behind(_ row: AnswerRow, _ call: Call) throws -> String? {
        try behind([row], call).values.first
    }
}
