/// Sums over all robots of what a batch adds to their hours: a question about the whole fleet then reads a row an hour,
/// not one for each robot. A sum is nought where each of its parts is, since none is ever less than nought.
extension Changes {
    /// What to add to `fleet_hours`. Key: the hour.
    public var fleetHourly: [Instant: RobotHourDelta] {
        var sums: [Instant: RobotHourDelta] = [:]
        for (key, delta) in robotHourly { sums[key.hour, default: RobotHourDelta()].add(delta) }
        return sums.filter { $0.value != RobotHourDelta() }
    }

    /// What to add to `fleet_state_hours`, in microseconds. Key: hour, state, reason.
    public var fleetStateHourly: [HourKey: Microseconds] {
        var sums: [HourKey: Microseconds] = [:]
        for (key, micros) in robotStateHourly {
            sums[HourKey(hour: key.hour, key.b, key.c), default: 0] += micros
        }
        return sums.filter { $0.value != 0 }
    }

    /// What to add to `arrival_hours`: by the hour they happened in, the batch's new events, and those that came more than
    /// ten minutes after they happened.
    public func arrivals(receivedAt: Instant) -> [Instant: ArrivalDelta] {
        var sums: [Instant: ArrivalDelta] = [:]
        // Neighbours are of one hour, as a rule.
        var hour = Instant.min
        var delta = ArrivalDelta()
        for event in accepted {
            let start = Hours.start(of: event.time)
            if start != hour {
                if delta.events > 0 { sums[hour, default: ArrivalDelta()].add(delta) }
                (hour, delta) = (start, ArrivalDelta())
            }
            delta.events += 1
            if receivedAt - event.time > ArrivalDelta.onTime { delta.late += 1 }
        }
        if delta.events > 0 { sums[hour, default: ArrivalDelta()].add(delta) }
        return sums
    }
}

/// What to add to a row of `arrival_hours`.
public struct ArrivalDelta: Equatable, Sendable, BitwiseCopyable {
    /// An event that comes later than this after it happened is late.
    public static let onTime: Microseconds = 600_000_000

    /// What to add to `events`.
    public var events: Int64 = 0
    /// What to add to `late`.
    public var late: Int64 = 0

    mutating func add(_ other: ArrivalDelta) {
        events += other.events
        late += other.late
    }
}

extension RobotHourDelta {
    /// The columns of an hour's figures, as every table of robots' hours has them.
    public static let columns = [
        "usable", "downtime", "off_duty", "other", "on_delivery", "deliveries_completed", "error_count",
        "state_conflicts",
    ]

    /// In the order of ``columns``.
    public var figures: [Int64] {
        [
            usable, downtime, offDuty, other, onDelivery, deliveriesCompleted, errorCount, stateConflicts,
        ]
    }

    /// By each figure's place in ``columns``.
    public init(_ figure: (Int) throws -> Int64) rethrows {
        usable = try figure(0)
        downtime = try figure(1)
        offDuty = try figure(2)
        other = try figure(3)
        onDelivery = try figure(4)
        deliveriesCompleted = try figure(5)
        errorCount = try figure(6)
        stateConflicts = try figure(7)
    }

    /// What takes it back.
    var negated: RobotHourDelta {
        let figures = figures
        return RobotHourDelta { -figures[$0] }
    }

    mutating func add(_ other: RobotHourDelta) {
        usable += other.usable
        downtime += other.downtime
        offDuty += other.offDuty
        self.other += other.other
        onDelivery += other.onDelivery
        deliveriesCompleted += other.deliveriesCompleted
        errorCount += other.errorCount
        stateConflicts += other.stateConflicts
    }
}
