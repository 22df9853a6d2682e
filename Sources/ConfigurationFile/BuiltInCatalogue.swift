// Made by deploy/scripts/embed-catalogue.sh from config/events.yaml: change that file, then run it.
// swift-format-ignore-file

let builtInCatalogueText = #"""
# The event catalogue: every event that the rules know by name, and what it does. The program has a copy of
# this file built in; the key `catalogue` of the configuration file, or SESSIONIZER_CATALOGUE, names another.
# An event that is not here is accepted all the same: it joins by the ids that it names.
#
#   summary    what it tells (the docs' table is made from it)
#   requires   fields it ought to carry; an event without them is still accepted
#   opens      robot | pilot: begins an assignment window of that entity
#   releases   robot | pilot, with `as` (orphaned | unassigned | shift_ended): ends the current window
#   closes     completed | failed | canceled | rejected | expired: ends the windows and closes the session
#   milestone  the column of `sessions` that keeps the time of the earliest one
#   state      from_fields (to_state, else state), or a word: the robot's state from then on
#   shift      starts | ends: the pilot's shift
#   counts     attempt_count | attempt_failed_count | rescue_count
#   error      true: an error even without an `error` field
#   failure    true: its error becomes failure_code and failure_message
events:
  offer.received: {summary: A marketplace offers a delivery., requires: [offer_id], milestone: offer_received_at}
  offer.accepted: {summary: We took the offer., requires: [offer_id], milestone: offer_accepted_at}
  offer.rejected: {summary: We declined the offer., requires: [offer_id], closes: rejected}
  offer.expired: {summary: Nobody answered the offer in time., requires: [offer_id], closes: expired}
  quote.requested: {summary: A price and a time are asked for., requires: [quote_id], milestone: quote_requested_at}
  quote.provided: {summary: A price and a time were given., requires: [quote_id], milestone: quote_provided_at}
  demand.created: {summary: There is a delivery to be made., requires: [demand_id], milestone: demand_created_at}
  demand.confirmed: {summary: The demand is certain., requires: [demand_id], milestone: demand_confirmed_at}
  demand.assigned: {summary: Dispatch gave the demand to a robot., requires: [demand_id, robot_id], opens: robot}
  demand.active: {summary: The robot is on it., requires: [demand_id], milestone: active_at}
  demand.fulfilled: {summary: The demand is served., requires: [demand_id], closes: completed, milestone: fulfilled_at}
  demand.canceled: {summary: The demand was called off., requires: [demand_id], closes: canceled, milestone: canceled_at}
  demand.etas_updated: {summary: New estimates of the times., requires: [demand_id]}
  demand.replan.orphaned: {summary: The demand lost its robot., requires: [demand_id], releases: robot, as: orphaned}
  demand.replan.rehomed: {summary: The demand was given to another robot., requires: [demand_id, robot_id], opens: robot}
  trip.created: {summary: A trip was planned., requires: [trip_id], milestone: trip_created_at}
  trip.assigned: {summary: The trip was given to a robot., requires: [trip_id, robot_id], opens: robot}
  trip.activated: {summary: The robot took the trip., requires: [trip_id, robot_id], opens: robot}
  trip.started: {summary: The robot set off., requires: [trip_id], milestone: trip_started_at}
  trip.completed: {summary: The trip is done., requires: [trip_id]}
  trip.canceled: {summary: The trip was called off., requires: [trip_id]}
  pilot.shift_started: {summary: A pilot came on duty., requires: [pilot_id], shift: starts}
  pilot.shift_ended: {summary: A pilot went off duty., requires: [pilot_id], shift: ends, releases: pilot, as: shift_ended}
  pilot.assignment_started: {summary: A pilot took over., requires: [pilot_id], opens: pilot}
  pilot.assigned: {summary: A pilot was given to the trip., requires: [pilot_id], opens: pilot, milestone: pilot_assigned_at}
  pilot.assignment_ended: {summary: The pilot was released., requires: [pilot_id], releases: pilot, as: unassigned}
  robot.state_changed: {summary: The robot changed its state., requires: [robot_id, to_state], state: from_fields}
  robot.deployed: {summary: The robot was put to work., requires: [robot_id], state: deployed}
  robot.parked: {summary: The robot was parked., requires: [robot_id], state: parked}
  robot.grounded: {summary: The robot must not drive., requires: [robot_id], state: grounded}
  robot.off_duty: {summary: The robot went off duty., requires: [robot_id], state: off_duty}
  robot.error: {summary: The robot reports a fault., requires: [robot_id, error], error: true}
  delivery.pickup_arrival: {summary: Arrived at the merchant., requires: [delivery_id], milestone: pickup_arrival_at}
  delivery.pickup_started: {summary: Loading began., requires: [delivery_id], milestone: pickup_started_at}
  delivery.pickup_completed: {summary: Loaded., requires: [delivery_id], milestone: pickup_completed_at}
  delivery.dropoff_arrival: {summary: Arrived at the customer., requires: [delivery_id], milestone: dropoff_arrival_at}
  delivery.dropoff_started: {summary: Handing over began., requires: [delivery_id], milestone: dropoff_started_at}
  delivery.dropoff_completed: {summary: Handed over., requires: [delivery_id], closes: completed, milestone: dropoff_completed_at}
  delivery.failed: {summary: The delivery failed., requires: [delivery_id], closes: failed, milestone: failed_at, failure: true}
  attempt.started: {summary: An attempt began., requires: [delivery_id], counts: attempt_count}
  attempt.completed: {summary: The attempt succeeded., requires: [delivery_id]}
  attempt.failed: {summary: The attempt failed., requires: [delivery_id], counts: attempt_failed_count}
  attempt.rescued: {summary: A person rescued the robot., requires: [delivery_id], counts: rescue_count}
"""#
