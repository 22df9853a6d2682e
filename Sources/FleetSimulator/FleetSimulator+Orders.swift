/// Demand: offers, quotes, orders that wait for a robot, and those that come to nothing.
extension FleetSimulator {
    /// One order, or two of one merchant that ride together.
    func takeOrders(_ count: Int, _ now: Int64) {
        let merchant = random.index(ofWeights: Names.merchantWeights)
        let source = random.index(ofWeights: Names.sourceWeights)
        refuseOffers(now)
        var confirmed = now
        var taken: [Int] = []
        for _ in 0..<count {
            let order = takeSlot(merchant, source)
            taken.append(order)
            confirmed = announce(order, at: confirmed)
        }
        if let first = taken.first, let second = taken.last, first != second {
            orders[first].partner = second
            orders[second].partner = first
        }
        guard let first = taken.first else { return }
        let number = orders[first].truth.number
        agenda.add(.dispatch, at: confirmed + random.skewedSeconds(5...90), about: first, serial: number)
        agenda.add(.giveUp, at: confirmed + 25 * Self.minute, about: first, serial: number)
        if count == 1, random.chance(options.cancellations) {
            let patience = random.seconds(60...720)
            agenda.add(.customerCancels, at: confirmed + patience, about: first, serial: number)
        }
    }

    private func takeSlot(_ merchant: Int, _ source: Int) -> Int {
        let slot: Int
        if let free = freeOrders.popLast() {
            slot = free
        } else {
            slot = orders.count
            orders.append(Order())
        }
        orderNumber += 1
        orders[slot] = Order()
        orders[slot].phase = .waiting
        orders[slot].merchant = merchant
        orders[slot].source = source
        orders[slot].zone = merchant % Names.zones.count
        orders[slot].truth = DeliveryTruth(
            number: orderNumber, session: "demand:DM-\(orderNumber)",
            merchant: "\(Names.merchants[merchant])")
        return slot
    }

    private var directSource: Int { Names.sources.count - 1 }

    /// From the offer to the demand's confirmation.
    /// - Returns: When it was confirmed.
    private func announce(_ order: Int, at start: Int64) -> Int64 {
        let (merchant, source) = (orders[order].merchant, orders[order].source)
        let number = orders[order].truth.number
        var time = start
        if source != directSource {
            begin("offer.received", .deliveries, at: time)
            offerFields(number, merchant, source)
            send()
            time += random.seconds(1...5)
            begin("quote.requested", .deliveries, at: time)
            idField(",\"quote_id\":\"Q-", number)
            offerFields(number, merchant, source)
            send()
        } else {
            begin("quote.requested", .deliveries, at: time)
            idField(",\"quote_id\":\"Q-", number)
            merchantField(merchant)
            field("source", Names.sources[source])
            send()
        }
        time += random.seconds(1...5)
        begin("quote.provided", .deliveries, at: time)
        idField(",\"quote_id\":\"Q-", number)
        merchantField(merchant)
        field("eta_minutes", 18 + random.below(22))
        send()
        if source != directSource {
            time += random.skewedSeconds(3...25)
            begin("offer.accepted", .deliveries, at: time)
            offerFields(number, merchant, source)
            send()
        }
        time += random.seconds(1...4)
        begin("demand.created", .dispatch, at: time)
        demandField(order)
        merchantField(merchant)
        field("source", Names.sources[source])
        field("zone_id", Names.zones[orders[order].zone])
        send()
        time += random.seconds(2...9)
        begin("demand.confirmed", .dispatch, at: time)
        demandField(order)
        idField(",\"quote_id\":\"Q-", number)
        if random.chance(0.6) {
            deliveryField(order)
            nameDelivery(order)
        }
        send()
        return time
    }

    private func offerFields(_ number: Int, _ merchant: Int, _ source: Int) {
        idField(",\"offer_id\":\"O-", number)
        merchantField(merchant)
        field("source", Names.sources[source])
    }

    /// An event has named the order's delivery beside its demand.
    func nameDelivery(_ order: Int) {
        orders[order].truth.session = "delivery:D-\(orders[order].truth.number)"
    }

    /// Beside each order come offers that lead to none: about two for three orders.
    private func refuseOffers(_ now: Int64) {
        while random.chance(0.4) {
            offerNumber += 1
            let merchant = random.index(ofWeights: Names.merchantWeights)
            let source = random.below(directSource)
            let time = now + random.seconds(0...60)
            begin("offer.received", .deliveries, at: time)
            refusedOfferFields(merchant, source)
            send()
            if random.chance(0.75) {
                totals.offersRejected += 1
                begin("offer.rejected", .deliveries, at: time + random.seconds(1...20))
                refusedOfferFields(merchant, source)
                field("rejection_reason", Names.rejections[random.below(Names.rejections.count)])
            } else {
                totals.offersExpired += 1
                begin("offer.expired", .deliveries, at: time + 120 * Self.second)
                refusedOfferFields(merchant, source)
            }
            send()
        }
    }

