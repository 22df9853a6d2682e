/// Migration 0011: an event's error code beside its payload, so that what is asked for by a code is found without reading
/// payloads. And what was closed in a range is found by when it was closed.
///
/// Of events that are there already it is read from their payloads: a text or a number, of at most 800 bytes. What
/// PostgreSQL cannot unescape (a NUL, half a surrogate pair) has none then.
enum SchemaErrorCodes {
    static let column = """
        ALTER TABLE events ADD COLUMN error_code text COLLATE "C";
        CREATE FUNCTION told_error_code(payload json) RETURNS text LANGUAGE plpgsql AS $$
        DECLARE
          error json;
          code text;
        BEGIN
          error := payload -> 'error';
          IF json_typeof(error) IN ('string', 'number') THEN
            code := error #>> '{}';
          ELSIF json_typeof(error) = 'object' AND json_typeof(error -> 'code') IN ('string', 'number') THEN
            code := error ->> 'code';
          END IF;
          RETURN CASE WHEN octet_length(code) BETWEEN 1 AND 800 THEN code END;
        EXCEPTION WHEN data_exception THEN
          RETURN NULL;
        END $$;
        UPDATE events e SET error_code = told_error_code(e.payload) WHERE e.payload::text LIKE '%"error"%';
        DROP FUNCTION told_error_code(json);
        CREATE INDEX sessions_closed ON sessions (closed_at) WHERE closed_at IS NOT NULL;
        CREATE INDEX IF NOT EXISTS sessions_errors ON sessions (first_event_at) WHERE error_count > 0;
        CREATE INDEX events_error_code ON events (error_code, occurred_at) WHERE error_code IS NOT NULL;
        """
}
