import ReferenceModel
import Testing

/// Assignment windows worked out by hand: end, reason, opened by, inferred, expiry.
@Suite struct WindowStories {
    @Test func aPlainDelivery() throws {
        let tables = try tables(
            lines(
                """
                10:00 demand.created             demand=M1 delivery=D1 merchant=S1 source=uber
                10:02 demand.assigned            demand=M1 robot=R1
                10:10 delivery.pickup_arrival    delivery=D1
                10:14 delivery.pickup_completed  delivery=D1
                10:30 delivery.dropoff_arrival   delivery=D1
                10:33 delivery.dropoff_completed delivery=D1
                10:34 demand.fulfilled           demand=M1
                """))
        #expect(
            tables.rows("assignment_windows") == [
                "delivery:D1|robot|R1|10:02: 10:33 completed demand.assigned no 16:02"
            ])
        #expect(
            tables.rows("merchant_windows") == [
                "delivery:D1|S1|10:00: 10:33 completed demand.created no 16:00"
            ])
        #expect(
            tables.rows(
                "sessions", "outcome", "closed_at", "robot_id", "demand_ids", "event_count", "robot_seconds",
                "fulfilled_at") == ["delivery:D1: completed 10:33 R1 [M1] 7 1860.0 10:34"])
        #expect(
            tables.rows(
                "sessions", "assign_seconds", "to_pickup_seconds", "pickup_seconds", "transit_seconds",
                "dropoff_seconds", "total_seconds") == ["delivery:D1: 120.0 480.0 240.0 960.0 180.0 1980.0"])
    }

    @Test func reassignedOrphanedRehomedAndInferred() throws {
        let tables = try tables(
            lines(
                """
                10:00 demand.created         delivery=D1 robot=R1
                10:05 demand.assigned        delivery=D1 robot=R1
                10:10 trip.assigned          delivery=D1 robot=R2
                10:15 demand.etas_updated    delivery=D1 robot=R3
                10:20 demand.replan.orphaned delivery=D1 robot=R1
                10:25 demand.replan.orphaned delivery=D1
                10:30 trip.canceled          delivery=D1 robot=R2
                10:35 demand.replan.rehomed  delivery=D1 robot=R3
                10:40 delivery.failed        delivery=D1 error=STALL
                """))
        #expect(
            tables.rows("assignment_windows") == [
                "delivery:D1|robot|R1|10:00: 10:10 reassigned demand.created yes 16:00",
                "delivery:D1|robot|R2|10:10: 10:25 orphaned trip.assigned no 16:10",
                "delivery:D1|robot|R2|10:30: 10:35 reassigned trip.canceled yes 16:30",
                "delivery:D1|robot|R3|10:35: 10:40 failed demand.replan.rehomed no 16:35",
            ])
        #expect(
            tables.rows(
                "sessions", "outcome", "failure_code", "robot_id", "robot_ids", "reassignment_count",
                "error_count", "assigned_at") == ["delivery:D1: failed STALL 10:05 R3 [R1,R2,R3] 3 1"])
    }

    @Test func aWindowTimesOutWhenAnEventComesAtItsLimit() throws {
        let tables = try tables(
            lines(
                """
                10:00    trip.activated       trip=T1 robot=R1
                15:59:59 demand.etas_updated  trip=T1 robot=R1
                16:00    demand.etas_updated  trip=T1 robot=R1
                10:00    trip.activated       trip=T2 robot=R2
                15:59:59 demand.etas_updated  trip=T2 robot=R2
                16:00    robot.heartbeat      robot=R2
                """))
        #expect(
            tables.rows("assignment_windows") == [
                "trip:T1|robot|R1|10:00: 16:00 timed_out trip.activated no 16:00",
                "trip:T1|robot|R1|16:00: - - demand.etas_updated yes 22:00",
                "trip:T2|robot|R2|10:00: - - trip.activated no 16:00",
            ])
    }

    @Test func onlyARobotOpenReopens() throws {
        let tables = try tables(
            lines(
                """
                10:00 demand.assigned     delivery=D1 robot=R1
                10:10 demand.canceled     delivery=D1
                10:20 demand.etas_updated delivery=D1 robot=R1
                10:25 demand.assigned     delivery=D1
                10:30 demand.assigned     delivery=D1 robot=R1
                10:40 delivery.failed     delivery=D1
                10:50 demand.fulfilled    delivery=D1
                """))
        #expect(
            tables.rows("assignment_windows") == [
                "delivery:D1|robot|R1|10:00: 10:10 canceled demand.assigned no 16:00",
                "delivery:D1|robot|R1|10:30: 10:40 failed demand.assigned no 16:30",
            ])
        #expect(tables.rows("sessions", "outcome", "closed_at") == ["delivery:D1: completed 10:40"])
    }

    @Test func atOneInstantReleasesComeFirstAndTerminalsLast() throws {
        let tables = try tables(
            lines(
                """
                10:00 demand.assigned        delivery=D1 robot=R1
                10:10 demand.fulfilled       delivery=D1
                10:10 demand.assigned        delivery=D1 robot=R3
                10:10 trip.assigned          delivery=D1 robot=R2
                10:10 demand.replan.orphaned delivery=D1
                """))
        // R3 and R2 got windows of no length; the fulfilment comes after both and closes the session.
        #expect(
            tables.rows("assignment_windows") == [
                "delivery:D1|robot|R1|10:00: 10:10 orphaned demand.assigned no 16:00"
            ])
        #expect(tables.rows("sessions", "outcome", "reassignment_count") == ["delivery:D1: completed 1"])
    }

    @Test func pilotsInAClosedSession() throws {
        let tables = try tables(
            lines(
                """
                10:00 pilot.assigned      delivery=D1 pilot=P1
                10:10 demand.canceled     delivery=D1
                10:20 demand.etas_updated delivery=D1 pilot=P1
                10:30 pilot.assigned      delivery=D1 pilot=P2
                10:40 pilot.shift_ended   delivery=D1 pilot=P1
                10:50 demand.canceled     delivery=D1
                11:00 demand.assigned     delivery=D1 robot=R1 pilot=P3
                """))
        #expect(
            tables.rows("assignment_windows") == [
                "delivery:D1|pilot|P1|10:00: 10:10 canceled pilot.assigned no 16:00",
                "delivery:D1|pilot|P2|10:30: 10:50 canceled pilot.assigned no 16:30",
                "delivery:D1|pilot|P3|11:00: - - demand.assigned yes 17:00",
                "delivery:D1|robot|R1|11:00: - - demand.assigned no 17:00",
            ])
    }

    @Test func aSessionInheritsItsRobotsPilots() throws {
        let tables = try tables(
            lines(
                """
                09:00 pilot.assigned         robot=R1 pilot=P1
                10:00 demand.assigned        delivery=D1 robot=R1
                10:10 pilot.assigned         robot=R1 pilot=P2
                10:20 pilot.assignment_ended robot=R1
                10:30 pilot.assigned         robot=R1 pilot=P1
                10:40 demand.assigned        delivery=D1 robot=R2
                10:40 pilot.assigned         robot=R1 pilot=P2
                """))
        // At 10:40 both R1's window and P1's end: the robot's reason counts, so only one is a handoff.
        #expect(
            tables.rows("assignment_windows") == [
                "delivery:D1|pilot|P1|10:00: 10:10 reassigned pilot.assigned no 15:00",
                "delivery:D1|pilot|P1|10:30: 10:40 reassigned pilot.assigned no 16:00",
                "delivery:D1|pilot|P2|10:10: 10:20 unassigned pilot.assigned no 16:00",
                "delivery:D1|robot|R1|10:00: 10:40 reassigned demand.assigned no 16:00",
                "delivery:D1|robot|R2|10:40: - - demand.assigned no 16:40",
            ])
        #expect(
            tables.rows("sessions", "pilot_id", "pilot_handoff_count", "pilot_seconds") == [
                "delivery:D1: P1 1 1800.0"
            ])
    }

    @Test func anInheritedWindowMayExpireBeforeItEnds() throws {
        let tables = try tables(
            lines(
                """
                06:00 pilot.assigned   robot=R1 pilot=P1
                10:00 demand.assigned  delivery=D1 robot=R1
                14:00 demand.fulfilled delivery=D1
                """))
        #expect(
            tables.rows("assignment_windows") == [
                "delivery:D1|pilot|P1|10:00: - - pilot.assigned no 12:00",
                "delivery:D1|robot|R1|10:00: 14:00 completed demand.assigned no 16:00",
            ])
    }

    @Test func aShiftsEndReachesEveryScope() throws {
        let tables = try tables(
            lines(
                """
                10:00 pilot.assigned    delivery=D1 pilot=P1
                10:00 pilot.assigned    delivery=D2 pilot=P2
                10:00 pilot.assigned    robot=R1 pilot=P1
                10:00 demand.assigned   delivery=D3 robot=R1
                04:00 pilot.assigned    delivery=D4 pilot=P1
                10:30 pilot.shift_ended pilot=P1
                10:30 pilot.assigned    delivery=D5 pilot=P1
                11:00 demand.fulfilled  delivery=D3
                """))
        // D4's window had expired before, so the shift's end does not even time it out.
        #expect(
            tables.rows("assignment_windows") == [
                "delivery:D1|pilot|P1|10:00: 10:30 shift_ended pilot.assigned no 16:00",
                "delivery:D2|pilot|P2|10:00: - - pilot.assigned no 16:00",
                "delivery:D3|pilot|P1|10:00: 10:30 shift_ended pilot.assigned no 16:00",
                "delivery:D3|robot|R1|10:00: 11:00 completed demand.assigned no 16:00",
                "delivery:D4|pilot|P1|04:00: - - pilot.assigned no 10:00",
                "delivery:D5|pilot|P1|10:30: - - pilot.assigned no 16:30",
            ])
    }
}
