internal import CLibPQ
public import SessionCore

/// Bringing back in which zones a robot was.
extension PostgresStore {
    /// See ``EntitySource``.
    public func robotZone(_ robot: Symbol, before: Instant) throws -> RobotZoneRow? {
        try zoneRows("started_at < $2 ORDER BY started_at DESC LIMIT 1", robot, [before]).first
    }

    /// See ``EntitySource``.
    public func robotZone(_ robot: Symbol, from: Instant) throws -> RobotZoneRow? {
        try zoneRows("started_at >= $2 ORDER BY started_at LIMIT 1", robot, [from]).first
    }

    /// See ``EntitySource``.
    public func robotZones(_ robot: Symbol, from: Instant, through: Instant) throws -> [RobotZoneRow] {
        try through == .max
            ? zoneRows("started_at >= $2 ORDER BY started_at", robot, [from])
            : zoneRows("started_at >= $2 AND started_at <= $3 ORDER BY started_at", robot, [from, through])
    }

    /// See ``EntitySource``.
    public func zoneTellings(_ robot: Symbol, from: Instant, through: Instant) throws -> [ZoneTelling] {
        try tellings("occurred_at >= $2 AND occurred_at <= $3 ORDER BY occurred_at", robot, [from, through])
    }

    /// See ``EntitySource``.
    public func zoneTelling(_ robot: Symbol, after: Instant) throws -> ZoneTelling? {
        // In two steps: by both at once it would sort all that were told since.
        guard let first = try tellings("occurred_at > $2 ORDER BY occurred_at LIMIT 1", robot, [after]).first
        else { return nil }
        return try tellings("occurred_at = $2 ORDER BY zone_id DESC LIMIT 1", robot, [first.time]).first
    }

    /// See ``EntitySource``.
    public func lastZoneTelling(_ robot: Symbol) throws -> Instant? {
        try tellings("true ORDER BY occurred_at DESC LIMIT 1", robot, []).first?.time
    }

    /// See ``EntitySource``.
    public func robotHours(_ robot: Symbol, from: Instant, until: Instant) throws -> [StoredRobotHour] {
        // The last instant that the server knows is earlier than the engine's.
        let isOpen = until == .max
        let rows = try connection.execute(
            """
            SELECT hour, usable, downtime, off_duty, other, on_delivery, deliveries_completed, error_count, state_conflicts
            FROM robot_hours WHERE robot_id = $1 AND hour >= $2 \(isOpen ? "" : "AND hour < $3")
            """, key(robot, isOpen ? [from] : [from, until]))
        return (0..<rows.count).map { row in
            var figures = RobotHourDelta()
            figures.usable = rows.integer(row, 1)
            figures.downtime = rows.integer(row, 2)
            figures.offDuty = rows.integer(row, 3)
            figures.other = rows.integer(row, 4)
            figures.onDelivery = rows.integer(row, 5)
            figures.deliveriesCompleted = rows.integer(row, 6)
            figures.errorCount = rows.integer(row, 7)
            figures.stateConflicts = rows.integer(row, 8)
            return StoredRobotHour(start: rows.instant(row, 0), figures: figures)
        }
    }

    private func zoneRows(_ which: String, _ robot: Symbol, _ instants: [Instant]) throws -> [RobotZoneRow] {
        let rows = try connection.execute(
            "SELECT started_at, zone_id FROM robot_zones WHERE robot_id = $1 AND \(which)",
            key(robot, instants))
        return (0..<rows.count).map {
            RobotZoneRow(startedAt: rows.instant($0, 0), zone: symbols.intern(rows.bytes($0, 1)))
        }
    }

    private func tellings(_ which: String, _ robot: Symbol, _ instants: [Instant]) throws -> [ZoneTelling] {
        let rows = try connection.execute(
            """
            SELECT occurred_at, zone_id FROM events
            WHERE robot_id = $1 AND robot_id IS NOT NULL AND zone_id IS NOT NULL AND \(which)
            """, key(robot, instants))
        return (0..<rows.count).map {
            ZoneTelling(time: rows.instant($0, 0), zone: symbols.intern(rows.bytes($0, 1)))
        }
    }

    private func key(_ robot: Symbol, _ instants: [Instant]) -> Parameters {
        var key = Parameters()
        key.add(robot, symbols)
        for instant in instants { key.add(instant: instant) }
        return key
    }
}
