internal import SessionStore

/// What a robot did, one thing after the other.
extension Robots {
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
}
