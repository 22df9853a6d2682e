/// Migration 0008: several writers may need a new month's partition at the same moment.
///
/// Before, a transaction that waited for another one's `ensure_partition` went on with what it knew of the tables before
/// it waited (`to_regclass` asks a cache), and failed to make what was there by then. And what others wrote to the default
/// partition between the moving of its rows and the attaching made the latter fail.
enum SchemaPartitionsAtOnce {
    static let function = """
        CREATE OR REPLACE FUNCTION ensure_partition(at timestamptz) RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = sessionizer, pg_catalog, pg_temp SET timezone = 'UTC' AS $$
        DECLARE
          lower_end timestamptz := date_trunc('month', at);
          upper_end timestamptz := date_trunc('month', at) + interval '1 month';
          partition text := to_char(date_trunc('month', at), '"events_"YYYY_MM');
        BEGIN
          IF lower_end < timestamptz '2000-01-01' OR lower_end > now() + interval '13 months' THEN
            RETURN false;
          END IF;
          PERFORM pg_advisory_xact_lock(1936941411, 3);
          -- From here on each statement sees what was committed before it, and nobody else makes or drops a month.
          IF EXISTS (SELECT FROM retired_months WHERE month = lower_end) THEN RETURN false; END IF;
          IF EXISTS (SELECT FROM pg_class WHERE relnamespace = 'sessionizer'::regnamespace AND relname = partition) THEN
            RETURN false;
          END IF;
          LOCK TABLE events_default IN ACCESS EXCLUSIVE MODE;
          EXECUTE format('CREATE TABLE %I (LIKE events)', partition);
          EXECUTE format('WITH moved AS (DELETE FROM events_default WHERE occurred_at >= %L AND occurred_at < %L '
            'RETURNING *) INSERT INTO %I SELECT * FROM moved', lower_end, upper_end, partition);
          EXECUTE format('CREATE UNIQUE INDEX %I ON %I (hour, event_id)', partition || '_identity', partition);
          EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            partition, lower_end, upper_end);
          RETURN true;
        END $$;
        """
}
