/// Migration 0005: the hours of states and shifts that last longer than a day.
///
/// A question must not make hours that it does not ask for: a robot whose clock once said 1970 or 0001 has half a million
/// or seventeen million of them. From 2020 to 2039 they are joined from the table `hours`, where a condition on `hour` is
/// a search; hours before and after are generated, of those robots only that have any and are asked for.
enum SchemaHours {
    private static let (first, end) = (
        "timestamptz '2020-01-01 00:00:00Z'", "timestamptz '2040-01-01 00:00:00Z'"
    )
    private static let hour = "interval '1 hour'"

    /// The first whole hour at or after an instant.
    private static func ceiling(_ instant: String) -> String {
        "date_trunc('hour', \(instant) + interval '1 hour' - interval '1 microsecond', 'UTC')"
    }
    private static func floor(_ instant: String) -> String { "date_trunc('hour', \(instant), 'UTC')" }

    private static func whole(_ view: String, _ table: String, _ columns: String, _ id: String) -> String {
        """
        CREATE OR REPLACE VIEW \(view) AS
          SELECT \(columns) FROM \(table) s JOIN hours h
              ON h.hour >= s.started_at AND h.hour <= s.ended_at - \(hour)
            WHERE s.ended_at - s.started_at > interval '24 hours'
          UNION ALL
          SELECT \(columns) FROM \(table) s, LATERAL generate_series(\(ceiling("s.started_at")),
              least(s.ended_at, \(first)) - \(hour), \(hour)) h(hour)
            WHERE s.ended_at - s.started_at > interval '24 hours' AND s.started_at < \(first)
          UNION ALL
          SELECT \(columns) FROM \(table) s, LATERAL generate_series(greatest(\(ceiling("s.started_at")), \(end)),
              s.ended_at - \(hour), \(hour)) h(hour)
            WHERE s.ended_at - s.started_at > interval '24 hours' AND s.ended_at > \(end);
        CREATE INDEX \(table)_long ON \(table) (\(id), started_at)
          WHERE ended_at - started_at > interval '24 hours';
        """
    }

    private static let open = """
        s.robot_id, h.hour, s.state, coalesce(s.reason, '') AS reason,
            extract(epoch FROM least(now(), h.hour + \(hour)) - greatest(s.started_at, h.hour))::double precision
              AS seconds
        """
    private static let listed =
        "SELECT m.value FROM meta, json_array_elements_text(meta.value::json) m(value) WHERE meta.key ="
    private static let spanSeconds =
        "extract(epoch FROM coalesce(ended_at, greatest(now(), started_at)) - started_at)::double precision"

    static let tables = """
        CREATE TABLE hours (hour timestamptz PRIMARY KEY);
        INSERT INTO hours SELECT generate_series(\(first), \(end) - \(hour), \(hour));
        ANALYZE hours;
        \(whole("long_state_hours", "robot_states",
            "s.robot_id, h.hour, s.state, coalesce(s.reason, '') AS reason, 3600000000 AS micros", "robot_id"))
        \(whole("long_shift_hours", "pilot_shifts", "s.pilot_id, h.hour, 3600000000 AS micros", "pilot_id"))
        CREATE INDEX robot_states_open ON robot_states (robot_id) WHERE ended_at IS NULL;
        CREATE OR REPLACE VIEW open_robot_state_hours AS
          SELECT \(open) FROM robot_states s JOIN hours h ON h.hour > s.started_at - \(hour) AND h.hour < now()
            WHERE s.ended_at IS NULL AND s.started_at < now()
          UNION ALL
          SELECT \(open) FROM robot_states s, LATERAL generate_series(\(floor("s.started_at")),
              least(now(), \(first)) - interval '1 microsecond', \(hour)) h(hour)
            WHERE s.ended_at IS NULL AND s.started_at < least(now(), \(first))
          UNION ALL
          SELECT \(open) FROM robot_states s, LATERAL generate_series(greatest(\(floor("s.started_at")), \(end)),
              now() - interval '1 microsecond', \(hour)) h(hour)
            WHERE s.ended_at IS NULL AND now() > \(end) AND s.started_at < now();
        -- Sums over all time need no hours.
        CREATE OR REPLACE VIEW downtime_by_reason AS
          SELECT state, reason, count(DISTINCT robot_id) AS robots, sum(seconds) / 3600.0 AS hours FROM (
            SELECT robot_id, state, coalesce(reason, '') AS reason, \(spanSeconds) AS seconds
            FROM robot_states WHERE ended_at IS NOT NULL OR started_at < now()) spans
          WHERE state IN (\(listed) 'downtime_states')
          GROUP BY state, reason;
        CREATE OR REPLACE VIEW robot_reliability AS
          WITH down(state) AS (\(listed) 'downtime_states'),
            usable(state) AS (\(listed) 'usable_states'),
            steps AS (
              SELECT robot_id, state, lag(state) OVER (PARTITION BY robot_id ORDER BY started_at) AS before
              FROM robot_states),
            failed AS (
              SELECT robot_id, count(*) AS failures FROM steps
              WHERE state IN (SELECT state FROM down) AND state NOT IN ('unknown', 'maintenance')
                AND (before IS NULL OR before = 'unknown' OR before NOT IN (SELECT state FROM down))
              GROUP BY robot_id),
            operating AS (
              SELECT robot_id, sum(\(spanSeconds)) / 3600.0 AS hours FROM robot_states
              WHERE state IN (SELECT state FROM usable) GROUP BY robot_id)
          SELECT r.robot_id, coalesce(o.hours, 0.0) AS operating_hours, coalesce(f.failures, 0) AS failures,
            CASE WHEN f.failures > 0 THEN coalesce(o.hours, 0.0) / f.failures END AS mtbf_hours
          FROM (SELECT DISTINCT robot_id FROM robot_states) r
            LEFT JOIN operating o ON o.robot_id = r.robot_id LEFT JOIN failed f ON f.robot_id = r.robot_id;
        """
}
