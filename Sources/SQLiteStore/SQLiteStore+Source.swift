public import SessionCore
internal import SessionStore

/// Bringing back what is not in memory.
extension SQLiteStore {
    /// See ``EntitySource``.
    public func node(_ id: Symbol) throws -> StoredNode {
        // One statement for all of it: an id is nearly always a new one, of which nothing is known, and then
        // what costs is to begin and to end a statement.
        var node = StoredNode()
        let query = try connection.statement(
            """
            SELECT 0, payload FROM events WHERE subject = ?1 AND subject IS NOT NULL
            UNION ALL SELECT 1, to_id FROM (
              SELECT to_id FROM links WHERE from_id = ?1 AND to_id < 'delivery;' LIMIT ?2)
            UNION ALL SELECT 1, to_id FROM links WHERE from_id = ?1 AND to_id >= 'delivery;' AND (
              SELECT count(*) FROM (SELECT 1 FROM links WHERE from_id = ?1 AND to_id < 'delivery;' LIMIT ?2)) < ?2
            UNION ALL SELECT 2, from_id FROM links WHERE to_id = ?1
            UNION ALL SELECT 3, named_id FROM session_members WHERE session_id = ?1
            UNION ALL SELECT 4, session_id FROM session_members WHERE named_id = ?1
            """
        ).bind(id, symbols).bind(Int64(maxTargets) + 1)
        while try query.step() {
            let bytes = query.bytes(1)
            switch query.integer(0) {
            case 0: node.events.append(try event(bytes))
            case 1: node.links.append(symbols.intern(bytes))
            case 2: node.linkedBy.append(symbols.intern(bytes))
            case 3: node.members.append(symbols.intern(bytes))
            default: node.targets.append(symbols.intern(bytes))
            }
        }
        node.events.sort { $0.time < $1.time }
        return node
    }

    /// See ``EntitySource``.
    public func session(_ id: Symbol) throws -> StoredSession {
        var session = StoredSession()
        let milestones = Milestone.allCases.map(\.column).joined(separator: ", ")
        let query = try connection.statement(
            """
            SELECT demand_ids, trip_ids, merchant_id, source, zone_id, outcome, failure_code, failure_message,
              first_error_code, first_event_at, last_event_at, closed_at, robot_id, pilot_id, robot_ids,
              pilot_ids, reassignment_count, pilot_handoff_count, attempt_count, attempt_failed_count,
              rescue_count, error_count, event_count, anomaly_count, robot_micros, pilot_micros,
              first_direct_at, \(milestones)
            FROM sessions WHERE session_id = ?
            """
        ).bind(id, symbols)
        if try query.step() {
            let text = symbols.text(id)
            guard let kind = SessionKind(sessionID: text) else {
                throw StoreError(.damaged, "\(connection.path): \(text) is not a session id")
            }
            var row = SessionRow(id: id, kind: kind)
            row.demands = try list(query.text(0), prefix: "demand:")
            row.trips = try list(query.text(1), prefix: "trip:")
            row.merchant = symbols.intern(query.bytes(2))
            row.source = symbols.intern(query.bytes(3))
            row.zone = symbols.intern(query.bytes(4))
            let outcome = query.text(5)
            row.outcome = Outcome.allCases.first { $0.name == outcome } ?? .inProgress
            row.failureCode = symbols.intern(query.bytes(6))
            row.failureMessage = symbols.intern(query.bytes(7))
            row.firstErrorCode = symbols.intern(query.bytes(8))
            row.firstEventAt = query.integer(9)
            row.lastEventAt = query.integer(10)
            row.closedAt = query.optional(11)
            row.robot = symbols.intern(query.bytes(12))
            row.pilot = symbols.intern(query.bytes(13))
            row.robots = try list(query.text(14), prefix: "")
            row.pilots = try list(query.text(15), prefix: "")
            row.reassignmentCount = Int32(query.integer(16))
            row.pilotHandoffCount = Int32(query.integer(17))
            row.attemptCount = Int32(query.integer(18))
            row.attemptFailedCount = Int32(query.integer(19))
            row.rescueCount = Int32(query.integer(20))
            row.errorCount = Int32(query.integer(21))
            row.eventCount = Int32(query.integer(22))
            row.anomalyCount = Int32(query.integer(23))
            row.robotTime = query.integer(24)
            row.pilotTime = query.integer(25)
            row.firstDirectAt = query.integer(26)
            for (index, milestone) in Milestone.allCases.enumerated() {
                row.milestones[milestone] = query.optional(27 + Int32(index))
            }
            query.reset()
            session.row = row
        }
        let windows = try connection.statement(
            "SELECT \(Self.windowColumns), session_id FROM assignment_windows WHERE session_id = ?"
        ).bind(id, symbols)
        while try windows.step() { session.windows.append(window(windows)) }
        return session
    }

