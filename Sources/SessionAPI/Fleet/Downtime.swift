internal import SessionCore
internal import SessionStore

extension Fleet {
    /// Downtime within a range by reason, state or robot, the longest first.
    struct Downtime {
        let rows: [(key: String, sum: Sum)]
        var seconds: Double { rows.reduce(0) { $0 + $1.sum.seconds } }

        struct Sum {
            private(set) var robots: Set<ByBytes> = []
            private(set) var intervals = 0
            private(set) var seconds = 0.0

            mutating func add(_ robot: String, _ seconds: Double) {
                robots.insert(robot.byBytes)
                intervals += 1
                self.seconds += seconds
            }
        }

        /// What it is made of.
        private let states: [StateInterval]

        init(_ range: TimeRange, by: String, _ call: Call) throws {
            self.init(try Self.states(in: range, call), range, by: by, call)
        }

        /// The same of a part of its range.
        func part(_ range: TimeRange, by: String, _ call: Call) throws -> Downtime {
            // In which zone a robot was depends on where the range ends.
            if call.parameters.text("zone") != nil { return try Downtime(range, by: by, call) }
            return Downtime(states, range, by: by, call)
        }

        private init(_ states: [StateInterval], _ range: TimeRange, by: String, _ call: Call) {
            self.states = states
            var sums: [ByBytes: Sum] = [:]
            for state in states {
                let seconds = Double(state.length(in: range, now: call.asOf.now)) / 1e6
                if seconds <= 0 { continue }
                let key = by == "reason" ? state.reason ?? "" : by == "state" ? state.state : state.robot
                sums[key.byBytes, default: Sum()].add(state.robot, seconds)
            }
            rows = sums.sorted { ($1.value.seconds, $0.key) < ($0.value.seconds, $1.key) }
                .map { ($0.key.text, $0.value) }
        }

        /// The states it is of, of the robot and in the zone that the request is about.
        static func states(in range: TimeRange, _ call: Call) throws -> [StateInterval] {
            let zone = try WantedZone(range, call)
            let robots = call.parameters.text("robot").map { [$0] } ?? zone.robots
            if robots?.isEmpty == true { return [] }
            var found: [StateInterval] = []
            var parameters: [TableValue] = [
                .integer(range.from), .integer(range.to), Usage.Whose.these(robots).list,
            ]
            let which = call.rules.condition(that: "s.state", isOf: .downtime, &parameters)
            try call.store.forEachRow(question(ofRobots: robots != nil, which, call), parameters) { row in
                let state = StateInterval.ofColumns(row)
                let end = min(state.endedAt ?? call.asOf.now, range.to)
                if state.length(in: range, now: call.asOf.now) > 0, zone.holds(state.robot, before: end) {
                    found.append(state)
                }
                return true
            }
            return found
        }

        /// States that reach into a range. ?1 to ?2: the range; ?3: the robots, as a list, empty for all.
        /// - Parameter which: Of which states `s`: a condition.
        static func question(ofRobots areChosen: Bool, _ which: String, _ call: Call) -> String {
            let (from, to) = (call.at(1), call.at(2))
            let place = "\(which) AND (s.ended_at IS NULL OR s.ended_at > \(from))"
            // Of each robot the state that holds at the beginning, and those that begin later.
            let last = """
                coalesce((SELECT max(b.started_at) FROM robot_states b WHERE b.robot_id = robots.id
                  AND b.started_at <= \(from)), \(from))
                """
            // PostgreSQL wants to see each parameter used.
            let all = "(?3 = '' OR ?3 <> '')"
            switch call.flavour {
            case .sqlite:
                let these = "robots(id) AS (\(call.flavour.elements(of: "?3")))"
                return """
                    WITH \(areChosen ? these : StateInterval.robots)
                    SELECT \(StateInterval.columns) FROM robots CROSS JOIN robot_states s
                    WHERE s.robot_id = robots.id AND s.started_at < \(to) AND s.started_at >= \(last) AND \(place)
                      \(areChosen ? "" : "AND \(all)")
                    """
            case .postgres where areChosen:
                return """
                    SELECT \(StateInterval.columns) FROM (\(call.flavour.elements(of: "?3"))) robots
                    CROSS JOIN LATERAL (SELECT \(last) AS at OFFSET 0) first
                    CROSS JOIN LATERAL (SELECT * FROM robot_states s WHERE s.robot_id = robots.id
                      AND s.started_at >= first.at AND s.started_at < \(to) AND \(place) OFFSET 0) s
                    """
            case .postgres:
                // By start: those that began up to a day before the range; before that, those without an end, and the long ones.
                let (day, columns) = ("interval '24 hours'", StateInterval.columns)
                return """
                    SELECT \(columns) FROM robot_states s WHERE s.started_at >= \(from) - \(day)
                      AND s.started_at < \(to) AND \(place) AND \(all)
                    UNION ALL
                    SELECT \(columns) FROM robot_states s
                    WHERE s.started_at < \(from) - \(day) AND s.ended_at IS NULL AND \(which)
                    UNION ALL
                    SELECT \(columns) FROM robot_states s WHERE s.started_at < \(from) - \(day)
                      AND s.ended_at > \(from) AND s.ended_at - s.started_at > \(day) AND \(which)
                    """
            }
        }
    }
}
