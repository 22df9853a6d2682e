-- Assignment windows: one fold for each session and kind, and for each robot's pilots.
-- Steps of the fold (k): 0 release, 1 open, 2 neutral, 3 terminal, 4 a pilot's closer that names no session,
-- 5 robot open in the pilot fold (reopens), 6 pilot open (does not reopen), 9 end of the scope's events.
CREATE TEMP TABLE roles (event VARCHAR, robot TINYINT, pilot TINYINT, ends VARCHAR);
INSERT INTO roles VALUES
  ('demand.assigned', 1, 5, NULL), ('demand.replan.rehomed', 1, 5, NULL), ('trip.assigned', 1, 5, NULL),
  ('trip.activated', 1, 5, NULL), ('demand.replan.orphaned', 0, 2, 'orphaned'),
  ('pilot.assigned', 2, 6, NULL), ('pilot.assignment_started', 2, 6, NULL),
  ('pilot.assignment_ended', 2, 0, 'unassigned'), ('pilot.shift_ended', 2, 0, 'shift_ended'),
  ('delivery.dropoff_completed', 3, 3, 'completed'), ('demand.fulfilled', 3, 3, 'completed'),
  ('delivery.failed', 3, 3, 'failed'), ('demand.canceled', 3, 3, 'canceled'),
  ('offer.rejected', 3, 3, 'rejected'), ('offer.expired', 3, 3, 'expired');

CREATE TEMP TABLE steps AS
WITH d AS (
  SELECT d.session_id AS scope, d.n, d.occurred_at AS t, d.event, d.robot_id, d.pilot_id, r.ends,
    CASE WHEN r.robot = 1 AND d.robot_id IS NULL THEN 2 ELSE coalesce(r.robot, 2) END AS robot,
    CASE WHEN (r.pilot = 5 AND d.robot_id IS NULL) OR (r.pilot = 6 AND d.pilot_id IS NULL) THEN 2 ELSE coalesce(r.pilot, 2) END AS pilot
  FROM direct d LEFT JOIN roles r USING (event)
  WHERE r.event IS NOT NULL OR d.robot_id IS NOT NULL OR d.pilot_id IS NOT NULL)
SELECT scope, 'robot' AS kind, n, t, event, robot AS k, robot_id AS e, ends FROM d WHERE robot <> 2 OR robot_id IS NOT NULL
UNION ALL
SELECT scope, 'pilot', n, t, event, pilot, pilot_id, ends FROM d WHERE pilot <> 2 OR pilot_id IS NOT NULL
UNION ALL
SELECT 'robot:' || robot_id, 'pilot', row_number() OVER (ORDER BY occurred_at, event, event_id), occurred_at, event, pilot, pilot_id, ends
FROM events JOIN roles USING (event)
WHERE subject IS NULL AND robot_id IS NOT NULL AND (pilot = 0 OR (pilot = 6 AND pilot_id IS NOT NULL));

-- A closer matters only where its pilot's window is current. A window of his begins at a step that names him, so
-- the first closer after each such step is enough.
CREATE TEMP TABLE closers AS
SELECT pilot_id AS e, occurred_at AS t, min(event) AS event FROM events
WHERE event IN ('pilot.assignment_ended', 'pilot.shift_ended') AND subject IS NULL AND robot_id IS NULL AND pilot_id IS NOT NULL
GROUP BY ALL;

-- Windows are cut after six hours once the scope has a later event: `until` is its last.
CREATE TEMP TABLE scopes AS
SELECT session_id AS scope, min(occurred_at) AS since, max(occurred_at) AS until FROM direct GROUP BY session_id
UNION ALL
SELECT scope, min(t), max(t) FROM steps WHERE starts_with(scope, 'robot:') GROUP BY scope;

CREATE TEMP TABLE folded AS
WITH every AS (
  SELECT * FROM steps
  UNION ALL
  SELECT DISTINCT s.scope, 'pilot', 0, c.t, c.event, 4, s.e, r.ends
  FROM (SELECT scope, e, t FROM steps WHERE kind = 'pilot' AND k <> 0 AND e IS NOT NULL) s
  ASOF JOIN closers c ON s.e = c.e AND s.t < c.t
  JOIN roles r ON r.event = c.event
  WHERE c.t < s.t + INTERVAL 6 HOURS
  UNION ALL
  SELECT scope, unnest(['robot', 'pilot']), 0, until, '', 9, NULL, NULL FROM scopes WHERE until >= since + INTERVAL 6 HOURS),
