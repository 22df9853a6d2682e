internal import SessionCore
public import SessionStore

/// What a fleet gave and what stood in its way: utilization, downtime, deliveries.
///
/// States that have no end yet are counted up to the last event in the store, not up to now: of an archive
/// replayed later, the time since would drown everything else. The views `usable_supply_hours` and
/// `downtime_by_reason` count up to now.
public struct FleetStory: Sendable {
    /// One row: first and newest event, their number, robots.
    let span: TableRow
    /// What is counted up to: the newest event that was not ahead of the clock.
    let last: Int64
    /// Sessions of deliveries and demands by outcome, with the mean total duration of the completed.
    let outcomes: [TableRow]
    /// One row: the offers' funnel.
    let funnel: TableRow
    /// By hour of the day where there is one day, else by day: hours usable, down, on delivery.
    let periods: [TableRow]
    /// Where `periods` begins, where there is more before it.
    let periodsFrom: Int64?
    /// States of more than a year: most likely of a clock that was wrong.
    let doubtful: [TableRow]
    /// Hours on delivery of all robots, shown in a period or not.
    let servedHours: Double
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

    /// How many days, or hours of a single day, are shown.
    static let shownPeriods: Int64 = 62

    /// The story of the fleet in a store; nil where the store has no events.
    public static func load(from store: any TableReading) throws -> FleetStory? {
        let spans = try store.rows(
            """
            SELECT (SELECT min(first_event_at) FROM sessions) AS first_event_at,
              (SELECT max(last_event_at) FROM freshness) AS last_event_at,
              (SELECT CAST(coalesce(sum(events), 0) AS BIGINT) FROM freshness WHERE scope = 'all') AS events,
              (SELECT count(*) FROM known_robots) AS robots,
              (SELECT min(started_at) FROM robot_states) AS first_state_at
            """, [])
        guard let span = spans.first, let last = try LastInstant.find(in: store) else { return nil }
        let start = min(
            span.integer("first_event_at") ?? .max, span.integer("first_state_at") ?? .max, last)
        let classes = try StateClasses(store)
        let sums = try stateSums(upTo: last, classes, in: store)
        let (periods, from) = try periods(from: start, upTo: last, classes, in: store)
        return FleetStory(
            span: span, last: last,
            outcomes: try outcomes(in: store),
            funnel: try store.rows(
                """
                SELECT CAST(coalesce(sum(offers_received), 0) AS BIGINT) AS offers_received,
                  CAST(coalesce(sum(offers_accepted), 0) AS BIGINT) AS offers_accepted,
                  CAST(coalesce(sum(offers_rejected), 0) AS BIGINT) AS offers_rejected,
                  CAST(coalesce(sum(offers_expired), 0) AS BIGINT) AS offers_expired FROM delivery_funnel
                """, []
            ).first ?? TableRow(columns: [], values: []),
            periods: periods, periodsFrom: from,
            doubtful: try store.rows(
                """
                SELECT robot_id, state, started_at, ended_at FROM robot_states
                WHERE ended_at - started_at > \(store.flavour.span(micros: 366 * Grid.day))
                ORDER BY ended_at - started_at DESC, robot_id, started_at LIMIT 3
                """, []),
            servedHours: try store.rows(
                "SELECT CAST(sum(on_delivery) AS BIGINT) AS micros FROM robot_hours", []
            ).first.map { hours($0, "micros") } ?? 0,
            states: sums.states, downtime: sums.downtime,
            robots: try leastReliable(upTo: last, in: store),
            failures: try store.rows(
                """
                SELECT coalesce(s.failure_code, '') AS failure_code, r.state AS robot_state,
                  r.reason AS robot_reason, count(*) AS deliveries
                FROM sessions s LEFT JOIN robot_states r
                  ON r.robot_id = s.robot_id AND r.started_at = (
                    SELECT max(before.started_at) FROM robot_states before
                    WHERE before.robot_id = s.robot_id AND before.started_at <= s.failed_at)
                WHERE s.outcome = 'failed' GROUP BY 1, 2, 3
                ORDER BY deliveries DESC, 1, 2 NULLS FIRST, 3 NULLS FIRST
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

    private static func hours(_ row: TableRow, _ column: String) -> Double {
        (row.number(column) ?? 0) / 3.6e9
    }

    /// The microseconds of a row of `robot_states`, an open one's up to `?1`.
    private static func spanMicros(_ store: any TableReading) -> String {
        let flavour = store.flavour
        let end = "coalesce(ended_at, \(flavour.instant("?1")))"
        return flavour.greater(flavour.micros(from: "started_at", to: end), "0")
    }

    private static func outcomes(in store: any TableReading) throws -> [TableRow] {
        try store.rows(
            """
            SELECT outcome, count(*) AS sessions, count(total_seconds) AS timed,
              CAST(sum(CAST(round(total_seconds * 1e6) AS BIGINT)) AS BIGINT) AS total_micros,
              count(CASE WHEN reassignment_count > 0 THEN 1 END) AS reassigned
            FROM sessions WHERE kind IN ('delivery', 'demand') GROUP BY outcome
            ORDER BY CASE outcome WHEN 'completed' THEN 0 WHEN 'failed' THEN 1 WHEN 'canceled' THEN 2
              ELSE 3 END, outcome
            """, []
        ).map { row in
            let mean = row.number("total_micros").map { $0 / 1e6 / (row.number("timed") ?? 1) }
            return TableRow(
                columns: ["outcome", "sessions", "mean_total_seconds", "reassigned"],
                values: [row["outcome"], row["sessions"], mean.map { .real($0) } ?? .null, row["reassigned"]])
        }
    }

    /// Rows of `robot_reliability`, except that the view counts an open state up to now.
    private static func leastReliable(upTo last: Int64, in store: any TableReading) throws -> [TableRow] {
        try store.rows(
            """
            SELECT robot_id, failures, micros FROM (
              SELECT r.robot_id, r.failures, (
                SELECT CAST(coalesce(sum(\(spanMicros(store))), 0) AS BIGINT) FROM robot_states s
                WHERE s.robot_id = r.robot_id AND s.state IN (\(store.flavour.listed("usable_states")))) AS micros
              FROM robot_reliability r WHERE r.failures > 0) sums
            ORDER BY failures DESC, micros, robot_id LIMIT 5
            """, [.integer(last)]
        ).map { row in
            let operating = hours(row, "micros")
            return TableRow(
                columns: ["robot_id", "operating_hours", "failures", "mtbf_hours"],
                values: [
                    row["robot_id"], .real(operating), row["failures"],
                    .real(operating / (row.number("failures") ?? 1)),
                ])
        }
    }

    /// Hours by state, and by state and reason where the robot is down: sums over whole states, whatever their length.
    private static func stateSums(
        upTo last: Int64, _ classes: StateClasses, in store: any TableReading
    ) throws -> (states: [TableRow], downtime: [TableRow]) {
        let rows = try store.rows(
            """
            SELECT state, coalesce(reason, '') AS reason, count(DISTINCT robot_id) AS robots,
              CAST(sum(\(spanMicros(store))) AS BIGINT) AS micros
            FROM robot_states WHERE ended_at IS NOT NULL OR started_at < \(store.flavour.instant("?1"))
            GROUP BY 1, 2 ORDER BY 1, 2
            """, [.integer(last)]
        ).map { row in
            TableRow(
                columns: ["state", "reason", "robots", "hours"],
                values: [row["state"], row["reason"], row["robots"], .real(hours(row, "micros"))])
        }
        var states: [String: Double] = [:]
        for row in rows { states[row.text("state") ?? "", default: 0] += row.number("hours") ?? 0 }
        return (
            states.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { state, hours in
                TableRow(
                    columns: ["class", "state", "hours"],
                    values: [.text(classes[state].rawValue), .text(state), .real(hours)])
            },
            rows.filter { classes[$0.text("state") ?? ""] == .downtime }
                .sorted { ($0.number("hours") ?? 0) > ($1.number("hours") ?? 0) }
        )
    }

    /// The last days, or the hours of a single day. Stored hours are added up; of a state that is longer than a day only
    /// its first and last hours are stored, so what lies between is cut to the periods here, as is what has no end.
    private static func periods(
        from start: Int64, upTo last: Int64, _ classes: StateClasses, in store: any TableReading
    ) throws -> (rows: [TableRow], from: Int64?) {
        let length = last - start < 36 * Grid.hour ? Grid.hour : Grid.day
        let end = Grid.floor(last, length)
        let first = max(Grid.floor(start, length), end - (shownPeriods - 1) * length)
        let count = Int((end - first) / length) + 1
        var usable = [Double](repeating: 0, count: count)
        var (down, served, completed) = (usable, usable, usable)
        let sums = try store.rows(
            """
            SELECT (\(store.flavour.micros("hour")) - ?1) / ?2 AS period, sum(usable) AS usable,
              sum(downtime) AS downtime, sum(on_delivery) AS on_delivery, sum(deliveries_completed) AS completed
            FROM robot_hours
            WHERE hour >= \(store.flavour.instant("?1")) AND hour < \(store.flavour.instant("?3")) GROUP BY 1
            """, [.integer(first), .integer(length), .integer(end + length)])
        for row in sums {
            let index = Int(row.integer("period") ?? 0)
            usable[index] = row.number("usable") ?? 0
            down[index] = row.number("downtime") ?? 0
            served[index] = row.number("on_delivery") ?? 0
            completed[index] = row.number("completed") ?? 0
        }
        let spans = try store.rows(
            """
            SELECT state, started_at, ended_at FROM robot_states
            WHERE ended_at - started_at > \(store.flavour.span(micros: Grid.day))
            UNION ALL SELECT state, started_at, ended_at FROM robot_states WHERE ended_at IS NULL
            """, [])
        for row in spans {
            let stateClass = classes[row.text("state") ?? ""]
            guard let startedAt = row.integer("started_at"), [.usable, .downtime].contains(stateClass)
            else {
                continue
            }
            let endedAt = row.integer("ended_at")
            let from = max(endedAt == nil ? startedAt : Grid.ceiling(startedAt, Grid.hour), first)
            let until = min(endedAt.map { Grid.floor($0, Grid.hour) } ?? last, end + length)
            var at = from
            while at < until {
                let index = Int((at - first) / length)
                let next = min(until, first + Int64(index + 1) * length)
                if stateClass == .usable {
                    usable[index] += Double(next - at)
                } else {
                    down[index] += Double(next - at)
                }
                at = next
            }
        }
        let columns = ["starts_at", "usable_hours", "downtime_hours", "on_delivery_hours", "completed"]
        var rows: [TableRow] = []
        for index in 0..<count where usable[index] + down[index] + served[index] + completed[index] > 0 {
            let hours = [usable[index], down[index], served[index]].map { TableValue.real($0 / 3.6e9) }
            let values =
                [TableValue.integer(first + Int64(index) * length)] + hours + [
                    .integer(Int64(completed[index]))
                ]
            rows.append(TableRow(columns: columns, values: values))
        }
        return (rows, first > Grid.floor(start, length) ? first : nil)
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
            out.string("periods_from", periodsFrom.map(InstantText.iso))
            out.array("doubtful_states") { out in for row in doubtful { out.raw(nil, SessionStory.json(row)) }
            }
            out.string("worth_a_look", example?.text("delivery_id"))
        }
        return out.text
    }
}
