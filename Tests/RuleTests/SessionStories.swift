import ReferenceModel
import Testing

/// Links, joins, states and sums worked out by hand.
@Suite struct SessionStories {
    @Test func aDemandMovesToTheDeliveryItLearns() throws {
        let before = lines(
            """
            10:00 offer.received    offer=O1
            10:01 demand.created    demand=M1 offer=O1
            10:02 demand.confirmed  demand=M1
            10:03 trip.created      trip=T1 demand=M1
            10:03 trip.created      trip=T1 demand=M2 event_id=e2
            """)
        let learned = lines(
            """
            11:00 demand.etas_updated demand=M1 delivery=D1
            """)
        #expect(
            try tables(before).rows("sessions", "event_count", "demand_ids", "trip_ids") == [
                "demand:M1: [M1] [T1] 4", "demand:M2: [M2] [T1] 1",
            ])
        #expect(
            try tables(before + learned).rows("sessions", "event_count", "delivery_id") == [
                "delivery:D1: D1 5", "demand:M2: - 1",
            ])
    }

    @Test func aSharedTripBelongsToAllItsDeliveries() throws {
        let tables = try tables(
            lines(
                """
                10:00 trip.created   trip=T1 delivery=D1
                10:00 trip.created   trip=T1 delivery=D2
                10:05 trip.activated trip=T1 robot=R1
                """))
        #expect(
            tables.rows("session_events") == [
                "delivery:D1|10:00|trip.created|direct|: 1", "delivery:D1|10:05|trip.activated|direct|: 1",
                "delivery:D2|10:00|trip.created|direct|: 1", "delivery:D2|10:05|trip.activated|direct|: 1",
            ])
        #expect(tables.rows("assignment_windows", "expires_at").count == 2)
    }

    @Test(arguments: [32, 33]) func anIdWithTooManyTargetsStandsForItself(targets: Int) throws {
        let links = (1...targets).map { "10:00 trip.created trip=T1 delivery=D\($0) event_id=\($0)" }
        let own = "10:05 trip.started trip=T1"
        let rows = try tables(lines((links + [own]).joined(separator: "\n"))).rows(
            "sessions", "event_count")
        #expect(rows.count == (targets == 32 ? 32 : 34))
        #expect(rows.contains("trip:T1: 1") == (targets == 33))
        #expect(rows.contains("delivery:D1: \(targets == 32 ? 2 : 1)"))
    }

    @Test func otherEventsJoinThroughWindows() throws {
        let tables = try tables(
            lines(
                """
                10:00    demand.assigned  delivery=D1 robot=R1 merchant=S1
                10:00    pilot.assigned   delivery=D1 pilot=P1
                10:00    robot.heartbeat  robot=R1 pilot=P1
                10:10    robot.error      robot=R9 pilot=P1
                10:15    tablet.offline   merchant=S1 zone=Z1
                10:16    tablet.offline   merchant=S1 robot=R9
                10:29:59 robot.heartbeat  robot=R1
                10:30    robot.heartbeat  robot=R1
                10:30    demand.fulfilled delivery=D1
                10:30    tablet.offline   merchant=S1
                """))
        #expect(
            tables.rows("session_events") == [
                "delivery:D1|10:00|demand.assigned|direct|: 1",
                "delivery:D1|10:00|pilot.assigned|direct|: 1",
                "delivery:D1|10:00|robot.heartbeat|robot|R1: 1",
                "delivery:D1|10:10|robot.error|pilot|P1: 1",
                "delivery:D1|10:15|tablet.offline|merchant|S1: 1",
                "delivery:D1|10:29:59|robot.heartbeat|robot|R1: 1",
                "delivery:D1|10:30|demand.fulfilled|direct|: 1",
            ])
        #expect(
            tables.rows("sessions", "error_count", "first_error_code", "event_count") == [
                "delivery:D1: - 1 7"
            ])
    }

    @Test func aNegativeDurationIsNoDuration() throws {
        let tables = try tables(
            lines(
                """
                10:00 delivery.pickup_completed delivery=D1
                10:05 delivery.pickup_arrival   delivery=D1
                10:05 delivery.dropoff_arrival  delivery=D1
                10:07 delivery.dropoff_arrival  delivery=D1
                """))
        #expect(
            tables.rows(
                "sessions", "pickup_seconds", "transit_seconds", "dropoff_seconds", "robot_seconds",
                "dropoff_arrival_at") == ["delivery:D1: 0.0 10:05 - 300.0 -"])
    }

    private let stateStory = lines(
        """
        10:00    robot.deployed      robot=R1
        10:10    robot.state_changed robot=R1 to_state=idle state=parked
        10:10    robot.deployed      robot=R1
        10:20    robot.state_changed robot=R1 state=idle
        10:30    robot.grounded      robot=R1 error=STALL
        10:40    robot.grounded      robot=R1 reason=STALL
        10:50    robot.heartbeat     robot=R1
        11:30    robot.grounded      robot=R1 reason=weather
        12:40    robot.heartbeat     robot=R1
        12:50    robot.off_duty      robot=R1
        """)

    @Test func statesAtOneInstantAndEqualNeighbours() throws {
        let tables = try tables(stateStory)
        #expect(
            tables.rows("robot_states") == [
                "R1|10:00: 10:10 deployed -", "R1|10:10: 10:30 idle -", "R1|10:30: 11:30 grounded STALL",
                "R1|11:30: 12:50 grounded weather", "R1|12:50: - off_duty -",
            ])
        #expect(
            tables.rows("robot_state_hourly") == [
                "R1|10:00|deployed|: 600.0", "R1|10:00|grounded|STALL: 1800.0", "R1|10:00|idle|: 1200.0",
                "R1|11:00|grounded|STALL: 1800.0", "R1|11:00|grounded|weather: 1800.0",
                "R1|12:00|grounded|weather: 3000.0",
            ])
    }

    @Test func aSilentRobotsStateIsUnknown() throws {
        // An hour is not too long to be silent; 70 minutes are.
        let tables = try tables(stateStory, maxSilence: 3600 * 1_000_000)
        #expect(
            tables.rows("robot_states") == [
                "R1|10:00: 10:10 deployed -", "R1|10:10: 10:30 idle -", "R1|10:30: 11:30 grounded STALL",
                "R1|11:30: 12:30 grounded weather", "R1|12:30: 12:50 unknown -", "R1|12:50: - off_duty -",
            ])
    }

    @Test func hoursOfRobotsPilotsAndMerchants() throws {
        let tables = try tables(
            lines(
                """
                09:30 pilot.shift_started pilot=P1
                09:40 pilot.shift_started pilot=P1
                09:50 robot.deployed      robot=R1
                10:05 robot.parked        robot=R1
                10:30 demand.assigned     delivery=D1 robot=R1 pilot=P1 merchant=S1 source=uber
                10:40 demand.assigned     demand=M2 robot=R1
                11:10 demand.fulfilled    delivery=D1
                11:15 robot.error         robot=R1
                11:20 demand.canceled     demand=M2
                11:30 pilot.shift_ended   pilot=P1
                11:40 offer.rejected      offer=O1 robot=R2
                """))
        #expect(
            tables.rows("robot_hourly") == [
                "R1|09:00: 600.0 0.0 0.0 0.0 0.0 0 0",
                "R1|10:00: 300.0 0.0 0.0 0.0 1800.0 0 0",
                "R1|11:00: 0.0 0.0 0.0 0.0 1200.0 1 1",
            ])
        #expect(
            tables.rows("pilot_hourly") == [
                "P1|09:00: 1800.0 0.0", "P1|10:00: 3600.0 1800.0", "P1|11:00: 1800.0 600.0",
            ])
        #expect(
            tables.rows("merchant_hourly") == [
                "S1|uber|10:00: 1 1 0 0 2400.0 2400.0", "||10:00: 1 0 0 1 2400.0 0.0",
            ])
        #expect(tables.rows("event_hourly").contains("demand.assigned|S1|uber|10:00: 1"))
        #expect(tables.rows("event_hourly").contains("demand.assigned|||10:00: 1"))
    }
}
