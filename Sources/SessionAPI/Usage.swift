internal import SessionStore

/// Seconds by class of state, and what was done in them.
struct Usage {
    var usable = 0.0
    var downtime = 0.0
    var offDuty = 0.0
    var other = 0.0
    var onDelivery = 0.0
    var completed: Int64 = 0
    var errors: Int64 = 0

    init() {}

    mutating func add(_ usage: Usage) {
        usable += usage.usable
        downtime += usage.downtime
        offDuty += usage.offDuty
        other += usage.other
        onDelivery += usage.onDelivery
        completed += usage.completed
        errors += usage.errors
    }

    mutating func add(seconds: Double, of stateClass: String) {
        switch stateClass {
        case "usable": usable += seconds
        case "downtime": downtime += seconds
        case "off_duty": offDuty += seconds
        default: other += seconds
        }
    }

    func write(_ out: inout JSONWriter) {
        out.number("usable_seconds", usable)
        out.number("downtime_seconds", downtime)
        out.number("off_duty_seconds", offDuty)
        out.number("other_seconds", other)
        out.number("on_delivery_seconds", onDelivery)
        out.integer("deliveries_completed", completed)
        out.integer("error_count", errors)
    }

    /// Microseconds and counts of an hour's row, or of a sum of rows.
    private init(micros row: AnswerRow) { self.init(Self.figures.map { row.integer($0) ?? 0 }) }

    /// Microseconds and counts in the order of ``figures``.
    private init(_ figures: [Int64]) {
        func seconds(_ index: Int) -> Double { Double(figures[index]) / 1e6 }
        (usable, downtime, offDuty, other, onDelivery) = (
            seconds(0), seconds(1), seconds(2), seconds(3), seconds(4)
        )
        (completed, errors) = (figures[5], figures[6])
    }

    private static let figures = [
        "usable", "downtime", "off_duty", "other", "on_delivery", "deliveries_completed", "error_count",
    ]

    /// ?1: the robot, or an empty text for all; ?2 and ?3: the range.
    private static func place(_ range: TimeRange, robot: String?, _ call: Call) -> (
        sql: String, parameters: [TableValue]
    ) {
        (
            "\(whose(robot)) AND hour >= \(call.at(2)) AND hour < \(call.at(3))",
            [.text(robot ?? ""), .integer(range.from), .integer(range.to)]
        )
    }

    /// Of one robot, found by its index, or of all. PostgreSQL wants to see each parameter used.
    private static func whose(_ robot: String?) -> String {
        robot == nil ? "(?1 = '' OR ?1 <> '')" : "robot_id = ?1"
    }

    /// Usage by robot and hour within a range of whole hours, states that have no end yet included up to now.
    static func byHour(_ range: TimeRange, robot: String?, _ call: Call) throws -> [(
        robot: String, hour: Int64, usage: Usage
    )] {
        let place = place(range, robot: robot, call)
        let source =
            robot == nil && call.flavour == .sqlite
            ? "robots JOIN robot_hours ON robot_id = id" : "robot_hours"
        let leaps = source == "robot_hours" ? "" : "WITH RECURSIVE \(robots) "
        var found: [(robot: String, hour: Int64, usage: Usage)] = try call.rows(
            "\(leaps)SELECT robot_id, hour, \(figures.joined(separator: ", ")) FROM \(source) WHERE \(place.sql)",
            place.parameters
        ).map { ($0.text("robot_id") ?? "", $0.integer("hour") ?? 0, Usage(micros: $0)) }
        // Whole hours of states of more than a day stand in no hour's row.
        let long = try call.rows("SELECT * FROM long_state_hours WHERE \(place.sql)", place.parameters)
        for row in long {
            var usage = Usage()
            usage.add(seconds: 3600, of: call.rules.stateClass(row.text("state") ?? ""))
            found.append((row.text("robot_id") ?? "", row.integer("hour") ?? 0, usage))
        }
        found += try open(range, robot: robot, call)
        return found
    }

