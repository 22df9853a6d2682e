internal import CLibPQ
public import SessionCore
internal import SessionStore

/// Bringing back what a robot did.
extension PostgresStore {
    /// See ``EntitySource``.
    public func robotFacts(_ robot: Symbol, from: Instant, through: Instant?) throws -> [Event] {
        var key = since(from, robot)
        if let through { key.add(instant: through) }
        let rows = try connection.execute(
            """
            SELECT payload::text FROM events
            WHERE robot_id = $1 AND robot_use IS NOT NULL AND occurred_at >= $2 AND robot_use & 2 <> 0
              \(through == nil ? "" : "AND occurred_at <= $3")
            ORDER BY occurred_at
            """, key)
        return try (0..<rows.count).map { try event(rows.bytes($0, 0)) }
    }

    /// See ``EntitySource``.
    public func robotState(_ robot: Symbol, before: Instant) throws -> RobotStateRow? {
        try state("started_at < $2 ORDER BY started_at DESC", since(before, robot))
    }

    /// See ``EntitySource``.
    public func robotState(_ robot: Symbol, after: Instant) throws -> RobotStateRow? {
        try state("started_at > $2 ORDER BY started_at", since(after, robot))
    }

    private func state(_ which: String, _ key: Parameters) throws -> RobotStateRow? {
        let states = try connection.execute(
            "SELECT started_at, ended_at, state, reason FROM robot_states WHERE robot_id = $1 AND \(which) LIMIT 1",
            key)
        if states.isEmpty { return nil }
        return RobotStateRow(
            startedAt: states.instant(0, 0), endedAt: states.optionalInstant(0, 1),
            state: symbols.intern(states.bytes(0, 2)), reason: symbols.intern(states.bytes(0, 3)))
    }

    /// See ``EntitySource``.
    public func robotHeard(_ robot: Symbol, from: Instant) throws -> StoredRobotHeard {
        let key = since(from, robot)
        var stored = StoredRobotHeard()
        let heard = try connection.execute(
            "SELECT occurred_at FROM events WHERE robot_id = $1 AND robot_use IS NOT NULL AND occurred_at >= $2",
            key)
        for row in 0..<heard.count { stored.since.append(heard.instant(row, 0)) }
        let before = try connection.execute(
            """
            SELECT max(occurred_at) FROM events
            WHERE robot_id = $1 AND robot_use IS NOT NULL AND occurred_at < $2
            """, key)
        stored.before = before.optionalInstant(0, 0)
        return stored
    }

    /// See ``EntitySource``.
    public func robotScope(_ robot: Symbol, from: Instant, named names: [Symbol]) throws -> StoredRobotScope {
        var stored = StoredRobotScope()
        var key = since(from, robot)
        for name in names { key.add(name, symbols) }
        let events = try connection.execute(
            """
            SELECT payload::text FROM events
            WHERE robot_id = $1 AND robot_use IS NOT NULL AND occurred_at >= $2 AND robot_use & 2 <> 0
              AND subject IS NULL AND event IN (\(names.indices.map { "$\($0 + 3)" }.joined(separator: ", ")))
            ORDER BY occurred_at
            """, key)
        for row in 0..<events.count { stored.events.append(try event(events.bytes(row, 0))) }
        let scopes = try connection.execute(
            """
            SELECT \(Self.scopeColumns) FROM robot_pilot_windows
            WHERE robot_id = $1 AND started_at < $2 ORDER BY started_at DESC LIMIT 1
            """, since(from, robot))
        if !scopes.isEmpty {
            let window = scope(scopes, 0)
            if window.endedAt.map({ $0 >= from }) ?? true { stored.windowBefore = window }
        }
        return stored
    }

    private func since(_ instant: Instant, _ robot: Symbol) -> Parameters {
        var key = Parameters()
        key.add(robot, symbols)
        key.add(instant: instant)
        return key
    }
}
