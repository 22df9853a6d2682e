/// How partitions of `events` come and go.
///
/// By month: every look-up that has no time (all events of one session id) asks each partition, so seven hundred
/// days would cost thirty times what twenty-four months do, in time and in locks. What no month holds (a robot whose
/// clock says 1969 or 2099) rests in `events_default`.
enum SchemaPartitions {
    /// Both functions run with their owner's rights: a role that may only write rows may call them where it was granted
    /// that, and can do nothing else to the tables.
    /// A month whose events were dropped is written down: an event of it that came again would be taken for a new one,
    /// and counted a second time in the hourly tables, so it is refused.
    /// Rows of that month that rest in the default partition move: PostgreSQL refuses the partition otherwise.
    static let functions = """
        CREATE FUNCTION ensure_partition(at timestamptz) RETURNS boolean
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
          IF EXISTS (SELECT FROM retired_months WHERE month = lower_end) THEN RETURN false; END IF;
          IF to_regclass('sessionizer.' || partition) IS NOT NULL THEN RETURN false; END IF;
          PERFORM pg_advisory_xact_lock(1936941411, 3);
          IF to_regclass('sessionizer.' || partition) IS NOT NULL THEN RETURN false; END IF;
          EXECUTE format('CREATE TABLE %I (LIKE events)', partition);
          EXECUTE format('WITH moved AS (DELETE FROM events_default WHERE occurred_at >= %L AND occurred_at < %L '
            'RETURNING *) INSERT INTO %I SELECT * FROM moved', lower_end, upper_end, partition);
          EXECUTE format('CREATE UNIQUE INDEX %I ON %I (hour, event_id)', partition || '_identity', partition);
          EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            partition, lower_end, upper_end);
          RETURN true;
        END $$;
        REVOKE ALL ON FUNCTION ensure_partition(timestamptz) FROM PUBLIC;

        CREATE TABLE retired_months (
          month timestamptz PRIMARY KEY, retired_at timestamptz NOT NULL DEFAULT now());
        CREATE FUNCTION retire_months(older_than_days integer) RETURNS SETOF text
        LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = sessionizer, pg_catalog, pg_temp SET timezone = 'UTC' AS $$
        DECLARE
          cutoff timestamptz := now() - make_interval(days => older_than_days);
          partition text;
        BEGIN
          IF older_than_days < 31 THEN
            RAISE EXCEPTION 'events are kept for 31 days at least, not %', older_than_days;
          END IF;
          PERFORM pg_advisory_xact_lock(1936941411, 3);
          FOR partition IN
            SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'sessionizer.events'::regclass AND c.relname ~ '^events_[0-9]{4}_[0-9]{2}$'
              AND to_timestamp(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= cutoff
            ORDER BY c.relname
          LOOP
            EXECUTE format('DROP TABLE %I', partition);
            INSERT INTO retired_months (month) VALUES (to_timestamp(right(partition, 7), 'YYYY_MM'))
              ON CONFLICT DO NOTHING;
            RETURN NEXT partition;
          END LOOP;
        END $$;
        REVOKE ALL ON FUNCTION retire_months(integer) FROM PUBLIC;
        """
}
