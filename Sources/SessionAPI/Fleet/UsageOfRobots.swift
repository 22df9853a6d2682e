internal import SessionStore

/// The hours of robots, one by one.
extension Usage {
    /// Usage by robot and hour within a range of whole hours, states that have no end yet included up to now. Stored hours come
    /// robot by robot.
    static func byHour(
        _ range: TimeRange, _ whose: Whose, _ call: Call,
        _ body: (_ robot: String, _ hour: Int64, _ usage: Usage) -> Void
    ) throws {
        let place = place(range, whose, call)
        let source =
            whose.isAll && call.flavour == .sqlite
            ? "robots CROSS JOIN robot_hours ON robot_id = id" : "robot_hours"
        let named = source == "robot_hours" ? "" : "WITH \(robots) "
        try call.store.forEachFigures(
            "\(named)SELECT robot_id, hour, \(figures.joined(separator: ", ")) FROM \(source) WHERE \(place.sql)",
            place.parameters
        ) { body($0, $1[0], Usage($1.dropFirst())) }
        try beside(range, whose, call, body)
    }

    /// The same of what stands in no hour's row: states without an end, and the whole hours of those of more than a day.
    static func beside(
        _ range: TimeRange, _ whose: Whose, _ call: Call,
        _ body: (_ robot: String, _ hour: Int64, _ usage: Usage) -> Void
    ) throws {
        // Whole hours of states of more than a day stand in no hour's row.
        let ofView = Usage.place(range, whose.ofView, call)
        let long = try call.rows("SELECT * FROM long_state_hours WHERE \(ofView.sql)", ofView.parameters)
        for row in long {
            let robot = row.text("robot_id") ?? ""
            guard whose.holds(robot) else { continue }
            var usage = Usage()
            usage.add(seconds: 3600, of: call.rules.stateClass(row.text("state") ?? ""))
            body(robot, row.integer("hour") ?? 0, usage)
        }
        try open(range, whose, call, body)
    }

    /// The same by robot, over the whole range.
    /// - Parameter wanted: Of stored hours only these figures; the others are nought.
    static func byRobot(
        _ range: TimeRange, _ whose: Whose, only wanted: Set<String> = Set(figures), _ call: Call
    ) throws -> [ByBytes: Usage] {
        let place = place(range, whose, call)
        var found: [ByBytes: Usage] = [:]
        switch call.flavour {
        case .postgres:
            let sums = figures.map { "CAST(\(wanted.contains($0) ? "sum(\($0))" : "0") AS BIGINT) AS \($0)" }
                .joined(separator: ", ")
            try call.store.forEachFigures(
                "SELECT robot_id, \(sums) FROM robot_hours WHERE \(place.sql) GROUP BY robot_id",
                place.parameters
            ) { found[$0.byBytes] = Usage($1) }
        case .sqlite:
            // From robot to robot by the key, a subquery each: GROUP BY would sort all their hours first. The sums come as one
            // text, because a subquery has one column.
            let sums = figures.map { wanted.contains($0) ? "sum(\($0))" : "0" }
                .joined(separator: " || ' ' || ")
            let rows = try call.rows(
                """
                WITH \(whose.named ?? robots)
                SELECT id, (SELECT \(sums) FROM robot_hours WHERE robot_id = id AND hour >= ?2 AND hour < ?3) AS sums
                FROM robots
                """, place.parameters)
            for row in rows {
                guard let sums = row.text(at: 1) else { continue }
                found[(row.text(at: 0) ?? "").byBytes] = Usage(numbers(sums))
            }
        }
        let ofView = Usage.place(range, whose.ofView, call)
        let long = try call.rows(
            "SELECT robot_id, state, count(*) AS n FROM long_state_hours WHERE \(ofView.sql) GROUP BY robot_id, state",
            ofView.parameters)
        for row in long {
            let robot = row.text("robot_id") ?? ""
            guard whose.holds(robot) else { continue }
            found[robot.byBytes, default: Usage()].add(
                seconds: 3600 * Double(row.integer("n") ?? 0),
                of: call.rules.stateClass(row.text("state") ?? ""))
        }
        let until = min(range.to, call.asOf.now)
        for state in try openStates(before: until, whose, call) {
            let seconds = Double(until - max(range.from, state.startedAt)) / 1e6
            if seconds <= 0 { continue }
            found[state.robot.byBytes, default: Usage()].add(
                seconds: seconds, of: call.rules.stateClass(state.state))
        }
        return found
    }

    /// Whole numbers from nought, with one blank between.
    private static func numbers(_ text: String) -> [Int64] {
        var numbers: [Int64] = [0]
        for byte in text.utf8 {
            if byte == UInt8(ascii: " ") {
                numbers.append(0)
            } else {
                numbers[numbers.count - 1] = numbers[numbers.count - 1] * 10 + Int64(byte & 15)
            }
        }
        return numbers
    }

    static func openStates(before instant: Int64, _ whose: Whose, _ call: Call) throws
        -> [StateInterval]
    {
        try call.rows(
            "SELECT \(StateInterval.columns) FROM robot_states s "
                + "WHERE ended_at IS NULL AND \(whose.condition(call.flavour)) AND started_at < \(call.at(2))",
            [whose.parameter, .integer(instant)]
        ).map(StateInterval.ofColumns)
    }

    /// States that have no end yet, up to now.
    static func open(
        _ range: TimeRange, _ whose: Whose, _ call: Call, _ body: (String, Int64, Usage) -> Void
    ) throws {
        let until = min(range.to, call.asOf.now)
        for state in try openStates(before: until, whose, call) {
            for (hour, micros) in hours(from: max(range.from, state.startedAt), to: until) {
                var usage = Usage()
                usage.add(seconds: Double(micros) / 1e6, of: call.rules.stateClass(state.state))
                body(state.robot, hour, usage)
            }
        }
    }

    /// Every robot that may have hours, for `WITH`.
    private static let robots = "robots(id) AS (SELECT robot_id FROM known_robots)"
}