ranked AS (
  SELECT e.*, CASE k WHEN 0 THEN 0 WHEN 4 THEN 0 WHEN 1 THEN 1 WHEN 6 THEN 1 WHEN 2 THEN 2 WHEN 5 THEN 2 ELSE k END AS rank,
    s.until >= s.since + INTERVAL 6 HOURS AS long
  FROM every e JOIN scopes s USING (scope)),
-- Steps that repeat the one before change nothing, unless a window may have been cut between them.
told AS (
  SELECT * FROM ranked
  WINDOW o AS (PARTITION BY scope, kind ORDER BY t, rank, event, n)
  QUALIFY long OR lag(k) OVER o IS NULL
    OR NOT ((k = 3 AND lag(k) OVER o = 3)
      OR (e = lag(e) OVER o AND ((k = lag(k) OVER o AND k IN (1, 2, 5, 6)) OR (k = 2 AND lag(k) OVER o IN (1, 5, 6)))))),
lists AS (
  SELECT scope, kind, list({t: t, k: k, e: e, w: CASE WHEN k IN (1, 2, 5, 6) THEN event ELSE ends END,
      cur: NULL::VARCHAR, s: NULL::TIMESTAMP, opener: NULL::VARCHAR, inferred: NULL::BOOLEAN, closed: false,
      made: NULL::STRUCT(e VARCHAR, s TIMESTAMP, ended TIMESTAMP, opener VARCHAR, why VARCHAR, inferred BOOLEAN)[]}
    ORDER BY t, rank, event, n) AS steps
  FROM told GROUP BY scope, kind
  HAVING bool_or(e IS NOT NULL)),
done AS (
  SELECT scope, kind, list_reduce(steps,
    lambda a, x: CASE
      -- Nothing to do: no part of the fold, or it says what is so already.
      WHEN x.k = 4 AND (a.cur IS NULL OR a.cur <> x.e OR x.t >= a.s + INTERVAL 6 HOURS) THEN a
      ELSE {
        t: x.t, k: x.k, e: x.e, w: x.w,
        cur: CASE
          WHEN x.k IN (1, 6) THEN x.e
          WHEN x.k IN (2, 5) AND (a.cur IS NULL OR x.t >= a.s + INTERVAL 6 HOURS)
            THEN CASE WHEN x.k = 5 OR NOT a.closed THEN x.e END
          WHEN x.k IN (2, 5) THEN a.cur
          WHEN x.t >= a.s + INTERVAL 6 HOURS OR x.k = 3 OR (x.k IN (0, 4) AND (x.e IS NULL OR x.e = a.cur)) THEN NULL
          ELSE a.cur END,
        s: CASE WHEN x.k IN (1, 2, 5, 6) AND (a.cur IS NULL OR x.t >= a.s + INTERVAL 6 HOURS OR (x.k IN (1, 6) AND x.e <> a.cur))
          THEN x.t ELSE a.s END,
        opener: CASE WHEN x.k IN (1, 2, 5, 6) AND (a.cur IS NULL OR x.t >= a.s + INTERVAL 6 HOURS OR (x.k IN (1, 6) AND x.e <> a.cur))
          THEN x.w ELSE a.opener END,
        inferred: CASE WHEN x.k IN (1, 2, 5, 6) AND (a.cur IS NULL OR x.t >= a.s + INTERVAL 6 HOURS OR (x.k IN (1, 6) AND x.e <> a.cur))
          THEN x.k IN (2, 5) ELSE a.inferred END,
        closed: x.k = 3 OR (a.closed AND x.k NOT IN (1, 5)),
        made: CASE
          WHEN a.cur IS NULL THEN a.made
          WHEN x.t >= a.s + INTERVAL 6 HOURS
            THEN list_append(a.made, {e: a.cur, s: a.s, ended: a.s + INTERVAL 6 HOURS, opener: a.opener, why: 'timed_out', inferred: a.inferred})
          WHEN x.k IN (1, 6) AND x.e <> a.cur
            THEN list_append(a.made, {e: a.cur, s: a.s, ended: x.t, opener: a.opener, why: 'reassigned', inferred: a.inferred})
          WHEN x.k = 3 OR (x.k IN (0, 4) AND (x.e IS NULL OR x.e = a.cur))
            THEN list_append(a.made, {e: a.cur, s: a.s, ended: x.t, opener: a.opener, why: x.w, inferred: a.inferred})
          ELSE a.made END} END,
    {t: NULL::TIMESTAMP, k: NULL::TINYINT, e: NULL::VARCHAR, w: NULL::VARCHAR, cur: NULL::VARCHAR, s: NULL::TIMESTAMP,
      opener: NULL::VARCHAR, inferred: NULL::BOOLEAN, closed: false,
      made: []::STRUCT(e VARCHAR, s TIMESTAMP, ended TIMESTAMP, opener VARCHAR, why VARCHAR, inferred BOOLEAN)[]}) AS f
  FROM lists),
