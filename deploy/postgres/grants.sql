-- What each role needs, given by the owner of the tables after `sessionizer migrate`, and again after each later one:
--
--   psql "$OWNER_URL" -v writer=sessionizer_writer -v reader=sessionizer_reader -f deploy/postgres/grants.sql
--
-- The owner makes and migrates the tables, and is needed for nothing else:
--   CREATE ROLE sessionizer_owner LOGIN; GRANT CREATE ON DATABASE fleet TO sessionizer_owner;
-- The writer is what `serve` and `replay` run as, the reader what dashboards and analysts connect as:
--   CREATE ROLE sessionizer_writer LOGIN; CREATE ROLE sessionizer_reader LOGIN;
\set ON_ERROR_STOP on
BEGIN;

GRANT USAGE ON SCHEMA sessionizer TO :"writer", :"reader";
GRANT SELECT ON ALL TABLES IN SCHEMA sessionizer TO :"writer", :"reader";

-- Added to, never changed.
GRANT INSERT ON sessionizer.events, sessionizer.links, sessionizer.rejected_events, sessionizer.ingestion_batches,
  sessionizer.meta, sessionizer.known_robots, sessionizer.known_pilots, sessionizer.known_merchants TO :"writer";
-- Derived from the events: rows come, change and go.
GRANT INSERT, UPDATE, DELETE ON sessionizer.session_members, sessionizer.sessions, sessionizer.assignment_windows,
  sessionizer.robot_states, sessionizer.robot_pilot_windows, sessionizer.pilot_shifts,
  sessionizer.robot_state_hours, sessionizer.robot_hours, sessionizer.pilot_hours, sessionizer.merchant_hours,
  sessionizer.event_hourly, sessionizer.fleet_hours, sessionizer.fleet_state_hours, sessionizer.session_hours,
  sessionizer.session_spans, sessionizer.arrival_hours, sessionizer.robot_zones, sessionizer.zone_hours
  TO :"writer";
GRANT INSERT, UPDATE ON sessionizer.freshness, sessionizer.source_offsets, sessionizer.partition_leases,
  sessionizer.partition_keys TO :"writer";
GRANT UPDATE ON sessionizer.partition_joins TO :"writer";
GRANT INSERT, UPDATE, DELETE ON sessionizer.replicas, sessionizer.partition_entities TO :"writer";

-- Who asked what: every service adds to it, under whichever role it runs, and no role may change or delete a row (a trigger
-- refuses it even to the owner). The writer's service shows it to an `admin`; whoever connects as the reader does not see it.
REVOKE ALL ON sessionizer.audit FROM :"writer", :"reader";
GRANT INSERT ON sessionizer.audit TO :"writer", :"reader";
GRANT SELECT ON sessionizer.audit TO :"writer";

-- Both run with the owner's rights and do one thing each: a new month's partition; dropping the months that are older
-- than the retention (31 days at least). Without them events rest in the default partition, and nothing is dropped.
GRANT EXECUTE ON FUNCTION sessionizer.ensure_partition(timestamptz), sessionizer.retire_months(integer) TO :"writer";

COMMIT;
