internal import SessionCore
internal import SessionStore

/// The rows behind the fleet's hours: states, windows and errors, each with as much of it as the hours count. What the rows
/// of a class, a zone or a robot add up to is the figure of `fleet/utilization`.
enum HourRows {
    /// Whose hours: a zone's, those of robots of which no zone was told, a robot's.
    static let rules: [ParameterRule] =
        ParameterRule.range + [.id("zone"), .flag("no_zone"), .id("robot")] + ParameterRule.page

    // MARK: - States

    static let stateRules = rules + [.word("class", StateClass.allCases.map(\.rawValue), isRequired: true)]

    /// A state, and what of it lies in the hours that are asked for.
    private struct CountedState {
        let state: StateInterval
        let micros: Int64
    }

    static func states(_ call: Call) throws -> Answer {
        let hours = try WantedHours(call)
        let stateClass = call.parameters.text("class").flatMap(StateClass.init) ?? .other
        let page = try RobotByRobot.page(of: hours, call) { robots in
            try states(of: robots, in: hours.range, ofClass: stateClass, call).compactMap { state in
                let end = state.endedAt ?? max(call.asOf.now, state.startedAt)
                let micros = hours.micros(of: state.robot, from: state.startedAt, to: end)
                return micros > 0 ? CountedState(state: state, micros: micros) : nil
            }
        } place: {
            RobotByRobot.Place(robot: $0.state.robot, at: $0.state.startedAt, id: "")
        }
        let seconds = try hours.total(call).seconds(of: stateClass)
        var out = JSONWriter()
        out.object { out in
            call.asOf.write(&out)
            hours.range.write(&out)
            out.text("class", stateClass.rawValue)
            out.number("seconds", seconds)
            out.array("rows") { out in
                for row in page.rows {
                    row.state.write(&out, call.rules, secondsInRange: Double(row.micros) / 1e6)
                }
            }
            out.text("next", call.next(page.next))
        }
        return .json(out, rows: page.rows.count)
    }

    private static func states(
        of robots: [String], in range: TimeRange, ofClass stateClass: StateClass, _ call: Call
    ) throws -> [StateInterval] {
        var parameters: [TableValue] = [
            .integer(range.from), .integer(range.to), Usage.Whose.these(robots).list,
        ]
        let which = call.rules.condition(that: "s.state", isOf: stateClass, &parameters)
        return try call.rows(Fleet.Downtime.question(ofRobots: true, which, call), parameters)
            .map(StateInterval.ofColumns)
    }

    // MARK: - Windows

    /// A window that has ended, and what of it lies in the hours that are asked for.
    private struct CountedWindow {
        let window: Window
        let row: AnswerRow
        let micros: Int64
        /// Of these, what no earlier window of the robot covers: a robot's time is counted once, whomever it serves.
        let counted: Int64
    }

    static func windows(_ call: Call) throws -> Answer {
        let hours = try WantedHours(call)
        let page = try RobotByRobot.page(of: hours, call) { robots in
            var found: [CountedWindow] = []
            var (robot, covered) = ("", Int64.min)
            for row in try windows(of: robots, in: hours.range, call) {
                let window = Window(row)
                if window.entity.byBytes != robot.byBytes { (robot, covered) = (window.entity, .min) }
                let micros = hours.micros(of: robot, from: window.startedAt, to: window.end)
                let counted = hours.micros(
                    of: robot, from: max(window.startedAt, covered), to: window.end)
                covered = max(covered, window.end)
                if micros > 0 {
                    found.append(CountedWindow(window: window, row: row, micros: micros, counted: counted))
                }
            }
            return found
        } place: {
            RobotByRobot.Place(robot: $0.window.entity, at: $0.window.startedAt, id: $0.window.sessionID)
        }
        let seconds = try hours.total(call).onDelivery
        var out = JSONWriter()
        out.object { out in
            call.asOf.write(&out)
            hours.range.write(&out)
            out.number("seconds", seconds)
            out.array("rows") { out in
                for row in page.rows {
                    out.object { out in
                        out.text("robot_id", row.window.entity)
                        Robots.writeFields(ofServed: row.row, &out)
                        out.number("seconds_in_range", Double(row.micros) / 1e6)
                        out.number("seconds_counted", Double(row.counted) / 1e6)
                    }
                }
            }
            out.text("next", call.next(page.next))
        }
        return .json(out, rows: page.rows.count)
    }

