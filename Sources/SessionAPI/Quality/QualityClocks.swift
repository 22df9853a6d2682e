internal import HTTPServer
internal import SessionStore

/// Robots whose clocks are off: what they tell of an arrival beside what the delivery does.
extension QualityChecks {
    /// Robots whose clocks are off; nil where that is not known, and why.
    struct Clocks {
        var question: SQLQuestion
        var rows: [AnswerRow]?
        var words: String
        var wait: QualityCheck.Wait?
    }

    func skew(_ clocks: Clocks) -> QualityCheck {
        QualityCheck(
            name: "clock_skew", count: clocks.rows.map { Int64($0.count) },
            sentence: clocks.rows.map { clocks in
                clocks.first.map { worst in
                    let offset = worst.number("offset_seconds") ?? 0
                    return "\(clocks.count) robots' clocks are off; \(worst.text("robot_id") ?? "?")'s by "
                        + "\(InstantFormat.length(abs(offset))) \(offset > 0 ? "ahead" : "behind")."
                } ?? "No robot tells that it has arrived more than 30 s before or after its deliveries do."
            }.map { $0 + clocks.words } ?? clocks.words,
            matters: "Events of such a robot join the wrong side of a window's end.",
            question: clocks.question, wait: clocks.wait)
    }

    /// Events that tell of what has not come yet, be it by a minute or by years: whatever range was asked for.
    func ahead() throws -> QualityCheck {
        let question = SQLQuestion(
            """
            SELECT event, event_id, occurred_at, robot_id FROM events
            WHERE hour >= ?1 AND occurred_at > \(call.at(2)) ORDER BY occurred_at DESC LIMIT 1000
            """,
            [
                .integer(InstantFormat.floor(call.asOf.horizon, to: InstantFormat.hour) / InstantFormat.hour),
                .integer(call.asOf.horizon),
            ])
        let rows = try question.rows(call)
        var check = QualityCheck(
            name: "events_ahead", count: Int64(rows.count), sentence: "No event is ahead of the clock.",
            matters:
                "Such an event is its robot's last word until its time has come; ranges that end now leave it out.",
            question: question)
        guard let furthest = rows.first, let at = furthest.integer("occurred_at") else { return check }
        let robots = Set(rows.compactMap { $0.text("robot_id") }).sorted()
        check.sentence =
            plural(Int64(rows.count), "event is", "events are") + (rows.count == 1000 ? " (or more)" : "")
            + " ahead of the clock"
            + (robots.isEmpty
                ? ""
                : ", of \(robots.prefix(5).joined(separator: ", "))"
                    + (robots.count > 5 ? " and \(robots.count - 5) more" : ""))
            + "; the furthest, \(furthest.text("event") ?? "?"), is of \(InstantFormat.words(at)) UTC."
        check.href =
            "/analytics/v1/events/\(PercentCoding.encoded(furthest.text("event_id") ?? ""))"
            + "?at=\(PercentCoding.encoded(InstantFormat.text(at)))"
        return check
    }

    /// The median of (the robot says that it has arrived) - (the delivery's arrival), where it is more than 30 s over at
    /// least five pairs, by whole hours. The two in the middle are averaged, which is one of them where their number is odd.
    func clocks() throws -> Clocks {
        // From the sessions of the range, whatever SQLite, which has no statistics, thinks of it.
        let join = call.flavour == .sqlite ? "CROSS JOIN" : "JOIN"
        func arrivals(_ milestone: String, _ state: String) -> String {
            """
            SELECT w.entity_id AS robot_id, \(call.flavour.seconds(from: "s.\(milestone)", to: "r.started_at")) AS seconds
            FROM sessions s \(join) assignment_windows w ON w.session_id = s.session_id AND w.kind = 'robot'
                AND w.started_at <= s.\(milestone) AND s.\(milestone) < coalesce(w.ended_at, w.expires_at)
              \(join) robot_states r ON r.robot_id = w.entity_id AND r.state = '\(state)'
                AND r.started_at > \(call.flavour.moved("s.\(milestone)", by: "-300"))
                AND r.started_at < \(call.flavour.moved("s.\(milestone)", by: "300"))
            WHERE s.first_event_at >= \(call.at(1)) AND s.first_event_at < \(call.at(2)) AND s.\(milestone) IS NOT NULL
            """
        }
        let question = SQLQuestion(
            """
            WITH pairs AS (
            \(arrivals("pickup_arrival_at", "at_pickup"))
            UNION ALL
            \(arrivals("dropoff_arrival_at", "at_dropoff"))),
            ranked AS (
              SELECT robot_id, seconds, row_number() OVER (PARTITION BY robot_id ORDER BY seconds) AS place,
                count(*) OVER (PARTITION BY robot_id) AS pairs FROM pairs)
            SELECT robot_id, pairs, avg(seconds) AS offset_seconds FROM ranked
            WHERE pairs >= 5 AND place IN ((pairs + 1) / 2, (pairs + 2) / 2)
            GROUP BY robot_id, pairs HAVING abs(avg(seconds)) > 30 ORDER BY abs(avg(seconds)) DESC, robot_id
            """, [.integer(whole.from), .integer(whole.to)])
        let found = try told(call.api.aside.answer(to: question, call))
        return Clocks(question: question, rows: found.rows, words: found.words, wait: found.wait)
    }
}
