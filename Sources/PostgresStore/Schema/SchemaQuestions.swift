/// What the API asks by, beside the keys: without these a question about an hour reads a whole table.
enum SchemaQuestions {
    /// Few of the rows that change with every batch change one of these columns, so most updates stay on their page.
    static let indices = """
        CREATE INDEX sessions_start ON sessions (first_event_at);
        CREATE INDEX sessions_merchant ON sessions (merchant_id, first_event_at);
        CREATE INDEX sessions_open ON sessions (first_event_at) WHERE closed_at IS NULL;
        CREATE INDEX sessions_failed ON sessions (closed_at) WHERE outcome = 'failed';
        CREATE INDEX events_errors ON events (occurred_at) WHERE (robot_use & 4) <> 0;
        CREATE INDEX robot_hours_hour ON robot_hours (hour);
        CREATE INDEX merchant_hours_hour ON merchant_hours (hour);
        """

    /// Migration 0017: the hours of a range with whose downtime it was, so that of a large fleet who was down most is found
    /// without a look at the rows themselves.
    static let downtime = """
        CREATE INDEX robot_hours_downtime ON robot_hours (hour) INCLUDE (robot_id, downtime);
        DROP INDEX robot_hours_hour;
        """

    /// Migration 0018: the newest event that was not ahead of the clock when it was committed. Where the newest of all was, it is
    /// looked for in the hour before that of the last commit that has any.
    static let past = """
        ALTER TABLE freshness ADD COLUMN last_past_event_at timestamptz;
        UPDATE freshness SET last_past_event_at = CASE
          WHEN last_event_at <= last_committed_at + interval '60 seconds' THEN last_event_at
          ELSE (SELECT max(occurred_at) FROM events WHERE hour = (
            SELECT max(hour) FROM events WHERE hour < floor(extract(epoch FROM last_committed_at) / 3600))) END;
        """
}
