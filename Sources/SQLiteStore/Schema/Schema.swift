internal import SessionCore

/// The schema, one migration after the other. A migration that has been released is never changed.
enum Schema {
    static let migrations: [(name: String, sql: String)] = [
        ("0001_tables", tables), ("0002_views", views), ("0003_live", live),
        ("0004_hours", SchemaHours.tables), ("0005_rejects", rejects),
        ("0006_sums", SchemaSums.tables),
        ("0007_error_codes", errorCodes),
        ("0008_known", SchemaKnown.tables),
        ("0009_zones", SchemaZones.tables),
        ("0010_zone_hours", SchemaZoneHours.tables),
        ("0011_past_events", past),
        ("0012_stream_places", streamPlaces),
    ]

    private static let milestoneColumns = Milestone.allCases.map { "  \($0.column) INTEGER" }.joined(
        separator: ",\n")
    private static let durationColumns = DurationColumn.allCases.map { "  \($0.column) REAL" }
        .joined(separator: ",\n")

    /// `hour` leads the identity's index: new events touch a few pages of it, however many are stored.
    private static let tables = """
        CREATE TABLE events (
          event_id TEXT NOT NULL, occurred_at INTEGER NOT NULL, received_at INTEGER NOT NULL,
          event TEXT NOT NULL, delivery_id TEXT, demand_id TEXT, trip_id TEXT, quote_id TEXT, offer_id TEXT,
          robot_id TEXT, pilot_id TEXT, merchant_id TEXT, zone_id TEXT, source TEXT, payload TEXT NOT NULL,
          hour INTEGER NOT NULL, subject TEXT, robot_use INTEGER, pilot_use INTEGER);
        CREATE UNIQUE INDEX events_identity ON events(hour, event_id);
        CREATE INDEX events_subject ON events(subject, occurred_at) WHERE subject IS NOT NULL;
        CREATE INDEX events_robot ON events(robot_id, occurred_at) WHERE robot_use IS NOT NULL;
        CREATE INDEX events_pilot ON events(pilot_id, occurred_at) WHERE pilot_use IS NOT NULL;
        CREATE INDEX events_merchant ON events(merchant_id, occurred_at)
          WHERE merchant_id IS NOT NULL AND subject IS NULL AND robot_id IS NULL AND pilot_id IS NULL;

        CREATE TABLE links (from_id TEXT NOT NULL, to_id TEXT NOT NULL, PRIMARY KEY (from_id, to_id)) WITHOUT ROWID;
        CREATE INDEX links_back ON links(to_id, from_id);
        CREATE TABLE session_members (session_id TEXT NOT NULL, named_id TEXT NOT NULL,
          PRIMARY KEY (session_id, named_id)) WITHOUT ROWID;
        CREATE INDEX session_members_back ON session_members(named_id, session_id);

        CREATE TABLE sessions (
          session_id TEXT PRIMARY KEY NOT NULL, kind TEXT NOT NULL, delivery_id TEXT, demand_ids TEXT NOT NULL,
          trip_ids TEXT NOT NULL, merchant_id TEXT, source TEXT, zone_id TEXT, outcome TEXT NOT NULL,
          failure_code TEXT, failure_message TEXT, first_error_code TEXT, first_event_at INTEGER NOT NULL,
          last_event_at INTEGER NOT NULL, closed_at INTEGER,
        \(milestoneColumns),
        \(durationColumns),
          robot_id TEXT, pilot_id TEXT, robot_ids TEXT NOT NULL, pilot_ids TEXT NOT NULL,
          reassignment_count INTEGER NOT NULL, pilot_handoff_count INTEGER NOT NULL,
          attempt_count INTEGER NOT NULL, attempt_failed_count INTEGER NOT NULL, rescue_count INTEGER NOT NULL,
          error_count INTEGER NOT NULL, event_count INTEGER NOT NULL, anomaly_count INTEGER NOT NULL,
          robot_seconds REAL NOT NULL, pilot_seconds REAL NOT NULL, updated_at INTEGER NOT NULL,
          first_direct_at INTEGER NOT NULL, robot_micros INTEGER NOT NULL, pilot_micros INTEGER NOT NULL);

        CREATE TABLE assignment_windows (
          session_id TEXT NOT NULL, kind TEXT NOT NULL, entity_id TEXT NOT NULL, started_at INTEGER NOT NULL,
          ended_at INTEGER, expires_at INTEGER NOT NULL, opened_by TEXT NOT NULL, end_reason TEXT,
          inferred INTEGER NOT NULL, PRIMARY KEY (session_id, kind, entity_id, started_at)) WITHOUT ROWID;
        CREATE INDEX assignment_windows_entity ON assignment_windows(kind, entity_id, started_at);

        CREATE TABLE robot_states (
          robot_id TEXT NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER, state TEXT NOT NULL, reason TEXT,
          PRIMARY KEY (robot_id, started_at)) WITHOUT ROWID;
        CREATE TABLE robot_pilot_windows (
          robot_id TEXT NOT NULL, pilot_id TEXT NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER,
          expires_at INTEGER NOT NULL, opened_by TEXT NOT NULL, end_reason TEXT,
          PRIMARY KEY (robot_id, started_at, pilot_id)) WITHOUT ROWID;
        CREATE INDEX robot_pilot_windows_pilot ON robot_pilot_windows(pilot_id, started_at);
        CREATE TABLE pilot_shifts (
          pilot_id TEXT NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER,
          PRIMARY KEY (pilot_id, started_at)) WITHOUT ROWID;

        CREATE TABLE robot_state_hours (
          robot_id TEXT NOT NULL, hour INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
          micros INTEGER NOT NULL, PRIMARY KEY (robot_id, hour, state, reason)) WITHOUT ROWID;
        CREATE TABLE robot_hours (
          robot_id TEXT NOT NULL, hour INTEGER NOT NULL, usable INTEGER NOT NULL, downtime INTEGER NOT NULL,
          off_duty INTEGER NOT NULL, other INTEGER NOT NULL, on_delivery INTEGER NOT NULL,
          deliveries_completed INTEGER NOT NULL, error_count INTEGER NOT NULL, state_conflicts INTEGER NOT NULL,
          PRIMARY KEY (robot_id, hour)) WITHOUT ROWID;
        CREATE TABLE pilot_hours (
          pilot_id TEXT NOT NULL, hour INTEGER NOT NULL, shift INTEGER NOT NULL, assigned INTEGER NOT NULL,
          PRIMARY KEY (pilot_id, hour)) WITHOUT ROWID;
        CREATE TABLE merchant_hours (
          merchant_id TEXT NOT NULL, source TEXT NOT NULL, hour INTEGER NOT NULL, sessions INTEGER NOT NULL,
          completed INTEGER NOT NULL, failed INTEGER NOT NULL, canceled INTEGER NOT NULL,
          robot INTEGER NOT NULL, pilot INTEGER NOT NULL,
          PRIMARY KEY (merchant_id, source, hour)) WITHOUT ROWID;
        CREATE TABLE event_hourly (
          event TEXT NOT NULL, merchant_id TEXT NOT NULL, source TEXT NOT NULL, hour INTEGER NOT NULL,
          events INTEGER NOT NULL, PRIMARY KEY (event, merchant_id, source, hour)) WITHOUT ROWID;

        CREATE TABLE rejected_events (
          received_at INTEGER NOT NULL, transport TEXT NOT NULL, origin TEXT NOT NULL, reason TEXT NOT NULL,
          detail TEXT NOT NULL, body BLOB NOT NULL);
        CREATE UNIQUE INDEX rejected_events_place ON rejected_events(transport, origin, reason, length(body), substr(body, 1, 256));
        CREATE TABLE ingestion_batches (
          batch_id INTEGER PRIMARY KEY, transport TEXT NOT NULL, origin TEXT NOT NULL, received INTEGER NOT NULL,
          accepted INTEGER NOT NULL, duplicates INTEGER NOT NULL, rejected INTEGER NOT NULL,
          skipped INTEGER NOT NULL, first_offset INTEGER, last_offset INTEGER, started_at INTEGER NOT NULL,
          committed_at INTEGER NOT NULL);
        CREATE TABLE freshness (
          scope TEXT PRIMARY KEY NOT NULL, last_event_at INTEGER, last_committed_at INTEGER NOT NULL,
          events INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE meta (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID;
        """

