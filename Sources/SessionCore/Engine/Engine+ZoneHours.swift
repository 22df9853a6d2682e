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
        var moved: [Symbol: [(hour: Instant, delta: RobotHourDelta)]] = [:]
        for (key, delta) in changes.robotHourly {
            if let span = zonesKnown[key.a]?.span(upTo: key.hour + Hours.length) {
                count(delta, key.hour, span.zone)
            } else if work.changedZones[key.a] != nil {
                moved[key.a, default: []].append((key.hour, delta))
            } else {
                let span = try storedSpan(upTo: key.hour + Hours.length, key.a)
                zonesKnown[key.a, default: ZonesKnown()].remember(span)
                count(delta, key.hour, span.zone)
            }
        }
        for (robot, hours) in moved {
            let ends = hours.map { $0.hour + Hours.length }
            let rows = try zoneRows(of: robot, before: ends.min() ?? 0, through: ends.max() ?? 0)
            for (hour, delta) in hours {
                let last = rows.last { $0.time < hour + Hours.length }
                count(delta, hour, last?.zone ?? .absent)
            }
        }
        changes.zoneHourly = changes.zoneHourly.filter { $0.value != RobotHourDelta() }
    }

    private func count(_ delta: RobotHourDelta, _ hour: Instant, _ zone: Symbol) {
        guard zone.isPresent else { return }
        changes.zoneHourly[HourKey(hour: hour, zone), default: RobotHourDelta()].add(delta)
    }

    /// A robot's rows as the batch leaves them, in order: the last one before an instant, and those up to another.
    private func zoneRows(of robot: Symbol, before first: Instant, through last: Instant) throws
        -> [ZoneAt]
    {
        guard let changed = work.changedZones[robot] else { return [] }
        var before = try source.robotZone(robot, before: first)
        while let row = before, changed.deleted.contains(row.time) {
            before = try source.robotZone(robot, before: row.time)
        }
        var zones: [Instant: Symbol] = [:]
        for row in [before].compactMap({ $0 }) + (try source.robotZones(robot, from: first, through: last))
        where !changed.deleted.contains(row.time) {
            zones[row.time] = row.zone
        }
        for row in changed.rows { zones[row.time] = row.zone }
        return zones.sorted { $0.key < $1.key }.map { ZoneAt(time: $0.key, zone: $0.value) }
    }
}
