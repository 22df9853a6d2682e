/// Intake: each fact goes to the entities it is about, and marks them.
extension Engine {
    func takeIn() throws {
        for index in changes.accepted.indices {
            let event = changes.accepted[index]
            takeNames(event)
            let hour = Hours.start(of: event.time)
            changes.eventHourly[HourKey(hour: hour, event.name, event.merchant, event.source), default: 0] +=
                1
            let hasError = meanings.hasError(event)
            if hasError, event.robot.isPresent {
                changes.robotHourly[HourKey(hour: hour, event.robot), default: RobotHourDelta()].errorCount +=
                    1
            }
            let subject = event.subject
            if subject.isPresent {
                let node = try node(subject)
                node.facts.insertInOrder(Fact(event, hasError: hasError), symbols)
                for target in node.targets { try markForFold(target) }
                if event.demand.isPresent, event.demand != subject { try link(event.demand, to: node) }
                if event.trip.isPresent, event.trip != subject { try link(event.trip, to: node) }
                if event.quote.isPresent, event.quote != subject { try link(event.quote, to: node) }
                if event.offer.isPresent, event.offer != subject { try link(event.offer, to: node) }
            } else {
                try takeInWithoutSession(event)
                work.windowless.append(Int32(index))
            }
            if event.robot.isPresent { takeIntoTracks(event) }
            if meanings.isPilotTrackFact(event), let track = pilotTracks[event.pilot] {
                track.insert(event, meanings, symbols)
                if !track.isDirty {
                    track.isDirty = true
                    work.dirtyPilots.append(event.pilot)
                }
            }
        }
    }

    private func takeIntoTracks(_ event: Event) {
        let robot = event.robot
        if rules.maxSilence != nil || meanings.state(of: event).isPresent,
            let track = stateTracks[robot]?.first(where: { $0.covers(event.time...event.time) })
        {
            track.insert(event, meanings, symbols)
            if rules.maxSilence != nil { track.heard.insertInOrder(event.time) }
            if !track.isDirty {
                track.isDirty = true
                work.dirtyStates.append((robot, track))
            }
        }
        if meanings.isScopeFact(event), let track = scopeTracks[robot] {
            track.insert(event, meanings, symbols)
            mark(track, of: robot)
        }
    }

    func mark(_ track: ScopeTrack, of robot: Symbol) {
        if !track.isDirty {
            track.isDirty = true
            work.dirtyScopes.append(robot)
            touched.change(.robot, robot)
        }
    }

    private func takeInWithoutSession(_ event: Event) throws {
        let bucket = Lane.bucket(of: event.time)
        if event.robot.isPresent {
            try chunk(.robot, event.robot, bucket).insert(event, kind: .robot, meanings, symbols)
        }
        if event.pilot.isPresent {
            try chunk(.pilot, event.pilot, bucket).insert(event, kind: .pilot, meanings, symbols)
            if meanings.isCloser(event) { work.newClosers.append((event.pilot, event.time)) }
        }
        if event.joinsByMerchant {
            try chunk(.merchant, event.merchant, bucket).insert(event, kind: .merchant, meanings, symbols)
        }
    }

    private func link(_ other: Symbol, to node: Node) throws {
        let from = try self.node(other)
        // Whichever list is shorter: both know of every link, unless `from` stands for itself for good.
        let isKnown =
            from.isOverLinkedForGood(rules) || node.linkedBy.count < from.links.count
            ? node.linkedBy.contains(other) : from.links.contains(node.id)
        if isKnown { return }
        from.addLink(to: node, rules)
        node.linkedBy.append(other)
        changes.links.append(Owned(owner: other, value: node.id))
        if from.linkMark != batch {
            from.linkMark = batch
            work.relinked.append(from)
        }
    }

    /// The session's windows and row must be derived anew.
    func markForFold(_ session: Symbol) throws {
        let node = try node(session)
        if node.foldMark == batch { return }
        node.foldMark = batch
        work.toFold.append(node)
        touched.change(.session, session)
        markForRow(node)
    }

    /// The session's row must be derived anew.
    func markForRow(_ node: Node) {
        if node.rowMark == batch { return }
        node.rowMark = batch
        work.toRow.append(node)
    }
}