    private func refusedOfferFields(_ merchant: Int, _ source: Int) {
        idField(",\"offer_id\":\"OX-", offerNumber)
        merchantField(merchant)
        field("source", Names.sources[source])
    }

    /// Gives the order (and its partner) to an idle robot, or lets it wait for one.
    func dispatch(_ order: Int, _ now: Int64) {
        guard orders[order].phase == .waiting else { return }
        if let robot = idleRobot(nearZone: orders[order].zone, except: orders[order].previousRobot) {
            assign(order, to: robot, now, releasing: -1)
        } else {
            queue.append((order, orders[order].truth.number))
        }
    }

    /// The order that waits longest for a robot, for a robot that it has not just lost.
    func nextWaiting(for robot: Int) -> Int? {
        while queueStart < queue.count {
            let (order, number) = queue[queueStart]
            let isStale = orders[order].phase != .waiting || orders[order].truth.number != number
            if !isStale, orders[order].previousRobot == robot { return nil }
            queueStart += 1
            if queueStart > 1024, queueStart * 2 > queue.count {
                queue.removeFirst(queueStart)
                queueStart = 0
            }
            if !isStale { return order }
        }
        return nil
    }

    /// Nobody came: the order is called off.
    func giveUp(_ order: Int, _ now: Int64) {
        guard orders[order].phase == .waiting else { return }
        let partner = orders[order].partner
        cancel(order, now, "no_robot_available")
        if partner >= 0 { cancel(partner, now, "no_robot_available") }
    }

    private func cancel(_ order: Int, _ now: Int64, _ reason: StaticString) {
        begin("demand.canceled", .dispatch, at: now)
        demandField(order)
        field("reason", reason)
        send()
        finish(order, .canceled, now)
    }

    /// The customer calls the order off, if it is not loaded yet.
    func customerCancels(_ order: Int, _ now: Int64) {
        if orders[order].phase == .waiting {
            if orders[order].partner < 0 { cancel(order, now, "customer") }
            return
        }
        let trip = orders[order].trip
        guard trips[trip].phase == .toPickup, now >= trips[trip].busyUntil, trips[trip].second < 0 else {
            return
        }
        let robot = trips[trip].robot
        cancel(order, now, "customer")
        begin("trip.canceled", .operations, at: now + 2 * Self.second)
        tripField(trip)
        send()
        releasePilot(trip, at: now + 3 * Self.second)
        endTrip(trip, now)
        goHome(robot, now)
    }

    /// Ends an order and gives its truth away.
    func finish(_ order: Int, _ outcome: DeliveryTruth.Outcome, _ now: Int64) {
        endService(order, now)
        // An order that no pilot was given to was piloted by whoever watched its robots.
        if orders[order].truth.pilots.isEmpty { orders[order].truth.pilots = orders[order].watchers }
        orders[order].truth.outcome = outcome
        orders[order].truth.closedAt = now
        switch outcome {
        case .completed: totals.completed += 1
        case .failed: totals.failed += 1
        case .canceled: totals.canceled += 1
        }
        finishedTruth.append(orders[order].truth)
        let partner = orders[order].partner
        if partner >= 0 { orders[partner].partner = -1 }
        let trip = orders[order].trip
        if trip >= 0 {
            if trips[trip].first == order { trips[trip].first = -1 }
            if trips[trip].second == order { trips[trip].second = -1 }
        }
        orders[order].phase = .free
        freeOrders.append(order)
    }

    /// The robot and the pilot no longer serve the order.
    func endService(_ order: Int, _ now: Int64) {
        endPilotService(order, now)
        let trip = orders[order].trip
        guard trip >= 0, let last = orders[order].truth.robots.indices.last else { return }
        orders[order].truth.robots[last].to = now
        let from = orders[order].truth.robots[last].from
        for watch in robots[trips[trip].robot].watches {
            let (begin, end) = (max(watch.from, from), min(watch.to ?? now, now))
            if begin < end {
                orders[order].watchers.append(.init(id: pilotID(watch.pilot), from: begin, to: end))
            }
        }
    }

    func endPilotService(_ order: Int, _ now: Int64) {
        guard let last = orders[order].truth.pilots.indices.last, orders[order].truth.pilots[last].to == nil
        else { return }
        orders[order].truth.pilots[last].to = now
    }
}
