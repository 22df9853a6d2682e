/// A delivery-robot fleet that never was, event by event, with the truth about it.
///
/// Time goes minute by minute. Each ``advance(_:)`` gives the lines that arrive in the next minute; what is kept
/// in memory are the robots, the deliveries under way and the lines not yet arrived. The same options give the
/// same bytes.
public final class FleetSimulator {
    /// The dials.
    public let options: FleetOptions
    /// What came out so far; complete when ``advance(_:)`` has returned false.
    public internal(set) var totals = FleetTotals()

    var random: RandomNumbers
    var telemetryRandom: RandomNumbers
    var identityRandom: RandomNumbers
    var transportRandom: RandomNumbers
    var agenda = Agenda()
    var robots: [Robot] = []
    var pilots: [Pilot] = []
    var orders: [Order] = []
    var freeOrders: [Int] = []
    var trips: [Trip] = []
    var freeTrips: [Int] = []
    /// Robots that wait for work.
    var idleRobots: [Int] = []
    /// Orders that wait for a robot, the one that waits longest first.
    var queue: [(order: Int, number: Int)] = []
    var queueStart = 0
    /// Pilots that take work.
    var takingPilots: [Int] = []
    var orderNumber = 0
    var offerNumber = 0
    var stateMicros = [Int64](repeating: 0, count: RobotState.allCases.count)
    var downtimeMicros = [Int64](repeating: 0, count: Names.faults.count)
    let line = LineWriter()
    var arrivals: ArrivalQueue
    var lineTime: Int64 = 0
    /// The `event_id` of the line; nil where it has none.
    var lineEventID: (UInt64, UInt64)?
    var finishedTruth: [DeliveryTruth] = []

    static let second: Int64 = 1_000_000
    static let minute: Int64 = 60 * second
    static let hour: Int64 = 60 * minute
    static let day: Int64 = 24 * hour

    let startsAt: Int64
    private var nextDay = 0

    /// A fleet before its first day.
    /// - Throws: If a dial has a value it cannot have.
    public init(_ options: FleetOptions) throws(FleetOptionsError) {
        try options.validate()
        self.options = options
        random = RandomNumbers(seed: options.seed, stream: .fleet)
        telemetryRandom = RandomNumbers(seed: options.seed, stream: .telemetry)
        identityRandom = RandomNumbers(seed: options.seed, stream: .identities)
        transportRandom = RandomNumbers(seed: options.seed, stream: .transport)
        startsAt = options.startDay * Self.day
        // A line is written up to a quarter of an hour ahead of its time, then is late, then comes twice.
        let horizon = Int((options.lateSeconds + options.shuffleSeconds) / 60) + 30
        arrivals = ArrivalQueue(firstMinute: startsAt / Self.minute, horizonMinutes: horizon)
        makeFleet()
    }

    private func makeFleet() {
        for _ in 0..<options.robots {
            let isSkewed = transportRandom.chance(options.skewedRobots)
            let wrong = Int64((transportRandom.unit() * 2 - 1) * options.skewSeconds * 1e6)
            if isSkewed { totals.skewedRobots += 1 }
            robots.append(
                Robot(
                    zone: random.below(Names.zones.count), offsetHours: random.chance(0.3) ? -8 : 0,
                    skewMicros: isSkewed ? wrong : 0, isWatched: random.chance(0.25)))
        }
        pilots = Array(repeating: Pilot(), count: options.pilots)
    }

    /// Goes on by a minute.
    /// - Parameter body: Takes each line that arrives in it, in order, with its arrival in microseconds since the
    ///   epoch. The bytes are only there during the call.
    /// - Returns: Whether there is more to come.
    public func advance(_ body: (UnsafeRawBufferPointer, Int64) throws -> Void) rethrows -> Bool {
        let start = arrivals.minute * Self.minute
        let end = start + Self.minute
        if nextDay < options.days, start >= startsAt + Int64(nextDay) * Self.day {
            planDay(startsAt + Int64(nextDay) * Self.day)
            nextDay += 1
        }
        if nextDay < options.days || agenda.nextTime != nil { strikeFaults(start) }
        while let next = agenda.nextTime, next < end, let entry = agenda.takeFirst() { happen(entry) }
        sendTelemetry(until: end)
        try arrivals.takeMinute(body)
        let isDone = nextDay == options.days && agenda.nextTime == nil && arrivals.waiting == 0
        if isDone { closeBooks() }
        return !isDone
    }

