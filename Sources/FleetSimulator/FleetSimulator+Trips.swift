/// A trip from its robot's assignment to the last hand-over.
extension FleetSimulator {
    func openOrders(_ trip: Int) -> [Int] {
        let (first, second) = (trips[trip].first, trips[trip].second)
        if second < 0 { return first < 0 ? [] : [first] }
        return first < 0 ? [second] : [first, second]
    }

    /// Gives an order and its partner to a robot.
    /// - Parameter releasing: A trip of another robot that this one takes over without a gap; -1 for none.
    func assign(_ order: Int, to robot: Int, _ now: Int64, releasing former: Int) {
        leaveIdle(robot)
        let trip = takeTripSlot()
        let partner = orders[order].partner
        orders[order].tripCount += 1
        trips[trip].robot = robot
        trips[trip].first = order
        trips[trip].second = partner
        trips[trip].number = orders[order].truth.number
        trips[trip].count = orders[order].tripCount
        if partner >= 0 { totals.sharedTrips += 1 }
        robots[robot].trip = trip
        for order in openOrders(trip) {
            let previous = orders[order].previousRobot
            if previous < 0 {
                begin("demand.assigned", .dispatch, at: now)
                demandField(order)
                robotField(robot)
                orders[order].hasTripPilots = !robots[robot].isWatched
            } else {
                totals.rehomed += 1
                begin("demand.replan.rehomed", .dispatch, at: now)
                demandField(order)
                robotField(robot)
                robotField(previous, "previous_robot_id")
            }
            send()
            if former >= 0 {
                endService(order, now)
            }
            orders[order].phase = .riding
            orders[order].trip = trip
            orders[order].truth.robots.append(.init(id: robotID(robot), from: now, to: nil))
            begin("trip.created", .operations, at: now + Int64(800_000))
            tripField(trip)
            demandField(order)
            deliveryField(order)
            nameDelivery(order)
            send()
        }
        let hasAssigned = random.chance(0.5)
        if hasAssigned {
            begin("trip.assigned", .operations, at: now + random.seconds(1...2))
            tripField(trip)
            robotField(robot)
            send()
        }
        begin("trip.activated", .operations, at: now + random.seconds(2.5...5))
        tripField(trip)
        robotField(robot)
        send()
        if orders[order].hasTripPilots { givePilot(trip, at: now + random.seconds(3...9)) }
        setOff(trip, now + random.seconds(10...25))
    }

    private func setOff(_ trip: Int, _ start: Int64) {
        let robot = trips[trip].robot
        begin("trip.started", .operations, at: start)
        tripField(trip)
        send()
        for order in openOrders(trip) {
            begin("attempt.started", .operations, at: start)
            deliveryField(order)
            tripField(trip)
            send()
            begin("demand.active", .dispatch, at: start + random.seconds(1...3))
            demandField(order)
            send()
        }
        change(robot, to: .toPickup, at: start + random.seconds(0.2...1.5))
        keepBusy(trip, until: start + 3 * Self.second)
        trips[trip].phase = .toPickup
        let travel = random.skewedSeconds(120...1080)
        planStep(trip, at: start + 4 * Self.second + travel)
        if random.chance(options.replans) {
            agenda.add(
                .replan, at: start + 4 * Self.second + Int64(Double(travel) * 0.6 * random.unit()),
                about: trip,
                serial: trips[trip].serial)
        }
        if orders[trips[trip].first].hasTripPilots, trips[trip].count == 1, random.chance(options.handoffs) {
            let later = random.seconds(30...1200)
            agenda.add(.handOff, at: start + later, about: trip, serial: trips[trip].serial)
        }
    }

    private func takeTripSlot() -> Int {
        let slot: Int
        if let free = freeTrips.popLast() {
            slot = free
        } else {
            slot = trips.count
            trips.append(Trip())
        }
        let serial = trips[slot].serial + 1
        trips[slot] = Trip()
        trips[slot].serial = serial
        return slot
    }

    /// The trip's slot is free again; its robot and pilot are, too.
    func endTrip(_ trip: Int, _ now: Int64) {
        leavePilot(trip, now)
        robots[trips[trip].robot].trip = -1
        for order in openOrders(trip) { orders[order].trip = -1 }
        trips[trip].phase = .free
        trips[trip].serial += 1
        freeTrips.append(trip)
    }

