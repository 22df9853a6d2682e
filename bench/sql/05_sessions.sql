-- One row a session.
CREATE TABLE sessions AS
WITH joined AS (
  SELECT session_id, min(occurred_at) AS first_event_at, max(occurred_at) AS last_event_at, count(*) AS event_count,
    count(*) FILTER (has_error) AS error_count FROM session_events GROUP BY session_id),
errors AS (
  SELECT session_id, arg_min({c: error_code}, {t: occurred_at, e: event, i: event_id}).c AS first_error_code
  FROM session_events WHERE has_error GROUP BY session_id),
windows AS (
  SELECT session_id,
    arg_max(entity_id, started_at) FILTER (kind = 'robot') AS robot_id,
    arg_max(entity_id, started_at) FILTER (kind = 'pilot') AS pilot_id,
    list_sort(list(DISTINCT entity_id) FILTER (kind = 'robot')) AS robot_ids,
    list_sort(list(DISTINCT entity_id) FILTER (kind = 'pilot')) AS pilot_ids,
    count(*) FILTER (kind = 'robot' AND end_reason IN ('reassigned', 'orphaned')) AS reassignment_count,
    count(*) FILTER (kind = 'pilot' AND end_reason = 'reassigned' AND NOT cut_by_robot) AS pilot_handoff_count,
    coalesce(sum(epoch_us(ended_at) - epoch_us(started_at)) FILTER (kind = 'robot'), 0) / 1e6 AS robot_seconds,
    coalesce(sum(epoch_us(ended_at) - epoch_us(started_at)) FILTER (kind = 'pilot'), 0) / 1e6 AS pilot_seconds
  FROM assignment_windows WHERE kind <> 'merchant' GROUP BY session_id),
facts AS (
  SELECT session_id, split_part(session_id, ':', 1) AS kind,
    list_sort(list(DISTINCT demand_id) FILTER (demand_id IS NOT NULL)) AS demand_ids,
    list_sort(list(DISTINCT trip_id) FILTER (trip_id IS NOT NULL)) AS trip_ids,
    arg_min(merchant_id, n) AS merchant_id, arg_min(source, n) AS source, arg_min(zone_id, n) AS zone_id,
    arg_max({c: error_code, m: error_message}, n) FILTER (event = 'delivery.failed') AS failure,
    min(occurred_at) AS first_direct_at,
    min(occurred_at) FILTER (event = 'offer.received') AS offer_received_at,
    min(occurred_at) FILTER (event = 'offer.accepted') AS offer_accepted_at,
    min(occurred_at) FILTER (event = 'quote.requested') AS quote_requested_at,
    min(occurred_at) FILTER (event = 'quote.provided') AS quote_provided_at,
    min(occurred_at) FILTER (event = 'demand.created') AS demand_created_at,
    min(occurred_at) FILTER (event = 'demand.confirmed') AS demand_confirmed_at,
    min(occurred_at) FILTER (robot_id IS NOT NULL
      AND event IN ('demand.assigned', 'demand.replan.rehomed', 'trip.assigned', 'trip.activated')) AS assigned_at,
    min(occurred_at) FILTER (event = 'demand.active') AS active_at,
    min(occurred_at) FILTER (event = 'trip.created') AS trip_created_at,
    min(occurred_at) FILTER (event = 'trip.started') AS trip_started_at,
    min(occurred_at) FILTER (event = 'pilot.assigned') AS pilot_assigned_at,
    min(occurred_at) FILTER (event = 'delivery.pickup_arrival') AS pickup_arrival_at,
    min(occurred_at) FILTER (event = 'delivery.pickup_started') AS pickup_started_at,
    min(occurred_at) FILTER (event = 'delivery.pickup_completed') AS pickup_completed_at,
    min(occurred_at) FILTER (event = 'delivery.dropoff_arrival') AS dropoff_arrival_at,
    min(occurred_at) FILTER (event = 'delivery.dropoff_started') AS dropoff_started_at,
    min(occurred_at) FILTER (event = 'delivery.dropoff_completed') AS dropoff_completed_at,
    min(occurred_at) FILTER (event = 'demand.fulfilled') AS fulfilled_at,
    min(occurred_at) FILTER (event = 'demand.canceled') AS canceled_at,
    min(occurred_at) FILTER (event = 'delivery.failed') AS failed_at,
    count(*) FILTER (event = 'attempt.started') AS attempt_count,
    count(*) FILTER (event = 'attempt.failed') AS attempt_failed_count,
    count(*) FILTER (event = 'attempt.rescued') AS rescue_count
  FROM direct GROUP BY session_id),