    /// The truth about the deliveries that ended since the last call, in the order of their ends.
    public func takeTruth() -> [DeliveryTruth] {
        defer { finishedTruth.removeAll(keepingCapacity: true) }
        return finishedTruth
    }

    private func closeBooks() {
        for state in RobotState.allCases {
            totals.stateMicros["\(state.word)"] = stateMicros[state.rawValue]
        }
        for (fault, micros) in zip(Names.faults, downtimeMicros) {
            totals.downtimeMicros["\(fault.code)"] = micros
        }
    }

    /// The day's duties, shifts and demands.
    private func planDay(_ dayStart: Int64) {
        for robot in robots.indices {
            // Early, late, and two long ones: so that most are there for lunch and dinner.
            let (from, length): (ClosedRange<Double>, ClosedRange<Double>) =
                switch robot % 4 {
                case 0: (6.5...7.2, 8.5...9.5)
                case 1: (10.4...11.2, 11.5...12.3)
                default: (6.8...8, 14.5...15.2)
                }
            let begin = dayStart + random.seconds(from.lowerBound * 3600...from.upperBound * 3600)
            agenda.add(.dutyStarts, at: begin, about: robot)
            let stay = random.seconds(length.lowerBound * 3600...length.upperBound * 3600)
            agenda.add(.dutyEnds, at: begin + stay, about: robot)
        }
        for pilot in pilots.indices {
            let from = [6.2, 10.6, 15.2][pilot % 3]
            let begin = dayStart + random.seconds(from * 3600...(from + 0.6) * 3600)
            agenda.add(.shiftStarts, at: begin, about: pilot)
            agenda.add(.shiftEnds, at: begin + random.seconds(28_000...30_500), about: pilot)
        }
        var left = options.deliveriesPerDay
        while left > 0 {
            let slot = random.index(ofWeights: Names.demandWeights)
            let time = dayStart + Int64(slot) * 30 * Self.minute + random.seconds(0...1800)
            let isPair = left > 1 && random.chance(options.sharedTrips / (2 - options.sharedTrips))
            agenda.add(.orderComes, at: time, about: isPair ? 2 : 1)
            left -= isPair ? 2 : 1
        }
    }

    private func happen(_ entry: Agenda.Entry) {
        let (time, about, serial) = (entry.time, entry.about, entry.serial)
        switch entry.kind {
        case .dutyStarts: startDuty(about, time)
        case .dutyEnds: endDuty(about, time)
        case .shiftStarts: startShift(about, time)
        case .shiftEnds: endShift(about, time)
        case .orderComes: takeOrders(about, time)
        case .dispatch: if isCurrent(order: about, serial) { dispatch(about, time) }
        case .giveUp: if isCurrent(order: about, serial) { giveUp(about, time) }
        case .customerCancels: if isCurrent(order: about, serial) { customerCancels(about, time) }
        case .step: if trips[about].serial == serial { step(about, time) }
        case .replan: if trips[about].serial == serial { replan(about, time) }
        case .handOff: if trips[about].serial == serial { handOff(about, time) }
        case .returned, .charged, .recovered, .repaired:
            if robots[about].serial == serial { robotIsThrough(about, entry.kind, time) }
        case .watchEnds: if robots[about].watchSerial == serial { changeWatch(about, time) }
        case .fault: fault(about, time, isSerious: true)
        case .transientFault: fault(about, time, isSerious: false)
        }
    }

    private func isCurrent(order: Int, _ serial: Int) -> Bool {
        orders[order].phase != .free && orders[order].truth.number == serial
    }
}
