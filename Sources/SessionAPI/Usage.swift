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

    mutating func add(_ row: AnswerRow) {
        usable += row.number("usable_seconds") ?? 0
        downtime += row.number("downtime_seconds") ?? 0
        offDuty += row.number("off_duty_seconds") ?? 0
        other += row.number("other_seconds") ?? 0
        onDelivery += row.number("on_delivery_seconds") ?? 0
        completed += row.integer("deliveries_completed") ?? 0
        errors += row.integer("error_count") ?? 0
    }

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

    /// Usage by robot and hour within a range of whole hours, states that have no end yet included up to now.
    static func byHour(_ range: TimeRange, robot: String?, _ call: Call) throws -> [(
        robot: String, hour: Int64, usage: Usage
    )] {
        let condition = robot == nil ? "(?1 = '' OR ?1 <> '')" : "robot_id = ?1"
        var found = try call.rows(
            "SELECT * FROM robot_hourly WHERE \(condition) AND hour >= \(call.at(2)) AND hour < \(call.at(3))",
            [.text(robot ?? ""), .integer(range.from), .integer(range.to)]
        ).map { row in
            var usage = Usage()
            usage.add(row)
            return (row.text("robot_id") ?? "", row.integer("hour") ?? 0, usage)
        }
        found += try open(range, robot: robot, call)
        return found
    }

    /// The same of all robots together: the store adds up, so that a day of thousands of robots is a few rows.
    static func ofFleet(_ range: TimeRange, _ call: Call) throws -> [(hour: Int64, usage: Usage)] {
        let place = "hour >= \(call.at(1)) AND hour < \(call.at(2))"
        let names = [
            "usable", "downtime", "off_duty", "other", "on_delivery", "deliveries_completed", "error_count",
        ]
        let sums = names.map { "CAST(sum(\($0)) AS BIGINT) AS \($0)" }.joined(separator: ", ")
        var found = try call.rows(
            "SELECT hour, \(sums) FROM robot_hours WHERE \(place) GROUP BY hour",
            [.integer(range.from), .integer(range.to)]
        ).map { row in
            func seconds(_ name: String) -> Double { Double(row.integer(name) ?? 0) / 1e6 }
            return (
                row.integer("hour") ?? 0,
                Usage(
                    usable: seconds("usable"), downtime: seconds("downtime"), offDuty: seconds("off_duty"),
                    other: seconds("other"), onDelivery: seconds("on_delivery"),
                    completed: row.integer("deliveries_completed") ?? 0,
                    errors: row.integer("error_count") ?? 0)
            )
        }
        // Whole hours of states of more than a day stand in no row of `robot_hours`.
        let long = try call.rows(
            "SELECT hour, state, count(*) AS n FROM long_state_hours WHERE \(place) GROUP BY hour, state",
            [.integer(range.from), .integer(range.to)])
        for row in long {
            var usage = Usage()
            usage.add(
                seconds: 3600 * Double(row.integer("n") ?? 0),
                of: call.rules.stateClass(row.text("state") ?? ""))
            found.append((row.integer("hour") ?? 0, usage))
        }
        found += try open(range, robot: nil, call).map { ($0.hour, $0.usage) }
        return found
    }

    /// Usable seconds by robot.
    static func usable(_ range: TimeRange, robot: String?, _ call: Call) throws -> [String: Double] {
        let condition = robot == nil ? "(?1 = '' OR ?1 <> '')" : "robot_id = ?1"
        let place = "\(condition) AND hour >= \(call.at(2)) AND hour < \(call.at(3))"
        let parameters: [TableValue] = [
            .text(robot ?? ""), .integer(range.from), .integer(range.to),
        ]
        var found: [String: Double] = [:]
        let rows = try call.rows(
            "SELECT robot_id, CAST(sum(usable) AS BIGINT) AS usable FROM robot_hours WHERE \(place) GROUP BY robot_id",
            parameters)
        for row in rows {
            found[row.text("robot_id") ?? ""] = Double(row.integer("usable") ?? 0) / 1e6
        }
        let long = try call.rows(
            "SELECT robot_id, state, count(*) AS n FROM long_state_hours WHERE \(place) GROUP BY robot_id, state",
            parameters)
        for row in long {
            let isUsable = call.rules.usable.contains(row.text("state") ?? "")
            found[row.text("robot_id") ?? "", default: 0] +=
                isUsable ? 3600 * Double(row.integer("n") ?? 0) : 0
        }
        for (robot, _, usage) in try open(range, robot: robot, call) {
            found[robot, default: 0] += usage.usable
        }
        return found
    }

    /// States that have no end yet, up to now.
    private static func open(_ range: TimeRange, robot: String?, _ call: Call) throws -> [(
        robot: String, hour: Int64, usage: Usage
    )] {
        let condition = robot == nil ? "(?1 = '' OR ?1 <> '')" : "robot_id = ?1"
        var found: [(robot: String, hour: Int64, usage: Usage)] = []
        let open = try call.rows(
            "SELECT * FROM robot_states WHERE ended_at IS NULL AND \(condition) AND started_at < \(call.at(2))",
            [.text(robot ?? ""), .integer(min(range.to, call.asOf.now))]
        ).map(StateInterval.init)
        for state in open {
            var at = max(range.from, state.startedAt)
            let until = min(range.to, call.asOf.now)
            while at < until {
                let hour = InstantFormat.floor(at, to: InstantFormat.hour)
                let end = min(until, hour + InstantFormat.hour)
                var usage = Usage()
                usage.add(seconds: Double(end - at) / 1e6, of: call.rules.stateClass(state.state))
                found.append((state.robot, hour, usage))
                at = end
            }
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