    func keepBusy(_ trip: Int, until time: Int64) {
        trips[trip].busyUntil = max(trips[trip].busyUntil, time)
    }

    /// Plans the trip's next step.
    func planStep(_ trip: Int, at time: Int64) {
        agenda.add(.step, at: time, about: trip, serial: trips[trip].serial)
    }

    /// The trip's next step.
    func step(_ trip: Int, _ now: Int64) {
        guard now >= trips[trip].busyUntil else {
            planStep(trip, at: trips[trip].busyUntil + Self.second)
            return
        }
        let robot = trips[trip].robot
        keepBusy(trip, until: now + 2 * Self.second)
        switch trips[trip].phase {
        case .free: preconditionFailure("a trip that ended has no steps")
        case .toPickup:
            tellDeliveries(trip, "delivery.pickup_arrival", now, naming: random.chance(0.5))
            change(robot, to: .atPickup, at: now + random.seconds(0.2...1.5))
            trips[trip].phase = .atPickup
            planStep(trip, at: now + random.skewedSeconds(40...900))
        case .atPickup:
            tellDeliveries(trip, "delivery.pickup_started", now, naming: false)
            trips[trip].phase = .loading
            planStep(trip, at: now + random.seconds(15...70))
        case .loading:
            tellDeliveries(trip, "delivery.pickup_completed", now, naming: false)
            leaveForDropoff(trip, now, random.skewedSeconds(240...1500))
        case .toDropoff:
            guard let order = openOrders(trip).first else { return }
            begin("delivery.dropoff_arrival", .deliveries, at: now)
            deliveryField(order)
            if random.chance(0.5) { robotField(robot) }
            send()
            change(robot, to: .atDropoff, at: now + random.seconds(0.2...1.5))
            trips[trip].phase = .atDropoff
            planStep(trip, at: now + random.skewedSeconds(15...420))
        case .atDropoff:
            guard let order = openOrders(trip).first else { return }
            begin("delivery.dropoff_started", .deliveries, at: now)
            deliveryField(order)
            send()
            trips[trip].phase = .handingOver
            planStep(trip, at: now + random.seconds(15...80))
        case .handingOver: handOver(trip, now)
        case .failing: fail(trip, now)
        case .orphaning: orphan(trip, now)
        case .rescuing: rescue(trip, now)
        }
    }

    func leaveForDropoff(_ trip: Int, _ now: Int64, _ travel: Int64) {
        change(trips[trip].robot, to: .toDropoff, at: now + random.seconds(0.2...1.5))
        trips[trip].phase = .toDropoff
        planStep(trip, at: now + travel)
        if let order = openOrders(trip).last, random.chance(0.25) {
            begin("demand.etas_updated", .dispatch, at: now + 1500_000)
            demandField(order)
            field("eta_minutes", Int((travel + 119 * Self.second) / Self.minute))
            send()
        }
    }

    private func tellDeliveries(_ trip: Int, _ event: StaticString, _ now: Int64, naming isNamed: Bool) {
        for order in openOrders(trip) {
            begin(event, .deliveries, at: now)
            deliveryField(order)
            if isNamed { robotField(trips[trip].robot) }
            send()
        }
    }

    /// The delivery is in the customer's hands.
    private func handOver(_ trip: Int, _ now: Int64) {
        guard let order = openOrders(trip).first else { return }
        let robot = trips[trip].robot
        begin("delivery.dropoff_completed", .deliveries, at: now)
        deliveryField(order)
        send()
        begin("attempt.completed", .operations, at: now + 3 * Self.second)
        deliveryField(order)
        tripField(trip)
        send()
        begin("demand.fulfilled", .dispatch, at: now + random.seconds(4...9))
        demandField(order)
        send()
        finish(order, .completed, now)
        if !openOrders(trip).isEmpty {
            leaveForDropoff(trip, now, random.skewedSeconds(120...600))
            return
        }
        begin("trip.completed", .operations, at: now + 3 * Self.second)
        tripField(trip)
        robotField(robot)
        send()
        releasePilot(trip, at: now + 4 * Self.second)
        endTrip(trip, now)
        goHome(robot, now)
    }
}
