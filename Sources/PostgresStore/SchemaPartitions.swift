/// How partitions of `events` come and go.
///
/// By month: every look-up that has no time (all events of one session id) asks each partition, so seven hundred
/// days would cost thirty times what twenty-four months do, in time and in locks. What no month holds (a robot whose
/// clock says 1969 or 2099) rests in `events_default`.
enum SchemaPartitions {
    /// `ensure_partition` runs with its owner's rights: a role that may only write rows may have it called.
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

        CREATE FUNCTION drop_partitions(older_than interval) RETURNS SETOF text
        LANGUAGE plpgsql
        SET search_path = sessionizer, pg_catalog, pg_temp SET timezone = 'UTC' AS $$
        DECLARE
          cutoff timestamptz := now() - older_than;
          partition text;
        BEGIN
          PERFORM pg_advisory_xact_lock(1936941411, 3);
          FOR partition IN
            SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'sessionizer.events'::regclass AND c.relname ~ '^events_[0-9]{4}_[0-9]{2}$'
              AND to_timestamp(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= cutoff
            ORDER BY c.relname
          LOOP
            EXECUTE format('DROP TABLE %I', partition);
            RETURN NEXT partition;
          END LOOP;
          DELETE FROM events_default WHERE occurred_at < cutoff AND received_at < cutoff;
        END $$;
        REVOKE ALL ON FUNCTION drop_partitions(interval) FROM PUBLIC;
        """
}