    /// An instant as text, to the millisecond by truncation: rounded, the last half of a day's last millisecond would
    /// stand on the next day.
    private static func utc(_ instant: String) -> String {
        "strftime('%Y-%m-%dT%H:%M:%fZ', (\(instant) - (\(instant) % 1000 + 1000) % 1000) / 1e6, 'unixepoch')"
    }

    /// What the live service adds: headers of what was rejected, and how far streams were read.
    private static let live = """
        ALTER TABLE rejected_events ADD COLUMN headers TEXT;
        CREATE TABLE source_offsets (
          transport TEXT NOT NULL, origin TEXT NOT NULL, last_offset INTEGER NOT NULL, committed_at INTEGER NOT NULL,
          PRIMARY KEY (transport, origin)) WITHOUT ROWID;
        """

    /// What tells the message at `last_offset` from the one that another stream of that name has there.
    private static let streamPlaces = "ALTER TABLE source_offsets ADD COLUMN last_fingerprint TEXT;"

    /// A reject is known again by its whole body: two that differ late, and two files that say the same, are two.
    private static let rejects = """
        ALTER TABLE rejected_events ADD COLUMN body_hash TEXT;
        DROP INDEX rejected_events_place;
        CREATE UNIQUE INDEX rejected_events_place ON rejected_events(transport, origin, reason, body_hash);
        """

