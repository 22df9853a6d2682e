internal import SessionStore

/// The robot's error that a session's end is told with: the last one before it or, where its robot was down at the end,
/// the one that it went down with. What came before what, never what caused what.
struct Fault {
    /// What a robot told of itself while it held the session: through its window or, naming the session itself, within it.
    struct Candidate {
        var id: String
        var robot: String
        var code: String?
        var at: Int64
        /// The session's lane that shows it.
        var lane: String
    }

    /// Whether an event is a robot's tale of itself, and not what others tell of it: `attempt.failed` is operations'.
    static func isRobots(_ event: String) -> Bool { event.hasPrefix("robot.") }

    let error: Candidate
    /// Whether no later error came before the end.
    let isLast: Bool
    /// The downtime that its robot went into for it.
    let down: StateInterval?

    /// - Parameter errors: Those of the session before its end, in their order.
    /// - Parameter states: Those of its robots, in their order.
    init?(of errors: [Candidate], _ states: [StateInterval], before end: Int64, _ rules: StoreRules) {
        guard let last = errors.last else { return nil }
        /// The downtime that began within two minutes after an error, with its code as the reason or without one.
        func downAfter(_ error: Candidate) -> StateInterval? {
            states.first { state in
                state.robot == error.robot && rules.downtime.contains(state.state)
                    && state.startedAt >= error.at && state.startedAt <= error.at + 120_000_000
                    && state.startedAt <= end && (state.reason == nil || state.reason == error.code)
            }
        }
        // Whether a robot came out of it no sooner than the end: grounded and then in the workshop is one downtime.
        let fault = errors.last { error in
            guard error.robot == last.robot, let down = downAfter(error) else { return false }
            return states.allSatisfy {
                $0.robot != last.robot || $0.startedAt < down.startedAt || $0.startedAt >= end
                    || rules.downtime.contains($0.state)
            }
        }
        error = fault ?? last
        isLast = error.id == last.id && error.at == last.at
        down = downAfter(error)
    }

    /// So many errors before the end of a row's session are looked at.
    private static let most: Int64 = 200

    /// That of a failed session, for lists; nil where no robot that held it told of an error.
    static func behind(_ row: AnswerRow, _ call: Call) throws -> Fault? {
        guard row.text("outcome") == "failed", (row.integer("error_count") ?? 0) > 0,
            let id = row.text("session_id"), let end = row.integer("closed_at")
        else { return nil }
        let errors = try call.rows(
            """
            SELECT e.event_id, e.event, e.robot_id, e.occurred_at, e.payload
            FROM assignment_windows w JOIN events e
              ON e.robot_id = w.entity_id AND e.robot_use IS NOT NULL AND (e.robot_use & 4) <> 0
                AND e.occurred_at >= w.started_at AND e.occurred_at < coalesce(w.ended_at, w.expires_at)
            WHERE w.session_id = ?1 AND w.kind = 'robot' AND e.occurred_at <= \(call.at(2))
              AND (e.subject IS NULL OR (substr(e.event, 1, 6) = 'robot.' AND (e.subject = ?1
                OR e.subject IN (SELECT named_id FROM session_members WHERE session_id = ?1))))
            ORDER BY \(EventOrder.terms(of: "e", latestFirst: true)) LIMIT \(most)
            """, [.text(id), .integer(end)]
        ).reversed().map { row in
            Candidate(
                id: row.text("event_id") ?? "", robot: row.text("robot_id") ?? "",
                code: PayloadFields(event: row.text("event") ?? "", payload: row.text("payload") ?? "")
                    .errorCode,
                at: row.integer("occurred_at") ?? 0, lane: "robot:\(row.text("robot_id") ?? "")")
        }
        guard let first = errors.first, let robot = errors.last?.robot else { return nil }
        let around = try TimeRange(from: first.at, to: end + 1, maxDays: .max / 200_000_000_000)
        let states = try Story.visibleStates(robot, around, windows: { try Window.all(of: id, call) }, call)
        return Fault(of: errors, states, before: end, call.rules)
    }

    func write(_ out: inout JSONWriter) {
        out.object("fault") { out in
            out.text("event_id", error.id)
            out.text("robot_id", error.robot)
            out.text("error_code", error.code)
            out.instant("occurred_at", error.at)
        }
    }
}
