extension Scenario {
    static let all = read(windows + pilots + sessions + hours)

    // window: session, kind, who, from, to (or "open till" when it expires), why it ended.
    private static let windows = """
        = another robot is assigned
        10:00 demand.assigned delivery=D1 robot=R1
        10:10 trip.activated  delivery=D1 robot=R2
        > window delivery:D1 robot R1 10:00 10:10 reassigned
        > window delivery:D1 robot R2 10:10 open till 16:10
        > sessions delivery:D1 outcome=in_progress robot_id=R2 robot_ids=[R1,R2] reassignment_count=1 robot_seconds=600.0
        = the same robot is assigned again: nothing changes
        10:00 demand.assigned delivery=D1 robot=R1
        10:10 trip.assigned   delivery=D1 robot=R1
        > window delivery:D1 robot R1 10:00 open till 16:00
        = orphaned, then rehomed
        10:00 demand.assigned        delivery=D1 robot=R1
        10:10 demand.replan.orphaned delivery=D1 robot=R1
        10:15 robot.error            robot=R1
        10:20 demand.replan.rehomed  delivery=D1 robot=R2
        10:25 robot.error            robot=R2
        > window delivery:D1 robot R1 10:00 10:10 orphaned
        > window delivery:D1 robot R2 10:20 open till 16:20
        > join delivery:D1 10:25 robot.error robot R2
        > sessions delivery:D1 error_count=1 reassignment_count=1
        = a release that names another robot ends nothing
        10:00 demand.assigned        delivery=D1 robot=R1
        10:10 demand.replan.orphaned delivery=D1 robot=R2
        > window delivery:D1 robot R1 10:00 open till 16:00
        = a release that names none ends the current one
        10:00 demand.assigned        delivery=D1 robot=R1
        10:10 demand.replan.orphaned delivery=D1
        > window delivery:D1 robot R1 10:00 10:10 orphaned
        = any event with a robot infers it where none is current
        10:00 demand.created   delivery=D1 robot=R1
        10:10 demand.confirmed delivery=D1 robot=R2
        > window delivery:D1 robot R1 10:00 open till 16:00 inferred
        > sessions delivery:D1 assigned_at=- robot_id=R1
        = nothing is inferred in a closed session
        10:00 demand.canceled     delivery=D1
        10:10 demand.etas_updated delivery=D1 robot=R1
        > no windows
        = an assignment without a robot opens nothing and reopens nothing
        10:00 demand.canceled delivery=D1
        10:10 demand.assigned delivery=D1
        > no windows
        > sessions delivery:D1 outcome=canceled closed_at=10:00 assigned_at=-
        = what reaches the limit has timed out
        10:00 demand.assigned     delivery=D1 robot=R1
        16:00 demand.etas_updated delivery=D1
        > window delivery:D1 robot R1 10:00 16:00 timed_out
        > sessions delivery:D1 robot_seconds=21600.0 outcome=in_progress
        = a second before the limit it has not
        10:00    demand.assigned     delivery=D1 robot=R1
        15:59:59 demand.etas_updated delivery=D1
        > window delivery:D1 robot R1 10:00 open till 16:00
        > sessions delivery:D1 robot_seconds=0.0
        = a window of no length counts for nothing
        10:00 demand.assigned        delivery=D1 robot=R1
        10:00 demand.assigned        delivery=D1 robot=R2 event_id=z
        10:05 demand.fulfilled       delivery=D1
        > window delivery:D1 robot R2 10:00 10:05 completed
        > sessions delivery:D1 reassignment_count=0 robot_ids=[R2]
        = the end itself is outside the window, the beginning inside
        10:00 demand.assigned  delivery=D1 robot=R1
        10:30 demand.fulfilled delivery=D1
        10:00 robot.error      robot=R1
        10:30 robot.error      robot=R1 event_id=late
        > join delivery:D1 10:00 robot.error robot R1
        = an open window joins up to its limit
        10:00    demand.assigned delivery=D1 robot=R1
        15:59:59 robot.error     robot=R1
        16:00    robot.error     robot=R1
        > join delivery:D1 15:59:59 robot.error robot R1
        = one robot serves two: its events belong to both
        10:00 demand.assigned delivery=D1 robot=R1
        10:00 demand.assigned delivery=D2 robot=R1
        10:05 robot.error     robot=R1
        > join delivery:D1 10:05 robot.error robot R1
        > join delivery:D2 10:05 robot.error robot R1

        """

