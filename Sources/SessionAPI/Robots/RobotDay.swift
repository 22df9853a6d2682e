internal import SessionCore
internal import SessionStore

/// A robot's day, added up.
extension Robots {
    static let dayRules: [ParameterRule] = [ParameterRule(name: "day", form: .day)] + ParameterRule.range

    /// The day that is asked for, else that of the robot's last sign of life.
    static func range(_ robot: String, _ call: Call) throws -> TimeRange {
        try expectKnown(robot, call)
        return try call.dayRange(
            defaultAt: try lastHeard(robot, call) ?? lastServed(robot, call) ?? call.asOf.now)
    }

    /// When its last window began.
    private static func lastServed(_ robot: String, _ call: Call) throws -> Int64? {
        try call.rows(
            "SELECT max(started_at) AS at FROM assignment_windows WHERE kind = 'robot' AND entity_id = ?1",
            [.text(robot)]
        ).first?.integer("at")
    }

    static func one(_ call: Call) throws -> Answer {
        let robot = call.objects[0]
        let range = try range(robot, call)
        let day = try RobotDay(robot, range, call)
        let reliability = try Reliability.all(in: range, robot: robot, call).rows.first
        let now = try RobotNow.all([robot], call)[0]
        var out = JSONWriter()
        out.object { out in
            call.asOf.write(&out)
            out.text("robot_id", robot)
            range.write(&out)
            now.write("now", call, &out)
            day.write(call, &out)
            out.object("reliability") { out in (reliability ?? Reliability(robot: robot)).write(&out) }
            day.writeHours(&out)
        }
        return .json(out, rows: day.rowCount)
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
}

/// What a robot did in a range.
private struct RobotDay {
    private struct Downtime {
        var intervals = 0
        var seconds = 0.0
    }

    private var totals = Usage()
    private let failed: Int64
    /// How much of the range has passed.
    private let length: Double
    private var byState: [ByBytes: Double] = [:]
    private var byReason: [ByBytes: Downtime] = [:]
    private var byHour: [Int64: Usage] = [:]
    /// How many states and windows it is made of.
    let rowCount: Int

    init(_ robot: String, _ range: TimeRange, _ call: Call) throws {
        let states = try StateInterval.all(of: robot, in: range, call)
        let windows = try Robots.served("robot", robot, range, call)
        rowCount = states.count + windows.count
        length = max(0, Double(min(range.to, max(call.asOf.now, range.from)) - range.from) / 1e6)
        failed = try Self.closed("failed", by: robot, range, call)
        totals.completed = try Self.closed("completed", by: robot, range, call)
        totals.onDelivery = Robots.union(windows, range, now: call.asOf.now)
        for state in states { add(state, range, call) }
        var hours: [Int64: Usage] = [:]
        try Usage.byHour(range.wholeHours, .one(robot), call) { hours[$1, default: Usage()].add($2) }
        byHour = hours
        for (at, usage) in byHour where at + InstantFormat.hour > range.from && at < range.to {
            totals.errors += usage.errors
        }
    }

    private mutating func add(_ state: StateInterval, _ range: TimeRange, _ call: Call) {
        let seconds = Double(state.length(in: range, now: call.asOf.now)) / 1e6
        let stateClass = call.rules.stateClass(state.state)
        totals.add(seconds: seconds, of: stateClass)
        byState[state.state.byBytes, default: 0] += seconds
        if stateClass == .downtime, seconds > 0 {
            byReason[(state.reason ?? "").byBytes, default: Downtime()].intervals += 1
            byReason[(state.reason ?? "").byBytes, default: Downtime()].seconds += seconds
        }
    }

    /// How many sessions that the robot had last were closed with an outcome.
    private static func closed(
        _ outcome: String, by robot: String, _ range: TimeRange, _ call: Call
    ) throws -> Int64 {
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

    func write(_ call: Call, _ out: inout JSONWriter) {
        out.object("totals") { out in
            totals.write(&out)
            let accounted = StateClass.allCases.reduce(0) { $0 + totals.seconds(of: $1) }
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
            for (reason, down) in byReason.sorted(by: {
                ($1.value.seconds, $0.key) < ($0.value.seconds, $1.key)
            }) {
                out.object { out in
                    out.text("reason", reason.text)
                    out.integer("intervals", down.intervals)
                    out.number("seconds", down.seconds)
                    out.number("share", totals.downtime > 0 ? down.seconds / totals.downtime : 0)
                }
            }
        }
    }

    func writeHours(_ out: inout JSONWriter) {
        out.array("hours") { out in
            for (at, usage) in byHour.sorted(by: { $0.key < $1.key }) {
                out.object { out in
                    out.instant("at", at)
                    usage.write(&out)
                }
            }
        }
    }
}
