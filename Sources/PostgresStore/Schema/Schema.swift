internal import SessionCore

/// The schema, one migration after the other. A migration that has been released is never changed: its text's
/// checksum is stored with it.
enum Schema {
    static let migrations: [(name: String, sql: String)] = [
        ("0001_tables", tables), ("0002_partitions", SchemaPartitions.functions),
        ("0003_views", SchemaViews.views), ("0004_leases", SchemaLeases.tables),
        ("0005_hours", SchemaHours.tables), ("0006_questions", SchemaQuestions.indices),
        ("0007_audit", SchemaAudit.tables),
        ("0008_partitions_at_once", SchemaPartitionsAtOnce.function),
        ("0009_partition_keys", SchemaLeases.keys),
        ("0010_sums", SchemaSums.tables),
        ("0011_error_codes", SchemaErrorCodes.column),
        ("0012_known", SchemaKnown.tables),
        ("0013_zones", SchemaZones.tables),
        ("0014_zone_hours", SchemaZoneHours.tables),
        ("0015_partition_entities", SchemaLeases.entities),
        ("0016_partition_homes", SchemaLeases.homes),
        ("0017_downtime_of_hours", SchemaQuestions.downtime),
        ("0018_past_events", SchemaQuestions.past),
        ("0019_stream_places", streamPlaces),
    ]

    /// What tells the message at `last_offset` from the one that another stream of that name has there.
    private static let streamPlaces = "ALTER TABLE source_offsets ADD COLUMN last_fingerprint text"

    /// Ids sort by their bytes, as in every tie-break of the rules; that is also the cheapest comparison.
    private static let id = "text COLLATE \"C\""

    private static let milestoneColumns = Milestone.allCases.map { "  \($0.column) timestamptz" }
        .joined(separator: ",\n")
    private static let durationColumns = DurationColumn.allCases.map { "  \($0.column) double precision" }
        .joined(separator: ",\n")

