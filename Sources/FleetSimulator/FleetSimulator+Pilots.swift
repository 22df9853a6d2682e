/// Pilots: shifts, trips they are given, robots they watch, hand-overs.
extension FleetSimulator {
    func startShift(_ pilot: Int, _ now: Int64) {
        guard !pilots[pilot].isOnShift else { return }
        pilots[pilot].isOnShift = true
        begin("pilot.shift_started", .operations, at: now)
        pilotField(pilot)
        send()
        pilots[pilot].place = takingPilots.count
        takingPilots.append(pilot)
    }

    /// The pilot takes nothing more; what it holds goes to others, or is finished first.
    func endShift(_ pilot: Int, _ now: Int64) {
        guard pilots[pilot].isOnShift, !pilots[pilot].isLeaving else { return }
        pilots[pilot].isLeaving = true
        let place = pilots[pilot].place
        if let last = takingPilots.popLast(), last != pilot {
            takingPilots[place] = last
            pilots[last].place = place
        }
        pilots[pilot].place = -1
        for robot in robots.indices where robots[robot].watcher == pilot {
            agenda.add(.watchEnds, at: now + Self.second, about: robot, serial: robots[robot].watchSerial)
        }
        if options.handoffs > 0 {
            for trip in trips.indices where trips[trip].phase != .free && trips[trip].pilot == pilot {
                if random.chance(0.5) {
                    agenda.add(
                        .handOff, at: now + random.seconds(1...40), about: trip, serial: trips[trip].serial)
                }
            }
        }
        leaveIfThrough(pilot, now)
    }

    private func leaveIfThrough(_ pilot: Int, _ now: Int64) {
        guard pilots[pilot].isLeaving, pilots[pilot].trips == 0, pilots[pilot].watched == 0 else { return }
        sayShiftEnded(pilot, now + 6 * Self.second)
    }

    private func sayShiftEnded(_ pilot: Int, _ time: Int64) {
        pilots[pilot].isLeaving = false
        pilots[pilot].isOnShift = false
        begin("pilot.shift_ended", .operations, at: time)
        pilotField(pilot)
        send()
    }

    /// The one with the least to do of three.
    private func freePilot(except: Int) -> Int? {
        var best: Int?
        for _ in 0..<3 where !takingPilots.isEmpty {
            let pilot = takingPilots[random.below(takingPilots.count)]
            if pilot == except { continue }
            let load = pilots[pilot].trips + pilots[pilot].watched
            if let known = best, pilots[known].trips + pilots[known].watched <= load { continue }
            best = pilot
        }
        return best
    }

    /// Gives the trip a pilot, if one is there.
    func givePilot(_ trip: Int, at time: Int64) {
        guard let pilot = freePilot(except: -1) else { return }
        var said = time
        if random.chance(0.3) {
            begin("pilot.assignment_started", .operations, at: time)
            pilotField(pilot)
            tripField(trip)
            send()
            said += Self.second
        }
        let riding = openOrders(trip)
        begin("pilot.assigned", .operations, at: said)
        tripField(trip)
        pilotField(pilot)
        if riding.count == 1, let order = riding.first { deliveryField(order) }
        send()
        take(trip, pilot, riding, from: time)
    }

    private func take(_ trip: Int, _ pilot: Int, _ riding: [Int], from time: Int64) {
        trips[trip].pilot = pilot
        pilots[pilot].trips += 1
        for order in riding {
            orders[order].truth.pilots.append(.init(id: pilotID(pilot), from: time, to: nil))
        }
    }

    /// Says that the trip's pilot is released.
    func releasePilot(_ trip: Int, at time: Int64) {
        guard trips[trip].pilot >= 0 else { return }
        begin("pilot.assignment_ended", .operations, at: time)
        pilotField(trips[trip].pilot)
        tripField(trip)
        send()
    }

    /// The trip's pilot has a hand free again.
    func leavePilot(_ trip: Int, _ now: Int64) {
        let pilot = trips[trip].pilot
        guard pilot >= 0 else { return }
        trips[trip].pilot = -1
        pilots[pilot].trips -= 1
        leaveIfThrough(pilot, now)
    }

