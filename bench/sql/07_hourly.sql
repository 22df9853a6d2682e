-- Hourly tables (UTC). Only what has ended is counted.
CREATE MACRO hours(a, b) AS range(date_trunc('hour', a), b, INTERVAL 1 HOUR);
CREATE MACRO micros_in(hour, a, b) AS epoch_us(least(b, hour + INTERVAL 1 HOUR)) - epoch_us(greatest(a, hour));

CREATE TABLE robot_state_hourly AS
SELECT robot_id, hour, state, coalesce(reason, '') AS reason, sum(micros_in(hour, started_at, ended_at)) / 1e6 AS seconds
FROM (SELECT *, unnest(hours(started_at, ended_at)) AS hour FROM robot_states WHERE ended_at IS NOT NULL)
GROUP BY ALL;

-- The union of each entity's ended windows: overlapping ones are one island.
CREATE TEMP TABLE served AS
WITH w AS (
  SELECT kind, entity_id, started_at, ended_at,
    max(ended_at) OVER (PARTITION BY kind, entity_id ORDER BY started_at, ended_at
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM assignment_windows WHERE kind <> 'merchant' AND ended_at IS NOT NULL),
-- What each window adds to those before it.
added AS (
  SELECT kind, entity_id, greatest(started_at, coalesce(before, started_at)) AS since, ended_at AS until FROM w
  WHERE before IS NULL OR before < ended_at)
SELECT kind, entity_id, hour, sum(micros_in(hour, since, until)) / 1e6 AS seconds
FROM (SELECT *, unnest(hours(since, until)) AS hour FROM added) GROUP BY ALL;

CREATE TABLE robot_hourly AS
WITH parts AS (
  SELECT robot_id, hour,
    CASE WHEN state IN ('idle', 'available', 'deployed', 'delivering', 'to_pickup', 'at_pickup', 'to_dropoff', 'at_dropoff',
      'returning') THEN 'usable' WHEN state IN ('grounded', 'error', 'maintenance', 'unknown') THEN 'downtime'
      WHEN state IN ('off_duty', 'parked', 'charging') THEN 'off_duty' ELSE 'other' END AS class,
    seconds FROM robot_state_hourly
  UNION ALL SELECT entity_id, hour, 'on_delivery', seconds FROM served WHERE kind = 'robot'
  UNION ALL SELECT robot_id, date_trunc('hour', closed_at), 'completed', 1 FROM sessions
    WHERE outcome = 'completed' AND robot_id IS NOT NULL
  UNION ALL SELECT robot_id, date_trunc('hour', occurred_at), 'error', 1 FROM events WHERE has_error AND robot_id IS NOT NULL)
SELECT robot_id, hour, coalesce(sum(seconds) FILTER (class = 'usable'), 0) AS usable_seconds,
  coalesce(sum(seconds) FILTER (class = 'downtime'), 0) AS downtime_seconds,
  coalesce(sum(seconds) FILTER (class = 'off_duty'), 0) AS off_duty_seconds,
  coalesce(sum(seconds) FILTER (class = 'other'), 0) AS other_seconds,
  coalesce(sum(seconds) FILTER (class = 'on_delivery'), 0) AS on_delivery_seconds,
  count(*) FILTER (class = 'completed') AS deliveries_completed, count(*) FILTER (class = 'error') AS error_count
FROM parts GROUP BY ALL;

CREATE TABLE pilot_hourly AS
WITH marks AS (
  SELECT pilot_id, occurred_at AS t, event,
    count(*) FILTER (event = 'pilot.shift_ended') OVER (PARTITION BY pilot_id ORDER BY occurred_at, event, event_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS shift
  FROM events WHERE event IN ('pilot.shift_started', 'pilot.shift_ended') AND pilot_id IS NOT NULL),
shifts AS (
  SELECT pilot_id, min(t) FILTER (event = 'pilot.shift_started') AS since, max(t) FILTER (event = 'pilot.shift_ended') AS until
  FROM marks GROUP BY pilot_id, coalesce(shift, 0)),
parts AS (
  SELECT pilot_id, hour, micros_in(hour, since, until) / 1e6 AS shift_seconds, 0 AS assigned_seconds
  FROM (SELECT *, unnest(hours(since, until)) AS hour FROM shifts WHERE since < until)
  UNION ALL SELECT entity_id, hour, 0, seconds FROM served WHERE kind = 'pilot')
SELECT pilot_id, hour, sum(shift_seconds) AS shift_seconds, sum(assigned_seconds) AS assigned_seconds FROM parts GROUP BY ALL;

CREATE TABLE merchant_hourly AS
SELECT coalesce(merchant_id, '') AS merchant_id, coalesce(source, '') AS source, date_trunc('hour', first_direct_at) AS hour,
  count(*) AS sessions, count(*) FILTER (outcome = 'completed') AS completed, count(*) FILTER (outcome = 'failed') AS failed,
  count(*) FILTER (outcome = 'canceled') AS canceled, sum(robot_seconds) AS robot_seconds, sum(pilot_seconds) AS pilot_seconds
FROM sessions WHERE kind IN ('delivery', 'demand') GROUP BY ALL;

CREATE TABLE event_hourly AS
SELECT event, coalesce(merchant_id, '') AS merchant_id, coalesce(source, '') AS source, date_trunc('hour', occurred_at) AS hour,
  count(*) AS events
FROM events GROUP BY ALL;