    /// `hour` (hours since 1970) leads the identity's index, which each partition has by itself: a partition is
    /// whole hours, so the identity is unique over all of them, and new events touch few pages.
    /// Rows that are changed again and again keep room on their page (`fillfactor`): then an update is no new index
    /// entry.
    private static let tables = """
        CREATE TABLE events (
          event_id \(id) NOT NULL, occurred_at timestamptz NOT NULL, received_at timestamptz NOT NULL,
          event \(id) NOT NULL, delivery_id \(id), demand_id \(id), trip_id \(id), quote_id \(id), offer_id \(id),
          robot_id \(id), pilot_id \(id), merchant_id \(id), zone_id \(id), source \(id), payload json NOT NULL,
          hour integer NOT NULL, subject \(id), robot_use smallint, pilot_use smallint)
          PARTITION BY RANGE (occurred_at);
        CREATE TABLE events_default PARTITION OF events DEFAULT;
        CREATE UNIQUE INDEX events_default_identity ON events_default (hour, event_id);
        CREATE INDEX events_subject ON events (subject, occurred_at) WHERE subject IS NOT NULL;
        CREATE INDEX events_robot ON events (robot_id, occurred_at) WHERE robot_use IS NOT NULL;
        CREATE INDEX events_pilot ON events (pilot_id, occurred_at) WHERE pilot_use IS NOT NULL;
        CREATE INDEX events_merchant ON events (merchant_id, occurred_at)
          WHERE merchant_id IS NOT NULL AND subject IS NULL AND robot_id IS NULL AND pilot_id IS NULL;

        CREATE TABLE links (from_id \(id) NOT NULL, to_id \(id) NOT NULL, PRIMARY KEY (from_id, to_id));
        CREATE INDEX links_back ON links (to_id, from_id);
        CREATE TABLE session_members (session_id \(id) NOT NULL, named_id \(id) NOT NULL,
          PRIMARY KEY (session_id, named_id));
        CREATE INDEX session_members_back ON session_members (named_id, session_id);

        CREATE TABLE sessions (
          session_id \(id) PRIMARY KEY, kind \(id) NOT NULL, delivery_id \(id), demand_ids text[] NOT NULL,
          trip_ids text[] NOT NULL, merchant_id \(id), source \(id), zone_id \(id), outcome \(id) NOT NULL,
          failure_code \(id), failure_message \(id), first_error_code \(id), first_event_at timestamptz NOT NULL,
          last_event_at timestamptz NOT NULL, closed_at timestamptz,
        \(milestoneColumns),
        \(durationColumns),
          robot_id \(id), pilot_id \(id), robot_ids text[] NOT NULL, pilot_ids text[] NOT NULL,
          reassignment_count integer NOT NULL, pilot_handoff_count integer NOT NULL,
          attempt_count integer NOT NULL, attempt_failed_count integer NOT NULL, rescue_count integer NOT NULL,
          error_count integer NOT NULL, event_count integer NOT NULL, anomaly_count integer NOT NULL,
          robot_seconds double precision NOT NULL, pilot_seconds double precision NOT NULL,
          updated_at timestamptz NOT NULL, first_direct_at timestamptz NOT NULL, robot_micros bigint NOT NULL,
          pilot_micros bigint NOT NULL) WITH (fillfactor = 80);

        CREATE TABLE assignment_windows (
          session_id \(id) NOT NULL, kind \(id) NOT NULL, entity_id \(id) NOT NULL, started_at timestamptz NOT NULL,
          ended_at timestamptz, expires_at timestamptz NOT NULL, opened_by \(id) NOT NULL, end_reason \(id),
          inferred boolean NOT NULL, PRIMARY KEY (session_id, kind, entity_id, started_at))
          WITH (fillfactor = 90);
        CREATE INDEX assignment_windows_entity ON assignment_windows (kind, entity_id, started_at);

        CREATE TABLE robot_states (
          robot_id \(id) NOT NULL, started_at timestamptz NOT NULL, ended_at timestamptz, state \(id) NOT NULL,
          reason \(id), PRIMARY KEY (robot_id, started_at)) WITH (fillfactor = 90);
        CREATE TABLE robot_pilot_windows (
          robot_id \(id) NOT NULL, pilot_id \(id) NOT NULL, started_at timestamptz NOT NULL, ended_at timestamptz,
          expires_at timestamptz NOT NULL, opened_by \(id) NOT NULL, end_reason \(id),
          PRIMARY KEY (robot_id, started_at, pilot_id)) WITH (fillfactor = 90);
        CREATE INDEX robot_pilot_windows_pilot ON robot_pilot_windows (pilot_id, started_at);
        CREATE TABLE pilot_shifts (
          pilot_id \(id) NOT NULL, started_at timestamptz NOT NULL, ended_at timestamptz,
          PRIMARY KEY (pilot_id, started_at)) WITH (fillfactor = 90);

        CREATE TABLE robot_state_hours (
          robot_id \(id) NOT NULL, hour timestamptz NOT NULL, state \(id) NOT NULL, reason \(id) NOT NULL,
          micros bigint NOT NULL, PRIMARY KEY (robot_id, hour, state, reason)) WITH (fillfactor = 80);
        CREATE TABLE robot_hours (
          robot_id \(id) NOT NULL, hour timestamptz NOT NULL, usable bigint NOT NULL, downtime bigint NOT NULL,
          off_duty bigint NOT NULL, other bigint NOT NULL, on_delivery bigint NOT NULL,
          deliveries_completed bigint NOT NULL, error_count bigint NOT NULL, state_conflicts bigint NOT NULL,
          PRIMARY KEY (robot_id, hour)) WITH (fillfactor = 80);
        CREATE TABLE pilot_hours (
          pilot_id \(id) NOT NULL, hour timestamptz NOT NULL, shift bigint NOT NULL, assigned bigint NOT NULL,
          PRIMARY KEY (pilot_id, hour)) WITH (fillfactor = 80);
        CREATE TABLE merchant_hours (
          merchant_id \(id) NOT NULL, source \(id) NOT NULL, hour timestamptz NOT NULL, sessions bigint NOT NULL,
          completed bigint NOT NULL, failed bigint NOT NULL, canceled bigint NOT NULL, robot bigint NOT NULL,
          pilot bigint NOT NULL, PRIMARY KEY (merchant_id, source, hour)) WITH (fillfactor = 80);
        CREATE TABLE event_hourly (
          event \(id) NOT NULL, merchant_id \(id) NOT NULL, source \(id) NOT NULL, hour timestamptz NOT NULL,
          events bigint NOT NULL, PRIMARY KEY (event, merchant_id, source, hour)) WITH (fillfactor = 80);

        CREATE TABLE rejected_events (
          rejected_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, received_at timestamptz NOT NULL,
          transport text NOT NULL, origin text NOT NULL, reason text NOT NULL, detail text NOT NULL,
          body bytea NOT NULL, headers text);
        CREATE UNIQUE INDEX rejected_events_place
          ON rejected_events (md5(transport || chr(10) || origin || chr(10) || reason), md5(body));
        CREATE TABLE ingestion_batches (
          batch_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, transport text NOT NULL, origin text NOT NULL,
          received bigint NOT NULL, accepted bigint NOT NULL, duplicates bigint NOT NULL, rejected bigint NOT NULL,
          skipped bigint NOT NULL, first_offset bigint, last_offset bigint, started_at timestamptz NOT NULL,
          committed_at timestamptz NOT NULL);
        CREATE TABLE source_offsets (
          transport text, origin text, last_offset bigint NOT NULL, committed_at timestamptz NOT NULL,
          PRIMARY KEY (transport, origin)) WITH (fillfactor = 50);
        CREATE TABLE freshness (
          scope text PRIMARY KEY, last_event_at timestamptz, last_committed_at timestamptz NOT NULL,
          events bigint NOT NULL) WITH (fillfactor = 50);
        CREATE TABLE meta (key text PRIMARY KEY, value text NOT NULL);
        """
}
