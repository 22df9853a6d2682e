internal import CSQLite
public import SessionCore
internal import SessionStore

/// Bringing back what a robot did.
extension SQLiteStore {
    /// See ``EntitySource``.
    public func robotFacts(_ robot: Symbol, from: Instant, through: Instant?) throws -> [Event] {
        try events(
            """
            SELECT payload FROM events
            WHERE robot_id = ? AND robot_use IS NOT NULL AND occurred_at >= ? AND occurred_at <= ? AND robot_use & 2
            ORDER BY occurred_at
            """
        ) { $0.bind(robot, symbols).bind(from).bind(through ?? .max) }
    }

    /// See ``EntitySource``.
    public func robotState(_ robot: Symbol, before: Instant) throws -> RobotStateRow? {
        try state("started_at < ? ORDER BY started_at DESC", robot, before)
    }

    /// See ``EntitySource``.
    public func robotState(_ robot: Symbol, after: Instant) throws -> RobotStateRow? {
        try state("started_at > ? ORDER BY started_at", robot, after)
    }

    private func state(_ which: String, _ robot: Symbol, _ instant: Instant) throws -> RobotStateRow? {
        let states = try connection.statement(
            "SELECT started_at, ended_at, state, reason FROM robot_states WHERE robot_id = ? AND \(which) LIMIT 1"
        ).bind(robot, symbols).bind(instant)
        guard try states.step() else { return nil }
        defer { states.reset() }
        return RobotStateRow(
            startedAt: states.integer(0), endedAt: states.optional(1),
            state: symbols.intern(states.bytes(2)), reason: symbols.intern(states.bytes(3)))
    }

    /// See ``EntitySource``.
    public func robotHeard(_ robot: Symbol, from: Instant) throws -> StoredRobotHeard {
        var stored = StoredRobotHeard()
        let heard = try connection.statement(
            "SELECT occurred_at FROM events WHERE robot_id = ? AND robot_use IS NOT NULL AND occurred_at >= ?"
        ).bind(robot, symbols).bind(from)
        while try heard.step() { stored.since.append(heard.integer(0)) }
        let before = try connection.statement(
            """
            SELECT max(occurred_at) FROM events
            WHERE robot_id = ? AND robot_use IS NOT NULL AND occurred_at < ?
            """
        ).bind(robot, symbols).bind(from)
        if try before.step() { stored.before = before.optional(0) }
        before.reset()
        return stored
    }

    /// See ``EntitySource``.
    public func robotScope(_ robot: Symbol, from: Instant, named names: [Symbol]) throws -> StoredRobotScope {
        var stored = StoredRobotScope()
        stored.events = try events(
            """
            SELECT payload FROM events
            WHERE robot_id = ? AND robot_use IS NOT NULL AND occurred_at >= ? AND robot_use & 2
              AND subject IS NULL AND event IN (\(names.map { _ in "?" }.joined(separator: ", ")))
            ORDER BY occurred_at
            """
        ) { query in
            _ = query.bind(robot, symbols).bind(from)
            for name in names { _ = query.bind(name, symbols) }
        }
        let scopes = try connection.statement(
            """
            SELECT \(Self.scopeColumns) FROM robot_pilot_windows
            WHERE robot_id = ? AND started_at < ? ORDER BY started_at DESC LIMIT 1
            """
        ).bind(robot, symbols).bind(from)
        if try scopes.step() {
            let window = scope(scopes)
            scopes.reset()
            if window.endedAt.map({ $0 >= from }) ?? true { stored.windowBefore = window }
        }
        return stored
    }
}
