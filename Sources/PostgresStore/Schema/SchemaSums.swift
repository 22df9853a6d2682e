/// Migration 0010: sums by the hour over what the other tables tell, for questions about the whole fleet, and the indexes
/// of what is looked for among all sessions. A store that is there already has the sums made from its rows: a pass over
/// the events, and one over the sessions.
enum SchemaSums {
    private static let id = "text COLLATE \"C\""
    private static func hour(_ at: String) -> String { "date_trunc('hour', \(at), 'UTC')" }

    static let tables = """
        CREATE TABLE fleet_hours (
          hour timestamptz PRIMARY KEY, usable bigint NOT NULL, downtime bigint NOT NULL, off_duty bigint NOT NULL,
          other bigint NOT NULL, on_delivery bigint NOT NULL, deliveries_completed bigint NOT NULL,
          error_count bigint NOT NULL, state_conflicts bigint NOT NULL) WITH (fillfactor = 50);
        INSERT INTO fleet_hours
          SELECT hour, sum(usable), sum(downtime), sum(off_duty), sum(other), sum(on_delivery),
            sum(deliveries_completed), sum(error_count), sum(state_conflicts) FROM robot_hours GROUP BY hour;
        CREATE TABLE fleet_state_hours (
          hour timestamptz NOT NULL, state \(id) NOT NULL, reason \(id) NOT NULL, micros bigint NOT NULL,
          PRIMARY KEY (hour, state, reason)) WITH (fillfactor = 50);
        INSERT INTO fleet_state_hours
          SELECT hour, state, reason, sum(micros) FROM robot_state_hours GROUP BY hour, state, reason;
        -- Sessions by the hour of `first_event_at`; trips are none. `step` counts from 0, an offer, to 5, a drop-off.
        CREATE TABLE session_hours (
          hour timestamptz NOT NULL, source \(id) NOT NULL, zone_id \(id) NOT NULL, step bigint NOT NULL,
          outcome \(id) NOT NULL, failure_code \(id) NOT NULL, sessions bigint NOT NULL,
          PRIMARY KEY (hour, source, zone_id, step, outcome, failure_code)) WITH (fillfactor = 50);
        INSERT INTO session_hours
          SELECT \(hour("first_event_at")), coalesce(source, ''), coalesce(zone_id, ''),
            CASE WHEN dropoff_completed_at IS NOT NULL OR fulfilled_at IS NOT NULL THEN 5
              WHEN pickup_completed_at IS NOT NULL THEN 4 WHEN assigned_at IS NOT NULL THEN 3
              WHEN demand_created_at IS NOT NULL OR kind IN ('delivery', 'demand') THEN 2
              WHEN offer_accepted_at IS NOT NULL THEN 1 ELSE 0 END,
            outcome, CASE outcome WHEN 'failed' THEN coalesce(failure_code, '') ELSE '' END, count(*)
          FROM sessions WHERE kind <> 'trip' GROUP BY 1, 2, 3, 4, 5, 6;
        -- Sessions that last beyond the hour after the one they began in: whoever looks for those that reach into a range of
        -- time begins an hour before it, and at these.
        CREATE TABLE session_spans (
          last_hour timestamptz NOT NULL, first_hour timestamptz NOT NULL, sessions bigint NOT NULL,
          PRIMARY KEY (last_hour, first_hour)) WITH (fillfactor = 50);
        INSERT INTO session_spans
          SELECT last, first, count(*) FROM (
            SELECT \(hour("last_event_at")) AS last, \(hour("first_event_at")) AS first FROM sessions) hours
          WHERE last - first > interval '1 hour' GROUP BY last, first;
        -- Events by the hour they happened in and the way they came; late: more than ten minutes after that.
        CREATE TABLE arrival_hours (
          hour timestamptz NOT NULL, transport \(id) NOT NULL, events bigint NOT NULL, late bigint NOT NULL,
          PRIMARY KEY (hour, transport)) WITH (fillfactor = 50);
        INSERT INTO arrival_hours
          SELECT e.hour, coalesce(b.transport, ''), sum(e.events), sum(e.late) FROM (
            SELECT \(hour("occurred_at")) AS hour, received_at, count(*) AS events,
              count(*) FILTER (WHERE received_at - occurred_at > interval '10 minutes') AS late
            FROM events GROUP BY 1, 2) e
          LEFT JOIN (SELECT started_at, min(transport) AS transport FROM ingestion_batches GROUP BY started_at) b
            ON b.started_at = e.received_at
          GROUP BY 1, 2;

        CREATE INDEX sessions_zone ON sessions (zone_id, first_event_at) WHERE zone_id IS NOT NULL;
        CREATE INDEX sessions_source ON sessions (source, first_event_at) WHERE source IS NOT NULL;
        CREATE INDEX sessions_lost ON sessions (first_event_at, outcome)
          WHERE outcome <> 'completed' AND outcome <> 'in_progress';
        CREATE INDEX sessions_anomalous ON sessions (first_event_at) WHERE anomaly_count > 0;
        CREATE INDEX sessions_reassigned ON sessions (first_event_at) WHERE reassignment_count > 0;
        CREATE INDEX sessions_errors ON sessions (first_event_at) WHERE error_count > 0;
        CREATE INDEX sessions_arrived ON sessions (first_event_at)
          WHERE pickup_arrival_at IS NOT NULL OR dropoff_arrival_at IS NOT NULL;
        CREATE INDEX sessions_helped ON sessions (closed_at) INCLUDE (robot_id, rescue_count, pilot_handoff_count)
          WHERE rescue_count + pilot_handoff_count > 0;
        -- With all that tells whether a window holds them: a day's errors are looked at, not their rows.
        DROP INDEX events_errors;
        CREATE INDEX events_faults ON events (occurred_at, event_id) INCLUDE (subject, robot_id, pilot_id)
          WHERE (robot_use & 4) <> 0;
        CREATE INDEX events_zone ON events (robot_id, occurred_at, zone_id)
          WHERE robot_id IS NOT NULL AND zone_id IS NOT NULL;
        CREATE INDEX robot_states_start ON robot_states (started_at);
        CREATE INDEX robot_states_now ON robot_states (state, started_at) WHERE ended_at IS NULL;
        """
}