    /// Those that have ended, as the hours count them; robot by robot, in order.
    private static func windows(of robots: [String], in range: TimeRange, _ call: Call) throws -> [AnswerRow]
    {
        try call.rows(
            """
            SELECT w.*, s.delivery_id, s.outcome, s.failure_code, s.merchant_id
            FROM (\(call.flavour.elements(of: "?1"))) n
            CROSS JOIN assignment_windows w JOIN sessions s ON s.session_id = w.session_id
            WHERE w.kind = 'robot' AND w.entity_id = n.id AND w.started_at < \(call.at(3))
              AND w.started_at > \(call.at(4)) AND w.ended_at > \(call.at(2))
            ORDER BY w.entity_id, w.started_at, w.session_id
            """,
            [
                Usage.Whose.these(robots).list, .integer(range.from), .integer(range.to),
                .integer(range.from - call.rules.maxWindow - 1),
            ])
    }

    // MARK: - Errors

    /// The latest first.
    static func errors(_ call: Call) throws -> Answer {
        let hours = try WantedHours(call)
        let size = call.pageSize
        var places = try ErrorPlace.all(of: hours, before: call.cursor(keys: 2)?.keys, atMost: size + 1, call)
        let isMore = places.count > size
        if isMore { places.removeLast() }
        let total = try hours.total(call).errors
        var out = JSONWriter()
        try out.object { out in
            call.asOf.write(&out)
            hours.range.write(&out)
            out.integer("errors", total)
            try out.array("rows") { out in
                for place in places { if let event = try place.event(call) { try write(event, call, &out) } }
            }
            let last = isMore ? places.last : nil
            out.text("next", call.next(last.map { ["\($0.at)", $0.id] }))
        }
        return .json(out, rows: places.count)
    }

    private static func write(_ event: AnswerRow, _ call: Call, _ out: inout JSONWriter) throws {
        let fields = PayloadFields(event: event.text("event") ?? "", payload: event.text("payload") ?? "")
        try out.object { out in
            for name in ["event", "robot_id"] { out.text(name, event.text(name)) }
            try Robots.writeFields(ofError: event, fields, call, &out)
        }
    }

    /// Where an error is found.
    private struct ErrorPlace {
        let at: Int64
        let id: String
        let robot: String

        /// The latest of the hours that are asked for, before those of a cursor.
        static func all(of hours: WantedHours, before: [String]?, atMost most: Int, _ call: Call) throws
            -> [ErrorPlace]
        {
            var found: [ErrorPlace] = []
            var last = before.flatMap { keys in Int64(keys[0]).map { (at: $0, id: keys[1]) } }
            // Of a zone the more at once the fewer of all are its own.
            var count = most
            while found.count < most {
                let rows = try some(hours, last, count, call)
                found += rows.filter { hours.holds($0.at, of: $0.robot) }
                guard rows.count == count, let end = rows.last else { break }
                last = (end.at, end.id)
                count = min(2 * count, 20_000)
            }
            return Array(found.prefix(most))
        }

        /// By the index of errors, which tells all of it: no row is looked at for an error of another zone.
        private static func some(
            _ hours: WantedHours, _ last: (at: Int64, id: String)?, _ count: Int, _ call: Call
        ) throws -> [ErrorPlace] {
            let one = hours.robot == nil ? "(?4 = '' OR ?4 <> '')" : "robot_id = ?4 AND robot_use IS NOT NULL"
            return try call.rows(
                """
                SELECT occurred_at, event_id, robot_id FROM events
                WHERE (robot_use & 4) <> 0 AND \(one) AND occurred_at >= \(call.at(1)) AND occurred_at <= \(call.at(2))
                  AND (occurred_at < \(call.at(2)) OR event_id < ?3)
                ORDER BY occurred_at DESC, event_id DESC LIMIT ?5
                """,
                [
                    .integer(hours.range.from), .integer(last?.at ?? hours.range.to), .text(last?.id ?? ""),
                    .text(hours.robot ?? ""), .integer(Int64(count)),
                ]
            ).map {
                ErrorPlace(
                    at: $0.integer(at: 0) ?? 0, id: $0.text(at: 1) ?? "", robot: $0.text(at: 2) ?? "")
            }
        }

        func event(_ call: Call) throws -> AnswerRow? {
            try call.rows(
                "SELECT * FROM events WHERE occurred_at = \(call.at(1)) AND event_id = ?2 AND (robot_use & 4) <> 0",
                [.integer(at), .text(id)]
            ).first
        }
    }
}
