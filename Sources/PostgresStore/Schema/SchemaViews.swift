/// The views: what joins is a view over `events`, and hourly figures are shown in seconds.
enum SchemaViews {
    /// The first whole hour at or after an instant.
    private static func nextHour(_ instant: String) -> String {
        "date_trunc('hour', \(instant) + interval '1 hour' - interval '1 microsecond', 'UTC')"
    }

    private static func seconds(_ micros: String) -> String { "(\(micros))::double precision / 1e6" }

    private static func text(_ instant: String) -> String {
        "to_char(\(instant) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
    }

    private static let listed =
        "SELECT m.value FROM meta, json_array_elements_text(meta.value::json) m(value) WHERE meta.key ="

    static let views = """
        CREATE VIEW session_events AS
          SELECT s.session_id, e.event_id, e.occurred_at, e.event, 'direct'::text AS via, NULL::text AS via_id
            FROM sessions s JOIN events e ON e.subject = s.session_id
          UNION ALL
          SELECT m.session_id, e.event_id, e.occurred_at, e.event, 'direct', NULL
            FROM session_members m JOIN events e ON e.subject = m.named_id
          UNION ALL
          SELECT w.session_id, e.event_id, e.occurred_at, e.event, 'robot', w.entity_id
            FROM assignment_windows w JOIN events e
              ON e.robot_id = w.entity_id AND e.robot_use IS NOT NULL AND e.occurred_at >= w.started_at
                AND e.occurred_at < coalesce(w.ended_at, w.expires_at)
            WHERE w.kind = 'robot' AND e.subject IS NULL
          UNION ALL
          SELECT w.session_id, e.event_id, e.occurred_at, e.event, 'pilot', w.entity_id
            FROM assignment_windows w JOIN events e
              ON e.pilot_id = w.entity_id AND e.pilot_use IS NOT NULL AND e.occurred_at >= w.started_at
                AND e.occurred_at < coalesce(w.ended_at, w.expires_at)
            WHERE w.kind = 'pilot' AND e.subject IS NULL
              AND (e.robot_id IS NULL OR NOT EXISTS (
                SELECT 1 FROM assignment_windows r
                WHERE r.kind = 'robot' AND r.entity_id = e.robot_id AND r.started_at <= e.occurred_at
                  AND e.occurred_at < coalesce(r.ended_at, r.expires_at)))
          UNION ALL
          SELECT w.session_id, e.event_id, e.occurred_at, e.event, 'merchant', w.entity_id
            FROM assignment_windows w JOIN events e
              ON e.merchant_id = w.entity_id AND e.occurred_at >= w.started_at
                AND e.occurred_at < coalesce(w.ended_at, w.expires_at)
            WHERE w.kind = 'merchant' AND e.subject IS NULL AND e.robot_id IS NULL AND e.pilot_id IS NULL
              AND e.merchant_id IS NOT NULL;

        CREATE VIEW long_state_hours AS
          SELECT robot_id, hours.hour, state, coalesce(reason, '') AS reason, 3600000000 AS micros
          FROM robot_states, LATERAL generate_series(\(nextHour("started_at")), ended_at - interval '1 hour',
            interval '1 hour') hours(hour)
          WHERE ended_at - started_at > interval '24 hours';
        CREATE VIEW long_shift_hours AS
          SELECT pilot_id, hours.hour, 3600000000 AS micros
          FROM pilot_shifts, LATERAL generate_series(\(nextHour("started_at")), ended_at - interval '1 hour',
            interval '1 hour') hours(hour)
          WHERE ended_at - started_at > interval '24 hours';
        CREATE VIEW robot_state_hourly AS
          SELECT robot_id, hour, state, reason, \(seconds("micros")) AS seconds FROM robot_state_hours
          UNION ALL
          SELECT robot_id, hour, state, reason, \(seconds("micros")) FROM long_state_hours;
        CREATE VIEW robot_hourly AS
          WITH listed(class, state) AS (
            SELECT meta.key, m.value FROM meta, json_array_elements_text(
                CASE WHEN meta.key IN ('usable_states', 'downtime_states', 'off_duty_states')
                  THEN meta.value::json ELSE '[]' END) m(value)),
          parts AS (
            SELECT robot_id, hour, usable, downtime, off_duty, other, on_delivery, deliveries_completed,
              error_count, state_conflicts FROM robot_hours
            UNION ALL
            SELECT robot_id, hour, CASE class WHEN 'usable_states' THEN micros ELSE 0 END,
              CASE class WHEN 'downtime_states' THEN micros ELSE 0 END,
              CASE class WHEN 'off_duty_states' THEN micros ELSE 0 END,
              CASE WHEN class IS NULL THEN micros ELSE 0 END, 0, 0, 0, 0
            FROM long_state_hours LEFT JOIN listed USING (state))
          SELECT robot_id, hour, \(seconds("sum(usable)")) AS usable_seconds,
            \(seconds("sum(downtime)")) AS downtime_seconds, \(seconds("sum(off_duty)")) AS off_duty_seconds,
            \(seconds("sum(other)")) AS other_seconds, \(seconds("sum(on_delivery)")) AS on_delivery_seconds,
            sum(deliveries_completed)::bigint AS deliveries_completed, sum(error_count)::bigint AS error_count,
            sum(state_conflicts)::bigint AS state_conflicts
          FROM parts GROUP BY robot_id, hour;
        CREATE VIEW pilot_hourly AS
          SELECT pilot_id, hour, \(seconds("sum(shift)")) AS shift_seconds,
            \(seconds("sum(assigned)")) AS assigned_seconds FROM (
            SELECT pilot_id, hour, shift, assigned FROM pilot_hours
            UNION ALL SELECT pilot_id, hour, micros, 0 FROM long_shift_hours) parts
          GROUP BY pilot_id, hour;
        CREATE VIEW merchant_hourly AS
          SELECT merchant_id, source, hour, sessions, completed, failed, canceled, \(seconds("robot")) AS robot_seconds,
            \(seconds("pilot")) AS pilot_seconds FROM merchant_hours;

        CREATE VIEW stg_events AS
          SELECT event_id, occurred_at, \(text("occurred_at")) AS occurred_utc,
            received_at, event, delivery_id, demand_id, trip_id, quote_id, offer_id, robot_id, pilot_id,
            merchant_id, zone_id, source, payload FROM events;
        CREATE VIEW fact_delivery_lifecycle AS
          SELECT session_id, event_id, occurred_at, \(text("occurred_at")) AS occurred_utc, event, via, via_id
          FROM session_events;
        CREATE VIEW dim_delivery_sessions AS
          SELECT *, \(text("first_event_at")) AS first_event_utc, \(text("closed_at")) AS closed_utc
          FROM sessions WHERE kind IN ('delivery', 'demand');
        CREATE VIEW dim_robot_state AS
          SELECT *, \(text("started_at")) AS started_utc, \(text("ended_at")) AS ended_utc,
            extract(epoch FROM ended_at - started_at)::double precision AS seconds
          FROM robot_states;
        CREATE VIEW open_robot_state_hours AS
          SELECT robot_id, hours.hour, state, coalesce(reason, '') AS reason,
            extract(epoch FROM least(now(), hours.hour + interval '1 hour') - greatest(started_at, hours.hour))
              ::double precision AS seconds
          FROM robot_states, LATERAL generate_series(date_trunc('hour', started_at, 'UTC'),
            now() - interval '1 microsecond', interval '1 hour') hours(hour)
          WHERE ended_at IS NULL AND started_at < now();
        CREATE VIEW usable_supply_hours AS
          SELECT robot_id, hour, sum(seconds) / 3600.0 AS usable_hours FROM (
            SELECT robot_id, hour, usable_seconds AS seconds FROM robot_hourly
            UNION ALL
            SELECT o.robot_id, o.hour, o.seconds FROM open_robot_state_hours o
              WHERE o.state IN (\(listed) 'usable_states')) parts
          GROUP BY robot_id, hour HAVING sum(seconds) > 0;
        CREATE VIEW downtime_by_reason AS
          SELECT state, reason, count(DISTINCT robot_id) AS robots, sum(seconds) / 3600.0 AS hours FROM (
            SELECT robot_id, state, reason, seconds FROM robot_state_hourly
            UNION ALL SELECT robot_id, state, reason, seconds FROM open_robot_state_hours) parts
          WHERE state IN (\(listed) 'downtime_states')
          GROUP BY state, reason;
        CREATE VIEW robot_reliability AS
          WITH down(state) AS (\(listed) 'downtime_states'),
            steps AS (
              SELECT robot_id, state, lag(state) OVER (PARTITION BY robot_id ORDER BY started_at) AS before
              FROM robot_states),
            failed AS (
              SELECT robot_id, count(*) AS failures FROM steps
              WHERE state IN (SELECT state FROM down) AND state NOT IN ('unknown', 'maintenance')
                AND (before IS NULL OR before = 'unknown' OR before NOT IN (SELECT state FROM down))
              GROUP BY robot_id),
            operating AS (
              SELECT robot_id, sum(usable_hours) AS hours FROM usable_supply_hours GROUP BY robot_id)
          SELECT r.robot_id, coalesce(o.hours, 0.0) AS operating_hours, coalesce(f.failures, 0) AS failures,
            CASE WHEN f.failures > 0 THEN coalesce(o.hours, 0.0) / f.failures END AS mtbf_hours
          FROM (SELECT DISTINCT robot_id FROM robot_states) r
            LEFT JOIN operating o ON o.robot_id = r.robot_id LEFT JOIN failed f ON f.robot_id = r.robot_id;
        CREATE VIEW delivery_funnel AS
          SELECT merchant_id, source, hour,
            \(funnel)
          FROM event_hourly GROUP BY merchant_id, source, hour;
        """

    private static let funnel = [
        ("offer.received", "offers_received"), ("offer.accepted", "offers_accepted"),
        ("offer.rejected", "offers_rejected"), ("offer.expired", "offers_expired"),
        ("demand.created", "demands_created"), ("demand.canceled", "demands_canceled"),
        ("delivery.failed", "deliveries_failed"), ("delivery.dropoff_completed", "dropoffs_completed"),
    ].map { "(coalesce(sum(events) FILTER (WHERE event = '\($0)'), 0))::bigint AS \($1)" }
        .joined(separator: ",\n    ")
}
