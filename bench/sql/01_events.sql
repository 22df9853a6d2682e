-- Lines to events. `lines` (filename, line) is made by the script: read_csv over the archive's files, one column.
-- Fields are taken in one json_transform; the line itself is kept as the payload.
-- "Not there": empty, blank, null, undefined, unknown, none, n/a. All begin with n, u or a blank: a cheap test first.
CREATE MACRO present(x) AS CASE
  WHEN ascii(x) > 32 AND ascii(x) <> 78 AND ascii(x) <> 85 AND ascii(x) <> 110 AND ascii(x) <> 117 THEN x
  WHEN NOT regexp_full_match(x, '\s*(null|undefined|unknown|none|n/a)?\s*', 'i') THEN x END;

CREATE MACRO fields(line) AS json_transform(line, '{
  "event": "VARCHAR", "timestamp": "VARCHAR", "event_id": "VARCHAR", "delivery_id": "VARCHAR", "demand_id": "VARCHAR",
  "trip_id": "VARCHAR", "quote_id": "VARCHAR", "offer_id": "VARCHAR", "robot_id": "VARCHAR", "pilot_id": "VARCHAR",
  "merchant_id": "VARCHAR", "zone_id": "VARCHAR", "parking_lot_id": "VARCHAR", "source": "VARCHAR", "state": "VARCHAR",
  "from_state": "VARCHAR", "to_state": "VARCHAR", "reason": "VARCHAR", "rejection_reason": "VARCHAR",
  "error": "JSON", "message": "VARCHAR"}');

CREATE TABLE events AS
WITH parsed AS (
  SELECT filename, line, CASE WHEN json_valid(line) THEN fields(line) END AS f FROM lines WHERE line IS NOT NULL),
-- A shipper's envelope: no event, but a message that is the event.
opened AS (
  SELECT filename, line AS body, unwrapped, CASE WHEN unwrapped THEN f.message ELSE line END AS payload,
    CASE WHEN unwrapped THEN fields(f.message) ELSE f END AS f
  FROM (SELECT *, coalesce(f.event IS NULL AND f.message LIKE '{%' AND json_valid(f.message), false) AS unwrapped FROM parsed)),
ids AS (
  SELECT filename, payload, f, f.event, make_timestamp(epoch_us(TRY_CAST(f.timestamp AS TIMESTAMPTZ))) AS occurred_at,
    present(f.event_id) AS given_id, present(f.delivery_id) AS delivery_id, present(f.demand_id) AS demand_id,
    present(f.trip_id) AS trip_id, present(f.quote_id) AS quote_id, present(f.offer_id) AS offer_id,
    present(f.robot_id) AS robot_id, present(f.pilot_id) AS pilot_id, present(f.merchant_id) AS merchant_id,
    present(f.zone_id) AS zone_id, present(f.parking_lot_id) AS parking_lot_id, present(f.source) AS source,
    present(f.reason) AS reason, present(f.rejection_reason) AS rejection_reason,
    CASE WHEN f.error IS NULL THEN NULL WHEN starts_with(f.error::VARCHAR, '{') THEN f.error ->> 'code' ELSE f.error ->> '$' END AS error_code,
    CASE WHEN starts_with(f.error::VARCHAR, '{') THEN f.error ->> 'message' END AS error_message
  FROM opened)
SELECT
  CASE WHEN given_id IS NOT NULL THEN given_id
    WHEN event IS NOT NULL AND occurred_at IS NOT NULL THEN
      'fp-' || md5(to_json([event, epoch_us(occurred_at)::VARCHAR, delivery_id, demand_id, trip_id, quote_id, offer_id, robot_id,
        pilot_id, merchant_id, zone_id, parking_lot_id, source, f.state, f.from_state, f.to_state, reason, rejection_reason,
        error_code, error_message])::VARCHAR) END AS event_id,
  occurred_at, getvariable('started')::TIMESTAMP AS received_at, event,
  delivery_id, demand_id, trip_id, quote_id, offer_id, robot_id, pilot_id, merchant_id, zone_id, source, payload,
  -- What the later steps read; not in the contract.
  coalesce('delivery:' || delivery_id, 'demand:' || demand_id, 'trip:' || trip_id, 'quote:' || quote_id,
    'offer:' || offer_id) AS subject,
  CASE event WHEN 'robot.state_changed' THEN coalesce(nullif(f.to_state, ''), nullif(f.state, ''))
    WHEN 'robot.deployed' THEN 'deployed' WHEN 'robot.parked' THEN 'parked' WHEN 'robot.grounded' THEN 'grounded'
    WHEN 'robot.off_duty' THEN 'off_duty' END AS state,
  reason, error_code, error_message,
  event = 'robot.error' OR error_code IS NOT NULL OR error_message IS NOT NULL AS has_error,
  CASE WHEN event IS NOT NULL AND event <> '' AND occurred_at IS NOT NULL THEN NULL
    WHEN f IS NULL AND trim(payload) <> 'null' THEN 'malformed_json'
    WHEN payload NOT SIMILAR TO '\s*\{[\s\S]*' THEN 'not_an_object'
    WHEN coalesce(event, '') = '' THEN 'skipped'
    WHEN f.timestamp IS NULL THEN 'missing_timestamp'
    ELSE 'invalid_timestamp' END AS problem,
  filename AS origin
FROM ids;

CREATE TABLE rejected_events AS
SELECT received_at, 'archive' AS transport, origin, problem AS reason, '' AS detail, payload AS body
FROM events WHERE problem <> 'skipped';

-- Rows that are no events, and every copy of an event but the first.
CREATE TEMP TABLE dropped AS
SELECT rowid AS id, 'unreadable' AS why FROM events WHERE problem IS NOT NULL
UNION ALL
SELECT id, 'duplicate' FROM (
  SELECT e.rowid AS id, row_number() OVER (PARTITION BY e.event_id ORDER BY e.origin, e.rowid) AS copy FROM events e
  WHERE e.problem IS NULL
    AND e.event_id IN (SELECT event_id FROM events WHERE problem IS NULL GROUP BY event_id HAVING count(*) > 1))
WHERE copy > 1;
DELETE FROM events WHERE rowid IN (SELECT id FROM dropped);
