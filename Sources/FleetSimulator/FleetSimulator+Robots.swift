/// What robots do when they serve nobody: duty, states, charging, telemetry.
extension FleetSimulator {
    /// The robot says that its state changes.
    /// - Parameter reason: An index of `Names.faults`; -1 for none.
    func change(_ robot: Int, to state: RobotState, reason: Int = -1, at time: Int64) {
        let time = time + Int64(random.below(1000))
        begin("robot.state_changed", .robots, at: time, clockOf: robot)
        robotField(robot)
        field("from_state", robots[robot].state.word)
        field("to_state", state.word)
        if reason >= 0 { field("reason", Names.faults[reason].code) }
        send()
        enter(robot, state, reason: reason, at: time)
    }

    /// Keeps the books of a change of state.
    func enter(_ robot: Int, _ state: RobotState, reason: Int = -1, at time: Int64) {
        if let since = robots[robot].since {
            stateMicros[robots[robot].state.rawValue] += time - since
            if robots[robot].reason >= 0 { downtimeMicros[robots[robot].reason] += time - since }
        }
        robots[robot].state = state
        robots[robot].since = time
        robots[robot].reason = reason
        robots[robot].busyUntil = max(robots[robot].busyUntil, time + Self.second / 2)
    }

    private func say(_ event: StaticString, _ state: RobotState, _ robot: Int, _ now: Int64) {
        begin(event, .robots, at: now, clockOf: robot)
        robotField(robot)
        field("zone_id", Names.zones[robots[robot].zone])
        send()
        enter(robot, state, at: now)
    }

    func startDuty(_ robot: Int, _ now: Int64) {
        robots[robot].isRetiring = false
        guard !robots[robot].isOnDuty else { return }
        robots[robot].isOnDuty = true
        robots[robot].battery = 96 + random.below(5)
        robots[robot].tripsOnCharge = 0
        robots[robot].serial += 1
        say("robot.deployed", .deployed, robot, now)
        if options.telemetrySeconds > 0 {
            robots[robot].nextTelemetry =
                now + Int64(telemetryRandom.unit() * options.telemetrySeconds * 1e6)
        }
        planForRobot(.returned, robot, now + random.seconds(40...240))
        if robots[robot].isWatched { startWatch(robot, now + random.seconds(5...20)) }
    }

    func endDuty(_ robot: Int, _ now: Int64) {
        guard robots[robot].isOnDuty else { return }
        robots[robot].isRetiring = true
        if robots[robot].state == .idle, robots[robot].trip < 0 {
            leaveIdle(robot)
            retire(robot, now)
        }
    }

    private func retire(_ robot: Int, _ now: Int64) {
        let isParked = random.chance(0.3)
        let time = max(now, (robots[robot].busyUntil + 999) / 1000 * 1000)
        say(isParked ? "robot.parked" : "robot.off_duty", isParked ? .parked : .offDuty, robot, time)
        robots[robot].isOnDuty = false
        robots[robot].isRetiring = false
        robots[robot].serial += 1
        endWatchForToday(robot, now)
    }

    private func planForRobot(_ kind: Agenda.Entry.Kind, _ robot: Int, _ time: Int64) {
        robots[robot].serial += 1
        agenda.add(kind, at: time, about: robot, serial: robots[robot].serial)
    }

    /// The robot drives back to where it waits.
    func goHome(_ robot: Int, _ now: Int64) {
        change(robot, to: .returning, at: now + random.seconds(3...5))
        robots[robot].tripsOnCharge += 1
        planForRobot(.returned, robot, now + random.skewedSeconds(100...700))
    }

    /// The robot is back, charged, or repaired.
    func robotIsThrough(_ robot: Int, _ kind: Agenda.Entry.Kind, _ now: Int64) {
        if kind == .recovered, random.chance(0.25) {
            // What grounded it is looked at in the workshop.
            change(robot, to: .maintenance, reason: robots[robot].reason, at: now)
            planForRobot(.repaired, robot, now + random.skewedSeconds(1200...7200))
            return
        }
        if kind == .charged {
            robots[robot].battery = 100
            robots[robot].tripsOnCharge = 0
        }
        if robots[robot].isRetiring {
            retire(robot, now)
        } else if robots[robot].tripsOnCharge >= (isQuietHour(now) ? 3 : 7) {
            change(robot, to: .charging, at: now)
            planForRobot(.charged, robot, now + random.seconds(1500...3000))
        } else {
            change(robot, to: .idle, at: now)
            if let order = nextWaiting(for: robot) {
                assign(order, to: robot, now + 2 * Self.second, releasing: -1)
            } else {
                robots[robot].idlePlace = idleRobots.count
                idleRobots.append(robot)
            }
        }
    }

    /// Between lunch and dinner is the time to charge.
    private func isQuietHour(_ now: Int64) -> Bool { (14..<17).contains(now % Self.day / Self.hour) }

    func leaveIdle(_ robot: Int) {
        let place = robots[robot].idlePlace
        guard place >= 0, let last = idleRobots.popLast() else { return }
        robots[robot].idlePlace = -1
        if last != robot {
            idleRobots[place] = last
            robots[last].idlePlace = place
        }
    }

    /// An idle robot, one of the zone if it is soon found.
    func idleRobot(nearZone zone: Int, except: Int) -> Int? {
        guard !idleRobots.isEmpty else { return nil }
        var found: Int?
        for _ in 0..<4 {
            let robot = idleRobots[random.below(idleRobots.count)]
            if robot == except { continue }
            if robots[robot].zone == zone { return robot }
            found = robot
        }
        return found ?? idleRobots.first { $0 != except }
    }

    /// What robots say of themselves every now and then. It does not touch what they do.
    func sendTelemetry(until end: Int64) {
        guard options.telemetrySeconds > 0 else { return }
        let step = options.telemetrySeconds * 1e6
        for robot in robots.indices where robots[robot].isOnDuty {
            while robots[robot].nextTelemetry < end {
                let time = robots[robot].nextTelemetry
                let isHeartbeat = telemetryRandom.chance(0.2)
                begin(
                    isHeartbeat ? "robot.heartbeat" : "robot.telemetry", .robots, at: time, clockOf: robot)
                robotField(robot)
                field("battery", max(5, robots[robot].battery - robots[robot].tripsOnCharge * 11))
                if !isHeartbeat {
                    line.text(",\"speed_mps\":")
                    line.number(telemetryRandom.below(2))
                    line.text(".")
                    line.number(telemetryRandom.below(100), width: 2)
                }
                send()
                robots[robot].nextTelemetry = time + 1 + Int64(step * (0.5 + telemetryRandom.unit()))
            }
        }
    }
}
