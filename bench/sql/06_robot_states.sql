-- Robot states: of several facts at one instant the last stands, then neighbours that agree are one.
CREATE TABLE robot_states AS
WITH facts AS (
  SELECT robot_id, occurred_at AS t, arg_max({state: state, reason: coalesce(reason, error_code)}, {e: event, i: event_id}) AS f
  FROM events WHERE robot_id IS NOT NULL AND state IS NOT NULL GROUP BY robot_id, occurred_at),
changes AS (
  SELECT robot_id, t, f.state, f.reason FROM facts
  QUALIFY f IS DISTINCT FROM lag(f) OVER (PARTITION BY robot_id ORDER BY t))
SELECT robot_id, t AS started_at, lead(t) OVER (PARTITION BY robot_id ORDER BY t) AS ended_at, state, reason FROM changes;