all_windows AS (
  SELECT scope, kind, unnest(CASE WHEN f.cur IS NULL THEN f.made ELSE list_append(f.made,
    {e: f.cur, s: f.s, ended: NULL::TIMESTAMP, opener: f.opener, why: NULL::VARCHAR, inferred: f.inferred}) END) AS w
  FROM done)
SELECT scope, kind, w.e AS entity_id, w.s AS started_at, w.ended AS ended_at, w.s + INTERVAL 6 HOURS AS expires_at,
  w.opener AS opened_by, w.why AS end_reason, w.inferred
FROM all_windows WHERE w.s IS DISTINCT FROM w.ended;

-- The state of each session: its terminals after the last robot open.
CREATE TEMP TABLE outcomes AS
WITH t AS (
  SELECT scope, t, ends, k, CASE k WHEN 1 THEN 1 ELSE 3 END AS rank, event, n FROM steps WHERE kind = 'robot' AND k IN (1, 3)
  QUALIFY count(*) FILTER (k = 1) OVER (PARTITION BY scope ORDER BY t DESC, rank DESC, event DESC, n DESC) = 0)
SELECT scope AS session_id, min(t) AS closed_at,
  arg_min(ends, list_position(['completed', 'failed', 'canceled', 'rejected', 'expired'], ends)) AS outcome
FROM t GROUP BY scope;

CREATE TABLE assignment_windows AS
SELECT scope AS session_id, kind, entity_id, started_at, ended_at, expires_at, opened_by, end_reason, inferred, false AS cut_by_robot
FROM folded WHERE NOT starts_with(scope, 'robot:')
UNION ALL
-- No pilot window of its own: the robot's pilots, for as long as the robot served it.
SELECT session_id, 'pilot', entity_id, started_at, CASE WHEN ended <= expires THEN ended END,
  least(expires, ended), opened_by, CASE WHEN ended <= expires THEN why END, inferred, coalesce(ended <= expires AND robots, false)
FROM (
  SELECT r.scope AS session_id, p.entity_id, greatest(r.started_at, p.started_at) AS started_at,
    least(r.ended_at, p.ended_at) AS ended, least(r.expires_at, p.expires_at) AS expires,
    coalesce(r.ended_at <= p.ended_at, r.ended_at IS NOT NULL) AS robots,
    CASE WHEN robots THEN r.end_reason ELSE p.end_reason END AS why, p.opened_by, p.inferred
  FROM folded r JOIN folded p ON p.scope = 'robot:' || r.entity_id AND r.kind = 'robot'
    AND p.started_at < coalesce(r.ended_at, r.expires_at) AND r.started_at < coalesce(p.ended_at, p.expires_at)
  WHERE NOT EXISTS (SELECT 1 FROM folded o WHERE o.scope = r.scope AND o.kind = 'pilot'));

-- One window for the merchant of each session.
INSERT INTO assignment_windows
SELECT session_id, 'merchant', merchant_id, started_at,
  CASE WHEN closed_at IS NULL THEN NULL ELSE least(closed_at, expires_at) END, expires_at, opened_by,
  CASE WHEN closed_at <= expires_at THEN outcome WHEN closed_at IS NOT NULL THEN 'timed_out' END, false, false
FROM (
  SELECT d.session_id, arg_min(d.merchant_id, n) AS merchant_id, min(occurred_at) AS started_at,
    started_at + INTERVAL 6 HOURS AS expires_at, arg_min(event, n) AS opened_by
  FROM direct d GROUP BY d.session_id)
LEFT JOIN outcomes USING (session_id)
WHERE merchant_id IS NOT NULL AND closed_at IS DISTINCT FROM started_at;
