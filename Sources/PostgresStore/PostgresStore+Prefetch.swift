internal import CLibPQ
public import SessionCore
internal import SessionStore

/// What was fetched for a batch before it is asked for. Only inside one transaction.
struct Prefetched {
    /// An event that may be stored: its hour and identity.
    struct TwinKey: Hashable {
        var hour: Int32
        var identity: EventIdentity

        init(_ event: Event) {
            hour = PostgresStore.hour(event.time)
            identity = event.identity
        }
    }

    var hours: [Instant: Bool] = [:]
    /// Nil of one that is not stored.
    var twins: [TwinKey: Event?] = [:]
    var nodes: [Symbol: StoredNode] = [:]
    var sessions: [Symbol: StoredSession] = [:]
    var lanes: [Expectation.Stretch: StoredLane] = [:]
}

/// Bringing back what a batch names all at once: a question each costs a way to the server and back, and a batch has
/// thousands.
extension PostgresStore {
    /// See ``SessionStoring``.
    public var wantsExpectations: Bool { true }

    /// See ``SessionStoring``.
    public func prefetch(_ expectation: Expectation, bytes: UnsafeRawPointer) throws {
        try inParts(expectation.hours, fetch(hours:))
        try inParts(expectation.candidates) { try fetch(twinsOf: $0, bytes) }
        try inParts(expectation.nodes, fetch(nodes:))
        try inParts(expectation.sessions, fetch(sessions:))
        // Few are asked for as quickly one by one, whatever kinds they are.
        guard expectation.stretches.count > Self.fewerThan else { return }
        for kind in WindowKind.allCases {
            try inParts(expectation.stretches.filter { $0.kind == kind }, orMoreThan: 0) {
                try fetch(kind, $0)
            }
        }
    }

    private static let fewerThan = 2

    private func inParts<Element>(
        _ all: [Element], orMoreThan few: Int = fewerThan, _ fetch: ([Element]) throws -> Void
    ) throws {
        if all.count <= few { return }
        var left = all[...]
        while !left.isEmpty {
            try fetch(Array(left.prefix(Self.idsAtOnce)))
            left = left.dropFirst(Self.idsAtOnce)
        }
    }

    /// All rows of an answer are in memory at once.
    private static let idsAtOnce = 5000

    // `LATERAL … OFFSET 0` leaves the server no other way than to look each id up: as a join it would read a whole table
    // where it takes that for small.

    private static let numbered =
        "WITH n(id, i) AS MATERIALIZED (SELECT id, i::integer FROM unnest($1) WITH ORDINALITY n(id, i))"

    private func fetch(hours: [Instant]) throws {
        let columns = RowArrays([TypeNumber.int4, TypeNumber.instant, TypeNumber.instant])
        for hour in hours { add(hour: hour, to: columns) }
        let rows = try connection.execute(
            """
            WITH n(hour, lower_end, upper_end, i) AS MATERIALIZED (
              SELECT a, b, c, i::integer FROM unnest($1, $2, $3) WITH ORDINALITY n(a, b, c, i))
            SELECT i FROM n, LATERAL (SELECT 1 \(Self.ofItsHour) LIMIT 1) t
            """, Parameters(columns))
        for hour in hours { prefetched.hours[hour] = false }
        for row in 0..<rows.count { prefetched.hours[hours[Int(rows.integer(row, 0)) - 1]] = true }
    }

    private func fetch(twinsOf events: [Event], _ bytes: UnsafeRawPointer) throws {
        let columns = RowArrays([
            TypeNumber.int4, TypeNumber.instant, TypeNumber.instant, TypeNumber.text,
        ])
        for event in events {
            add(hour: event.time, to: columns)
            if let id = StoreReading.ownID(of: event, bytes) {
                columns.add(text: id)
            } else {
                columns.add(reading.fingerprintText(event.identity))
            }
        }
        let rows = try connection.execute(
            """
            WITH n(hour, lower_end, upper_end, id, i) AS MATERIALIZED (
              SELECT a, b, c, d, i::integer FROM unnest($1, $2, $3, $4) WITH ORDINALITY n(a, b, c, d, i))
            SELECT i, t.payload FROM n,
              LATERAL (SELECT payload::text \(Self.ofItsHour) AND event_id = n.id OFFSET 0) t
            """, Parameters(columns))
        for event in events { prefetched.twins[Prefetched.TwinKey(event)] = .some(nil) }
        for row in 0..<rows.count {
            let event = events[Int(rows.integer(row, 0)) - 1]
            prefetched.twins[Prefetched.TwinKey(event)] = reading.decode(rows.bytes(row, 1))
        }
    }

    private static let ofItsHour =
        "FROM events WHERE hour = n.hour AND occurred_at >= n.lower_end AND occurred_at < n.upper_end"

    /// The hour of an instant, and its ends: those say which partition it is in.
    private func add(hour instant: Instant, to columns: RowArrays) {
        let hour = Self.hour(instant)
        columns.add(hour)
        columns.add(instant: Int64(hour) * 3_600_000_000)
        columns.add(instant: Int64(hour) * 3_600_000_000 + 3_600_000_000)
    }

