/// The dials of the simulated fleet. Shares are from 0 to 1; a dial at 0 gives none of it.
public struct FleetOptions: Equatable, Sendable {
    /// Where all chance comes from: the same options give the same bytes.
    public var seed: UInt64 = 1
    /// The first day, in days since 1970-01-01 (UTC). Default 2026-11-02.
    public var startDay: Int64 = 20_759
    /// How many days.
    public var days = 1
    /// Robots of the fleet. Each is on duty once a day, 7 to 15 hours.
    public var robots = 60
    /// Demands a day. Beside them come offers that are rejected or expire.
    public var deliveriesPerDay = 500
    /// Pilots, who work one shift a day. With none, robots drive alone.
    public var pilots = 24
    /// Errors that a robot reports an hour of duty. Of three about one grounds it.
    public var faultsPerRobotHour = 0.4
    /// Of the deliveries that lose their robot to a fault before pickup, the share that another robot takes
    /// over. The others fail.
    public var rehoming = 0.85
    /// The share of deliveries that dispatch takes from a healthy robot before pickup and gives to another.
    public var replans = 0.03
    /// The share of deliveries whose pilot hands over to another on the way. At 0, pilots also finish what they
    /// hold before they leave.
    public var handoffs = 0.05
    /// The share of deliveries that share their trip with another one.
    public var sharedTrips = 0.08
    /// The share of demands that the customer cancels, where it is not too late.
    public var cancellations = 0.03
    /// Seconds, on average, between two telemetry lines of a robot on duty; 0 for none. This is the dial of
    /// volume.
    public var telemetrySeconds = 120.0

    /// The share of lines that arrive late. At 0 each line arrives at the time it tells.
    public var disorder = 0.01
    /// How late a late line is at most, in seconds, up to a day.
    public var lateSeconds = 7200.0
    /// How long any line may take, in seconds (where `disorder` is not 0): it shuffles neighbours.
    public var shuffleSeconds = 4.0
    /// The share of lines that are sent twice; every second of them with more fields than at first.
    public var duplicates = 0.01
    /// The share of lines that never arrive.
    public var losses = 0.0
    /// Damaged lines, as a share of all lines: cut off, no object, without time, without event. They come in
    /// addition: what they tell is also told by a good line.
    public var broken = 0.0005
    /// The share of lines without `event_id`.
    public var missingIDs = 0.02
    /// The share of robots whose clock is wrong.
    public var skewedRobots = 0.0
    /// How wrong, in seconds, at most, fast or slow.
    public var skewSeconds = 90.0

    /// The defaults: one day of 60 robots and 500 deliveries, about 39,000 lines.
    public init() {}

    /// The defaults.
    public static let day = FleetOptions()

    /// Lines that a robot accounts for a day, with the default dials and deliveries in proportion (measured over
    /// several seeds).
    static let linesPerRobotDay = 657.0

    /// A fleet of such a size, over so many days, that about this many lines come out. Both grow with the number:
    /// 100,000 lines are about 38 robots in 4 days, ten million about 370 in 41.
    public static func sized(events: Int) -> FleetOptions {
        var options = FleetOptions()
        let robotDays = max(1, Double(events) / linesPerRobotDay)
        options.days = robotDays < 100 ? 1 : max(1, Int((robotDays.squareRoot() / 3).rounded()))
        options.robots = max(1, Int((robotDays / Double(options.days)).rounded()))
        options.deliveriesPerDay = max(1, options.robots * 25 / 3)
        options.pilots = max(3, options.robots * 2 / 5)
        return options
    }

    /// Says which dial has a value it cannot have, if one has.
    public func validate() throws(FleetOptionsError) {
        func share(_ name: String, _ value: Double) throws(FleetOptionsError) {
            guard value >= 0, value <= 1 else {
                throw FleetOptionsError(dial: name, value: "\(value)", expected: "a share from 0 to 1")
            }
        }
        func number(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(FleetOptionsError) {
            guard range.contains(value) else {
                throw FleetOptionsError(
                    dial: name, value: "\(value)",
                    expected: "a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
        }
        func amount(_ name: String, _ value: Double, _ range: ClosedRange<Double>)
            throws(FleetOptionsError)
        {
            guard range.contains(value) else {
                throw FleetOptionsError(
                    dial: name, value: "\(value)",
                    expected: "a number from \(range.lowerBound) to \(range.upperBound)")
            }
        }
        guard (1...2_900_000).contains(startDay) else {
            // The day before, a robot that writes with an offset from UTC would be in 1969.
            throw FleetOptionsError(
                dial: "start-day", value: "\(startDay) days since 1970",
                expected: "1970-01-02 to the year 9900")
        }
        try number("days", days, 1...10_000)
        try number("robots", robots, 1...100_000)
        try number("deliveries", deliveriesPerDay, 0...1_000_000)
        try number("pilots", pilots, 0...100_000)
        try amount("faults", faultsPerRobotHour, 0...60)
        try share("rehoming", rehoming)
        try share("replans", replans)
        try share("handoffs", handoffs)
        try share("shared-trips", sharedTrips)
        try share("cancellations", cancellations)
        try amount("telemetry-seconds", telemetrySeconds, 0...86_400)
        if telemetrySeconds > 0, telemetrySeconds < 1 {
            throw FleetOptionsError(
                dial: "telemetry-seconds", value: "\(telemetrySeconds)", expected: "0 (none) or at least 1")
        }
        try share("disorder", disorder)
        try amount("late-seconds", lateSeconds, 0...86_400)
        try amount("shuffle-seconds", shuffleSeconds, 0...600)
        try share("duplicates", duplicates)
        try share("losses", losses)
        try share("broken", broken)
        try share("missing-ids", missingIDs)
        try share("skewed-robots", skewedRobots)
        try amount("skew-seconds", skewSeconds, 0...3600)
    }
}

/// A dial has a value it cannot have.
public struct FleetOptionsError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The dial, by the name it has on the command line.
    public let dial: String
    /// Its value.
    public let value: String
    /// What it could be.
    public let expected: String

    /// All three, in a sentence.
    public var description: String { "--\(dial) \(value): expected \(expected)" }
}
