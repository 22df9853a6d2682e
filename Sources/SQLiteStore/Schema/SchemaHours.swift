/// Migration 0004: the hours of states and shifts that last longer than a day.
///
/// Their whole hours are shown, not stored, so a question must not make hours that it does not ask for: a robot whose
/// clock once said 1970 or 0001 has half a million or seventeen million of them. From 2020 to 2039 they are joined from
/// the table `hours`, where a condition on `hour` is a search. Hours before and after are counted up from `numbers`, of
/// those robots only that have any.
enum SchemaHours {
    private static let hour: Int64 = 3_600_000_000
    /// 2020-01-01 and 2040-01-01.
    private static let (first, end): (Int64, Int64) = (1_577_836_800_000_000, 2_208_988_800_000_000)
    /// As many numbers as it takes to count, in two steps, the hours from year 1 to year 9999.
    private static let numberCount: Int64 = 16_384

    /// The first whole hour at or after an instant, and the one that holds it.
    private static func ceiling(_ at: String) -> String {
        "\(at) + (\(hour) - (\(at) % \(hour) + \(hour)) % \(hour)) % \(hour)"
    }
    private static func floor(_ at: String) -> String { "\(at) - (\(at) % \(hour) + \(hour)) % \(hour)" }

    /// Hours outside the table: each row of `source` once for each hour from its `low` to its `high`.
    private static func counted(_ columns: String, _ source: String) -> String {
        """
        SELECT \(columns) FROM (\(source)) s
            CROSS JOIN numbers b ON b.n <= (s.high - s.low) / \(numberCount * hour)
            CROSS JOIN numbers o ON o.n <= (s.high - s.low) / \(hour) - b.n * \(numberCount) AND o.n < \(numberCount)
            WHERE s.high >= s.low
        """
    }
    private static let countedHour = "s.low + (b.n * \(numberCount) + o.n) * \(hour)"

    private static func whole(_ view: String, _ table: String, _ id: String, _ more: String) -> String {
        let isLong = "ended_at - started_at > \(24 * hour)"
        let columns = more.isEmpty ? id : "\(id), \(more)"
        let names = more.isEmpty ? "" : ", s.state, coalesce(s.reason, '') AS reason"
        return """
            CREATE INDEX \(table)_long ON \(table)(\(id), started_at) WHERE \(isLong);
            DROP VIEW \(view);
            CREATE VIEW \(view) AS
              SELECT s.\(id), h.hour\(names), \(hour) AS micros
                FROM \(table) s CROSS JOIN hours h ON h.hour >= s.started_at AND h.hour <= s.ended_at - \(hour)
                WHERE s.ended_at - s.started_at > \(24 * hour)
              UNION ALL
              \(counted("s.\(id), \(countedHour)\(names), \(hour)", """
                SELECT \(columns), \(ceiling("started_at")) AS low, min(ended_at, \(first)) - \(hour) AS high
                  FROM \(table) WHERE \(isLong) AND started_at < \(first)
                UNION ALL
                SELECT \(columns), max(\(ceiling("started_at")), \(end)), ended_at - \(hour)
                  FROM \(table) WHERE \(isLong) AND ended_at > \(end)
                """));
            """
    }

    private static let listed =
        "SELECT j.value FROM meta, json_each(meta.value) AS j WHERE meta.key ="
    private static let now = "CAST((julianday('now') - 2440587.5) * 86400 AS INTEGER) * 1000000"

    static let tables = """
        CREATE TABLE hours (hour INTEGER PRIMARY KEY NOT NULL);
        INSERT INTO hours WITH RECURSIVE h(hour) AS (
          SELECT \(first) UNION ALL SELECT hour + \(hour) FROM h WHERE hour + \(hour) < \(end)) SELECT hour FROM h;
        CREATE TABLE numbers (n INTEGER PRIMARY KEY NOT NULL);
        INSERT INTO numbers WITH RECURSIVE c(n) AS (
          SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n + 1 < \(numberCount)) SELECT n FROM c;
        \(whole("long_state_hours", "robot_states", "robot_id", "state, reason"))
        \(whole("long_shift_hours", "pilot_shifts", "pilot_id", ""))

        CREATE INDEX robot_states_open ON robot_states(robot_id) WHERE ended_at IS NULL;
        DROP VIEW open_robot_state_hours;
        CREATE VIEW open_robot_state_hours AS
          SELECT s.robot_id, h.hour, s.state, coalesce(s.reason, '') AS reason,
            (min(s.until, h.hour + \(hour)) - max(s.started_at, h.hour)) / 1e6 AS seconds
            FROM (SELECT *, \(now) AS until FROM robot_states WHERE ended_at IS NULL) s
              CROSS JOIN hours h ON h.hour > s.started_at - \(hour) AND h.hour < s.until
            WHERE s.started_at < s.until
          UNION ALL
          \(counted("""
            s.robot_id, \(countedHour), s.state, coalesce(s.reason, ''),
            (min(s.until, \(countedHour) + \(hour)) - max(s.started_at, \(countedHour))) / 1e6
            """, """
            SELECT robot_id, state, reason, started_at, until, \(floor("started_at")) AS low,
              min(until, \(first)) - 1 AS high
              FROM (SELECT *, \(now) AS until FROM robot_states WHERE ended_at IS NULL) WHERE started_at < \(first)
            UNION ALL
            SELECT robot_id, state, reason, started_at, until, max(\(floor("started_at")), \(end)), until - 1
              FROM (SELECT *, \(now) AS until FROM robot_states WHERE ended_at IS NULL) WHERE until > \(end)
            """));

        \(hourly)
        \(sums)
        """

