public import SessionStore

/// What a fleet gave and what stood in its way: utilization, downtime, deliveries.
///
/// States that have no end yet are counted up to the last event in the store, not up to now: of an archive
/// replayed later, the time since would drown everything else. The views `usable_supply_hours` and
/// `downtime_by_reason` count up to now.
public struct FleetStory: Sendable {
    /// One row: first and last event, their number, robots.
    let span: TableRow
    /// Sessions of deliveries and demands by outcome, with the mean total duration of the completed.
    let outcomes: [TableRow]
    /// One row: the offers' funnel.
    let funnel: TableRow
    /// By hour of the day where there is one day, else by day: hours usable, down, on delivery.
    let periods: [TableRow]
    /// Hours by state.
    let states: [TableRow]
    /// Hours down by state and reason.
    let downtime: [TableRow]
    /// The robots with the most failures.
    let robots: [TableRow]
    /// What deliveries failed of, and the state that their robot was in then.
    let failures: [TableRow]
    /// A delivery worth a look: a failed one with a fault and more than one robot, where there is one.
    let example: TableRow?

    /// Hours of a robot in a state, what is still open included; `class` tells how the configuration counts it.
    private static let stateHours = """
        WITH RECURSIVE last(at) AS (SELECT max(occurred_at) FROM (
            SELECT max(last_event_at) AS occurred_at FROM freshness)),
          pieces(robot_id, state, reason, from_at, until_at) AS (
            SELECT robot_id, state, reason, started_at,
              min(last.at, (started_at / 3600000000 + 1) * 3600000000)
              FROM robot_states, last WHERE ended_at IS NULL AND started_at < last.at
            UNION ALL
            SELECT robot_id, state, reason, until_at, min(last.at, until_at + 3600000000)
              FROM pieces, last WHERE until_at < last.at),
          classes(state, class) AS (
            SELECT j.value, substr(meta.key, 1, length(meta.key) - 7) FROM meta, json_each(meta.value) AS j
            WHERE meta.key IN ('usable_states', 'downtime_states', 'off_duty_states')),
          state_hours AS (
            SELECT s.robot_id, s.hour, s.state, s.reason, s.seconds, coalesce(c.class, 'other') AS class
            FROM (SELECT robot_id, hour, state, reason, seconds FROM robot_state_hourly
              UNION ALL
              SELECT robot_id, from_at / 3600000000 * 3600000000, state, coalesce(reason, ''),
                (until_at - from_at) / 1e6 FROM pieces) s
            LEFT JOIN classes c ON c.state = s.state)
        """

