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
        var found: [ByBytes: Reliability] = [:]
        var fleet = Reliability(robot: nil)
        for (id, steps) in try RobotStep.all(in: range, robot: robot, call) {
            var reliability = Reliability(robot: id)
            for failure in RobotStep.failures(steps, since: range.from) {
                reliability.failures += 1
                let until = failure.endedAt ?? max(call.asOf.now, failure.failedAt)
                reliability.downSeconds += Double(until - failure.failedAt) / 1e6
                guard let end = failure.endedAt else { continue }
                reliability.repairs += 1
                reliability.repairSeconds += Double(end - failure.failedAt) / 1e6
            }
            if reliability.failures == 0 { continue }
            found[id.byBytes] = reliability
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
            found[id.byBytes, default: Reliability(robot: id)].interventions = count
            fleet.interventions += count
        }
        let most = cut(&found, to: worst)
        let figures: Set<String> = ["usable", "deliveries_completed"]
        let hours = try Usage.byRobot(
            range, most.map(Usage.Whose.these) ?? .one(robot), only: figures, call)
        for (id, usage) in hours {
            found[id, default: Reliability(robot: id.text)].operating = usage.usable
            found[id, default: Reliability(robot: id.text)].completed = usage.completed
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
        (other.failures, other.downSeconds, (one.robot ?? "").byBytes) < (
            one.failures, one.downSeconds, (other.robot ?? "").byBytes
        )
    }

    /// Keeps so many, the worst.
    /// - Returns: Their names; nil where all robots may be among them, also those of which nothing is known yet.
    private static func cut(_ found: inout [ByBytes: Reliability], to worst: Int?) -> [String]? {
        guard let worst else { return nil }
        let failed = found.values.filter { $0.failures > 0 }
        guard failed.count > worst else { return nil }
        let kept = failed.indices.sorted { isWorse(failed[$0], failed[$1]) }.prefix(worst)
        found = Dictionary(uniqueKeysWithValues: kept.map { ((failed[$0].robot ?? "").byBytes, failed[$0]) })
        return found.keys.map(\.text)
    }
}
