-- Every event with its sessions. An event that names none joins by the windows that hold its time. Windows last
-- six hours at most, so each is spread over the hours it touches: an equality join, not one by ranges.
CREATE TEMP TABLE window_hours AS
SELECT session_id, kind, entity_id, started_at, coalesce(ended_at, expires_at) AS until,
  unnest(range(date_trunc('hour', started_at), until, INTERVAL 1 HOUR)) AS hour
FROM assignment_windows;

CREATE TEMP TABLE loose AS
SELECT event_id, occurred_at, event, robot_id, pilot_id, merchant_id, has_error, error_code, date_trunc('hour', occurred_at) AS hour
FROM events WHERE subject IS NULL AND (robot_id IS NOT NULL OR pilot_id IS NOT NULL OR merchant_id IS NOT NULL);

CREATE TABLE session_events AS
SELECT session_id, event_id, occurred_at, event, 'direct' AS via, NULL::VARCHAR AS via_id, has_error, error_code FROM direct
UNION ALL
SELECT w.session_id, e.event_id, e.occurred_at, e.event, 'robot', e.robot_id, e.has_error, e.error_code
FROM loose e JOIN window_hours w ON w.kind = 'robot' AND w.entity_id = e.robot_id AND w.hour = e.hour
  AND e.occurred_at >= w.started_at AND e.occurred_at < w.until
UNION ALL
SELECT w.session_id, e.event_id, e.occurred_at, e.event, 'pilot', e.pilot_id, e.has_error, e.error_code
FROM loose e JOIN window_hours w ON w.kind = 'pilot' AND w.entity_id = e.pilot_id AND w.hour = e.hour
  AND e.occurred_at >= w.started_at AND e.occurred_at < w.until
WHERE e.pilot_id IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM window_hours r WHERE r.kind = 'robot' AND r.entity_id = e.robot_id AND r.hour = e.hour
    AND e.occurred_at >= r.started_at AND e.occurred_at < r.until)
UNION ALL
SELECT w.session_id, e.event_id, e.occurred_at, e.event, 'merchant', e.merchant_id, e.has_error, e.error_code
FROM loose e JOIN window_hours w ON w.kind = 'merchant' AND w.entity_id = e.merchant_id AND w.hour = e.hour
  AND e.occurred_at >= w.started_at AND e.occurred_at < w.until
WHERE e.robot_id IS NULL AND e.pilot_id IS NULL;
