internal import SessionStore

/// A robot's step into a state, as far as it matters for failures: of all robots there are very many.
struct RobotStep {
    /// What a state is among failures and repairs.
    enum Kind {
        /// Not downtime.
        case up
        /// Downtime that is no failure itself; what follows it may be one.
        case unknown
        /// Downtime that is no failure.
        case maintenance
        /// Downtime that a robot fails into.
        case broken

        /// Of a state by its name.
        init(_ state: String, _ rules: StoreRules) {
            if !rules.downtime.contains(state) {
                self = .up
            } else if state == "unknown" {
                self = .unknown
            } else {
                self = state == "maintenance" ? .maintenance : .broken
            }
        }

        /// Whether it is downtime.
        var isDown: Bool { self != .up }
    }

    var kind: Kind
    var startedAt: Int64
    /// Nil while it lasts.
    var endedAt: Int64?

    /// Those of each robot that begin in a range, in order; before them each robot's last one from before, if there is one.
    static func all(in range: TimeRange, robot: String?, _ call: Call) throws -> [(
        robot: String, steps: [RobotStep]
    )] {
        if call.rules.downtime.isEmpty { return [] }
        var found = Found(call)
        switch call.flavour {
        case .postgres where robot == nil: try found.readByStart(range, call)
        case .sqlite, .postgres: try found.readByRobot(range, robot, call)
        }
        for index in found.all.indices { found.all[index].steps.sort { $0.startedAt < $1.startedAt } }
        return found.all
    }

    /// Failures that begin in a range, each with the end of the downtime that follows: grounded and then in the workshop is one.
    /// - Parameter steps: Of one robot, in order.
    static func failures(_ steps: [RobotStep], since from: Int64) -> [(failedAt: Int64, endedAt: Int64?)] {
        var failures: [(failedAt: Int64, endedAt: Int64?)] = []
        var before = Kind.up
        var isFailed = false
        for step in steps {
            defer { before = step.kind }
            if step.startedAt < from || !step.kind.isDown { continue }
            if step.kind == .broken, !before.isDown || before == .unknown {
                failures.append((step.startedAt, step.endedAt))
                isFailed = true
            } else if before.isDown, isFailed, failures.last?.endedAt == step.startedAt {
                failures[failures.count - 1].endedAt = step.endedAt
            } else {
                isFailed = false
            }
        }
        return failures
    }

    /// What was read so far.
    private struct Found {
        var all: [(robot: String, steps: [RobotStep])] = []
        private var places: [ByBytes: Int] = [:]
        /// Downtime by its number in a question, from one on.
        private let states: [String]
        private let kinds: [Kind]

        init(_ call: Call) {
            states = call.rules.downtime.sorted()
            kinds = [.up] + states.map { Kind($0, call.rules) }
        }

        /// Text and figures of a step: a row is not worth more than that.
        private func columns(from first: Int) -> String {
            let kinds = states.indices.map { "WHEN ?\($0 + first) THEN \($0 + 1)" }.joined(separator: " ")
            return """
                s.robot_id, s.started_at, coalesce(s.ended_at, s.started_at) AS ended_at,
                CASE WHEN s.ended_at IS NULL THEN 0 ELSE 1 END AS has_end,
                CASE s.state \(kinds) ELSE 0 END AS kind
                """
        }

        private var parameters: [TableValue] { states.map { .text($0) } }

        private mutating func add(_ robot: String, _ figures: UnsafeBufferPointer<Int64>) {
            let endedAt = figures[2] == 0 ? nil : figures[1]
            let step = RobotStep(kind: kinds[Int(figures[3])], startedAt: figures[0], endedAt: endedAt)
            // Robot by robot as a rule.
            if let last = all.indices.last, all[last].robot.byBytes == robot.byBytes {
                all[last].steps.append(step)
            } else if let place = places[robot.byBytes] {
                all[place].steps.append(step)
            } else {
                places[robot.byBytes] = all.count
                all.append((robot, [step]))
            }
        }

        mutating func readByRobot(_ range: TimeRange, _ robot: String?, _ call: Call) throws {
            let robots = robot == nil ? StateInterval.robots : "robots(id) AS (SELECT CAST(?3 AS TEXT))"
            let sql = """
                WITH \(robots)
                SELECT \(columns(from: 4)) FROM robots CROSS JOIN robot_states s
                WHERE s.robot_id = robots.id AND s.started_at < \(call.at(2)) AND (?3 = '' OR s.robot_id = ?3)
                  AND s.started_at >= coalesce((SELECT max(b.started_at) FROM robot_states b
                    WHERE b.robot_id = robots.id AND b.started_at < \(call.at(1))), \(call.at(1)))
                """
            try call.store.forEachFigures(
                sql, [.integer(range.from), .integer(range.to), .text(robot ?? "")] + parameters
            ) { add($0, $1) }
        }

        /// How long before a range a robot's state before it is looked for among all states, not robot by robot.
        private static let margin = 6 * InstantFormat.hour

        /// Of all robots where the store would sort their states: they are told as they lie there and put in order here, which
        /// is quicker.
        mutating func readByStart(_ range: TimeRange, _ call: Call) throws {
            try call.store.forEachFigures(
                """
                SELECT \(columns(from: 3)) FROM robot_states s
                WHERE s.started_at >= \(call.at(1)) AND s.started_at < \(call.at(2))
                """, [.integer(range.from - Self.margin), .integer(range.to)] + parameters
            ) { add($0, $1) }
            // Of those whose first one may follow another, that.
            let unknown = all.filter { robot, steps in
                steps.allSatisfy { $0.startedAt >= range.from }
                    && steps.min { $0.startedAt < $1.startedAt }?.kind.isDown == true
            }
            if unknown.isEmpty { return }
            let names = Usage.Whose.these(unknown.map(\.robot))
            try call.store.forEachFigures(
                """
                SELECT \(columns(from: 3)) FROM (\(call.flavour.elements(of: "?1"))) n CROSS JOIN LATERAL (
                  SELECT * FROM robot_states b WHERE b.robot_id = n.id AND b.started_at < \(call.at(2))
                  ORDER BY b.started_at DESC LIMIT 1) s
                """, [names.list, .integer(range.from)] + parameters
            ) { add($0, $1) }
        }
    }
}
