internal import SessionStore

/// How often a robot failed, and how long it took to be back.
struct Reliability {
    var robot: String?
    var operating = 0.0
    var failures = 0
    var repairs = 0
    var repairSeconds = 0.0
    /// Of all failures, also those that last.
    var downSeconds = 0.0
    var completed: Int64 = 0
    var interventions: Int64 = 0

    init(robot: String?) { self.robot = robot }

    mutating func add(_ other: Reliability) {
        operating += other.operating
        failures += other.failures
        repairs += other.repairs
        repairSeconds += other.repairSeconds
        downSeconds += other.downSeconds
        completed += other.completed
        interventions += other.interventions
    }

    func write(_ out: inout JSONWriter) {
        out.text("robot_id", robot)
        out.number("operating_seconds", operating)
        out.integer("failures", failures)
        out.number("mtbf_seconds", failures > 0 ? operating / Double(failures) : nil)
        out.integer("repairs", repairs)
        out.number("mttr_seconds", repairs > 0 ? repairSeconds / Double(repairs) : nil)
        out.integer("deliveries_completed", completed)
        out.integer("interventions", interventions)
        out.number(
            "deliveries_per_intervention", interventions > 0 ? Double(completed) / Double(interventions) : nil
        )
        out.flag("few", failures < 5)
    }

    /// Of each robot that did or suffered anything in a range, those with the most failures first, of equal ones those that were
    /// down the longest for them; and of all of them.
    ///
    /// By whole hours, because operating seconds are only known by these: what is divided by them is counted over the same.
    /// - Parameter worst: Only so many of them: then of most robots the hours need not be looked at.
    /// - Returns: Whether all are there.
    static func all(in asked: TimeRange, robot: String?, worst: Int? = nil, _ call: Call) throws -> (
        rows: [Reliability], fleet: Reliability, isComplete: Bool
    ) {
        let range = asked.wholeHours
        var found: [String: Reliability] = [:]
        var fleet = Reliability(robot: nil)
        for (id, downs) in try downs(in: range, robot: robot, call) {
            var reliability = Reliability(robot: id)
            for run in runs(downs, call) where run.failedAt >= range.from {
                reliability.failures += 1
                let until = run.endedAt ?? max(call.asOf.now, run.failedAt)
                reliability.downSeconds += Double(until - run.failedAt) / 1e6
                guard let end = run.endedAt else { continue }
                reliability.repairs += 1
                reliability.repairSeconds += Double(end - run.failedAt) / 1e6
            }
            if reliability.failures == 0 { continue }
            found[id] = reliability
            fleet.add(reliability)
        }
        // Of sessions that were closed in these hours, as those that count as completed are.
        let helped = try call.rows(
            """
            SELECT robot_id, CAST(sum(rescue_count + pilot_handoff_count) AS BIGINT) AS interventions FROM sessions
            WHERE closed_at >= \(call.at(1)) AND closed_at < \(call.at(2)) AND robot_id IS NOT NULL
              AND rescue_count + pilot_handoff_count > 0 AND (?3 = '' OR robot_id = ?3) GROUP BY robot_id
            """, [.integer(range.from), .integer(range.to), .text(robot ?? "")])
        for row in helped {
            let id = row.text("robot_id") ?? ""
            let count = row.integer("interventions") ?? 0
            found[id, default: Reliability(robot: id)].interventions = count
            fleet.interventions += count
        }
        let most = cut(&found, to: worst)
        let figures: Set<String> = ["usable", "deliveries_completed"]
        let hours = try Usage.byRobot(
            range, most.map(Usage.Whose.these) ?? .one(robot), only: figures, call)
        for (id, usage) in hours {
            found[id, default: Reliability(robot: id)].operating = usage.usable
            found[id, default: Reliability(robot: id)].completed = usage.completed
        }
        var rows = found.values.sorted(by: isWorse)
        let all = try most == nil ? Array(hours.values) : Usage.ofFleet(range, call).map(\.usage)
        for usage in all {
            fleet.operating += usage.usable
            fleet.completed += usage.completed
        }
        let isComplete = most == nil && rows.count <= worst ?? .max
        if let worst { rows = Array(rows.prefix(worst)) }
        return (rows, fleet, isComplete)
    }

    /// The more failures, then the longer it was down for them.
    private static func isWorse(_ one: Reliability, _ other: Reliability) -> Bool {
        (other.failures, other.downSeconds, one.robot ?? "") < (
            one.failures, one.downSeconds, other.robot ?? ""
        )
    }

    /// Keeps so many, the worst.
    /// - Returns: Their names; nil where all robots may be among them, also those of which nothing is known yet.
    private static func cut(_ found: inout [String: Reliability], to worst: Int?) -> [String]? {
        guard let worst else { return nil }
        let failed = found.values.filter { $0.failures > 0 }
        guard failed.count > worst else { return nil }
        let kept = failed.sorted(by: isWorse).prefix(worst)
        found = Dictionary(uniqueKeysWithValues: kept.map { ($0.robot ?? "", $0) })
        return Array(found.keys)
    }

