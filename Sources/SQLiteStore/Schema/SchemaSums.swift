/// Migration 0006: sums by the hour over what the other tables tell, for questions about the whole fleet. A store that
/// is there already has them made from its rows: a pass over the events, and one over the sessions.
enum SchemaSums {
    private static func hour(_ at: String) -> String {
        "\(at) - (\(at) % 3600000000 + 3600000000) % 3600000000"
    }

    static let tables = """
        CREATE TABLE fleet_hours (
          hour INTEGER PRIMARY KEY NOT NULL, usable INTEGER NOT NULL, downtime INTEGER NOT NULL,
          off_duty INTEGER NOT NULL, other INTEGER NOT NULL, on_delivery INTEGER NOT NULL,
          deliveries_completed INTEGER NOT NULL, error_count INTEGER NOT NULL, state_conflicts INTEGER NOT NULL);
        INSERT INTO fleet_hours
          SELECT hour, sum(usable), sum(downtime), sum(off_duty), sum(other), sum(on_delivery),
            sum(deliveries_completed), sum(error_count), sum(state_conflicts) FROM robot_hours GROUP BY hour;
        CREATE TABLE fleet_state_hours (
          hour INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, micros INTEGER NOT NULL,
          PRIMARY KEY (hour, state, reason)) WITHOUT ROWID;
        INSERT INTO fleet_state_hours
          SELECT hour, state, reason, sum(micros) FROM robot_state_hours GROUP BY hour, state, reason;
        -- Sessions by the hour of `first_event_at`; trips are none. `step` counts from 0, an offer, to 5, a drop-off.
        CREATE TABLE session_hours (
          hour INTEGER NOT NULL, source TEXT NOT NULL, zone_id TEXT NOT NULL, step INTEGER NOT NULL,
          outcome TEXT NOT NULL, failure_code TEXT NOT NULL, sessions INTEGER NOT NULL,
          PRIMARY KEY (hour, source, zone_id, step, outcome, failure_code)) WITHOUT ROWID;
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
          last_hour INTEGER NOT NULL, first_hour INTEGER NOT NULL, sessions INTEGER NOT NULL,
          PRIMARY KEY (last_hour, first_hour)) WITHOUT ROWID;
        INSERT INTO session_spans
          SELECT last, first, count(*) FROM (
            SELECT \(hour("last_event_at")) AS last, \(hour("first_event_at")) AS first FROM sessions)
          WHERE last - first > 3600000000 GROUP BY last, first;
        -- Events by the hour they happened in and the way they came; late: more than ten minutes after that.
        CREATE TABLE arrival_hours (
          hour INTEGER NOT NULL, transport TEXT NOT NULL, events INTEGER NOT NULL, late INTEGER NOT NULL,
          PRIMARY KEY (hour, transport)) WITHOUT ROWID;
        INSERT INTO arrival_hours
          SELECT e.hour * 3600000000, coalesce(b.transport, ''), sum(e.events), sum(e.late) FROM (
            SELECT hour, received_at, count(*) AS events, sum(received_at - occurred_at > 600000000) AS late
            FROM events GROUP BY hour, received_at) e
          LEFT JOIN (SELECT started_at, min(transport) AS transport FROM ingestion_batches GROUP BY started_at) b
            ON b.started_at = e.received_at
          GROUP BY 1, 2;
        """
}