    private static let pilots = """
        = handed over, then ended
        10:00 pilot.assigned         delivery=D1 pilot=P1
        10:10 pilot.assigned         delivery=D1 pilot=P2
        10:20 pilot.assignment_ended delivery=D1 pilot=P2
        > window delivery:D1 pilot P1 10:00 10:10 reassigned
        > window delivery:D1 pilot P2 10:10 10:20 unassigned
        > sessions delivery:D1 pilot_handoff_count=1 pilot_seconds=1200.0 pilot_id=P2 pilot_assigned_at=10:00
        = a pilot may take over in a closed session without reopening it
        10:00 demand.fulfilled delivery=D1
        10:10 pilot.assigned   delivery=D1 pilot=P1
        > window delivery:D1 pilot P1 10:10 open till 16:10
        > sessions delivery:D1 outcome=completed closed_at=10:00
        = the robot's pilot is the session's, cut to the robot's window
        09:00 pilot.assigned   robot=R1 pilot=P1
        10:00 demand.assigned  delivery=D1 robot=R1
        10:05 pilot.note       pilot=P1
        10:30 demand.fulfilled delivery=D1
        > window delivery:D1 robot R1 10:00 10:30 completed
        > window delivery:D1 pilot P1 10:00 10:30 completed
        > join delivery:D1 10:05 pilot.note pilot P1
        > sessions delivery:D1 pilot_handoff_count=0 pilot_seconds=1800.0
        = a shift's end without ids ends the pilot's windows everywhere
        10:00 pilot.assigned    delivery=D1 pilot=P1
        10:00 pilot.assigned    delivery=D2 pilot=P2
        10:30 pilot.shift_ended pilot=P1
        > window delivery:D1 pilot P1 10:00 10:30 shift_ended
        > window delivery:D2 pilot P2 10:00 open till 16:00
        = a robot's window goes before the pilot's, the pilot's before the merchant's
        10:00 demand.assigned delivery=D1 robot=R1 merchant=S1
        10:00 pilot.assigned  delivery=D2 pilot=P1
        10:05 note            robot=R1 pilot=P1
        10:06 note            robot=R9 pilot=P1
        10:07 note            robot=R9 pilot=P9 merchant=S1
        10:08 note            merchant=S1
        > join delivery:D1 10:05 note robot R1
        > join delivery:D2 10:06 note pilot P1
        > join delivery:D1 10:08 note merchant S1

        """

    private static let sessions = """
        = closed, reopened by a robot, and closed for another reason
        10:00 demand.assigned  delivery=D1 robot=R1
        10:10 delivery.failed  delivery=D1 error=STALL
        10:20 demand.assigned  delivery=D1 robot=R2
        10:30 demand.fulfilled delivery=D1
        > window delivery:D1 robot R1 10:00 10:10 failed
        > window delivery:D1 robot R2 10:20 10:30 completed
        > sessions delivery:D1 outcome=completed closed_at=10:30 failure_code=STALL failed_at=10:10
        = of several ends the best counts, from the first of them on
        10:00 demand.canceled  delivery=D1
        10:10 demand.fulfilled delivery=D1
        > sessions delivery:D1 outcome=completed closed_at=10:00 canceled_at=10:00 fulfilled_at=10:10
        = the latest failure tells the code, even when it tells none
        10:00 delivery.failed delivery=D1 error=STALL
        10:10 delivery.failed delivery=D1
        > sessions delivery:D1 outcome=failed failure_code=- first_error_code=STALL error_count=1
        = a provisional demand moves to its delivery
        10:00 demand.created   demand=M1
        10:05 demand.confirmed demand=M1 delivery=D1
        > no sessions demand:M1
        > sessions delivery:D1 demand_ids=[M1] event_count=2 demand_created_at=10:00 demand_confirmed_at=10:05
        = without a delivery it stands for itself
        10:00 demand.created  demand=M1
        10:01 offer.expired   offer=O1
        > sessions demand:M1 outcome=in_progress
        > sessions offer:O1 outcome=expired
        = a shared trip belongs to all its deliveries
        10:00 trip.created trip=T1 delivery=D1
        10:01 trip.created trip=T1 delivery=D2
        10:02 trip.started trip=T1
        > no sessions trip:T1
        > sessions delivery:D1 trip_ids=[T1] event_count=2 trip_started_at=10:02
        > sessions delivery:D2 trip_ids=[T1] event_count=2 trip_started_at=10:02
        = every milestone is its earliest event, every duration the time between two
        09:50 offer.received             delivery=D1
        09:51 offer.accepted             delivery=D1
        09:52 quote.requested            delivery=D1
        09:53 quote.provided             delivery=D1
        10:00 demand.created             delivery=D1
        10:00:30 demand.confirmed        delivery=D1
        10:01 demand.assigned            delivery=D1 robot=R1
        10:01:30 demand.active           delivery=D1
        10:02 trip.created               delivery=D1
        10:03 trip.started               delivery=D1
        10:04 pilot.assigned             delivery=D1 pilot=P1
        10:11 delivery.pickup_arrival    delivery=D1
        10:12 delivery.pickup_started    delivery=D1
        10:13 delivery.pickup_completed  delivery=D1
        10:23 delivery.dropoff_arrival   delivery=D1
        10:24 delivery.dropoff_started   delivery=D1
        10:26 delivery.dropoff_completed delivery=D1
        10:27 demand.fulfilled           delivery=D1
        10:59 demand.created             delivery=D1
        > sessions delivery:D1 offer_received_at=09:50 offer_accepted_at=09:51 quote_requested_at=09:52 quote_provided_at=09:53
        > sessions delivery:D1 demand_created_at=10:00 demand_confirmed_at=10:00:30 assigned_at=10:01 active_at=10:01:30
        > sessions delivery:D1 trip_created_at=10:02 trip_started_at=10:03 pilot_assigned_at=10:04 pickup_arrival_at=10:11
        > sessions delivery:D1 pickup_started_at=10:12 pickup_completed_at=10:13 dropoff_arrival_at=10:23
        > sessions delivery:D1 dropoff_started_at=10:24 dropoff_completed_at=10:26 fulfilled_at=10:27 closed_at=10:26
        > sessions delivery:D1 assign_seconds=60.0 to_pickup_seconds=600.0 pickup_seconds=120.0 transit_seconds=600.0
        > sessions delivery:D1 dropoff_seconds=180.0 total_seconds=1560.0 first_event_at=09:50 last_event_at=10:59
        = a negative duration is none
        10:00 delivery.pickup_completed delivery=D1
        10:05 delivery.pickup_arrival   delivery=D1
        > sessions delivery:D1 pickup_seconds=-
        = attempts and rescues are counted
        10:00 attempt.started delivery=D1
        10:01 attempt.failed  delivery=D1
        10:02 attempt.started delivery=D1
        10:03 attempt.rescued delivery=D1
        > sessions delivery:D1 attempt_count=2 attempt_failed_count=1 rescue_count=1
        = merchant, source and zone are those of the earliest event that has one
        10:00 demand.created   delivery=D1
        10:01 demand.confirmed delivery=D1 merchant=S1 source=web
        10:02 demand.active    delivery=D1 merchant=S2 source=phone zone=Z1
        > sessions delivery:D1 merchant_id=S1 source=web zone_id=Z1
        > merchant_windows delivery:D1|S1|10:00 ended_at=- expires_at=16:00

        """

