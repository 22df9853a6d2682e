/// What goes wrong, and what is done about it.
extension FleetSimulator {
    /// Draws the faults of a minute.
    func strikeFaults(_ start: Int64) {
        let share = options.faultsPerRobotHour / 60
        guard share > 0 else { return }
        for robot in robots.indices where robots[robot].isOnDuty && robots[robot].state.canFail {
            guard random.chance(share) else { continue }
            let isSerious = random.chance(0.33)
            agenda.add(
                isSerious ? .fault : .transientFault, at: start + random.seconds(0...59), about: robot)
        }
        let hour = start % Self.day / Self.hour
        if (7..<22).contains(hour), random.chance(0.03) {
            begin("merchant.tablet_offline", .merchants, at: start + random.seconds(0...59))
            merchantField(random.below(Names.merchants.count))
            send()
        }
    }

    /// A robot reports a fault; a serious one grounds it.
    func fault(_ robot: Int, _ now: Int64, isSerious: Bool) {
        guard robots[robot].isOnDuty, robots[robot].state.canFail else { return }
        let trip = robots[robot].trip
        let busy = max(robots[robot].busyUntil, trip < 0 ? 0 : trips[trip].busyUntil)
        guard now >= busy else {
            agenda.add(isSerious ? .fault : .transientFault, at: busy + Self.second, about: robot)
            return
        }
        let kind = random.index(ofWeights: Names.faultWeights)
        let at = now + Int64(random.below(1000))
        totals.faults += 1
        begin("robot.error", .robots, at: at, clockOf: robot)
        robotField(robot)
        error(Names.faults[kind].code, Names.faults[kind].message)
        field("severity", isSerious ? "critical" : "warning")
        send()
        guard isSerious else { return }
        let truth = DeliveryTruth.Fault(
            eventID: lineEventIDText, robot: robotID(robot), code: "\(Names.faults[kind].code)", at: at)
        ground(robot, kind, at: now + random.seconds(1...4))
        if trip < 0 {
            planRecovery(robot, now)
        } else {
            stop(trip, truth, kind, now)
        }
    }

    private func ground(_ robot: Int, _ kind: Int, at time: Int64) {
        totals.groundings += 1
        leaveIdle(robot)
        robots[robot].serial += 1
        if random.chance(0.6) {
            begin("robot.grounded", .robots, at: time, clockOf: robot)
            robotField(robot)
            field("zone_id", Names.zones[robots[robot].zone])
            field("reason", Names.faults[kind].code)
            send()
            enter(robot, .grounded, reason: kind, at: time)
        } else {
            change(robot, to: .grounded, reason: kind, at: time)
        }
    }

    private func planRecovery(_ robot: Int, _ now: Int64) {
        let kind = max(0, robots[robot].reason)
        agenda.add(
            .recovered, at: now + random.skewedSeconds(Names.faults[kind].repair), about: robot,
            serial: robots[robot].serial)
    }

    /// Whose robot is grounded: is given away, goes on after a rescue, or fails.
    private func stop(_ trip: Int, _ fault: DeliveryTruth.Fault, _ kind: Int, _ now: Int64) {
        let isLoaded: Bool
        switch trips[trip].phase {
        case .toPickup, .atPickup, .loading: isLoaded = false
        case .toDropoff, .atDropoff, .handingOver: isLoaded = true
        case .free, .failing, .orphaning, .rescuing:
            preconditionFailure("a grounded robot has no further fault")
        }
        trips[trip].serial += 1
        trips[trip].fault = fault
        trips[trip].faultKind = kind
        for order in openOrders(trip) {
            begin("attempt.failed", .operations, at: now + random.seconds(6...10))
            deliveryField(order)
            tripField(trip)
            field("reason", Names.faults[kind].code)
            send()
        }
        keepBusy(trip, until: now + 11 * Self.second)
        if isLoaded {
            let isRescued = random.chance(0.6)
            trips[trip].phase = isRescued ? .rescuing : .failing
            planStep(trip, at: now + random.skewedSeconds(isRescued ? 180...1200 : 90...600))
        } else {
            let isRehomed = random.chance(options.rehoming)
            trips[trip].phase = isRehomed ? .orphaning : .failing
            planStep(trip, at: now + random.seconds(isRehomed ? 15...75 : 60...420))
        }
    }

    /// The delivery is given up.
    func fail(_ trip: Int, _ now: Int64) {
        let robot = trips[trip].robot
        let kind = Names.faults[max(0, trips[trip].faultKind)]
        for order in openOrders(trip) {
            begin("delivery.failed", .deliveries, at: now)
            deliveryField(order)
            error(kind.failure, kind.message)
            send()
            orders[order].truth.failureCode = "\(kind.failure)"
            orders[order].truth.fault = trips[trip].fault
            finish(order, .failed, now)
        }
        cancelTrip(trip, now)
        releasePilot(trip, at: now + 3 * Self.second)
        endTrip(trip, now)
        planRecovery(robot, now)
    }

    private func cancelTrip(_ trip: Int, _ now: Int64) {
        begin("trip.canceled", .operations, at: now + 2 * Self.second)
        tripField(trip)
        send()
    }

    /// The orders lose their robot and wait for another.
    func orphan(_ trip: Int, _ now: Int64) {
        let robot = trips[trip].robot
        let isGrounded = robots[robot].state == .grounded
        releasePilot(trip, at: now)
        let lost = openOrders(trip)
        for order in lost {
            totals.orphaned += 1
            begin("demand.replan.orphaned", .dispatch, at: now)
            demandField(order)
            robotField(robot)
            field("reason", isGrounded ? "robot_grounded" : "better_robot")
            send()
            endService(order, now)
            orders[order].phase = .waiting
            orders[order].previousRobot = robot
        }
        cancelTrip(trip, now)
        endTrip(trip, now)
        if isGrounded { planRecovery(robot, now) } else { goHome(robot, now) }
        guard let first = lost.first else { return }
        let number = orders[first].truth.number
        agenda.add(.dispatch, at: now + random.seconds(8...80), about: first, serial: number)
        agenda.add(.giveUp, at: now + 20 * Self.minute, about: first, serial: number)
    }

    /// A person freed the robot: it goes on with what it holds.
    func rescue(_ trip: Int, _ now: Int64) {
        totals.rescues += 1
        for order in openOrders(trip) {
            begin("attempt.rescued", .operations, at: now)
            deliveryField(order)
            tripField(trip)
            send()
        }
        leaveForDropoff(trip, now, random.skewedSeconds(120...900))
    }

    /// Dispatch finds a robot that suits better before pickup.
    func replan(_ trip: Int, _ now: Int64) {
        guard trips[trip].phase == .toPickup, now >= trips[trip].busyUntil,
            let first = openOrders(trip).first
        else { return }
        let robot = trips[trip].robot
        guard now >= robots[robot].busyUntil else { return }
        if random.chance(0.6) {
            orphan(trip, now)
            return
        }
        guard let other = idleRobot(nearZone: orders[first].zone, except: robot) else { return }
        releasePilot(trip, at: now)
        for order in openOrders(trip) { orders[order].previousRobot = robot }
        assign(first, to: other, now, releasing: trip)
        trips[trip].first = -1
        trips[trip].second = -1
        cancelTrip(trip, now)
        endTrip(trip, now)
        goHome(robot, now)
    }
}
