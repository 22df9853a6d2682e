internal import CLibPQ
public import SessionCore
internal import SessionStore

/// Bringing back what is not in memory, a question at a time.
extension PostgresStore {
    /// See ``EntitySource``.
    public func node(_ id: Symbol) throws -> StoredNode {
        if let node = prefetched.nodes.removeValue(forKey: id) { return node }
        var key = Parameters()
        key.add(id, symbols)
        let rows = try connection.execute(
            """
            SELECT 0, payload::text FROM events WHERE subject = $1
            UNION ALL SELECT 1, to_id FROM (\(linksOf("$1"))) links
            UNION ALL SELECT 2, from_id FROM links WHERE to_id = $1
            UNION ALL SELECT 3, named_id FROM session_members WHERE session_id = $1
            UNION ALL SELECT 4, session_id FROM session_members WHERE named_id = $1
            \(partitions.retired.isEmpty ? "" : "UNION ALL SELECT 5, '' FROM sessions WHERE session_id = $1")
            """, key)
        var node = StoredNode()
        for row in 0..<rows.count { try add(rows.integer(row, 0), rows.bytes(row, 1), to: &node) }
        node.events.sort { $0.time < $1.time }
        return node
    }

    /// The links that ``StoredNode/links`` asks for: of an id with too many deliveries just enough to know that.
    func linksOf(_ id: String) -> String {
        let some = "FROM links WHERE from_id = \(id) AND to_id < 'delivery;' LIMIT \(maxTargets + 1)"
        return """
            (SELECT to_id \(some)) UNION ALL
            (SELECT to_id FROM links WHERE from_id = \(id) AND to_id >= 'delivery;'
              AND (SELECT count(*) FROM (SELECT 1 \(some)) counted) <= \(maxTargets))
            """
    }

    func add(_ part: Int64, _ bytes: UnsafeRawBufferPointer, to node: inout StoredNode) throws {
        switch part {
        case 0: node.events.append(try event(bytes))
        case 1: node.links.append(symbols.intern(bytes))
        case 2: node.linkedBy.append(symbols.intern(bytes))
        case 3: node.members.append(symbols.intern(bytes))
        case 4: node.targets.append(symbols.intern(bytes))
        default: node.hasRow = true
        }
    }

    /// See ``EntitySource``.
    public func session(_ id: Symbol) throws -> StoredSession {
        if let session = prefetched.sessions.removeValue(forKey: id) { return session }
        var session = StoredSession()
        var key = Parameters()
        key.add(id, symbols)
        let rows = try connection.execute(
            "SELECT \(Self.sessionColumns) FROM sessions WHERE session_id = $1", key)
        if !rows.isEmpty { session.row = try sessionRow(rows, 0) }
        let windows = try connection.execute(
            "SELECT \(Self.windowColumns) FROM assignment_windows WHERE session_id = $1", key)
        for row in 0..<windows.count { session.windows.append(window(windows, row)) }
        return session
    }

    /// See ``EntitySource``.
    public func lane(_ kind: WindowKind, _ entity: Symbol, from: Instant, until: Instant) throws -> StoredLane
    {
        let stretch = Expectation.Stretch(kind: kind, entity: entity, from: from, until: until)
        if let lane = prefetched.lanes.removeValue(forKey: stretch) { return lane }
        var key = Parameters()
        key.add(entity, symbols)
        key.add(instant: from)
        key.add(instant: until)
        var lane = StoredLane()
        let events = try connection.execute(
            """
            SELECT payload::text FROM events WHERE \(Self.laneCondition(kind, "$1"))
              AND occurred_at >= $2 AND occurred_at < $3 AND subject IS NULL ORDER BY occurred_at
            """, key)
        for row in 0..<events.count { lane.events.append(try event(events.bytes(row, 0))) }
        let windows = try connection.execute(
            """
            SELECT \(Self.windowColumns), session_id FROM assignment_windows
            WHERE kind = '\(kind.name)' AND entity_id = $1 AND started_at >= $2 AND started_at < $3
            """, key)
        for row in 0..<windows.count {
            lane.windows.append(
                Owned(owner: symbols.intern(windows.bytes(row, 8)), value: window(windows, row)))
        }
        guard let owner = Self.scopeOwner(kind) else { return lane }
        let scopes = try connection.execute(
            """
            SELECT \(Self.scopeColumns) FROM robot_pilot_windows
            WHERE \(owner) = $1 AND started_at >= $2 AND started_at < $3 ORDER BY started_at
            """, key)
        for row in 0..<scopes.count { lane.scopeWindows.append(scope(scopes, row)) }
        return lane
    }

