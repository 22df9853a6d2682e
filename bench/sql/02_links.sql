-- Which session ids lead to which sessions. Links go from a less to a more specific id, so four passes, from
-- demands to offers, resolve them all. An id that is not in `targets` stands for itself.
CREATE TEMP TABLE links AS
SELECT DISTINCT x, y FROM (
  SELECT unnest(['demand:' || demand_id, 'trip:' || trip_id, 'quote:' || quote_id, 'offer:' || offer_id]) AS x, subject AS y
  FROM events WHERE subject IS NOT NULL)
WHERE x IS NOT NULL AND x <> y;

CREATE TEMP TABLE targets (x VARCHAR, target VARCHAR);
-- 32: an id with more targets is over-linked and stands for itself.
INSERT INTO targets SELECT x, target FROM (
    SELECT DISTINCT l.x, coalesce(t.target, l.y) AS target FROM links l LEFT JOIN targets t ON t.x = l.y WHERE l.x LIKE 'demand:%')
  QUALIFY count(*) OVER (PARTITION BY x) <= 32;
INSERT INTO targets SELECT x, target FROM (
    SELECT DISTINCT l.x, coalesce(t.target, l.y) AS target FROM links l LEFT JOIN targets t ON t.x = l.y WHERE l.x LIKE 'trip:%')
  QUALIFY count(*) OVER (PARTITION BY x) <= 32;
INSERT INTO targets SELECT x, target FROM (
    SELECT DISTINCT l.x, coalesce(t.target, l.y) AS target FROM links l LEFT JOIN targets t ON t.x = l.y WHERE l.x LIKE 'quote:%')
  QUALIFY count(*) OVER (PARTITION BY x) <= 32;
INSERT INTO targets SELECT x, target FROM (
    SELECT DISTINCT l.x, coalesce(t.target, l.y) AS target FROM links l LEFT JOIN targets t ON t.x = l.y WHERE l.x LIKE 'offer:%')
  QUALIFY count(*) OVER (PARTITION BY x) <= 32;

-- The sessions' direct events, without payload; n is the order (time, event, event_id).
CREATE TEMP TABLE direct AS
SELECT coalesce(t.target, e.subject) AS session_id, e.* FROM (
  SELECT row_number() OVER (ORDER BY occurred_at, event, event_id) AS n, event_id, occurred_at, event, subject, demand_id,
    trip_id, robot_id, pilot_id, merchant_id, zone_id, source, has_error, error_code, error_message
  FROM events WHERE subject IS NOT NULL) e
LEFT JOIN targets t ON t.x = e.subject;