    private func fetch(sessions ids: [Symbol]) throws {
        let column = RowArrays([TypeNumber.text])
        for id in ids { column.add(id, symbols) }
        var sessions = [StoredSession](repeating: StoredSession(), count: ids.count)
        let rows = try connection.execute(
            """
            \(Self.numbered) SELECT \(Self.sessionColumns), i FROM n, LATERAL (
              SELECT * FROM sessions WHERE session_id = n.id OFFSET 0) t
            """, Parameters(column))
        for row in 0..<rows.count {
            sessions[Int(rows.integer(row, rows.columnCount - 1)) - 1].row = try sessionRow(rows, row)
        }
        let windows = try connection.execute(
            """
            \(Self.numbered) SELECT i, t.* FROM n, LATERAL (
              SELECT \(Self.windowColumns) FROM assignment_windows WHERE session_id = n.id OFFSET 0) t
            """, Parameters(column))
        for row in 0..<windows.count {
            sessions[Int(windows.integer(row, 0)) - 1].windows.append(window(windows, row, from: 1))
        }
        for (index, id) in ids.enumerated() { prefetched.sessions[id] = sessions[index] }
    }

    /// Of events that were dropped with their month the row is there still.
    private static let rowOfDropped = """
        UNION ALL SELECT i, 5, '' FROM n, LATERAL (SELECT 1 FROM sessions WHERE session_id = n.id OFFSET 0) t
        """

    private func fetch(nodes ids: [Symbol]) throws {
        let column = RowArrays([TypeNumber.text])
        for id in ids { column.add(id, symbols) }
        let rows = try connection.execute(
            """
            \(Self.numbered)
            SELECT i, 0, t.payload FROM n,
              LATERAL (SELECT payload::text FROM events WHERE subject = n.id OFFSET 0) t
            UNION ALL SELECT i, 1, t.to_id FROM n, LATERAL (\(linksOf("n.id")) OFFSET 0) t
            UNION ALL SELECT i, 2, t.from_id FROM n, LATERAL (SELECT from_id FROM links WHERE to_id = n.id OFFSET 0) t
            UNION ALL SELECT i, 3, t.named_id FROM n,
              LATERAL (SELECT named_id FROM session_members WHERE session_id = n.id OFFSET 0) t
            UNION ALL SELECT i, 4, t.session_id FROM n,
              LATERAL (SELECT session_id FROM session_members WHERE named_id = n.id OFFSET 0) t
            \(partitions.retired.isEmpty ? "" : Self.rowOfDropped)
            """, Parameters(column))
        var nodes = [StoredNode](repeating: StoredNode(), count: ids.count)
        for row in 0..<rows.count {
            try add(rows.integer(row, 1), rows.bytes(row, 2), to: &nodes[Int(rows.integer(row, 0)) - 1])
        }
        for (index, id) in ids.enumerated() {
            if nodes[index].events.count > 1 { nodes[index].events.sort { $0.time < $1.time } }
            prefetched.nodes[id] = nodes[index]
        }
    }

    private func fetch(_ kind: WindowKind, _ stretches: [Expectation.Stretch]) throws {
        let columns = RowArrays([TypeNumber.text, TypeNumber.instant, TypeNumber.instant])
        for stretch in stretches {
            columns.add(stretch.entity, symbols)
            columns.add(instant: stretch.from)
            columns.add(instant: stretch.until)
        }
        let asked =
            """
            WITH n(id, lower_end, upper_end, i) AS MATERIALIZED (
              SELECT a, b, c, i::integer FROM unnest($1, $2, $3) WITH ORDINALITY n(a, b, c, i))
            """
        var lanes = [StoredLane](repeating: StoredLane(), count: stretches.count)
        let events = try connection.execute(
            """
            \(asked) SELECT i, t.payload FROM n, LATERAL (
              SELECT payload::text FROM events WHERE \(Self.laneCondition(kind, "n.id"))
                AND occurred_at >= n.lower_end AND occurred_at < n.upper_end AND subject IS NULL OFFSET 0) t
            """, Parameters(columns))
        for row in 0..<events.count {
            lanes[Int(events.integer(row, 0)) - 1].events.append(try event(events.bytes(row, 1)))
        }
        let windows = try connection.execute(
            """
            \(asked) SELECT i, t.* FROM n, LATERAL (
              SELECT session_id, \(Self.windowColumns) FROM assignment_windows WHERE kind = '\(kind.name)'
                AND entity_id = n.id AND started_at >= n.lower_end AND started_at < n.upper_end OFFSET 0) t
            """, Parameters(columns))
        for row in 0..<windows.count {
            lanes[Int(windows.integer(row, 0)) - 1].windows.append(
                Owned(owner: symbols.intern(windows.bytes(row, 1)), value: window(windows, row, from: 2)))
        }
        if let owner = Self.scopeOwner(kind) {
            let scopes = try connection.execute(
                """
                \(asked) SELECT i, t.* FROM n, LATERAL (
                  SELECT \(Self.scopeColumns) FROM robot_pilot_windows WHERE \(owner) = n.id
                    AND started_at >= n.lower_end AND started_at < n.upper_end OFFSET 0) t
                """, Parameters(columns))
            for row in 0..<scopes.count {
                lanes[Int(scopes.integer(row, 0)) - 1].scopeWindows.append(scope(scopes, row, from: 1))
            }
        }
        for (index, stretch) in stretches.enumerated() {
            lanes[index].events.sort { $0.time < $1.time }
            lanes[index].scopeWindows.sort { $0.startedAt < $1.startedAt }
            prefetched.lanes[stretch] = lanes[index]
        }
    }
}
