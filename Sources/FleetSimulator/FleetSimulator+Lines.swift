/// Who writes an event.
enum Sender {
    case deliveries, dispatch, operations, robots, merchants

    var name: StaticString {
        switch self {
        case .deliveries: "deliveries"
        case .dispatch: "dispatch"
        case .operations: "operations"
        case .robots: "robot-gateway"
        case .merchants: "merchant-hub"
        }
    }
}

/// Writing lines and sending them on their way.
extension FleetSimulator {
    /// Begins the line of an event.
    /// - Parameter clockOf: The robot whose clock tells the time; nobody for the services' clock.
    func begin(_ name: StaticString, _ sender: Sender, at time: Int64, clockOf robot: Int = -1) {
        lineTime = time
        line.clear()
        line.text("{\"event\":\"")
        line.text(name)
        line.text("\",\"timestamp\":\"")
        if robot < 0 {
            line.timestamp(time, isPrecise: false, offsetHours: 0)
        } else {
            line.timestamp(
                max(0, time + robots[robot].skewMicros), isPrecise: true,
                offsetHours: robots[robot].offsetHours)
        }
        if identityRandom.chance(options.missingIDs) {
            lineEventID = nil
            totals.withoutID += 1
            line.text("\",\"service\":\"")
        } else {
            // Marked as version 4, as libraries for such identities do.
            let high = identityRandom.next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
            let low = identityRandom.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
            lineEventID = (high, low)
            line.text("\",\"event_id\":\"")
            line.uuid(high, low)
            line.text("\",\"service\":\"")
        }
        line.text(sender.name)
        line.text("\"")
    }

    func field(_ name: StaticString, _ value: StaticString) {
        line.text(",\"")
        line.text(name)
        line.text("\":\"")
        line.text(value)
        line.text("\"")
    }

    func field(_ name: StaticString, _ value: Int) {
        line.text(",\"")
        line.text(name)
        line.text("\":")
        line.number(value)
    }

    func error(_ code: StaticString, _ message: StaticString) {
        line.text(",\"error\":{\"code\":\"")
        line.text(code)
        line.text("\",\"message\":\"")
        line.text(message)
        line.text("\"}")
    }

    func robotField(_ robot: Int, _ name: StaticString = "robot_id") {
        line.text(",\"")
        line.text(name)
        line.text("\":\"R-")
        line.number(robot + 1, width: 3)
        line.text("\"")
    }

    func pilotField(_ pilot: Int) {
        line.text(",\"pilot_id\":\"P-")
        line.number(pilot + 1, width: 2)
        line.text("\"")
    }

    func deliveryField(_ order: Int) { idField(",\"delivery_id\":\"D-", orders[order].truth.number) }

    func demandField(_ order: Int) { idField(",\"demand_id\":\"DM-", orders[order].truth.number) }

    func merchantField(_ merchant: Int) { field("merchant_id", Names.merchants[merchant]) }

    func idField(_ start: StaticString, _ number: Int) {
        line.text(start)
        line.number(number)
        line.text("\"")
    }

    func tripField(_ trip: Int) {
        line.text(",\"trip_id\":\"T-")
        line.number(trips[trip].number)
        line.text("-")
        line.number(trips[trip].count)
        line.text("\"")
    }

    func robotID(_ robot: Int) -> String { "R-" + Self.padded(robot + 1, 3) }

    func pilotID(_ pilot: Int) -> String { "P-" + Self.padded(pilot + 1, 2) }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    /// The identity of the line just written, as it stands there.
    var lineEventIDText: String? {
        lineEventID.map { high, low in
            let writer = LineWriter()
            writer.uuid(high, low)
            return String(decoding: writer.bytes, as: UTF8.self)
        }
    }

    /// Ends the line and sends it: perhaps late, twice, or never.
    func send() {
        line.text("}")
        totals.events += 1
        let isLost = transportRandom.chance(options.losses)
        let isTwice = transportRandom.chance(options.duplicates)
        let isBroken = transportRandom.chance(options.broken)
        var arrival = lineTime
        if options.disorder > 0 {
            arrival +=
                transportRandom.seconds(0...options.shuffleSeconds) + Int64(transportRandom.below(1000))
            if transportRandom.chance(options.disorder) {
                arrival += transportRandom.skewedSeconds(0...options.lateSeconds)
                if !isLost { totals.late += 1 }
            }
        }
        if isLost {
            totals.lost += 1
        } else {
            deliver(at: arrival)
        }
        if isTwice {
            totals.duplicated += 1
            if isLost { totals.duplicatesOfLost += 1 }
            if options.disorder > 0 { arrival += transportRandom.skewedSeconds(0...600) }
            if transportRandom.chance(0.5) {
                line.remove(last: 1)
                line.text(",\"shipper\":{\"attempt\":2,\"host\":\"edge-")
                line.number(transportRandom.below(8))
                line.text("\"}}")
            }
            deliver(at: arrival)
        }
        if isBroken { sendBroken(at: arrival) }
    }

    private func deliver(at arrival: Int64) {
        totals.lines += 1
        arrivals.add(line.bytes, at: arrival)
    }

    /// Sends a line that cannot be read, made from the one just written.
    private func sendBroken(at arrival: Int64) {
        switch transportRandom.below(4) {
        case 0:
            totals.broken.truncated += 1
            line.remove(last: 1 + transportRandom.below(line.count / 2))
        case 1:
            totals.broken.notAnObject += 1
            line.clear()
            line.text("[\"gateway restarted\",")
            line.number(transportRandom.below(100_000))
            line.text("]")
        case 2:
            totals.broken.withoutTimestamp += 1
            line.clear()
            line.text("{\"event\":\"robot.error\",\"service\":\"robot-gateway\"")
            robotField(transportRandom.below(robots.count))
            error("CLOCK_UNSET", "no time yet")
            line.text("}")
        default:
            totals.broken.withoutEvent += 1
            line.clear()
            line.text("{\"timestamp\":\"")
            line.timestamp(lineTime, isPrecise: false, offsetHours: 0)
            line.text("\",\"service\":\"dispatch\",\"level\":\"debug\",\"message\":\"planner cycle\"}")
        }
        deliver(at: arrival)
    }
}