    /// An event's error code beside its payload: what is asked for by a code is found without reading payloads. Of events
    /// that are there already it is read from their payloads: a text or a number, of at most 800 bytes.
    private static let errorCodes = """
        ALTER TABLE events ADD COLUMN error_code TEXT;
        WITH told(place, code) AS (
          SELECT place, CASE json_type(json, '$.error')
              WHEN 'object' THEN CASE WHEN json_type(json, '$.error.code') IN ('text', 'integer', 'real')
                THEN CAST(json_extract(json, '$.error.code') AS TEXT) END
              WHEN 'text' THEN json_extract(json, '$.error')
              WHEN 'integer' THEN CAST(json_extract(json, '$.error') AS TEXT)
              WHEN 'real' THEN CAST(json_extract(json, '$.error') AS TEXT) END
            FROM (SELECT rowid AS place, CASE WHEN json_valid(payload) THEN payload ELSE '{}' END AS json
              FROM events WHERE instr(payload, '"error"') > 0))
        UPDATE events SET error_code = told.code FROM told
          WHERE events.rowid = told.place AND length(CAST(told.code AS BLOB)) BETWEEN 1 AND 800;
        """

    private static let views = """
        CREATE VIEW session_events AS
          SELECT s.session_id, e.event_id, e.occurred_at, e.event, 'direct' AS via, NULL AS via_id
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
          WITH RECURSIVE whole(robot_id, state, reason, hour, until) AS (
            SELECT robot_id, state, coalesce(reason, ''),
              started_at + (3600000000 - (started_at % 3600000000 + 3600000000) % 3600000000) % 3600000000, ended_at
              FROM robot_states WHERE ended_at - started_at > 86400000000
            UNION ALL
            SELECT robot_id, state, reason, hour + 3600000000, until FROM whole
              WHERE hour + 7200000000 <= until)
          SELECT robot_id, hour, state, reason, 3600000000 AS micros FROM whole;
        CREATE VIEW long_shift_hours AS
          WITH RECURSIVE whole(pilot_id, hour, until) AS (
            SELECT pilot_id,
              started_at + (3600000000 - (started_at % 3600000000 + 3600000000) % 3600000000) % 3600000000, ended_at
              FROM pilot_shifts WHERE ended_at - started_at > 86400000000
            UNION ALL
            SELECT pilot_id, hour + 3600000000, until FROM whole WHERE hour + 7200000000 <= until)
          SELECT pilot_id, hour, 3600000000 AS micros FROM whole;
        CREATE VIEW robot_state_hourly AS
          SELECT robot_id, hour, state, reason, micros / 1e6 AS seconds FROM robot_state_hours
          UNION ALL
          SELECT robot_id, hour, state, reason, micros / 1e6 FROM long_state_hours;
        CREATE VIEW robot_hourly AS
          WITH listed(class, state) AS (
            SELECT meta.key, json_each.value FROM meta, json_each(meta.value)
            WHERE meta.key IN ('usable_states', 'downtime_states', 'off_duty_states')),
          parts AS (
            SELECT robot_id, hour, usable, downtime, off_duty, other, on_delivery, deliveries_completed,
              error_count, state_conflicts FROM robot_hours
            UNION ALL
            SELECT robot_id, hour, CASE class WHEN 'usable_states' THEN micros ELSE 0 END,
              CASE class WHEN 'downtime_states' THEN micros ELSE 0 END,
              CASE class WHEN 'off_duty_states' THEN micros ELSE 0 END,
              CASE WHEN class IS NULL THEN micros ELSE 0 END, 0, 0, 0, 0
            FROM long_state_hours LEFT JOIN listed USING (state))
          SELECT robot_id, hour, sum(usable) / 1e6 AS usable_seconds, sum(downtime) / 1e6 AS downtime_seconds,
            sum(off_duty) / 1e6 AS off_duty_seconds, sum(other) / 1e6 AS other_seconds,
            sum(on_delivery) / 1e6 AS on_delivery_seconds, sum(deliveries_completed) AS deliveries_completed,
            sum(error_count) AS error_count, sum(state_conflicts) AS state_conflicts
          FROM parts GROUP BY robot_id, hour;
        CREATE VIEW pilot_hourly AS
          SELECT pilot_id, hour, sum(shift) / 1e6 AS shift_seconds, sum(assigned) / 1e6 AS assigned_seconds FROM (
            SELECT pilot_id, hour, shift, assigned FROM pilot_hours
            UNION ALL SELECT pilot_id, hour, micros, 0 FROM long_shift_hours)
          GROUP BY pilot_id, hour;
        CREATE VIEW merchant_hourly AS
          SELECT merchant_id, source, hour, sessions, completed, failed, canceled, robot / 1e6 AS robot_seconds,
            pilot / 1e6 AS pilot_seconds FROM merchant_hours;

        CREATE VIEW stg_events AS
          SELECT event_id, occurred_at, \(utc("occurred_at")) AS occurred_utc,
            received_at, event, delivery_id, demand_id, trip_id, quote_id, offer_id, robot_id, pilot_id,
            merchant_id, zone_id, source, payload FROM events;
        CREATE VIEW fact_delivery_lifecycle AS
          SELECT session_id, event_id, occurred_at,
            \(utc("occurred_at")) AS occurred_utc, event, via, via_id
          FROM session_events;
        CREATE VIEW dim_delivery_sessions AS
          SELECT *, \(utc("first_event_at")) AS first_event_utc,
            \(utc("closed_at")) AS closed_utc
          FROM sessions WHERE kind IN ('delivery', 'demand');
        CREATE VIEW dim_robot_state AS
          SELECT *, \(utc("started_at")) AS started_utc,
            \(utc("ended_at")) AS ended_utc,
            (ended_at - started_at) / 1e6 AS seconds
          FROM robot_states;
        CREATE VIEW open_robot_state_hours AS
          WITH RECURSIVE now(at) AS (SELECT CAST((julianday('now') - 2440587.5) * 86400 AS INTEGER) * 1000000),
            pieces(robot_id, state, reason, from_at, until_at) AS (
              SELECT robot_id, state, reason, started_at,
                min(now.at, started_at - (started_at % 3600000000 + 3600000000) % 3600000000 + 3600000000)
                FROM robot_states, now WHERE ended_at IS NULL AND started_at < now.at
              UNION ALL
              SELECT robot_id, state, reason, until_at, min(now.at, until_at + 3600000000)
                FROM pieces, now WHERE until_at < now.at)
          SELECT robot_id, from_at - (from_at % 3600000000 + 3600000000) % 3600000000 AS hour, state,
            coalesce(reason, '') AS reason, (until_at - from_at) / 1e6 AS seconds FROM pieces;
        CREATE VIEW usable_supply_hours AS
          SELECT robot_id, hour, sum(seconds) / 3600.0 AS usable_hours FROM (
            SELECT robot_id, hour, usable_seconds AS seconds FROM robot_hourly
            UNION ALL
            SELECT o.robot_id, o.hour, o.seconds FROM open_robot_state_hours o
              WHERE o.state IN (SELECT j.value FROM meta, json_each(meta.value) AS j WHERE meta.key = 'usable_states'))
          GROUP BY robot_id, hour HAVING sum(seconds) > 0;
        CREATE VIEW downtime_by_reason AS
          SELECT state, reason, count(DISTINCT robot_id) AS robots, sum(seconds) / 3600.0 AS hours FROM (
            SELECT robot_id, state, reason, seconds FROM robot_state_hourly
            UNION ALL SELECT robot_id, state, reason, seconds FROM open_robot_state_hours)
          WHERE state IN (SELECT j.value FROM meta, json_each(meta.value) AS j WHERE meta.key = 'downtime_states')
          GROUP BY state, reason;
        CREATE VIEW robot_reliability AS
          WITH down(state) AS (
              SELECT j.value FROM meta, json_each(meta.value) AS j WHERE meta.key = 'downtime_states'),
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
            sum(CASE event WHEN 'offer.received' THEN events ELSE 0 END) AS offers_received,
            sum(CASE event WHEN 'offer.accepted' THEN events ELSE 0 END) AS offers_accepted,
            sum(CASE event WHEN 'offer.rejected' THEN events ELSE 0 END) AS offers_rejected,
            sum(CASE event WHEN 'offer.expired' THEN events ELSE 0 END) AS offers_expired,
            sum(CASE event WHEN 'demand.created' THEN events ELSE 0 END) AS demands_created,
            sum(CASE event WHEN 'demand.canceled' THEN events ELSE 0 END) AS demands_canceled,
            sum(CASE event WHEN 'delivery.failed' THEN events ELSE 0 END) AS deliveries_failed,
            sum(CASE event WHEN 'delivery.dropoff_completed' THEN events ELSE 0 END) AS dropoffs_completed
          FROM event_hourly GROUP BY merchant_id, source, hour;
        """

