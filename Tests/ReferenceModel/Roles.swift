/// What the rules say about event names. Everything that is not named here is neutral.
enum Roles {
    static let robotOpens: Set<String> = [
        "demand.assigned", "demand.replan.rehomed", "trip.assigned", "trip.activated",
    ]
    static let robotReleases = ["demand.replan.orphaned": "orphaned"]

    static let pilotOpens: Set<String> = ["pilot.assigned", "pilot.assignment_started"]
    static let pilotReleases = ["pilot.assignment_ended": "unassigned", "pilot.shift_ended": "shift_ended"]

    /// Terminal events and the outcome each stands for.
    static let terminals = [
        "delivery.dropoff_completed": "completed", "demand.fulfilled": "completed",
        "delivery.failed": "failed", "demand.canceled": "canceled",
        "offer.rejected": "rejected", "offer.expired": "expired",
    ]
    /// The outcomes, the one that wins first.
    static let outcomes = ["completed", "failed", "canceled", "rejected", "expired"]

    /// Events that tell a robot's state by their name.
    static let namedStates = [
        "robot.deployed": "deployed", "robot.parked": "parked", "robot.grounded": "grounded",
        "robot.off_duty": "off_duty",
    ]

    /// Milestone columns of one event name each (`assigned_at` is not one of these).
    static let milestones: [(column: String, event: String)] = [
        ("offer_received_at", "offer.received"),
        ("offer_accepted_at", "offer.accepted"),
        ("quote_requested_at", "quote.requested"),
        ("quote_provided_at", "quote.provided"),
        ("demand_created_at", "demand.created"),
        ("demand_confirmed_at", "demand.confirmed"),
        ("active_at", "demand.active"),
        ("trip_created_at", "trip.created"),
        ("trip_started_at", "trip.started"),
        ("pilot_assigned_at", "pilot.assigned"),
        ("pickup_arrival_at", "delivery.pickup_arrival"),
        ("pickup_started_at", "delivery.pickup_started"),
        ("pickup_completed_at", "delivery.pickup_completed"),
        ("dropoff_arrival_at", "delivery.dropoff_arrival"),
        ("dropoff_started_at", "delivery.dropoff_started"),
        ("dropoff_completed_at", "delivery.dropoff_completed"),
        ("fulfilled_at", "demand.fulfilled"),
        ("canceled_at", "demand.canceled"),
        ("failed_at", "delivery.failed"),
    ]

    static let durations: [(column: String, from: String, to: String)] = [
        ("assign_seconds", "demand_created_at", "assigned_at"),
        ("to_pickup_seconds", "assigned_at", "pickup_arrival_at"),
        ("pickup_seconds", "pickup_arrival_at", "pickup_completed_at"),
        ("transit_seconds", "pickup_completed_at", "dropoff_arrival_at"),
        ("dropoff_seconds", "dropoff_arrival_at", "dropoff_completed_at"),
        ("total_seconds", "demand_created_at", "dropoff_completed_at"),
    ]
}

extension ReferenceEvent {
    /// A robot *open* that names its robot: only such a one opens or reopens anything.
    var opensRobot: Bool {
        robotID != nil && Roles.robotOpens.contains(name)
    }
}
