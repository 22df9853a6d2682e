internal import SessionStore

/// A robot's step into downtime that counts as a failure, with the downtime that follows: grounded and then in the workshop
/// is one.
struct Failure {
    /// The state it failed into.
    let state: StateInterval
    /// When the last of the downtime after it ended; nil while it lasts.
    let endedAt: Int64?

    /// Until it was back.
    var seconds: Double? { endedAt.map { Double($0 - state.startedAt) / 1e6 } }

    /// All that began in a range, by robot.
    static func all(in range: TimeRange, robot: String?, _ call: Call) throws -> [Failure] {
        try Reliability.downs(in: range, robot: robot, call).flatMap { _, downs in
            Reliability.runs(downs, call).filter { $0.failedAt >= range.from }
                .map { Failure(state: $0.state, endedAt: $0.endedAt) }
        }
    }

    // MARK: - Route

    static let rules: [ParameterRule] =
        ParameterRule.range + [.id("robot"), .flag("repaired")] + ParameterRule.page

    /// What MTBF and MTTR count, the latest first. By whole hours, as these are.
    static func list(_ call: Call) throws -> Answer {
        let range = try call.hourRange()
        let before = try call.cursor(keys: 2)?.keys
        let robot = call.parameters.text("robot")
        let repaired = call.parameters.flag("repaired")
        let all = try all(in: range, robot: robot, call).filter { !repaired || $0.endedAt != nil }
            .sorted { ($1.state.startedAt, $1.state.robot) < ($0.state.startedAt, $0.state.robot) }
        let operating =
            try robot == nil
            ? Usage.ofFleet(range, call).reduce(0) { $0 + $1.usage.usable }
            : Usage.byRobot(range, .one(robot), only: ["usable"], call).values.reduce(0) { $0 + $1.usable }
        let rest = all.drop { failure in
            guard let before, let at = Int64(before[0]) else { return false }
            return (failure.state.startedAt, failure.state.robot) >= (at, before[1])
        }
        let size = call.pageSize
        let page = Array(rest.prefix(size))
        let lengths = all.compactMap(\.seconds)
        var out = JSONWriter()
        out.object { out in
            call.asOf.write(&out)
            range.write(&out)
            out.object("totals") { out in
                out.number("operating_seconds", operating)
                out.integer("failures", all.count)
                out.integer("repairs", lengths.count)
                out.number("repair_seconds", lengths.reduce(0, +))
            }
            out.array("rows") { out in
                for failure in page {
                    out.object { out in
                        out.text("robot_id", failure.state.robot)
                        out.instant("failed_at", failure.state.startedAt)
                        out.text("state", failure.state.state)
                        out.text("reason", failure.state.reason)
                        out.instant("repaired_at", failure.endedAt)
                        out.number("repair_seconds", failure.seconds)
                    }
                }
            }
            let last = rest.count > size ? page.last?.state : nil
            out.text("next", call.next(last.map { ["\($0.startedAt)", $0.robot] }))
        }
        return .json(out, rows: page.count)
    }
}
