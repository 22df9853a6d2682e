internal import SessionStore

/// Which sessions have an event with one of some error codes, whichever way it joined them.
///
/// A rare code is looked up: its events, and from them their sessions. Of a common one every other session may have it, so
/// the sessions are walked in their order until a page is full.
struct ErrorFilter {
    /// Events up to which a code is rare.
    private static let few: Int64 = 2000

    /// The codes as parameters: `?3, ?4`.
    let codes: String
    let call: Call

    /// Whether so few events have one of the codes that they are all looked at.
    static func isRare(_ codes: [String], _ call: Call) throws -> Bool {
        guard call.rules.hasErrorCodes else {
            throw Problem(
                kind: .storeUnavailable, title: "The store is of an older version",
                detail: "Its events cannot be found by an error code, and it may not be written here.",
                hint: "Run `sessionizer migrate --store URL` where it may be written.")
        }
        let list = codes.indices.map { "?\($0 + 2)" }.joined(separator: ", ")
        let count = try call.rows(
            "SELECT count(*) AS n FROM (SELECT 1 FROM events WHERE error_code IN (\(list)) LIMIT ?1) bounded",
            [.integer(few + 1)] + codes.map { .text($0) }
        ).first?.integer("n")
        return count ?? 0 <= few
    }

    /// What holds for the sessions `s`.
    func condition(isRare: Bool) -> String {
        // `coalesce`: the index of a common code would be the wrong way in.
        isRare
            ? "s.error_count > 0 AND s.session_id IN (\(sessions))"
            : "s.error_count > 0 AND (s.failure_code IN (\(codes)) OR s.first_error_code IN (\(codes)) OR "
                + "\(joined.exists("coalesce(e.error_code, '') IN (\(codes))")))"
    }

    private var joined: JoinedEvents { JoinedEvents(call: call) }

    /// From the events to their sessions.
    private var sessions: String {
        let direct = """
            SELECT e.subject FROM events e WHERE e.error_code IN (\(codes)) AND e.subject IS NOT NULL
            UNION ALL
            SELECT m.session_id FROM events e JOIN session_members m ON m.named_id = e.subject
            WHERE e.error_code IN (\(codes))
            """
        return joined.kinds.reduce(direct) { sql, kind in
            sql + """

                UNION ALL
                SELECT w.session_id FROM events e CROSS JOIN assignment_windows w
                  WHERE w.kind = '\(kind.kind)' AND \(joined.joins) AND \(joined.recent) AND \(kind.condition)
                  AND e.error_code IN (\(codes)) AND e.subject IS NULL
                """
        }
    }
}

/// The ways in which an event `e` joins a session, as the view `session_events` has them, for a question from either side.
struct JoinedEvents {
    let call: Call

    var joins: String {
        "e.occurred_at >= w.started_at AND e.occurred_at < coalesce(w.ended_at, w.expires_at)"
    }
    /// A window lasts no longer than this: what began earlier holds nothing.
    var recent: String {
        "w.started_at > \(call.flavour.moved("e.occurred_at", by: "-\(Int64(call.rules.maxWindowSeconds) + 1)"))"
    }
    /// What a robot's window holds joins through nothing else (semantics, section 4).
    private var heldByRobot: String {
        """
        e.robot_id IS NOT NULL AND EXISTS (SELECT 1 FROM assignment_windows r
          WHERE r.kind = 'robot' AND r.entity_id = e.robot_id AND r.started_at <= e.occurred_at
            AND r.started_at > \(call.flavour.moved("e.occurred_at", by: "-\(Int64(call.rules.maxWindowSeconds) + 1)"))
            AND e.occurred_at < coalesce(r.ended_at, r.expires_at))
        """
    }
    /// Of each kind of window: which events it may hold beside those of its entity and time.
    var kinds: [(kind: String, condition: String)] {
        [
            ("robot", "e.robot_id = w.entity_id AND e.robot_use IS NOT NULL"),
            ("pilot", "e.pilot_id = w.entity_id AND e.pilot_use IS NOT NULL AND NOT (\(heldByRobot))"),
            (
                "merchant",
                "e.merchant_id = w.entity_id AND e.merchant_id IS NOT NULL AND e.robot_id IS NULL AND e.pilot_id IS NULL"
            ),
        ]
    }

    /// From a session `s` to its events: whether one of them fulfils a condition.
    func exists(_ condition: String) -> String {
        let direct = """
            EXISTS (SELECT 1 FROM events e WHERE e.subject = s.session_id AND \(condition))
            OR EXISTS (SELECT 1 FROM session_members m JOIN events e ON e.subject = m.named_id
              WHERE m.session_id = s.session_id AND \(condition))
            """
        return kinds.reduce(direct) { sql, kind in
            sql + """

                OR EXISTS (SELECT 1 FROM assignment_windows w JOIN events e ON \(condition) AND \(joins) AND \(kind.condition)
                  WHERE w.session_id = s.session_id AND w.kind = '\(kind.kind)' AND e.subject IS NULL)
                """
        }
    }
}