    /// See ``EntitySource``.
    public func lane(_ kind: WindowKind, _ entity: Symbol, from: Instant, until: Instant) throws -> StoredLane
    {
        var lane = StoredLane()
        let column: String
        switch kind {
        case .robot: column = "robot_id = ? AND robot_use IS NOT NULL"
        case .pilot: column = "pilot_id = ? AND pilot_use IS NOT NULL"
        case .merchant:
            column = "merchant_id = ? AND merchant_id IS NOT NULL AND robot_id IS NULL AND pilot_id IS NULL"
        }
        lane.events = try events(
            """
            SELECT payload FROM events WHERE \(column) AND occurred_at >= ? AND occurred_at < ?
              AND subject IS NULL ORDER BY occurred_at
            """
        ) { $0.bind(entity, symbols).bind(from).bind(until) }
        let windows = try connection.statement(
            """
            SELECT \(Self.windowColumns), session_id FROM assignment_windows
            WHERE kind = ? AND entity_id = ? AND started_at >= ? AND started_at < ?
            """
        ).bind(kind.name).bind(entity, symbols).bind(from).bind(until)
        while try windows.step() {
            lane.windows.append(Owned(owner: symbols.intern(windows.bytes(8)), value: window(windows)))
        }
        let owner: String
        switch kind {
        case .robot: owner = "robot_id"
        case .pilot: owner = "pilot_id"
        case .merchant: return lane
        }
        let scopes = try connection.statement(
            """
            SELECT \(Self.scopeColumns) FROM robot_pilot_windows
            WHERE \(owner) = ? AND started_at >= ? AND started_at < ? ORDER BY started_at
            """
        ).bind(entity, symbols).bind(from).bind(until)
        while try scopes.step() { lane.scopeWindows.append(scope(scopes)) }
        return lane
    }

    /// See ``EntitySource``.
    public func pilotTrack(_ pilot: Symbol, from: Instant) throws -> StoredPilotTrack {
        var track = StoredPilotTrack()
        track.events = try events(
            """
            SELECT payload FROM events
            WHERE pilot_id = ? AND pilot_use IS NOT NULL AND occurred_at >= ? AND pilot_use & 2
            ORDER BY occurred_at
            """
        ) { $0.bind(pilot, symbols).bind(from) }
        let shifts = try connection.statement(
            """
            SELECT started_at, ended_at FROM pilot_shifts
            WHERE pilot_id = ? AND started_at < ? ORDER BY started_at DESC LIMIT 1
            """
        ).bind(pilot, symbols).bind(from)
        if try shifts.step() {
            let shift = ShiftRow(startedAt: shifts.integer(0), endedAt: shifts.optional(1))
            shifts.reset()
            if shift.endedAt.map({ $0 >= from }) ?? true { track.shiftBefore = shift }
        }
        return track
    }

    /// See ``EntitySource``.
    public func hasEvents(inHour hour: Instant) throws -> Bool {
        let query = try connection.statement("SELECT 1 FROM events WHERE hour = ? LIMIT 1").bind(
            StoreReading.hour(of: hour))
        let found = try query.step()
        query.reset()
        return found
    }

    /// See ``EntitySource``.
    public func identities(inHour hour: Instant) throws -> [EventIdentity] {
        let query = try connection.statement("SELECT event_id FROM events WHERE hour = ?").bind(
            StoreReading.hour(of: hour))
        var identities: [EventIdentity] = []
        while try query.step() {
            let text = query.bytes(0)
            identities.append(reading.identity(ofStored: text))
        }
        return identities
    }

    /// See ``EntitySource``.
    public func storedTwin(of candidate: Event, bytes: UnsafeRawPointer) throws -> Event? {
        let query = try connection.statement("SELECT payload FROM events WHERE hour = ? AND event_id = ?")
            .bind(StoreReading.hour(of: candidate.time))
        if let id = StoreReading.ownID(of: candidate, bytes) {
            query.bindStatic(id)
        } else {
            query.bind(reading.fingerprintText(candidate.identity))
        }
        guard try query.step() else { return nil }
        let event = reading.decode(query.bytes(0))
        query.reset()
        return event
    }

    private static let windowColumns =
        "kind, entity_id, started_at, ended_at, expires_at, opened_by, end_reason, inferred"
    static let scopeColumns =
        "robot_id, pilot_id, started_at, ended_at, expires_at, opened_by, end_reason"

    private func window(_ row: Statement) -> WindowRow {
        let kind = row.text(0)
        return WindowRow(
            kind: WindowKind.allCases.first { $0.name == kind } ?? .robot,
            entity: symbols.intern(row.bytes(1)),
            startedAt: row.integer(2), endedAt: row.optional(3), expiresAt: row.integer(4),
            openedBy: symbols.intern(row.bytes(5)), endReason: reason(row, 6), inferred: row.integer(7) != 0)
    }

    func scope(_ row: Statement) -> ScopeWindow {
        ScopeWindow(
            robot: symbols.intern(row.bytes(0)), pilot: symbols.intern(row.bytes(1)),
            startedAt: row.integer(2),
            endedAt: row.optional(3), expiresAt: row.integer(4), openedBy: symbols.intern(row.bytes(5)),
            endReason: reason(row, 6))
    }

    private func reason(_ row: Statement, _ column: Int32) -> EndReason? {
        if row.isNull(column) { return nil }
        let word = row.text(column)
        return EndReason.allCases.first { $0.name == word }
    }

    func events(_ sql: String, _ bind: (Statement) -> Void) throws -> [Event] {
        let query = try connection.statement(sql)
        bind(query)
        var found: [Event] = []
        while try query.step() { found.append(try event(query.bytes(0))) }
        return found
    }

    private func event(_ payload: UnsafeRawBufferPointer) throws -> Event {
        guard let event = reading.decode(payload) else {
            throw StoreError(.damaged, "\(connection.path): a stored payload is no event any more")
        }
        return event
    }

    /// The ids in a JSON array of strings that this program wrote.
    private func list(_ json: String, prefix: String) throws -> [Symbol] {
        if json == "[]" { return [] }
        let query = try connection.statement("SELECT value FROM json_each(?)").bind(json)
        var found: [Symbol] = []
        while try query.step() { found.append(symbols.intern(prefix + query.text(0))) }
        return found
    }
}