    /// Every robot that has hours: SQL of a table `robots(id)` for `WITH RECURSIVE`, found by leaps through the key.
    private static let robots = """
        robots(id) AS (
          SELECT min(robot_id) FROM robot_hours
          UNION ALL
          SELECT (SELECT min(h.robot_id) FROM robot_hours h WHERE h.robot_id > robots.id) FROM robots
            WHERE robots.id IS NOT NULL)
        """

    /// The same of all robots together: the store keeps a row an hour, however many robots there are.
    static func ofFleet(_ range: TimeRange, _ call: Call) throws -> [(hour: Int64, usage: Usage)] {
        let place = "hour >= \(call.at(1)) AND hour < \(call.at(2))"
        let parameters: [TableValue] = [.integer(range.from), .integer(range.to)]
        var found = try call.rows("SELECT * FROM fleet_hours WHERE \(place)", parameters)
            .map { ($0.integer("hour") ?? 0, Usage(micros: $0)) }
        // Whole hours of states of more than a day stand in no hour's row.
        let long = try call.rows(
            "SELECT hour, state, count(*) AS n FROM long_state_hours WHERE \(place) GROUP BY hour, state",
            parameters)
        for row in long {
            var usage = Usage()
            usage.add(
                seconds: 3600 * Double(row.integer("n") ?? 0),
                of: call.rules.stateClass(row.text("state") ?? ""))
            found.append((row.integer("hour") ?? 0, usage))
        }
        found += try openOfFleet(range, call)
        return found
    }

    /// The same by robot, over the whole range.
    /// - Parameter wanted: Of stored hours only these figures; the others are nought.
    static func byRobot(
        _ range: TimeRange, robot: String?, only wanted: Set<String> = Set(figures), _ call: Call
    ) throws -> [String: Usage] {
        let place = place(range, robot: robot, call)
        var found: [String: Usage] = [:]
        switch robot == nil ? call.flavour : .postgres {
        case .postgres:
            let sums = figures.map { "CAST(\(wanted.contains($0) ? "sum(\($0))" : "0") AS BIGINT) AS \($0)" }
                .joined(separator: ", ")
            let rows = try call.rows(
                "SELECT robot_id, \(sums) FROM robot_hours WHERE \(place.sql) GROUP BY robot_id",
                place.parameters)
            for row in rows { found[row.text("robot_id") ?? ""] = Usage(micros: row) }
        case .sqlite:
            // From robot to robot by the key, a subquery each: GROUP BY would sort all their hours first. The sums come as one
            // text, because a subquery has one column.
            let sums = figures.map { wanted.contains($0) ? "sum(\($0))" : "0" }
                .joined(separator: " || ' ' || ")
            let rows = try call.rows(
                """
                WITH RECURSIVE \(robots)
                SELECT id, (SELECT \(sums) FROM robot_hours WHERE robot_id = id AND \(place.sql)) AS sums
                FROM robots WHERE id IS NOT NULL
                """, place.parameters)
            for row in rows {
                guard let sums = row.text("sums") else { continue }
                found[row.text("id") ?? ""] = Usage(sums.split(separator: " ").map { Int64($0) ?? 0 })
            }
        }
        let long = try call.rows(
            "SELECT robot_id, state, count(*) AS n FROM long_state_hours WHERE \(place.sql) GROUP BY robot_id, state",
            place.parameters)
        for row in long {
            found[row.text("robot_id") ?? "", default: Usage()].add(
                seconds: 3600 * Double(row.integer("n") ?? 0),
                of: call.rules.stateClass(row.text("state") ?? ""))
        }
        let until = min(range.to, call.asOf.now)
        for state in try openStates(before: until, robot: robot, call) {
            let seconds = Double(until - max(range.from, state.startedAt)) / 1e6
            if seconds <= 0 { continue }
            found[state.robot, default: Usage()].add(
                seconds: seconds, of: call.rules.stateClass(state.state))
        }
        return found
    }

    private static func openStates(before instant: Int64, robot: String?, _ call: Call) throws
        -> [StateInterval]
    {
        try call.rows(
            "SELECT * FROM robot_states WHERE ended_at IS NULL AND \(whose(robot)) AND started_at < \(call.at(2))",
            [.text(robot ?? ""), .integer(instant)]
        ).map(StateInterval.init)
    }

