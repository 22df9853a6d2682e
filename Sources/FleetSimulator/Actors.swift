/// A robot of the fleet. References to others are their indexes; -1 is nobody.
struct Robot {
    /// A pilot's watch over the robot.
    struct Watch {
        var pilot: Int
        var from: Int64
        var to: Int64?
    }

    var state = RobotState.offDuty
    /// Since when; nil before its first state.
    var since: Int64?
    /// Why; an index of `Names.faults`, or -1.
    var reason = -1
    var zone: Int
    var isOnDuty = false
    /// Goes off duty as soon as it is free.
    var isRetiring = false
    var trip = -1
    /// Its place in the list of idle robots.
    var idlePlace = -1
    /// Changes with every step it is told to take: what was planned before is void.
    var serial = 0
    /// No other thing befalls it before: lines up to then are written.
    var busyUntil: Int64 = 0
    var nextTelemetry: Int64 = 0
    var battery = 100
    /// Trips since it was charged.
    var tripsOnCharge = 0
    /// Hours that its timestamps are from UTC.
    var offsetHours: Int
    var skewMicros: Int64
    /// One pilot watches it the whole time, instead of one for each trip.
    var isWatched: Bool
    /// The last watches, the current one last.
    var watches: [Watch] = []
    /// Changes with every watch.
    var watchSerial = 0

    /// Who watches now.
    var watcher: Int { watches.last.flatMap { $0.to == nil ? $0.pilot : nil } ?? -1 }
}

/// A pilot.
struct Pilot {
    var isOnShift = false
    /// Ends the shift as soon as nothing is left.
    var isLeaving = false
    var trips = 0
    var watched = 0
    /// Its place in the list of pilots that take work, or -1.
    var place = -1
}

/// A demand and its delivery.
struct Order {
    enum Phase { case free, waiting, riding }
    var phase = Phase.free
    var merchant = 0
    var source = 0
    var zone = 0
    var trip = -1
    /// The order that is to ride with it.
    var partner = -1
    var tripCount = 0
    /// The robot it lost.
    var previousRobot = -1
    /// Whether its trips are given pilots; else it is piloted by those that watch its robots. Settled by the
    /// first robot.
    var hasTripPilots = false
    /// Who watched its robots meanwhile.
    var watchers: [DeliveryTruth.Service] = []
    var truth = DeliveryTruth(number: 0, session: "", merchant: "")
}

/// A robot's way with one or two orders.
struct Trip {
    enum Phase {
        case free, toPickup, atPickup, loading, toDropoff, atDropoff, handingOver
        /// After a fault: the delivery is about to be given up, given away, or to go on.
        case failing, orphaning, rescuing
    }
    var phase = Phase.free
    var serial = 0
    var robot = -1
    var pilot = -1
    /// -1 once delivered.
    var first = -1
    var second = -1
    /// Of the trip's id.
    var number = 0
    var count = 0
    /// Lines are written up to then: nothing else befalls it before.
    var busyUntil: Int64 = 0
    /// The fault it suffers from.
    var fault: DeliveryTruth.Fault?
    var faultKind = -1
}
