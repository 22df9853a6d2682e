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

    /// Stretches of more than five minutes within which a robot sent nothing. They begin at its last message; for a
    /// reader bound to merchants no earlier than `from`: what the robot did before is not theirs.
    static func silences(of robot: String, from: Int64, to: Int64, _ call: Call) throws -> [(
        from: Int64, to: Int64
    )] {
        let heard = try call.rows(
            """
            SELECT occurred_at FROM events WHERE robot_id = ?1 AND robot_use IS NOT NULL
              AND occurred_at >= \(call.at(2)) AND occurred_at < \(call.at(3)) ORDER BY occurred_at
            """, [.text(robot), .integer(from), .integer(to)]
        ).compactMap { $0.integer("occurred_at") }
        let before = try call.rows(
            "SELECT max(occurred_at) AS at FROM events WHERE robot_id = ?1 AND robot_use IS NOT NULL "
                + "AND occurred_at < \(call.at(2))", [.text(robot), .integer(from)]
        ).first?.integer("at")
        var last = before ?? from
        let earliest = call.reader.merchants == nil ? Int64.min : from
        var found: [(from: Int64, to: Int64)] = []
        for at in heard + [to] {
            if at - last > 300_000_000, at > earliest { found.append((max(last, earliest), at)) }
            last = at
        }
        return found
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

    /// When its last window began.
    private static func lastServed(_ robot: String, _ call: Call) throws -> Int64? {
        try call.rows(
            "SELECT max(started_at) AS at FROM assignment_windows WHERE kind = 'robot' AND entity_id = ?1",
            [.text(robot)]
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

    static let dayRules: [ParameterRule] = [ParameterRule(name: "day", form: .day)] + ParameterRule.range

    private static func range(_ robot: String, _ call: Call) throws -> TimeRange {
        try expectKnown(robot, call)
        return try call.dayRange(
            defaultAt: try lastHeard(robot, call) ?? lastServed(robot, call) ?? call.asOf.now)
    }

    static func one(_ call: Call) throws -> Answer {
        let robot = call.objects[0]
        let range = try range(robot, call)
        let states = try StateInterval.all(of: robot, in: range, call)
        let windows = try served("robot", robot, range, call)
        var byHour: [Int64: Usage] = [:]
        try Usage.byHour(range.wholeHours, .one(robot), call) { byHour[$1, default: Usage()].add($2) }
        var totals = Usage()
        for (at, usage) in byHour where at + InstantFormat.hour > range.from && at < range.to {
            totals.errors += usage.errors
        }
        var byState: [ByBytes: Double] = [:]
        var byReason: [ByBytes: (intervals: Int, seconds: Double)] = [:]
        for state in states {
            let seconds = Double(state.length(in: range, now: call.asOf.now)) / 1e6
            let stateClass = call.rules.stateClass(state.state)
            totals.add(seconds: seconds, of: stateClass)
            byState[state.state.byBytes, default: 0] += seconds
            if stateClass == .downtime, seconds > 0 {
                byReason[(state.reason ?? "").byBytes, default: (0, 0)].intervals += 1
                byReason[(state.reason ?? "").byBytes, default: (0, 0)].seconds += seconds
            }
        }
        totals.onDelivery = union(windows, range, now: call.asOf.now)
        func closed(_ outcome: String) throws -> Int64 {
            try call.rows(
                """
                SELECT count(DISTINCT s.session_id) AS n FROM assignment_windows w
                JOIN sessions s ON s.session_id = w.session_id
                WHERE w.kind = 'robot' AND w.entity_id = ?1 AND s.robot_id = ?1 AND s.outcome = ?2
                  AND w.started_at > \(call.at(5)) AND w.started_at < \(call.at(4))
                  AND s.closed_at >= \(call.at(3)) AND s.closed_at < \(call.at(4))
                """,
                [
                    .text(robot), .text(outcome), .integer(range.from), .integer(range.to),
                    .integer(range.from - call.rules.maxWindow - 1),
                ]
            ).first?.integer("n") ?? 0
        }
        totals.completed = try closed("completed")
        let failed = try closed("failed")
        let length = max(0, Double(min(range.to, max(call.asOf.now, range.from)) - range.from) / 1e6)
        let reliability = try Reliability.all(in: range, robot: robot, call).rows.first
        let now = try RobotNow.all([robot], call)[0]

        var out = JSONWriter()
        out.object { out in
            call.asOf.write(&out)
            out.text("robot_id", robot)
            range.write(&out)
            now.write("now", call, &out)
            out.object("totals") { out in
                totals.write(&out)
                let accounted = totals.usable + totals.downtime + totals.offDuty + totals.other
                out.number("unaccounted_seconds", max(0, length - accounted))
                out.number("range_seconds", length)
                out.integer("deliveries_failed", failed)
            }
            out.array("states") { out in
                for (state, seconds) in byState.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
                    out.object { out in
                        out.text("state", state.text)
                        out.text("class", call.rules.stateClass(state.text).rawValue)
                        out.number("seconds", seconds)
                    }
                }
            }
            out.array("downtime") { out in
                for (reason, told) in byReason.sorted(by: {
                    ($1.value.seconds, $0.key) < ($0.value.seconds, $1.key)
                }) {
                    out.object { out in
                        out.text("reason", reason.text)
                        out.integer("intervals", told.intervals)
                        out.number("seconds", told.seconds)
                        out.number("share", totals.downtime > 0 ? told.seconds / totals.downtime : 0)
                    }
                }
            }
            out.object("reliability") { out in (reliability ?? Reliability(robot: robot)).write(&out) }
            out.array("hours") { out in
                for (at, usage) in byHour.sorted(by: { $0.key < $1.key }) {
                    out.object { out in
                        out.instant("at", at)
                        usage.write(&out)
                    }
                }
            }
        }
        return .json(out, rows: states.count + windows.count)
    }

    /// The seconds of a range that windows cover, overlapping ones once; open ones up to now.
    static func union(_ windows: [AnswerRow], _ range: TimeRange, now: Int64) -> Double {
        var covered = range.from
        var micros: Int64 = 0
        for row in windows {
            let end = row.integer("ended_at") ?? min(now, row.integer("expires_at") ?? now)
            let (from, to) = (max(row.integer("started_at") ?? 0, covered), min(end, range.to))
            if to > from {
                micros += to - from
                covered = to
            }
        }
        return Double(micros) / 1e6
    }

    /// So many errors of a robot are told at once; how many there are is told beside them.
    private static let mostErrors = 5000

    static func timeline(_ call: Call) throws -> Answer {
        let robot = call.objects[0]
        let range = try range(robot, call)
        let states = try StateInterval.all(of: robot, in: range, call)
        let windows = try served("robot", robot, range, call)
        let itsErrors = """
            FROM events WHERE robot_id = ?1 AND robot_use IS NOT NULL AND (robot_use & 4) <> 0
              AND occurred_at >= \(call.at(2)) AND occurred_at < \(call.at(3))
            """
        let within: [TableValue] = [.text(robot), .integer(range.from), .integer(range.to)]
        // Payloads may be long: of each only what is told of it is kept.
        var errors: [(event: AnswerRow, fields: PayloadFields)] = []
        try call.store.forEachRow(
            "SELECT * \(itsErrors) ORDER BY occurred_at LIMIT \(mostErrors)", within
        ) { row in
            var fields = PayloadFields(event: row.text("event") ?? "", payload: row.text("payload") ?? "")
            fields.errorMessage = fields.errorMessage.map(Events.cut)
            errors.append((row.without("payload"), fields))
            return true
        }
        let allErrors =
            errors.count < mostErrors
            ? Int64(errors.count)
            : try call.rows("SELECT count(*) AS n \(itsErrors)", within).first?.integer("n")
        let silences = try silences(
            of: robot, from: range.from, to: max(range.from, min(range.to, call.asOf.now)), call)
        let pilots = try pilots(of: robot, windows, range, call)
        var out = JSONWriter()
        try out.object { out in
            call.asOf.write(&out)
            out.text("robot_id", robot)
            range.write(&out)
            out.array("states") { out in for state in states { state.write(&out, call.rules) } }
            out.array("sessions") { out in for row in windows { writeServed(row, &out) } }
            out.array("pilots") { out in for pilot in pilots { pilot.write(&out) } }
            try out.array("errors") { out in
                for (event, fields) in errors {
                    try out.object { out in try writeFields(ofError: event, fields, call, &out) }
                }
            }
            out.integer("errors_total", allErrors)
            out.array("silences") { out in
                for silence in silences {
                    out.object { out in
                        out.instant("started_at", silence.from)
                        out.instant("ended_at", silence.to)
                        out.number("seconds", Double(silence.to - silence.from) / 1e6)
                    }
                }
            }
        }
        return .json(out, rows: states.count + windows.count + errors.count)
    }

    /// Pilots of a robot's sessions, and of itself, those of one pilot merged where they overlap.
    static func pilots(of robot: String, _ windows: [AnswerRow], _ range: TimeRange, _ call: Call)
        throws
        -> [Span]
    {
        var spans = try call.rows(
            """
            SELECT pilot_id AS id, started_at, ended_at, expires_at FROM robot_pilot_windows
            WHERE robot_id = ?1 AND started_at < \(call.at(3)) AND started_at > \(call.at(4))
              AND coalesce(ended_at, expires_at) > \(call.at(2))
            """,
            [
                .text(robot), .integer(range.from), .integer(range.to),
                .integer(range.from - call.rules.maxWindow - 1),
            ]
        ).map(Span.init)
        var seen: Set<ByBytes> = []
        for window in windows {
            guard let session = window.text("session_id"), seen.insert(session.byBytes).inserted else {
                continue
            }
            let from = window.integer("started_at") ?? 0
            let to = window.integer("ended_at") ?? window.integer("expires_at") ?? 0
            spans += try Window.all(of: session, call).filter {
                $0.kind == "pilot" && $0.startedAt < to && $0.end > from
            }
            .map {
                Span(
                    id: $0.entity, startedAt: max($0.startedAt, from),
                    endedAt: $0.endedAt.map { min($0, to) },
                    expiresAt: min($0.expiresAt, to))
            }
        }
        return Span.merged(spans)
    }
}
