internal import SessionStore

/// Events that belong to no session.
extension Events {
    static let orphanRules: [ParameterRule] = ParameterRule.range + [.id("robot")] + ParameterRule.page

    static func orphans(_ call: Call) throws -> Answer {
        let range = try call.range()
        let size = call.pageSize
        let rows = try orphans(
            in: range, robot: call.parameters.text("robot"), before: call.cursor(keys: 2)?.keys,
            limit: size + 1,
            call)
        var out = JSONWriter()
        try out.object { out in
            call.asOf.write(&out)
            range.write(&out)
            try out.array("rows") { out in for row in rows.prefix(size) { try writeOrphan(row, call, &out) } }
            let last = rows.count > size ? rows[size - 1] : nil
            out.text(
                "next",
                call.next(last.map { ["\($0.integer("occurred_at") ?? 0)", $0.text("event_id") ?? ""] }))
        }
        return .json(out, rows: min(rows.count, size))
    }

    /// Events that name no session and that no window holds, the latest first.
    static func orphans(in range: TimeRange, robot: String?, before: [String]?, limit: Int, _ call: Call)
        throws
        -> [AnswerRow]
    {
        let cursor =
            "(e.occurred_at < \(call.at(4)) OR (e.occurred_at = \(call.at(4)) AND e.event_id < ?5))"
        return try call.rows(
            orphans("*", robot: robot != nil, and: cursor, limit: "?6", call),
            [
                .integer(range.from), .integer(range.to), .text(robot ?? ""),
                .integer(before.flatMap { Int64($0[0]) } ?? range.to), .text(before?[1] ?? ""),
                .integer(Int64(limit)),
            ])
    }

    /// Those of all robots, up to a thousand, the latest first: their ids.
    static func orphanList(in range: TimeRange, _ call: Call) -> SQLQuestion {
        SQLQuestion(
            orphans("event_id, occurred_at, robot_id", robot: false, and: nil, limit: "1000", call),
            [.integer(range.from), .integer(range.to)])
    }

    /// ?1 to ?2: the range; ?3: the robot.
    private static func orphans(
        _ columns: String, robot: Bool, and more: String?, limit: String, _ call: Call
    ) -> String {
        // As a rule it is the last window before it that holds it: with LIMIT, that one is looked at first.
        func held(_ kind: String, _ column: String) -> String {
            """
            (SELECT 1 FROM assignment_windows w WHERE w.kind = '\(kind)' AND w.entity_id = e.\(column)
              AND w.started_at <= e.occurred_at
              AND w.started_at > \(call.flavour.moved("e.occurred_at", by: "-\(Int64(call.rules.maxWindowSeconds) + 1)"))
              AND e.occurred_at < coalesce(w.ended_at, w.expires_at) ORDER BY w.started_at DESC LIMIT 1) IS NULL
            """
        }
        let which =
            robot
            ? "e.robot_id = ?3 AND e.robot_use IS NOT NULL"
            : "(e.robot_use & 4) <> 0"
        // Within, what the index of errors tells; PostgreSQL would look for another way if it saw all at once.
        let told = "e.event_id, e.occurred_at, e.robot_id, e.pilot_id"
        let order = "ORDER BY e.occurred_at DESC, e.event_id DESC"
        func found(_ columns: String, _ inner: String) -> String {
            """
            SELECT \(columns) FROM (
              SELECT \(inner) FROM events e WHERE \(which) AND e.subject IS NULL
                AND e.occurred_at >= \(call.at(1)) AND e.occurred_at < \(call.at(2))\(more.map { " AND \($0)" } ?? "")
              \(order)) e
            WHERE \(held("robot", "robot_id"))
              AND (e.pilot_id IS NULL OR \(held("pilot", "pilot_id")))
            \(order) LIMIT \(limit)
            """
        }
        if columns != "*" { return found(columns, told) }
        switch call.flavour {
        case .sqlite: return found("*", "e.*")
        case .postgres:
            // First which these few are: whole rows of all errors it would read and sort before it takes the latest.
            return """
                SELECT e.* FROM (\(found("event_id, occurred_at", told))) f
                CROSS JOIN LATERAL (SELECT e.* FROM events e WHERE e.occurred_at = f.occurred_at AND e.event_id = f.event_id
                  AND \(which) OFFSET 0) e
                \(order)
                """
        }
    }

    static func writeOrphan(_ event: AnswerRow, _ call: Call, _ out: inout JSONWriter) throws {
        let fields = PayloadFields(event: event.text("event") ?? "", payload: event.text("payload") ?? "")
        let nearest = try nearest(event, call)
        out.object { out in
            out.text("event_id", event.text("event_id"))
            out.instant("occurred_at", event.integer("occurred_at"))
            for name in ["event", "robot_id", "pilot_id"] { out.text(name, event.text(name)) }
            out.text("error_code", fields.errorCode.map(cut))
            out.text("error_message", fields.errorMessage.map(cut))
            out.text("why_not", whyNot(event))
            out.array("nearest") { out in
                for window in nearest { window.writeNear(event.integer("occurred_at") ?? 0, &out) }
            }
        }
    }

    /// At most 200 characters: of what is only shown. What a filter takes is told whole.
    static func cut(_ text: String) -> String {
        text.utf8.count > 200 && text.count > 200 ? text.prefix(199) + "…" : text
    }
}
