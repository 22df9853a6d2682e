internal import CSQLite
public import SessionCore

/// Bringing back in which zones a robot was.
extension SQLiteStore {
    /// See ``EntitySource``.
    public func robotZone(_ robot: Symbol, before: Instant) throws -> RobotZoneRow? {
        try zoneRows("started_at < ? ORDER BY started_at DESC LIMIT 1", robot, [before]).first
    }

    /// See ``EntitySource``.
    public func robotZone(_ robot: Symbol, from: Instant) throws -> RobotZoneRow? {
        try zoneRows("started_at >= ? ORDER BY started_at LIMIT 1", robot, [from]).first
    }

    /// See ``EntitySource``.
    public func robotZones(_ robot: Symbol, from: Instant, through: Instant) throws -> [RobotZoneRow] {
        try zoneRows("started_at >= ? AND started_at <= ? ORDER BY started_at", robot, [from, through])
    }

    /// See ``EntitySource``.
    public func zoneTellings(_ robot: Symbol, from: Instant, through: Instant) throws -> [ZoneTelling] {
        try tellings("occurred_at >= ? AND occurred_at <= ? ORDER BY occurred_at", robot, [from, through])
    }

    /// See ``EntitySource``.
    public func zoneTelling(_ robot: Symbol, after: Instant) throws -> ZoneTelling? {
        // In two steps: by both at once it would sort all that were told since.
        guard let first = try tellings("occurred_at > ? ORDER BY occurred_at LIMIT 1", robot, [after]).first
        else { return nil }
        return try tellings("occurred_at = ? ORDER BY zone_id DESC LIMIT 1", robot, [first.time]).first
    }

    /// See ``EntitySource``.
    public func lastZoneTelling(_ robot: Symbol) throws -> Instant? {
        try tellings("1 ORDER BY occurred_at DESC LIMIT 1", robot, []).first?.time
    }

    /// See ``EntitySource``.
    public func robotHours(_ robot: Symbol, from: Instant, until: Instant) throws -> [StoredRobotHour] {
        let query = try connection.statement(
            """
            SELECT hour, usable, downtime, off_duty, other, on_delivery, deliveries_completed, error_count, state_conflicts
            FROM robot_hours WHERE robot_id = ? AND hour >= ? AND hour < ?
            """
        ).bind(robot, symbols).bind(from).bind(until)
        var hours: [StoredRobotHour] = []
        while try query.step() {
            var figures = RobotHourDelta()
            figures.usable = query.integer(1)
            figures.downtime = query.integer(2)
            figures.offDuty = query.integer(3)
            figures.other = query.integer(4)
            figures.onDelivery = query.integer(5)
            figures.deliveriesCompleted = query.integer(6)
            figures.errorCount = query.integer(7)
            figures.stateConflicts = query.integer(8)
            hours.append(StoredRobotHour(start: query.integer(0), figures: figures))
        }
        return hours
    }

    private func zoneRows(_ which: String, _ robot: Symbol, _ instants: [Instant]) throws -> [RobotZoneRow] {
        try told(
            "SELECT started_at, zone_id FROM robot_zones WHERE robot_id = ? AND \(which)", robot, instants
        ) {
            RobotZoneRow(startedAt: $0, zone: $1)
        }
    }

    private func tellings(_ which: String, _ robot: Symbol, _ instants: [Instant]) throws -> [ZoneTelling] {
        let sql = """
            SELECT occurred_at, zone_id FROM events
            WHERE robot_id = ? AND robot_id IS NOT NULL AND zone_id IS NOT NULL AND \(which)
            """
        return try told(sql, robot, instants) { ZoneTelling(time: $0, zone: $1) }
    }

    private func told<Told>(
        _ sql: String, _ robot: Symbol, _ instants: [Instant], _ make: (Instant, Symbol) -> Told
    ) throws -> [Told] {
        let query = try connection.statement(sql).bind(robot, symbols)
        for instant in instants { _ = query.bind(instant) }
        var found: [Told] = []
        while try query.step() { found.append(make(query.integer(0), symbols.intern(query.bytes(1)))) }
        return found
    }
}
