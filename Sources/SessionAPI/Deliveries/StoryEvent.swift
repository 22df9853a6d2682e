internal import SessionStore

/// An event of a session, with why it is there.
struct StoryEvent {
    private(set) var row: AnswerRow
    let at: Int64
    let name: String
    let via: String
    let entity: String?
    private(set) var fields: PayloadFields
    let window: Int?
    let why: String

    init(_ row: AnswerRow, session: String, windows: [Window]) {
        self.row = row
        at = row.integer("occurred_at") ?? 0
        name = row.text("event") ?? ""
        via = row.text("via") ?? "direct"
        entity = row.text("via_id")
        fields = PayloadFields(event: name, payload: row.text("payload") ?? "")
        let (at, via, entity) = (at, via, entity)
        window =
            via == "direct"
            ? nil : windows.firstIndex { $0.kind == via && $0.entity == entity && $0.holds(at) }
        why =
            via == "direct" ? (row.text("subject") == session ? "names_it" : "names_linked") : "\(via)_window"
    }

    /// The same for an answer, which holds thousands of them: payloads may be long, and all that is told of them is read.
    /// Its error's code stays whole until it is told, because a verdict compares it with states' reasons.
    var withoutPayload: StoryEvent {
        var event = self
        event.row = row.without("payload")
        event.fields.errorMessage = fields.errorMessage.map(Events.cut)
        event.fields.fromState = fields.fromState.map(Events.cut)
        event.fields.toState = fields.toState.map(Events.cut)
        event.fields.reason = fields.reason.map(Events.cut)
        return event
    }

    var lane: String { via == "direct" ? "delivery" : "\(via):\(entity ?? "")" }
    var id: String { row.text("event_id") ?? "" }

    func write(_ out: inout JSONWriter) {
        out.object { out in
            out.text("event_id", id)
            out.instant("occurred_at", at)
            out.instant("received_at", row.integer("received_at"))
            out.text("event", name)
            out.text("lane", lane)
            out.text("via", via)
            out.text("via_id", entity)
            out.text("why", why)
            out.integer("window", window.map(Int64.init))
            out.text("named_id", row.text("subject"))
            out.text("robot_id", row.text("robot_id"))
            out.text("pilot_id", row.text("pilot_id"))
            fields.write(&out)
        }
    }

    /// A session's events with what is told of them. The same joins as the view `session_events`, written out so that each
    /// event is looked up once; tests hold one against the other.
    static let select = {
        let columns =
            "e.event_id, e.occurred_at, e.event, e.received_at, e.subject, e.robot_id, e.pilot_id, e.robot_use, e.payload, "
            + "\(EventOrder.hasOwnID("e.event_id")) AS has_own_id"
        func joined(_ kind: String, _ condition: String) -> String {
            """
            SELECT \(columns), '\(kind)' AS via, w.entity_id AS via_id FROM assignment_windows w JOIN events e
              ON e.occurred_at >= w.started_at AND e.occurred_at < coalesce(w.ended_at, w.expires_at) AND \(condition)
            WHERE w.session_id = ?1 AND w.kind = '\(kind)' AND e.subject IS NULL
            """
        }
        return """
            SELECT * FROM (
            SELECT \(columns), 'direct' AS via, NULL AS via_id FROM sessions s JOIN events e ON e.subject = s.session_id
            WHERE s.session_id = ?1
            UNION ALL
            SELECT \(columns), 'direct', NULL FROM session_members m JOIN events e ON e.subject = m.named_id
            WHERE m.session_id = ?1
            UNION ALL
            \(joined("robot", "e.robot_id = w.entity_id AND e.robot_use IS NOT NULL"))
            UNION ALL
            \(joined("pilot", "e.pilot_id = w.entity_id AND e.pilot_use IS NOT NULL"))
              AND (e.robot_id IS NULL OR NOT EXISTS (
                SELECT 1 FROM assignment_windows r WHERE r.kind = 'robot' AND r.entity_id = e.robot_id
                  AND r.started_at <= e.occurred_at AND e.occurred_at < coalesce(r.ended_at, r.expires_at)))
            UNION ALL
            \(joined(
                "merchant",
                "e.merchant_id = w.entity_id AND e.merchant_id IS NOT NULL AND e.robot_id IS NULL AND e.pilot_id IS NULL"))
            ) s WHERE 1 = 1
            """
    }()

    /// The engine's order of them. Whether an id is an event's own is a column: SQLite merges what comes in each way in order,
    /// as the indexes have it, only where it is asked for plain columns.
    static let order = "s.occurred_at, s.event, s.has_own_id, s.event_id"
    static let latestFirst = "s.occurred_at DESC, s.event DESC, s.has_own_id DESC, s.event_id DESC"

    /// Whether one comes after the place that the parameters of an instant, a name and an id tell.
    static func isAfter(_ at: String, _ event: String, _ id: String) -> String {
        "(s.occurred_at, s.event, s.has_own_id, s.event_id) > (\(at), \(event), \(EventOrder.hasOwnID(id)), \(id))"
    }
}

extension AnswerRow {
    /// The same with null in place of a column's value.
    func without(_ name: String) -> AnswerRow {
        guard let place = names.place(name) else { return self }
        var values = values
        values[place] = .null
        return AnswerRow(names: names, values: values)
    }
}
