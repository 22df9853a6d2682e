internal import CLibPQ
public import SessionCore

/// Bringing back in which zones a robot was.
extension PostgresStore {
    /// See ``EntitySource``.
    public func robotZone(_ robot: Symbol, before: Instant) throws -> ZoneAt? {
        try zoneRows("started_at < $2 ORDER BY started_at DESC LIMIT 1", robot, [before]).first
    }

    /// See ``EntitySource``.
    public func robotZone(_ robot: Symbol, from: Instant) throws -> ZoneAt? {
        try zoneRows("started_at >= $2 ORDER BY started_at LIMIT 1", robot, [from]).first
    }

    /// See ``EntitySource``.
    public func robotZones(_ robot: Symbol, from: Instant, through: Instant) throws -> [ZoneAt] {
        try zoneRows("started_at >= $2 AND started_at <= $3 ORDER BY started_at", robot, [from, through])
    }

    /// See ``EntitySource``.
    public func zoneReports(_ robot: Symbol, from: Instant, through: Instant) throws -> [ZoneAt] {
        try reports("occurred_at >= $2 AND occurred_at <= $3 ORDER BY occurred_at", robot, [from, through])
    }

    /// See ``EntitySource``.
    public func zoneReport(_ robot: Symbol, after: Instant) throws -> ZoneAt? {
        // In two steps: by both at once it would sort all that were told since.
        guard let first = try reports("occurred_at > $2 ORDER BY occurred_at LIMIT 1", robot, [after]).first
        else { return nil }
        return try reports("occurred_at = $2 ORDER BY zone_id DESC LIMIT 1", robot, [first.time]).first
    }

    /// See ``EntitySource``.
    public func lastZoneReport(_ robot: Symbol) throws -> Instant? {
        try reports("true ORDER BY occurred_at DESC LIMIT 1", robot, []).first?.time
    }

    /// See ``EntitySource``.
    public func robotHours(_ robot: Symbol, from: Instant, until: Instant) throws -> [StoredRobotHour] {
        let rows = try connection.execute(
            """
            SELECT hour, \(RobotHourDelta.columns.joined(separator: ", ")) FROM robot_hours
            WHERE robot_id = $1 AND hour >= $2 AND hour < $3
            """, key(robot, [from, until]))
        return (0..<rows.count).map { row in
            StoredRobotHour(
                start: rows.instant(row, 0), figures: RobotHourDelta { rows.integer(row, Int32($0 + 1)) })
        }
    }

    private func zoneRows(_ which: String, _ robot: Symbol, _ instants: [Instant]) throws -> [ZoneAt] {
        try zones(
            "SELECT started_at, zone_id FROM robot_zones WHERE robot_id = $1 AND \(which)", robot, instants)
    }

    private func reports(_ which: String, _ robot: Symbol, _ instants: [Instant]) throws -> [ZoneAt] {
        try zones(
            """
            SELECT occurred_at, zone_id FROM events
            WHERE robot_id = $1 AND robot_id IS NOT NULL AND zone_id IS NOT NULL AND \(which)
            """, robot, instants)
    }

    private func zones(_ sql: String, _ robot: Symbol, _ instants: [Instant]) throws -> [ZoneAt] {
        let rows = try connection.execute(sql, key(robot, instants))
        return (0..<rows.count).map {
            ZoneAt(time: rows.instant($0, 0), zone: symbols.intern(rows.bytes($0, 1)))
        }
    }

    private func key(_ robot: Symbol, _ instants: [Instant]) -> Parameters {
        var key = Parameters()
        key.add(robot, symbols)
        for instant in instants { key.add(instant: instant) }
        return key
    }
}