    /// Downtime by robot, each with the state before it.
    static func downs(in range: TimeRange, robot: String?, _ call: Call) throws -> [(
        String, [(state: StateInterval, before: String?)]
    )] {
        let states = call.rules.downtime.sorted()
        if states.isEmpty { return [] }
        let list = states.indices.map { "?\($0 + 4)" }.joined(separator: ", ")
        let place =
            "s.started_at < \(call.at(2)) AND s.started_at >= \(call.at(1)) AND s.state IN (\(list))"
        let earlier = """
            (SELECT b.state FROM robot_states b WHERE b.robot_id = s.robot_id AND b.started_at < s.started_at
              ORDER BY b.started_at DESC LIMIT 1)
            """
        let sql: String
        switch call.flavour {
        case .sqlite:
            sql = """
                WITH \(StateInterval.robots)
                SELECT \(StateInterval.columns), \(earlier) AS before FROM robots CROSS JOIN robot_states s
                WHERE s.robot_id = robots.id AND (?3 = '' OR s.robot_id = ?3) AND \(place)
                """
        case .postgres:
            if robot == nil { return try downsOfAll(in: range, call) }
            sql = """
                SELECT \(StateInterval.columns), \(earlier) AS before FROM robot_states s
                WHERE s.robot_id = ?3 AND \(place)
                """
        }
        let rows = try call.rows(
            sql,
            [.integer(range.from), .integer(range.to), .text(robot ?? "")] + states.map { .text($0) })
        // Robot by robot as a rule, and each in order: looked at here, it need not be sorted there.
        var found: [(String, [(state: StateInterval, before: String?)])] = []
        var places: [String: Int] = [:]
        for row in rows {
            let state = StateInterval.ofColumns(row)
            let before = row.text(at: 5)
            if found.last?.0 == state.robot {
                found[found.count - 1].1.append((state, before))
            } else if let place = places[state.robot] {
                found[place].1.append((state, before))
            } else {
                places[state.robot] = found.count
                found.append((state.robot, [(state, before)]))
            }
        }
        for index in found.indices {
            found[index].1.sort { $0.state.startedAt < $1.state.startedAt }
        }
        return found
    }

    /// How long before a range a robot's state before it is looked for among all states, not robot by robot.
    private static let margin = 6 * InstantFormat.hour

    /// The same of all robots where the store would sort their states: they are told as they lie there and put in order here,
    /// which is quicker.
    private static func downsOfAll(in range: TimeRange, _ call: Call) throws -> [(
        String, [(state: StateInterval, before: String?)]
    )] {
        var states: [String: [StateInterval]] = [:]
        let rows = try call.rows(
            """
            SELECT \(StateInterval.columns) FROM robot_states s
            WHERE s.started_at >= \(call.at(1)) AND s.started_at < \(call.at(2))
            """, [.integer(range.from - margin), .integer(range.to)])
        for row in rows {
            let state = StateInterval.ofColumns(row)
            states[state.robot, default: []].append(state)
        }
        var found: [(String, [(state: StateInterval, before: String?)])] = []
        var unknown: [String] = []
        for (robot, all) in states {
            let all = all.sorted { $0.startedAt < $1.startedAt }
            var downs: [(state: StateInterval, before: String?)] = []
            for (index, state) in all.enumerated()
            where state.startedAt >= range.from && call.rules.downtime.contains(state.state) {
                if index == 0 { unknown.append(robot) }
                downs.append((state, index == 0 ? nil : all[index - 1].state))
            }
            if !downs.isEmpty { found.append((robot, downs)) }
        }
        let earlier = try lastStates(of: unknown, before: range.from, call)
        for index in found.indices where found[index].1[0].before == nil {
            found[index].1[0].before = earlier[found[index].0]
        }
        return found.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
    }

    /// The state of each robot that began last before an instant.
    private static func lastStates(of robots: [String], before instant: Int64, _ call: Call) throws
        -> [String: String]
    {
        if robots.isEmpty { return [:] }
        var list = JSONWriter()
        list.texts(nil, robots)
        let rows = try call.rows(
            """
            SELECT n.id, (SELECT b.state FROM robot_states b WHERE b.robot_id = n.id AND b.started_at < \(call.at(2))
              ORDER BY b.started_at DESC LIMIT 1) AS state FROM (\(call.flavour.elements(of: "?1"))) n
            """, [.text(String(decoding: list.bytes, as: UTF8.self)), .integer(instant)])
        var found: [String: String] = [:]
        for row in rows { if let state = row.text(at: 1) { found[row.text(at: 0) ?? ""] = state } }
        return found
    }

    /// Failures, each with the end of the downtime that follows: grounded and then in the workshop is one.
    static func runs(_ downs: [(state: StateInterval, before: String?)], _ call: Call) -> [(
        failedAt: Int64, endedAt: Int64?, state: StateInterval
    )] {
        var runs: [(failedAt: Int64, endedAt: Int64?, state: StateInterval)] = []
        var isFailed = false
        for (state, before) in downs {
            let follows = before.map { call.rules.downtime.contains($0) } ?? false
            let isFailure =
                state.state != "unknown" && state.state != "maintenance" && (!follows || before == "unknown")
            if isFailure {
                runs.append((state.startedAt, state.endedAt, state))
                isFailed = true
            } else if follows, isFailed, let last = runs.last, last.endedAt == state.startedAt {
                runs[runs.count - 1].endedAt = state.endedAt
            } else {
                isFailed = false
            }
        }
        return runs
    }
}