timed AS (
  SELECT *, epoch_us(assigned_at) - epoch_us(demand_created_at) AS assign_us,
    epoch_us(pickup_arrival_at) - epoch_us(assigned_at) AS to_pickup_us,
    epoch_us(pickup_completed_at) - epoch_us(pickup_arrival_at) AS pickup_us,
    epoch_us(dropoff_arrival_at) - epoch_us(pickup_completed_at) AS transit_us,
    epoch_us(dropoff_completed_at) - epoch_us(dropoff_arrival_at) AS dropoff_us,
    epoch_us(dropoff_completed_at) - epoch_us(demand_created_at) AS total_us FROM facts)
SELECT session_id, kind, CASE kind WHEN 'delivery' THEN substr(session_id, 10) END AS delivery_id,
  CASE WHEN kind = 'demand' THEN list_sort(list_distinct(list_append(coalesce(demand_ids, []), substr(session_id, 8))))
    ELSE coalesce(demand_ids, []) END AS demand_ids,
  CASE WHEN kind = 'trip' THEN list_sort(list_distinct(list_append(coalesce(trip_ids, []), substr(session_id, 6))))
    ELSE coalesce(trip_ids, []) END AS trip_ids,
  merchant_id, source, zone_id, coalesce(outcome, 'in_progress') AS outcome, failure.c AS failure_code,
  failure.m AS failure_message, first_error_code, first_event_at, last_event_at, closed_at,
  offer_received_at, offer_accepted_at, quote_requested_at, quote_provided_at, demand_created_at, demand_confirmed_at,
  assigned_at, active_at, trip_created_at, trip_started_at, pilot_assigned_at, pickup_arrival_at, pickup_started_at,
  pickup_completed_at, dropoff_arrival_at, dropoff_started_at, dropoff_completed_at, fulfilled_at, canceled_at, failed_at,
  CASE WHEN assign_us >= 0 THEN assign_us / 1e6 END AS assign_seconds,
  CASE WHEN to_pickup_us >= 0 THEN to_pickup_us / 1e6 END AS to_pickup_seconds,
  CASE WHEN pickup_us >= 0 THEN pickup_us / 1e6 END AS pickup_seconds,
  CASE WHEN transit_us >= 0 THEN transit_us / 1e6 END AS transit_seconds,
  CASE WHEN dropoff_us >= 0 THEN dropoff_us / 1e6 END AS dropoff_seconds,
  CASE WHEN total_us >= 0 THEN total_us / 1e6 END AS total_seconds,
  robot_id, pilot_id, coalesce(robot_ids, []) AS robot_ids, coalesce(pilot_ids, []) AS pilot_ids,
  coalesce(reassignment_count, 0) AS reassignment_count, coalesce(pilot_handoff_count, 0) AS pilot_handoff_count,
  attempt_count, attempt_failed_count, rescue_count, error_count, event_count,
  coalesce(robot_seconds, 0) AS robot_seconds, coalesce(pilot_seconds, 0) AS pilot_seconds,
  first_direct_at, getvariable('started')::TIMESTAMP AS updated_at
FROM timed JOIN joined USING (session_id) LEFT JOIN errors USING (session_id) LEFT JOIN windows USING (session_id)
  LEFT JOIN outcomes USING (session_id);
