internal import CSQLite
public import SessionCore

/// Bringing back in which zones a robot was.
extension SQLiteStore {
    /// See ``EntitySource``.
    public func robotZone(_ robot: Symbol, before: Instant) throws -> ZoneAt? {
        try zoneRows("started_at < ? ORDER BY started_at DESC LIMIT 1", robot, [before]).first
    }

    /// See ``EntitySource``.
    public func robotZone(_ robot: Symbol, from: Instant) throws -> ZoneAt? {
        try zoneRows("started_at >= ? ORDER BY started_at LIMIT 1", robot, [from]).first
    }

    /// See ``EntitySource``.
    public func robotZones(_ robot: Symbol, from: Instant, through: Instant) throws -> [ZoneAt] {
        try zoneRows("started_at >= ? AND started_at <= ? ORDER BY started_at", robot, [from, through])
    }

    /// See ``EntitySource``.
    public func zoneReports(_ robot: Symbol, from: Instant, through: Instant) throws -> [ZoneAt] {
        try reports("occurred_at >= ? AND occurred_at <= ? ORDER BY occurred_at", robot, [from, through])
    }

    /// See ``EntitySource``.
    public func zoneReport(_ robot: Symbol, after: Instant) throws -> ZoneAt? {
        // In two steps: by both at once it would sort all that were told since.
        guard let first = try reports("occurred_at > ? ORDER BY occurred_at LIMIT 1", robot, [after]).first
        else { return nil }
        return try reports("occurred_at = ? ORDER BY zone_id DESC LIMIT 1", robot, [first.time]).first
    }

    /// See ``EntitySource``.
    public func lastZoneReport(_ robot: Symbol) throws -> Instant? {
        try reports("1 ORDER BY occurred_at DESC LIMIT 1", robot, []).first?.time
    }

    /// See ``EntitySource``.
    public func robotHours(_ robot: Symbol, from: Instant, until: Instant) throws -> [StoredRobotHour] {
        let query = try connection.statement(
            """
            SELECT hour, \(RobotHourDelta.columns.joined(separator: ", ")) FROM robot_hours
            WHERE robot_id = ? AND hour >= ? AND hour < ?
            """
        ).bind(robot, symbols).bind(from).bind(until)
        var hours: [StoredRobotHour] = []
        while try query.step() {
            let figures = RobotHourDelta { query.integer(Int32($0 + 1)) }
            hours.append(StoredRobotHour(start: query.integer(0), figures: figures))
        }
        return hours
    }

    private func zoneRows(_ which: String, _ robot: Symbol, _ instants: [Instant]) throws -> [ZoneAt] {
        try zones(
            "SELECT started_at, zone_id FROM robot_zones WHERE robot_id = ? AND \(which)", robot, instants)
    }

    private func reports(_ which: String, _ robot: Symbol, _ instants: [Instant]) throws -> [ZoneAt] {
        try zones(
            """
            SELECT occurred_at, zone_id FROM events
            WHERE robot_id = ? AND robot_id IS NOT NULL AND zone_id IS NOT NULL AND \(which)
            """, robot, instants)
    }

    private func zones(_ sql: String, _ robot: Symbol, _ instants: [Instant]) throws -> [ZoneAt] {
        let query = try connection.statement(sql).bind(robot, symbols)
        for instant in instants { _ = query.bind(instant) }
        var found: [ZoneAt] = []
        while try query.step() {
            found.append(ZoneAt(time: query.integer(0), zone: symbols.intern(query.bytes(1))))
        }
        return found
    }
}