    /// The story of the fleet in a store; nil where the store has no events.
    public static func load(from store: any TableReading) throws -> FleetStory? {
        let spans = try store.rows(
            """
            SELECT (SELECT min(first_event_at) FROM sessions) AS first_event_at,
              (SELECT max(last_event_at) FROM freshness) AS last_event_at,
              (SELECT coalesce(sum(events), 0) FROM freshness WHERE scope = 'all') AS events,
              (SELECT count(DISTINCT robot_id) FROM robot_states) AS robots,
              (SELECT min(started_at) FROM robot_states) AS first_state_at
            """, [])
        guard let span = spans.first, span.integer("last_event_at") != nil else { return nil }
        let start = min(
            span.integer("first_event_at") ?? .max, span.integer("first_state_at") ?? .max)
        let isOneDay = (span.integer("last_event_at") ?? 0) - min(start, .max) < 36 * 3_600_000_000
        return FleetStory(
            span: span,
            outcomes: try store.rows(
                """
                SELECT outcome, count(*) AS sessions, avg(total_seconds) AS mean_total_seconds,
                  sum(reassignment_count > 0) AS reassigned
                FROM sessions WHERE kind IN ('delivery', 'demand') GROUP BY outcome
                ORDER BY CASE outcome WHEN 'completed' THEN 0 WHEN 'failed' THEN 1 WHEN 'canceled' THEN 2
                  ELSE 3 END
                """, []),
            funnel: try store.rows(
                """
                SELECT coalesce(sum(offers_received), 0) AS offers_received,
                  coalesce(sum(offers_accepted), 0) AS offers_accepted,
                  coalesce(sum(offers_rejected), 0) AS offers_rejected,
                  coalesce(sum(offers_expired), 0) AS offers_expired FROM delivery_funnel
                """, []
            ).first ?? TableRow(columns: [], values: []),
            periods: try periods(isOneDay: isOneDay, in: store),
            states: try store.rows(
                stateHours
                    + """
                     SELECT class, state, sum(seconds) / 3600.0 AS hours FROM state_hours
                    GROUP BY class, state ORDER BY hours DESC
                    """, []),
            downtime: try store.rows(
                stateHours
                    + """
                     SELECT state, reason, count(DISTINCT robot_id) AS robots, sum(seconds) / 3600.0 AS hours
                    FROM state_hours WHERE class = 'downtime' GROUP BY state, reason ORDER BY hours DESC
                    """, []),
            robots: try store.rows(
                """
                SELECT * FROM robot_reliability WHERE failures > 0
                ORDER BY failures DESC, operating_hours, robot_id LIMIT 5
                """, []),
            failures: try store.rows(
                """
                SELECT coalesce(s.failure_code, '') AS failure_code, r.state AS robot_state,
                  r.reason AS robot_reason, count(*) AS deliveries
                FROM sessions s LEFT JOIN robot_states r
                  ON r.robot_id = s.robot_id AND r.started_at = (
                    SELECT max(before.started_at) FROM robot_states before
                    WHERE before.robot_id = s.robot_id AND before.started_at <= s.failed_at)
                WHERE s.outcome = 'failed' GROUP BY 1, 2, 3 ORDER BY deliveries DESC, 1, 2, 3
                """, []),
            example: try store.rows(
                """
                SELECT session_id, delivery_id FROM sessions
                WHERE outcome IN ('failed', 'completed') AND delivery_id IS NOT NULL
                ORDER BY outcome <> 'failed', first_error_code IS NULL, reassignment_count = 0,
                  pilot_handoff_count = 0, event_count DESC, session_id LIMIT 1
                """, []
            ).first)
    }

    private static func periods(isOneDay: Bool, in store: any TableReading) throws -> [TableRow] {
        let length: Int64 = isOneDay ? 3_600_000_000 : 86_400_000_000
        return try store.rows(
            stateHours
                + """
                , served AS (SELECT hour / ?1 * ?1 AS start, sum(on_delivery_seconds) / 3600.0 AS on_delivery_hours,
                    sum(deliveries_completed) AS completed FROM robot_hourly GROUP BY 1)
                SELECT s.start AS starts_at, s.usable_hours, s.downtime_hours,
                  coalesce(served.on_delivery_hours, 0.0) AS on_delivery_hours,
                  coalesce(served.completed, 0) AS completed
                FROM (SELECT hour / ?1 * ?1 AS start,
                    sum(CASE class WHEN 'usable' THEN seconds ELSE 0 END) / 3600.0 AS usable_hours,
                    sum(CASE class WHEN 'downtime' THEN seconds ELSE 0 END) / 3600.0 AS downtime_hours
                  FROM state_hours GROUP BY 1) s LEFT JOIN served ON served.start = s.start
                WHERE s.usable_hours + s.downtime_hours > 0 OR served.on_delivery_hours > 0 ORDER BY 1
                """, [.integer(length)])
    }

    /// For machines.
    public func json() -> String {
        var out = JSONText()
        out.object { out in
            out.raw("span", SessionStory.json(span))
            out.raw("offers", SessionStory.json(funnel))
            let tables = [
                ("deliveries", outcomes), ("periods", periods), ("states", states), ("downtime", downtime),
                ("least_reliable", robots), ("failures", failures),
            ]
            for (name, rows) in tables {
                out.array(name) { out in for row in rows { out.raw(nil, SessionStory.json(row)) } }
            }
            out.string("worth_a_look", example?.text("delivery_id"))
        }
        return out.text
    }
}
