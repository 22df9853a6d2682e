internal import SQLiteStore
internal import SessionStore

extension StoreUnderTest {
    /// Sums that hold whatever the events were; the first that does not, in words. Of SQLite stores.
    public func brokenConservation() throws -> String? {
        guard case .sqlite(let path) = place else { preconditionFailure("asked in SQLite's words") }
        let reader = try SQLiteReader(path: path)
        defer { reader.close() }
        for (rule, sql) in Self.conserved {
            if let row = try reader.rows(sql, []).first {
                return "\(rule): \(zip(row.columns, row.values).map { "\($0)=\($1)" }.joined(separator: " "))"
            }
        }
        return nil
    }

    /// Rules, and queries that find what breaks them.
    private static let conserved = [
        (
            "a robot's state seconds are the time from its first state fact to its last",
            """
            SELECT * FROM (SELECT robot_id, max(started_at) - min(started_at) AS span FROM robot_states GROUP BY 1)
              LEFT JOIN (SELECT robot_id, CAST(round(sum(seconds) * 1e6) AS INTEGER) AS told FROM robot_state_hourly
              GROUP BY 1) USING (robot_id) WHERE span <> coalesce(told, 0)
            """
        ),
        (
            "no robot has a state for which there is no interval",
            """
            SELECT * FROM robot_state_hourly
              WHERE (robot_id, state, reason) NOT IN (SELECT robot_id, state, coalesce(reason, '') FROM robot_states)
            """
        ),
        (
            "only a robot's last interval is open, and each ends where the next begins",
            """
            SELECT * FROM (SELECT robot_id, started_at, ended_at,
              lead(started_at) OVER (PARTITION BY robot_id ORDER BY started_at) AS next FROM robot_states)
              WHERE ended_at IS NOT next
            """
        ),
        (
            "an hour has 3600 seconds",
            """
            SELECT * FROM robot_hourly WHERE on_delivery_seconds > 3600 + 1e-6 OR
              usable_seconds + downtime_seconds + off_duty_seconds + other_seconds > 3600 + 1e-6
            """
        ),
        (
            "states' seconds and their classes' are the same",
            """
            SELECT * FROM (SELECT robot_id, hour, sum(seconds) AS told FROM robot_state_hourly GROUP BY 1, 2)
              LEFT JOIN robot_hourly USING (robot_id, hour)
              WHERE abs(told - coalesce(usable_seconds + downtime_seconds + off_duty_seconds + other_seconds, 0)) > 1e-6
            """
        ),
        (
            "a pilot's hour has 3600 seconds",
            "SELECT * FROM pilot_hourly WHERE max(shift_seconds, assigned_seconds) > 3600 + 1e-6"
        ),
        (
            "a session's window seconds are those of its ended windows",
            """
            SELECT * FROM (SELECT session_id, sum((ended_at - started_at) * (kind = 'robot')) / 1e6 AS robot,
              sum((ended_at - started_at) * (kind = 'pilot')) / 1e6 AS pilot
              FROM assignment_windows WHERE ended_at IS NOT NULL GROUP BY 1) JOIN sessions USING (session_id)
              WHERE abs(robot - robot_seconds) > 1e-6 OR abs(pilot - pilot_seconds) > 1e-6
            """
        ),
        (
            "every event is counted once in its hour",
            """
            SELECT * FROM (SELECT count(*) AS stored FROM events), (SELECT coalesce(sum(events), 0) AS told FROM event_hourly),
              (SELECT coalesce(sum(accepted), 0) AS accepted FROM ingestion_batches)
              WHERE stored <> told OR stored <> accepted
            """
        ),
        (
            "every message is in one bin",
            "SELECT * FROM ingestion_batches WHERE received <> accepted + duplicates + skipped + rejected"
        ),
        (
            "sessions and their merchants' hours are as many",
            """
            SELECT * FROM (SELECT count(*) AS there FROM sessions WHERE kind IN ('delivery', 'demand')),
              (SELECT coalesce(sum(sessions), 0) AS told FROM merchant_hourly) WHERE there <> told
            """
        ),
        (
            "the fleet's hours are those of its robots",
            """
            SELECT 'told' AS there, * FROM (SELECT * FROM fleet_hours EXCEPT SELECT * FROM (SELECT hour, sum(usable), sum(downtime),
              sum(off_duty), sum(other), sum(on_delivery), sum(deliveries_completed), sum(error_count),
              sum(state_conflicts) FROM robot_hours GROUP BY 1))
            UNION ALL SELECT 'made', * FROM (SELECT * FROM (SELECT hour, sum(usable), sum(downtime),
              sum(off_duty), sum(other), sum(on_delivery), sum(deliveries_completed), sum(error_count),
              sum(state_conflicts) FROM robot_hours GROUP BY 1) EXCEPT SELECT * FROM fleet_hours)
            """
        ),
        (
            "the zones' hours are those of the robots there",
            """
            WITH made AS (SELECT hour, zone_id, sum(usable), sum(downtime), sum(off_duty), sum(other), sum(on_delivery),
                sum(deliveries_completed), sum(error_count), sum(state_conflicts) FROM (
                SELECT h.*, (SELECT z.zone_id FROM robot_zones z
                  WHERE z.robot_id = h.robot_id AND z.started_at < h.hour + 3600000000
                  ORDER BY z.started_at DESC LIMIT 1) AS zone_id FROM robot_hours h)
              WHERE zone_id IS NOT NULL GROUP BY 1, 2)
            SELECT 'told' AS there, * FROM (SELECT * FROM zone_hours EXCEPT SELECT * FROM made)
            UNION ALL SELECT 'made', * FROM (SELECT * FROM made EXCEPT SELECT * FROM zone_hours)
            """
        ),
        (
            "the fleet's states are those of its robots",
            """
            SELECT 'told' AS there, * FROM (SELECT * FROM fleet_state_hours EXCEPT SELECT * FROM (SELECT hour, state, reason, sum(micros)
              FROM robot_state_hours GROUP BY 1, 2, 3))
            UNION ALL SELECT 'made', * FROM (SELECT * FROM (SELECT hour, state, reason, sum(micros)
              FROM robot_state_hours GROUP BY 1, 2, 3) EXCEPT SELECT * FROM fleet_state_hours)
            """
        ),
        (
            "every session but a trip is counted once in the hour it began in",
            """
            SELECT 'told' AS there, * FROM (SELECT * FROM (SELECT hour, source, zone_id, outcome, sum(sessions) FROM session_hours GROUP BY 1, 2, 3, 4) EXCEPT SELECT * FROM (SELECT first_event_at - (first_event_at % 3600000000 + 3600000000) % 3600000000, coalesce(source, ''),
              coalesce(zone_id, ''), outcome, count(*) FROM sessions WHERE kind <> 'trip' GROUP BY 1, 2, 3, 4))
            UNION ALL SELECT 'made', * FROM (SELECT * FROM (SELECT first_event_at - (first_event_at % 3600000000 + 3600000000) % 3600000000, coalesce(source, ''),
              coalesce(zone_id, ''), outcome, count(*) FROM sessions WHERE kind <> 'trip' GROUP BY 1, 2, 3, 4) EXCEPT SELECT * FROM (SELECT hour, source, zone_id, outcome, sum(sessions) FROM session_hours GROUP BY 1, 2, 3, 4))
            """
        ),
        (
            "every event came once",
            """
            SELECT 'told' AS there, * FROM (SELECT * FROM (SELECT hour, sum(events), sum(late) FROM arrival_hours GROUP BY 1) EXCEPT SELECT * FROM (SELECT hour * 3600000000, count(*),
              sum(received_at - occurred_at > 600000000) FROM events GROUP BY 1))
            UNION ALL SELECT 'made', * FROM (SELECT * FROM (SELECT hour * 3600000000, count(*),
              sum(received_at - occurred_at > 600000000) FROM events GROUP BY 1) EXCEPT SELECT * FROM (SELECT hour, sum(events), sum(late) FROM arrival_hours GROUP BY 1))
            """
        ),
    ]
}
