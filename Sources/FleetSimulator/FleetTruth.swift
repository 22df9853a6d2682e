/// What the simulator knows of a delivery, told apart from what its events say. Instants are microseconds since
/// the Unix epoch.
public struct DeliveryTruth: Equatable, Sendable {
    /// How a delivery ended.
    public enum Outcome: String, Sendable { case completed, failed, canceled }

    /// That a robot or a pilot served it, from when to when.
    public struct Service: Equatable, Sendable {
        /// The robot or pilot.
        public var id: String
        /// From this instant.
        public var from: Int64
        /// Up to this instant; nil while it serves.
        public var to: Int64?

        /// All three.
        public init(id: String, from: Int64, to: Int64?) {
            self.id = id
            self.from = from
            self.to = to
        }
    }

    /// The fault that made it fail.
    public struct Fault: Equatable, Sendable {
        /// The `robot.error`; nil where the line has no `event_id`.
        public var eventID: String?
        /// The robot.
        public var robot: String
        /// The error's code.
        public var code: String
        /// When, by the true clock.
        public var at: Int64
    }

    /// Its number within the run; ids are made from it.
    public var number: Int
    /// `delivery:D-7`, or `demand:DM-7` if no event ever named the delivery.
    public var session: String
    /// The merchant.
    public var merchant: String
    /// How it ended.
    public var outcome = Outcome.completed
    /// Of the `delivery.failed`.
    public var failureCode: String?
    /// When it ended.
    public var closedAt: Int64 = 0
    /// Who drove it, in order.
    public var robots: [Service] = []
    /// Who piloted it, in order.
    public var pilots: [Service] = []
    /// Why it failed.
    public var fault: Fault?

    /// As a line of JSON.
    public var json: String {
        var text =
            "{\"session_id\":\"\(session)\",\"delivery_id\":\"D-\(number)\",\"demand_id\":\"DM-\(number)\""
        text += ",\"merchant_id\":\"\(merchant)\",\"outcome\":\"\(outcome.rawValue)\""
        text += ",\"failure_code\":" + (failureCode.map { "\"\($0)\"" } ?? "null")
        text += ",\"closed_at\":\(closedAt)"
        text += ",\"robots\":[\(Self.list(robots))],\"pilots\":[\(Self.list(pilots))]"
        if let fault {
            text += ",\"fault\":{\"event_id\":" + (fault.eventID.map { "\"\($0)\"" } ?? "null")
            text += ",\"robot_id\":\"\(fault.robot)\",\"code\":\"\(fault.code)\",\"at\":\(fault.at)}"
        } else {
            text += ",\"fault\":null"
        }
        return text + "}"
    }

    private static func list(_ services: [Service]) -> String {
        services.map { service in
            "{\"id\":\"\(service.id)\",\"from\":\(service.from),\"to\":\(service.to.map(String.init) ?? "null")}"
        }.joined(separator: ",")
    }
}

/// Counts of a whole run.
public struct FleetTotals: Equatable, Sendable {
    /// What happened, each once.
    public var events = 0
    /// Lines that arrived: events, less the lost, plus the duplicates and the broken.
    public var lines = 0
    /// Lines that never arrive.
    public var lost = 0
    /// Lines sent a second time.
    public var duplicated = 0
    /// Of the duplicates, those of events whose first line was lost: they are no duplicates to whoever reads.
    public var duplicatesOfLost = 0
    /// Lines that arrive late.
    public var late = 0
    /// Damaged lines, in addition to the good ones.
    public var broken = BrokenLines()
    /// Events without `event_id`.
    public var withoutID = 0
    /// Robots with a wrong clock.
    public var skewedRobots = 0
    /// Deliveries and demands by how they ended.
    public var completed = 0
    /// Failed ones.
    public var failed = 0
    /// Called off ones.
    public var canceled = 0
    /// Offers that came to nothing.
    public var offersRejected = 0
    /// Offers that nobody answered.
    public var offersExpired = 0
    /// `robot.error`s.
    public var faults = 0
    /// Times a robot was grounded.
    public var groundings = 0
    /// Deliveries that lost their robot.
    public var orphaned = 0
    /// Deliveries that another robot took over.
    public var rehomed = 0
    /// Pilots' hand-overs of a delivery.
    public var handoffs = 0
    /// Trips with two deliveries.
    public var sharedTrips = 0
    /// Damaged robots that a person freed.
    public var rescues = 0
    /// Microseconds of all robots in each state, by the state's name: until the last change of each.
    public var stateMicros: [String: Int64] = [:]
    /// Microseconds of all robots grounded or in maintenance, by reason.
    public var downtimeMicros: [String: Int64] = [:]

    /// Damaged lines by kind.
    public struct BrokenLines: Equatable, Sendable {
        /// JSON that stops.
        public var truncated = 0
        /// JSON that is no object.
        public var notAnObject = 0
        /// Objects without `timestamp`.
        public var withoutTimestamp = 0
        /// Objects without `event`.
        public var withoutEvent = 0
        /// All of them.
        public var count: Int { truncated + notAnObject + withoutTimestamp + withoutEvent }
    }
}