    /// What is asked over HTTP by time, across sessions and robots, finds its rows by these. They are made when a store is
    /// first served, not before: who only replays does not pay for them. Most are partial, and so small.
    static let questions = [
        "sessions_start ON sessions(first_event_at)",
        "sessions_merchant ON sessions(merchant_id, first_event_at)",
        "sessions_zone ON sessions(zone_id, first_event_at) WHERE zone_id IS NOT NULL",
        "sessions_source ON sessions(source, first_event_at) WHERE source IS NOT NULL",
        "sessions_open ON sessions(first_event_at) WHERE closed_at IS NULL",
        "sessions_closed ON sessions(closed_at) WHERE closed_at IS NOT NULL",
        "sessions_failed ON sessions(closed_at) WHERE outcome = 'failed'",
        // With all that tells which windows hold them.
        """
        events_error_code ON events(error_code, occurred_at, subject, robot_id, pilot_id, merchant_id, robot_use, pilot_use)
          WHERE error_code IS NOT NULL
        """,
        """
        sessions_lost ON sessions(first_event_at, outcome) WHERE outcome <> 'completed' AND outcome <> 'in_progress'
        """,
        "sessions_anomalous ON sessions(first_event_at) WHERE anomaly_count > 0",
        "sessions_reassigned ON sessions(first_event_at) WHERE reassignment_count > 0",
        "sessions_errors ON sessions(first_event_at) WHERE error_count > 0",
        """
        sessions_arrived ON sessions(first_event_at)
          WHERE pickup_arrival_at IS NOT NULL OR dropoff_arrival_at IS NOT NULL
        """,
        """
        sessions_helped ON sessions(closed_at, robot_id, rescue_count, pilot_handoff_count)
          WHERE rescue_count + pilot_handoff_count > 0
        """,
        // With all that tells whether a window holds them: a day's errors are looked at, not their rows.
        """
        events_faults ON events(occurred_at, event_id, subject, robot_id, pilot_id, robot_use)
          WHERE (robot_use & 4) <> 0
        """,
        "robot_states_now ON robot_states(state, started_at, ended_at) WHERE ended_at IS NULL",
        "merchant_hours_sums ON merchant_hours(hour, completed, failed, canceled)",
    ]

    /// The newest event that was not ahead of the clock when it was committed. Where the newest of all was, it is looked for in
    /// the hour before that of the last commit that has any.
    private static let past = """
        ALTER TABLE freshness ADD COLUMN last_past_event_at INTEGER;
        UPDATE freshness SET last_past_event_at = CASE
          WHEN last_event_at <= last_committed_at + 60000000 THEN last_event_at
          ELSE (SELECT max(occurred_at) FROM events WHERE hour = (
            SELECT max(hour) FROM events WHERE hour < last_committed_at / 3600000000)) END;
        """

    /// What stood in their place in earlier versions.
    static let formerQuestions = [
        "robot_hours_hour", "robot_hours_sums", "merchant_hours_hour", "events_errors",
    ]
}