    /// Which events are in an entity's lane.
    static func laneCondition(_ kind: WindowKind, _ id: String) -> String {
        switch kind {
        case .robot: "robot_id = \(id) AND robot_use IS NOT NULL"
        case .pilot: "pilot_id = \(id) AND pilot_use IS NOT NULL"
        case .merchant:
            "merchant_id = \(id) AND merchant_id IS NOT NULL AND robot_id IS NULL AND pilot_id IS NULL"
        }
    }

    static func scopeOwner(_ kind: WindowKind) -> String? {
        switch kind {
        case .robot: "robot_id"
        case .pilot: "pilot_id"
        case .merchant: nil
        }
    }

    /// See ``EntitySource``.
    public func pilotTrack(_ pilot: Symbol, from: Instant) throws -> StoredPilotTrack {
        var key = Parameters()
        key.add(pilot, symbols)
        key.add(instant: from)
        var track = StoredPilotTrack()
        let events = try connection.execute(
            """
            SELECT payload::text FROM events
            WHERE pilot_id = $1 AND pilot_use IS NOT NULL AND occurred_at >= $2 AND pilot_use & 2 <> 0
            ORDER BY occurred_at
            """, key)
        for row in 0..<events.count { track.events.append(try event(events.bytes(row, 0))) }
        let shifts = try connection.execute(
            """
            SELECT started_at, ended_at FROM pilot_shifts
            WHERE pilot_id = $1 AND started_at < $2 ORDER BY started_at DESC LIMIT 1
            """, key)
        if !shifts.isEmpty {
            let shift = ShiftRow(startedAt: shifts.instant(0, 0), endedAt: shifts.optionalInstant(0, 1))
            if shift.endedAt.map({ $0 >= from }) ?? true { track.shiftBefore = shift }
        }
        return track
    }

    // MARK: Identities

    /// The hour, and its ends: those say which partition it is in.
    private func hourKey(_ instant: Instant) -> Parameters {
        let hour = Self.hour(instant)
        var key = Parameters()
        key.add(hour)
        key.add(instant: Int64(hour) * 3_600_000_000)
        key.add(instant: Int64(hour) * 3_600_000_000 + 3_600_000_000)
        return key
    }

    private static let ofHour = "FROM events WHERE hour = $1 AND occurred_at >= $2 AND occurred_at < $3"

    /// See ``EntitySource``.
    public func hasEvents(inHour hour: Instant) throws -> Bool {
        if let hasEvents = prefetched.hours[hour] { return hasEvents }
        return try !connection.execute("SELECT 1 \(Self.ofHour) LIMIT 1", hourKey(hour)).isEmpty
    }

    /// See ``EntitySource``.
    public func identities(inHour hour: Instant) throws -> [EventIdentity] {
        let rows = try connection.execute("SELECT event_id \(Self.ofHour)", hourKey(hour))
        return (0..<rows.count).map { row in
            let text = rows.bytes(row, 0)
            return reading.identity(ofStored: text)
        }
    }

    /// See ``EntitySource``.
    public func storedTwin(of candidate: Event, bytes: UnsafeRawPointer) throws -> Event? {
        if let twin = prefetched.twins[Prefetched.TwinKey(candidate)] { return twin }
        var key = hourKey(candidate.time)
        if let id = StoreReading.ownID(of: candidate, bytes) {
            key.add(bytes: id)
        } else {
            key.add(reading.fingerprintText(candidate.identity))
        }
        let rows = try connection.execute("SELECT payload::text \(Self.ofHour) AND event_id = $4", key)
        return rows.isEmpty ? nil : reading.decode(rows.bytes(0, 0))
    }

    func event(_ payload: UnsafeRawBufferPointer) throws -> Event {
        guard let event = reading.decode(payload) else {
            throw StoreError(.damaged, "\(connection.target.name): a stored payload is no event any more")
        }
        return event
    }
}
