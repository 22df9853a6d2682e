internal import SessionCore
internal import SessionStore

/// A row of `robot_states`.
struct StateInterval {
    var robot: String
    var startedAt: Int64
    var endedAt: Int64?
    var state: String
    var reason: String?

    init(_ row: AnswerRow) {
        robot = row.text("robot_id") ?? ""
        startedAt = row.integer("started_at") ?? 0
        endedAt = row.integer("ended_at")
        state = row.text("state") ?? ""
        reason = row.text("reason")
    }

    /// The columns of ``ofColumns(_:)``.
    static let columns = "s.robot_id, s.started_at, s.ended_at, s.state, s.reason"

    /// From a row that begins with ``columns``: for questions of very many rows.
    static func ofColumns(_ row: AnswerRow) -> StateInterval {
        StateInterval(
            robot: row.text(at: 0) ?? "", startedAt: row.integer(at: 1) ?? 0, endedAt: row.integer(at: 2),
            state: row.text(at: 3) ?? "", reason: row.text(at: 4))
    }

    private init(robot: String, startedAt: Int64, endedAt: Int64?, state: String, reason: String?) {
        (self.robot, self.startedAt, self.endedAt) = (robot, startedAt, endedAt)
        (self.state, self.reason) = (state, reason)
    }

    /// Its length within a range, in microseconds; an open one ends at `now`.
    func length(in range: TimeRange, now: Int64) -> Int64 {
        max(0, min(endedAt ?? max(now, startedAt), range.to) - max(startedAt, range.from))
    }

    func write(
        key: String? = nil, _ out: inout JSONWriter, _ rules: StoreRules, secondsInRange: Double? = nil
    ) {
        out.object(key) { out in
            out.text("robot_id", robot)
            out.instant("started_at", startedAt)
            out.instant("ended_at", endedAt)
            out.text("state", state)
            out.text("class", rules.stateClass(state).rawValue)
            out.text("reason", reason)
            out.number("seconds", endedAt.map { Double($0 - startedAt) / 1e6 })
            if let secondsInRange { out.number("seconds_in_range", secondsInRange) }
        }
    }

    /// "grounded (LID_ERROR)"
    var words: String { reason.map { "\(state) (\($0))" } ?? state }

    /// Those of a robot that reach into a range, in order.
    static func all(of robot: String, in range: TimeRange, _ call: Call) throws -> [StateInterval] {
        try call.rows(
            """
            SELECT * FROM robot_states WHERE robot_id = ?1 AND started_at < \(call.at(3))
              AND started_at >= coalesce((SELECT max(b.started_at) FROM robot_states b
                WHERE b.robot_id = ?1 AND b.started_at <= \(call.at(2))), \(call.at(2)))
              AND (ended_at IS NULL OR ended_at > \(call.at(2)))
            ORDER BY started_at
            """, [.text(robot), .integer(range.from), .integer(range.to)]
        ).map(StateInterval.init)
    }

    /// Every robot that has a state: SQL of a table `robots(id)` for `WITH`. The last state of each has no end.
    static let robots = "robots(id) AS (SELECT robot_id FROM robot_states WHERE ended_at IS NULL)"
}