    /// States that have no end yet, up to now.
    private static func open(_ range: TimeRange, robot: String?, _ call: Call) throws -> [(
        robot: String, hour: Int64, usage: Usage
    )] {
        var found: [(robot: String, hour: Int64, usage: Usage)] = []
        let until = min(range.to, call.asOf.now)
        for state in try openStates(before: until, robot: robot, call) {
            for (hour, micros) in hours(from: max(range.from, state.startedAt), to: until) {
                var usage = Usage()
                usage.add(seconds: Double(micros) / 1e6, of: call.rules.stateClass(state.state))
                found.append((state.robot, hour, usage))
            }
        }
        return found
    }

    /// The same of all robots together, by what the store counts: of those that began within an hour only how many they are
    /// and the sum of their beginnings matter.
    private static func openOfFleet(_ range: TimeRange, _ call: Call) throws -> [(
        hour: Int64, usage: Usage
    )] {
        let until = min(range.to, call.asOf.now)
        let flavour = call.flavour
        let start = flavour.greater(flavour.micros("started_at"), "CAST(?2 AS BIGINT)")
        let hour = InstantFormat.hour
        let rows = try call.rows(
            """
            SELECT state, hour, count(*) AS n, CAST(sum(start - hour * \(hour)) AS BIGINT) AS late FROM (
              SELECT state, start, (start - (start % \(hour) + \(hour)) % \(hour)) / \(hour) AS hour FROM (
                SELECT state, \(start) AS start FROM robot_states
                WHERE ended_at IS NULL AND started_at < \(call.at(1))) begun) hours
            GROUP BY state, hour
            """, [.integer(until), .integer(range.from)])
        var found: [(hour: Int64, usage: Usage)] = []
        for row in rows {
            let (count, first) = (row.integer("n") ?? 0, (row.integer("hour") ?? 0) * hour)
            for (at, micros) in hours(from: first, to: until) {
                var usage = Usage()
                let missing = at == first ? row.integer("late") ?? 0 : 0
                usage.add(
                    seconds: Double(count * micros - missing) / 1e6,
                    of: call.rules.stateClass(row.text("state") ?? ""))
                found.append((at, usage))
            }
        }
        return found
    }

    /// The hours of a stretch of time, and how much of each it is.
    private static func hours(from: Int64, to: Int64) -> [(hour: Int64, micros: Int64)] {
        var found: [(hour: Int64, micros: Int64)] = []
        var at = from
        while at < to {
            let hour = InstantFormat.floor(at, to: InstantFormat.hour)
            let end = min(to, hour + InstantFormat.hour)
            found.append((hour, end - at))
            at = end
        }
        return found
    }
}

/// In which zone robots were: that of the latest event that names one.
struct Zones {
    private var told: [String: [(at: Int64, zone: String)]] = [:]

    init(_ range: TimeRange, _ call: Call) throws {
        let rows = try call.rows(
            """
            WITH RECURSIVE \(StateInterval.robots)
            SELECT e.robot_id, e.occurred_at, e.zone_id FROM robots JOIN events e ON e.robot_id = robots.id
              AND e.robot_id IS NOT NULL AND e.zone_id IS NOT NULL AND e.occurred_at < \(call.at(2))
              AND e.occurred_at >= coalesce((SELECT max(b.occurred_at) FROM events b WHERE b.robot_id = robots.id
                AND b.robot_id IS NOT NULL AND b.zone_id IS NOT NULL AND b.occurred_at <= \(call.at(1))), \(call.at(1)))
            ORDER BY e.robot_id, e.occurred_at
            """, [.integer(range.from), .integer(range.to)])
        for row in rows {
            told[row.text("robot_id") ?? "", default: []].append(
                (row.integer("occurred_at") ?? 0, row.text("zone_id") ?? ""))
        }
    }

    /// Whether none was told.
    var isEmpty: Bool { told.isEmpty }

    /// The zone of a robot up to an instant; nil where none was told yet.
    func zone(of robot: String, before instant: Int64) -> String? {
        guard let all = told[robot] else { return nil }
        var (low, high) = (0, all.count)
        while low < high {
            let middle = (low + high) / 2
            if all[middle].at < instant { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? all[low - 1].zone : nil
    }
}