    /// Another pilot takes over on the way.
    func handOff(_ trip: Int, _ now: Int64) {
        guard now >= trips[trip].busyUntil else {
            agenda.add(
                .handOff, at: trips[trip].busyUntil + Self.second, about: trip, serial: trips[trip].serial)
            return
        }
        let former = trips[trip].pilot
        guard former >= 0, let next = freePilot(except: former) else { return }
        let riding = openOrders(trip)
        totals.handoffs += riding.count
        for order in riding { endPilotService(order, now) }
        var from = now
        pilots[former].trips -= 1
        if pilots[former].isLeaving, pilots[former].trips == 0, pilots[former].watched == 0,
            random.chance(0.6)
        {
            sayShiftEnded(former, now)
            from += random.seconds(15...45)
        } else if random.chance(0.5) {
            releasePilot(trip, at: now)
            from += random.seconds(2...15)
        }
        for order in riding {
            begin("pilot.assigned", .operations, at: from)
            tripField(trip)
            pilotField(next)
            deliveryField(order)
            send()
        }
        take(trip, next, riding, from: from)
        keepBusy(trip, until: from + Self.second)
        leaveIfThrough(former, from)
    }

    /// A pilot begins to watch the robot, whatever it does.
    func startWatch(_ robot: Int, _ now: Int64) {
        robots[robot].watchSerial += 1
        guard let pilot = freePilot(except: -1) else {
            planWatchChange(robot, now + 20 * Self.minute)
            return
        }
        beginWatch(robot, pilot, now)
    }

    private func planWatchChange(_ robot: Int, _ time: Int64) {
        agenda.add(.watchEnds, at: time, about: robot, serial: robots[robot].watchSerial)
    }

    private func beginWatch(_ robot: Int, _ pilot: Int, _ time: Int64) {
        begin("pilot.assignment_started", .operations, at: time)
        pilotField(pilot)
        robotField(robot)
        send()
        pilots[pilot].watched += 1
        if robots[robot].watches.count >= 8 { robots[robot].watches.removeFirst() }
        robots[robot].watches.append(.init(pilot: pilot, from: time, to: nil))
        robots[robot].watchSerial += 1
        // A watch longer than six hours would be taken for a forgotten one.
        planWatchChange(robot, time + random.seconds(9_000...14_000))
    }

    /// Closes the current watch in the books.
    private func closeWatch(_ robot: Int, _ time: Int64) {
        let pilot = robots[robot].watcher
        guard pilot >= 0, let last = robots[robot].watches.indices.last else { return }
        robots[robot].watches[last].to = time
        pilots[pilot].watched -= 1
        leaveIfThrough(pilot, time)
    }

    private func sayWatchEnded(_ robot: Int, _ time: Int64) {
        guard robots[robot].watcher >= 0 else { return }
        begin("pilot.assignment_ended", .operations, at: time)
        pilotField(robots[robot].watcher)
        robotField(robot)
        send()
    }

    /// The watch over a robot goes to another pilot.
    func changeWatch(_ robot: Int, _ now: Int64) {
        guard robots[robot].isOnDuty else { return }
        let trip = robots[robot].trip
        if trip >= 0, options.handoffs == 0 || now < trips[trip].busyUntil {
            planWatchChange(robot, now + Self.minute)
            return
        }
        guard let next = freePilot(except: robots[robot].watcher) else {
            sayWatchEnded(robot, now)
            closeWatch(robot, now)
            robots[robot].watchSerial += 1
            planWatchChange(robot, now + 20 * Self.minute)
            return
        }
        if trip >= 0 || random.chance(0.5) {
            closeWatch(robot, now)
            beginWatch(robot, next, now)
        } else {
            sayWatchEnded(robot, now)
            closeWatch(robot, now)
            beginWatch(robot, next, now + 4 * Self.second)
        }
    }

    func endWatchForToday(_ robot: Int, _ now: Int64) {
        // A watch may have been written that begins in some seconds.
        let time = max(now, (robots[robot].watches.last?.from ?? now) + 1000)
        sayWatchEnded(robot, time)
        closeWatch(robot, time)
        robots[robot].watchSerial += 1
    }
}