    private static let hours = """
        = of several states at one instant the last stands, equal neighbours are one
        10:00 robot.deployed      robot=R1
        10:00 robot.state_changed robot=R1 to_state=idle
        10:20 robot.state_changed robot=R1 state=idle
        10:30 robot.parked        robot=R1
        > no robot_states R1|10:20
        > robot_states R1|10:00 state=idle ended_at=10:30
        > robot_states R1|10:30 state=parked ended_at=-
        = a state over three hours is counted in each
        10:45 robot.deployed robot=R1
        12:15 robot.grounded robot=R1 error=STALL
        12:30 robot.off_duty robot=R1
        > robot_state_hourly R1|10:00|deployed| seconds=900.0
        > robot_state_hourly R1|11:00|deployed| seconds=3600.0
        > robot_state_hourly R1|12:00|grounded|STALL seconds=900.0
        > robot_hourly R1|12:00 usable_seconds=900.0 downtime_seconds=900.0 off_duty_seconds=0.0
        = two deliveries at once are not counted twice
        10:00 demand.assigned  delivery=D1 robot=R1
        10:20 demand.assigned  delivery=D2 robot=R1
        10:30 demand.fulfilled delivery=D1
        11:10 demand.fulfilled delivery=D2
        > robot_hourly R1|10:00 on_delivery_seconds=3600.0 deliveries_completed=1
        > robot_hourly R1|11:00 on_delivery_seconds=600.0 deliveries_completed=1
        = a shift runs from its first start to its end
        09:30 pilot.shift_started pilot=P1
        09:40 pilot.shift_started pilot=P1
        10:10 pilot.shift_ended   pilot=P1
        > pilot_hourly P1|09:00 shift_seconds=1800.0
        > pilot_hourly P1|10:00 shift_seconds=600.0
        = merchants' hours count sessions where they began
        10:50 demand.created  delivery=D1 merchant=S1 source=web
        11:10 demand.canceled delivery=D1
        10:55 demand.created  demand=M2
        > merchant_hourly S1|web|10:00 sessions=1 canceled=1 completed=0
        > merchant_hourly ||10:00 sessions=1 canceled=0
        > event_hourly demand.created|S1|web|10:00 events=1
        > event_hourly demand.canceled|||11:00 events=1

        """
}
