/// Sums of robots' hours by zone: `zone_hours`. An hour counts for the zone that its robot was in at the hour's end; the hours of
/// robots of which no zone was told by then stand in `fleet_hours` only.
extension Engine {
    func sumZoneHours() throws {
        // Hours that are stored go from one zone to the other.
        for move in work.zoneMoves {
            let from = Hours.start(of: move.from)
            let until = move.until == .max ? .max : Hours.start(of: move.until)
            if from == until { continue }
            for hour in try source.robotHours(move.robot, from: from, until: until) {
                count(hour.figures.negated, hour.start, move.was)
                count(hour.figures, hour.start, move.now)
            }
        }
        // What the batch adds goes to the zone as it is now.
        for (key, delta) in changes.robotHourly {
            count(delta, key.hour, try zone(of: key.a, before: key.hour + Hours.length))
        }
        changes.zoneHourly = changes.zoneHourly.filter { $0.value != RobotHourDelta() }
    }

    private func count(_ delta: RobotHourDelta, _ hour: Instant, _ zone: Symbol) {
        guard zone.isPresent else { return }
        changes.zoneHourly[HourKey(hour: hour, zone), default: RobotHourDelta()].add(delta)
    }

    /// In which zone a robot is before an instant, the batch's events among what is known.
    private func zone(of robot: Symbol, before instant: Instant) throws -> Symbol {
        if let span = zonesKnown[robot]?.span(upTo: instant) { return span.zone }
        var stored = try source.robotZone(robot, before: instant)
        guard let changed = work.changedZones[robot] else {
            let next = try source.robotZone(robot, from: instant)
            let span = ZonesKnown.Span(
                from: stored?.startedAt ?? .min, until: next?.startedAt ?? .max,
                zone: stored?.zone ?? .absent)
            var known = zonesKnown[robot] ?? ZonesKnown()
            known.spans = [span] + known.spans.prefix(1)
            zonesKnown[robot] = known
            return span.zone
        }
        while let row = stored, changed.deleted.contains(row.startedAt) {
            stored = try source.robotZone(robot, before: row.startedAt)
        }
        let new = changed.rows.filter { $0.startedAt < instant }.max { $0.startedAt < $1.startedAt }
        if let new, new.startedAt >= stored?.startedAt ?? .min { return new.zone }
        return stored?.zone ?? .absent
    }
}

extension RobotHourDelta {
    /// What takes it back.
    var negated: RobotHourDelta {
        var delta = RobotHourDelta()
        delta.usable = -usable
        delta.downtime = -downtime
        delta.offDuty = -offDuty
        delta.other = -other
        delta.onDelivery = -onDelivery
        delta.deliveriesCompleted = -deliveriesCompleted
        delta.errorCount = -errorCount
        delta.stateConflicts = -stateConflicts
        return delta
    }
}
