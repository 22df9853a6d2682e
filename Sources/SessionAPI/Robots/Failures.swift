internal import SessionStore

/// A robot's step into downtime that counts as a failure, with the downtime that follows: grounded and then in the workshop
/// is one.
struct Failure {
    let robot: String
    let failedAt: Int64
    /// When the last of the downtime after it ended; nil while it lasts.
    let endedAt: Int64?

    /// Until it was back.
    var seconds: Double? { endedAt.map { Double($0 - failedAt) / 1e6 } }

    /// All that began in a range.
    static func all(in range: TimeRange, robot: String?, _ call: Call) throws -> [Failure] {
        try RobotStep.all(in: range, robot: robot, call).flatMap { robot, steps in
            RobotStep.failures(steps, since: range.from)
                .map { Failure(robot: robot, failedAt: $0.failedAt, endedAt: $0.endedAt) }
        }
    }

    /// Whose state began when.
    private struct Place: Hashable {
        var robot: ByBytes
        var at: Int64
    }

    /// The states that some failures are steps into.
    private static func states(of failures: [Failure], _ call: Call) throws -> [Place: StateInterval] {
        let instants = failures.map(\.failedAt)
        guard let first = instants.min(), let last = instants.max() else { return [:] }
        let robots = Usage.Whose.these(Set(failures.map(\.robot.byBytes)).map(\.text))
        var found: [Place: StateInterval] = [:]
        try call.store.forEachRow(
            """
            SELECT \(StateInterval.columns) FROM (\(call.flavour.elements(of: "?1"))) n CROSS JOIN robot_states s
            WHERE s.robot_id = n.id AND s.started_at >= \(call.at(2)) AND s.started_at <= \(call.at(3))
            """, [robots.list, .integer(first), .integer(last)]
        ) { row in
            let state = StateInterval.ofColumns(row)
            found[Place(robot: state.robot.byBytes, at: state.startedAt)] = state
            return true
        }
        return found
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
            .sorted { ($1.failedAt, $1.robot.byBytes) < ($0.failedAt, $0.robot.byBytes) }
        let operating =
            try robot == nil
            ? Usage.ofFleet(range, call).reduce(0) { $0 + $1.usage.usable }
            : Usage.byRobot(range, .one(robot), only: ["usable"], call).values.reduce(0) { $0 + $1.usable }
        let rest = all.drop { failure in
            guard let before, let at = Int64(before[0]) else { return false }
            return (failure.failedAt, failure.robot.byBytes) >= (at, before[1].byBytes)
        }
        let size = call.pageSize
        let page = Array(rest.prefix(size))
        let states = try states(of: page, call)
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
                    let state = states[Place(robot: failure.robot.byBytes, at: failure.failedAt)]
                    out.object { out in
                        out.text("robot_id", failure.robot)
                        out.instant("failed_at", failure.failedAt)
                        out.text("state", state?.state)
                        out.text("reason", state?.reason)
                        out.instant("repaired_at", failure.endedAt)
                        out.number("repair_seconds", failure.seconds)
                    }
                }
            }
            let last = rest.count > size ? page.last : nil
            out.text("next", call.next(last.map { ["\($0.failedAt)", $0.robot] }))
        }
        return .json(out, rows: page.count)
    }
}