    /// Without `GROUP BY`: SQLite takes a condition through one layer of it only. An hour that is whole in a long state
    /// or shift is in no other of them, so it stands beside at most one stored row.
    private static let hourly = """
        DROP VIEW robot_hourly;
        CREATE VIEW robot_hourly AS
          WITH listed(class, state) AS (
            SELECT meta.key, json_each.value FROM meta, json_each(meta.value)
            WHERE meta.key IN ('usable_states', 'downtime_states', 'off_duty_states'))
          SELECT r.robot_id, r.hour,
            (r.usable + CASE WHEN l.class = 'usable_states' THEN \(hour) ELSE 0 END) / 1e6 AS usable_seconds,
            (r.downtime + CASE WHEN l.class = 'downtime_states' THEN \(hour) ELSE 0 END) / 1e6 AS downtime_seconds,
            (r.off_duty + CASE WHEN l.class = 'off_duty_states' THEN \(hour) ELSE 0 END) / 1e6 AS off_duty_seconds,
            (r.other + CASE WHEN l.class IS NULL AND s.state IS NOT NULL THEN \(hour) ELSE 0 END) / 1e6
              AS other_seconds,
            r.on_delivery / 1e6 AS on_delivery_seconds, r.deliveries_completed, r.error_count, r.state_conflicts
            FROM robot_hours r
              LEFT JOIN robot_states s ON s.robot_id = r.robot_id AND s.ended_at - s.started_at > \(24 * hour)
                AND s.started_at = (SELECT max(x.started_at) FROM robot_states x WHERE x.robot_id = r.robot_id
                  AND x.started_at <= r.hour AND x.ended_at - x.started_at > \(24 * hour))
                AND s.ended_at >= r.hour + \(hour)
              LEFT JOIN listed l ON l.state = s.state
          UNION ALL
          SELECT w.robot_id, w.hour, CASE l.class WHEN 'usable_states' THEN 3600.0 ELSE 0.0 END,
            CASE l.class WHEN 'downtime_states' THEN 3600.0 ELSE 0.0 END,
            CASE l.class WHEN 'off_duty_states' THEN 3600.0 ELSE 0.0 END,
            CASE WHEN l.class IS NULL THEN 3600.0 ELSE 0.0 END, 0.0, 0, 0, 0
            FROM long_state_hours w LEFT JOIN listed l ON l.state = w.state
            WHERE NOT EXISTS (SELECT 1 FROM robot_hours r WHERE r.robot_id = w.robot_id AND r.hour = w.hour);
        DROP VIEW pilot_hourly;
        CREATE VIEW pilot_hourly AS
          SELECT p.pilot_id, p.hour, (p.shift + CASE WHEN s.pilot_id IS NULL THEN 0 ELSE \(hour) END) / 1e6
              AS shift_seconds, p.assigned / 1e6 AS assigned_seconds
            FROM pilot_hours p
              LEFT JOIN pilot_shifts s ON s.pilot_id = p.pilot_id AND s.ended_at - s.started_at > \(24 * hour)
                AND s.started_at = (SELECT max(x.started_at) FROM pilot_shifts x WHERE x.pilot_id = p.pilot_id
                  AND x.started_at <= p.hour AND x.ended_at - x.started_at > \(24 * hour))
                AND s.ended_at >= p.hour + \(hour)
          UNION ALL
          SELECT w.pilot_id, w.hour, 3600.0, 0.0 FROM long_shift_hours w
            WHERE NOT EXISTS (SELECT 1 FROM pilot_hours p WHERE p.pilot_id = w.pilot_id AND p.hour = w.hour);

        DROP VIEW usable_supply_hours;
        CREATE VIEW usable_supply_hours AS
          SELECT robot_id, hour, seconds / 3600.0 AS usable_hours FROM (
            SELECT r.robot_id, r.hour, r.usable_seconds + coalesce(max(0,
                min(\(now), r.hour + \(hour)) - max(o.started_at, r.hour)) / 1e6, 0) AS seconds
              FROM robot_hourly r LEFT JOIN robot_states o ON o.robot_id = r.robot_id AND o.ended_at IS NULL
                AND o.state IN (\(listed) 'usable_states')
            UNION ALL
            SELECT o.robot_id, o.hour, o.seconds FROM open_robot_state_hours o
              WHERE o.state IN (\(listed) 'usable_states')
                AND NOT EXISTS (SELECT 1 FROM robot_hours r WHERE r.robot_id = o.robot_id AND r.hour = o.hour))
          WHERE seconds > 0;
        """

    /// Sums over all time need no hours.
    private static let sums = """
        DROP VIEW downtime_by_reason;
        CREATE VIEW downtime_by_reason AS
          SELECT state, reason, count(DISTINCT robot_id) AS robots, sum(micros) / 3.6e9 AS hours FROM (
            SELECT robot_id, state, coalesce(reason, '') AS reason, coalesce(ended_at, \(now)) - started_at AS micros
            FROM robot_states WHERE ended_at IS NOT NULL OR started_at < \(now))
          WHERE state IN (\(listed) 'downtime_states')
          GROUP BY state, reason;
        DROP VIEW robot_reliability;
        CREATE VIEW robot_reliability AS
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
              SELECT robot_id, sum(CASE WHEN state IN (SELECT state FROM usable)
                THEN max(coalesce(ended_at, \(now)) - started_at, 0) ELSE 0 END) / 3.6e9 AS hours
              FROM robot_states GROUP BY robot_id)
          SELECT o.robot_id, o.hours AS operating_hours, coalesce(f.failures, 0) AS failures,
            CASE WHEN f.failures > 0 THEN o.hours / f.failures END AS mtbf_hours
          FROM operating o LEFT JOIN failed f ON f.robot_id = o.robot_id;
        """
}
