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
    private init(_ figures: some RandomAccessCollection<Int64>) {
        let first = figures.startIndex
        func figure(_ place: Int) -> Int64 { figures[figures.index(first, offsetBy: place)] }
        func seconds(_ place: Int) -> Double { Double(figure(place)) / 1e6 }
        (usable, downtime, offDuty, other, onDelivery) = (
            seconds(0), seconds(1), seconds(2), seconds(3), seconds(4)
        )
        (completed, errors) = (figure(5), figure(6))
    }

    private static let figures = [
        "usable", "downtime", "off_duty", "other", "on_delivery", "deliveries_completed", "error_count",
    ]

    /// Whose hours a question is about.
    struct Whose {
        /// Nil: all robots.
        private let robots: [String]?
        private let wanted: Set<String>

        static let all = Whose(nil)
        static func one(_ robot: String?) -> Whose { Whose(robot.map { [$0] }) }
        static func these(_ robots: [String]?) -> Whose { Whose(robots) }

        private init(_ robots: [String]?) {
            self.robots = robots
            wanted = Set(robots ?? [])
        }

        var isAll: Bool { robots == nil }
        func holds(_ robot: String) -> Bool { robots == nil || wanted.contains(robot) }

        /// ?1
        var parameter: TableValue { robots?.count == 1 ? .text(robots?[0] ?? "") : list }

        /// As a list, also of one; empty for all.
        var list: TableValue {
            guard let robots else { return .text("") }
            var list = JSONWriter()
            list.texts(nil, robots)
            return .text(String(decoding: list.bytes, as: UTF8.self))
        }

        /// Found by the key, or of all. PostgreSQL wants to see each parameter used.
        func condition(_ flavour: SQLFlavour) -> String {
            guard let robots else { return "(?1 = '' OR ?1 <> '')" }
            return robots.count == 1 ? "robot_id = ?1" : flavour.text("robot_id", isAmong: "?1")
        }

        /// SQLite's table `robots(id)` of them; nil for all.
        var named: String? {
            guard let robots else { return nil }
            return "robots(id) AS (\(robots.count == 1 ? "SELECT ?1" : "SELECT value FROM json_each(?1)"))"
        }

        /// The same for what is asked of a view, whose index only a single robot finds: of several, ask of all.
        var ofView: Whose { robots?.count == 1 ? self : .all }
    }

    /// ?1: whose; ?2 and ?3: the range.
    private static func place(_ range: TimeRange, _ whose: Whose, _ call: Call) -> (
        sql: String, parameters: [TableValue]
    ) {
        (
            "\(whose.condition(call.flavour)) AND hour >= \(call.at(2)) AND hour < \(call.at(3))",
            [whose.parameter, .integer(range.from), .integer(range.to)]
        )
    }

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
    private static func beside(
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

    /// The same of a zone, or of each; nil is the zone of robots of which none was told by the hour's end. The store keeps a row
    /// an hour and zone, so only what stands in no hour's row is looked at robot by robot.
    ///
    /// - Parameter most: How many hours of zones it may be.
    /// - Throws: ``Problem`` where there are more.
    static func byZone(
        _ range: TimeRange, _ zone: String?, _ zones: Zones, atMost most: Int, _ call: Call,
        _ body: (_ zone: String?, _ hour: Int64, _ usage: Usage) -> Void
    ) throws {
        // What is left for no zone must not come of rounding: by microseconds, as the figures are stored.
        var left: [Int64: [Int64]] = [:]
        func leave(_ sign: Int64, _ hour: Int64, _ usage: Usage) {
            let before = left[hour] ?? [Int64](repeating: 0, count: figures.count)
            left[hour] = zip(before, usage.micros).map { $0 + sign * $1 }
        }
        func tell(_ zone: String, _ hour: Int64, _ usage: Usage) {
            leave(-1, hour, usage)
            body(zone, hour, usage)
        }
        // Week by week: only what they add up to is held of all.
        var room = most
        let week = 7 * InstantFormat.day
        for start in stride(from: range.from, to: range.to, by: Int(week)) {
            let rows = try call.rows(
                """
                SELECT * FROM zone_hours WHERE hour >= \(call.at(1)) AND hour < \(call.at(2))
                  AND (?3 = '' OR zone_id = ?3) LIMIT ?4
                """,
                [
                    .integer(start), .integer(min(start + week, range.to)),
                    .text(zone ?? ""), .integer(Int64(room) + 1),
                ])
            room -= rows.count
            if room < 0 {
                throw Parameters.problem([
                    (
                        "by",
                        "zones and hours of the range are more than \(most): shorten it, or ask for one `zone`"
                    )
                ])
            }
            for row in rows {
                tell(row.text("zone_id") ?? "", row.integer("hour") ?? 0, Usage(micros: row))
            }
        }
        let there = zone.map { zones.robots(in: $0) }
        if there?.isEmpty != true {
            try beside(range, there.map(Whose.these) ?? .all, call) { robot, hour, usage in
                guard let its = zones.track(of: robot)?.zone(before: hour + InstantFormat.hour) else {
                    return
                }
                if zone == nil || its == zone { tell(its, hour, usage) }
            }
        }
        if zone != nil { return }
        for (hour, usage) in try ofFleet(range, call) { leave(1, hour, usage) }
        for (hour, figures) in left where figures.contains(where: { $0 != 0 }) {
            body(nil, hour, Usage(figures))
        }
    }

    /// In the order of ``figures``.
    private var micros: [Int64] {
        [usable, downtime, offDuty, other, onDelivery].map { Int64(($0 * 1e6).rounded()) } + [
            completed, errors,
        ]
    }

    /// Every robot that may have hours, for `WITH`.
    private static let robots = "robots(id) AS (SELECT robot_id FROM known_robots)"

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
        _ range: TimeRange, _ whose: Whose, only wanted: Set<String> = Set(figures), _ call: Call
    ) throws -> [String: Usage] {
        let place = place(range, whose, call)
        var found: [String: Usage] = [:]
        switch call.flavour {
        case .postgres:
            let sums = figures.map { "CAST(\(wanted.contains($0) ? "sum(\($0))" : "0") AS BIGINT) AS \($0)" }
                .joined(separator: ", ")
            try call.store.forEachFigures(
                "SELECT robot_id, \(sums) FROM robot_hours WHERE \(place.sql) GROUP BY robot_id",
                place.parameters
            ) { found[$0] = Usage($1) }
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
                found[row.text(at: 0) ?? ""] = Usage(numbers(sums))
            }
        }
        let ofView = Usage.place(range, whose.ofView, call)
        let long = try call.rows(
            "SELECT robot_id, state, count(*) AS n FROM long_state_hours WHERE \(ofView.sql) GROUP BY robot_id, state",
            ofView.parameters)
        for row in long {
            let robot = row.text("robot_id") ?? ""
            guard whose.holds(robot) else { continue }
            found[robot, default: Usage()].add(
                seconds: 3600 * Double(row.integer("n") ?? 0),
                of: call.rules.stateClass(row.text("state") ?? ""))
        }
        let until = min(range.to, call.asOf.now)
        for state in try openStates(before: until, whose, call) {
            let seconds = Double(until - max(range.from, state.startedAt)) / 1e6
            if seconds <= 0 { continue }
            found[state.robot, default: Usage()].add(
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

    private static func openStates(before instant: Int64, _ whose: Whose, _ call: Call) throws
        -> [StateInterval]
    {
        try call.rows(
            "SELECT \(StateInterval.columns) FROM robot_states s "
                + "WHERE ended_at IS NULL AND \(whose.condition(call.flavour)) AND started_at < \(call.at(2))",
            [whose.parameter, .integer(instant)]
        ).map(StateInterval.ofColumns)
    }

    /// States that have no end yet, up to now.
    private static func open(
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
    static func hours(from: Int64, to: Int64) -> [(hour: Int64, micros: Int64)] {
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
