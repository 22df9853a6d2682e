internal import SessionCore
internal import SessionStore

/// What robots did and do.
enum Robots {
    /// A robot's window with the session it served.
    static func writeServed(_ row: AnswerRow, _ out: inout JSONWriter) {
        out.object { out in writeFields(ofServed: row, &out) }
    }

    /// What is told of such a window, within an object.
    static func writeFields(ofServed row: AnswerRow, _ out: inout JSONWriter) {
        for name in ["session_id", "delivery_id", "outcome", "failure_code", "merchant_id"] {
            out.text(name, row.text(name))
        }
        for name in ["started_at", "ended_at", "expires_at"] { out.instant(name, row.integer(name)) }
        out.text("opened_by", row.text("opened_by"))
        out.text("end_reason", row.text("end_reason"))
        out.flag("inferred", row.integer("inferred") != 0)
    }

    /// What is told of a robot's error, within an object.
    static func writeFields(
        ofError event: AnswerRow, _ fields: PayloadFields, _ call: Call, _ out: inout JSONWriter
    ) throws {
        out.text("event_id", event.text("event_id"))
        out.instant("occurred_at", event.integer("occurred_at"))
        out.text("error_code", fields.errorCode.map(Events.cut))
        out.text("error_message", fields.errorMessage.map(Events.cut))
        out.texts("sessions", try Events.belongings(of: event, call).map(\.sessionID))
    }

    /// The windows of a robot or pilot that reach into a range, by start.
    static func served(_ kind: String, _ entity: String, _ range: TimeRange, _ call: Call) throws
        -> [AnswerRow]
    {
        try call.rows(
            """
            SELECT w.*, s.delivery_id, s.outcome, s.failure_code, s.merchant_id
            FROM assignment_windows w JOIN sessions s ON s.session_id = w.session_id
            WHERE w.kind = ?1 AND w.entity_id = ?2 AND w.started_at < \(call.at(4)) AND w.started_at > \(call.at(5))
              AND coalesce(w.ended_at, w.expires_at) > \(call.at(3))
            ORDER BY w.started_at, w.session_id
            """,
            [
                .text(kind), .text(entity), .integer(range.from), .integer(range.to),
                .integer(range.from - call.rules.maxWindow - 1),
            ])
    }

    /// Fails where a robot is unknown.
    static func expectKnown(_ robot: String, _ call: Call) throws {
        if try !Search.isKnown("robot", robot, call) { throw Problem.unknown("robot", robot) }
    }

    static func lastHeard(_ robot: String, _ call: Call) throws -> Int64? {
        try call.rows(
            """
            SELECT max(occurred_at) AS at FROM events
            WHERE robot_id = ?1 AND robot_use IS NOT NULL AND occurred_at <= \(call.at(2))
            """, [.text(robot), .integer(call.asOf.horizon)]
        ).first?.integer("at")
    }

    // MARK: - Routes

    static let listRules: [ParameterRule] =
        [.word("class", StateClass.allCases.map(\.rawValue), isList: true)] + ParameterRule.page

    static func list(_ call: Call) throws -> Answer {
        let size = call.pageSize
        let ids = try ids(
            after: call.cursor(keys: 1)?.keys[0] ?? "",
            classes: call.parameters.list("class").compactMap(StateClass.init),
            limit: size + 1, call)
        let now = try RobotNow.all(Array(ids.prefix(size)), call)
        var out = JSONWriter()
        out.object { out in
            call.asOf.write(&out)
            out.array("rows") { out in for robot in now { robot.write(nil, call, &out) } }
            out.text("next", call.next(ids.count > size ? [ids[size - 1]] : nil))
        }
        return .json(out, rows: now.count)
    }

    /// The next robots by id, or of them those whose state is of one of some classes. The store stops where there are enough.
    private static func ids(after: String, classes: [StateClass], limit: Int, _ call: Call) throws -> [String]
    {
        var parameters: [TableValue] = [.text(after), .integer(Int64(limit))]
        if classes.isEmpty {
            return try call.rows(
                "SELECT robot_id AS id FROM known_robots WHERE robot_id > ?1 ORDER BY robot_id LIMIT ?2",
                parameters
            ).compactMap { $0.text("id") }
        }
        // Only who has a state is of a class.
        let conditions = classes.map { call.rules.condition(that: "state", isOf: $0, &parameters) }
        return try call.rows(
            """
            WITH RECURSIVE robots(id) AS (
              SELECT min(robot_id) FROM robot_states WHERE robot_id > ?1
              UNION ALL
              SELECT (SELECT min(s.robot_id) FROM robot_states s WHERE s.robot_id > robots.id) FROM robots
                WHERE robots.id IS NOT NULL)
            SELECT id FROM (
              SELECT id, (SELECT s.state FROM robot_states s WHERE s.robot_id = robots.id
                ORDER BY s.started_at DESC LIMIT 1) AS state FROM robots WHERE id IS NOT NULL) known
            WHERE \(conditions.joined(separator: " OR ")) LIMIT ?2
            """, parameters
        ).compactMap { $0.text("id") }
    }
}
