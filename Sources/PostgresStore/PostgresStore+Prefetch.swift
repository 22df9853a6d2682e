internal import CLibPQ
public import SessionCore
internal import SessionStore

/// What was fetched for a batch before it is asked for. Only inside one transaction.
struct Prefetched {
    var nodes: [Symbol: StoredNode] = [:]
    var lanes: [Expectation.Stretch: StoredLane] = [:]
}

/// Bringing back what a batch names all at once: a question each costs a way to the server and back, and a batch has
/// thousands.
extension PostgresStore {
    /// See ``SessionStoring``.
    public var wantsExpectations: Bool { true }

    /// See ``SessionStoring``.
    public func prefetch(_ expectation: Expectation) throws {
        // Few are asked for as quickly one by one.
        if expectation.nodes.count > 2 {
            var left = expectation.nodes[...]
            while !left.isEmpty {
                try fetch(nodes: left.prefix(Self.idsAtOnce))
                left = left.dropFirst(Self.idsAtOnce)
            }
        }
        guard expectation.stretches.count > 2 else { return }
        for kind in WindowKind.allCases {
            var left = expectation.stretches.filter { $0.kind == kind }[...]
            while !left.isEmpty {
                try fetch(kind, left.prefix(Self.idsAtOnce))
                left = left.dropFirst(Self.idsAtOnce)
            }
        }
    }

    /// All rows of an answer are in memory at once.
    private static let idsAtOnce = 5000

    // `LATERAL … OFFSET 0` leaves the server no other way than to look each id up: as a join it would read a whole table
    // where it takes that for small.

    private func fetch(nodes ids: ArraySlice<Symbol>) throws {
        let ids = Array(ids)
        let column = RowArrays([TypeNumber.text])
        for id in ids { column.add(id, symbols) }
        let rows = try connection.execute(
            """
            WITH n(id, i) AS MATERIALIZED (SELECT id, i::integer FROM unnest($1) WITH ORDINALITY n(id, i))
            SELECT i, 0, t.payload FROM n,
              LATERAL (SELECT payload::text FROM events WHERE subject = n.id OFFSET 0) t
            UNION ALL SELECT i, 1, t.to_id FROM n, LATERAL (SELECT to_id FROM links WHERE from_id = n.id OFFSET 0) t
            UNION ALL SELECT i, 2, t.from_id FROM n, LATERAL (SELECT from_id FROM links WHERE to_id = n.id OFFSET 0) t
            UNION ALL SELECT i, 3, t.named_id FROM n,
              LATERAL (SELECT named_id FROM session_members WHERE session_id = n.id OFFSET 0) t
            UNION ALL SELECT i, 4, t.session_id FROM n,
              LATERAL (SELECT session_id FROM session_members WHERE named_id = n.id OFFSET 0) t
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

    private func fetch(_ kind: WindowKind, _ stretches: ArraySlice<Expectation.Stretch>) throws {
        let stretches = Array(stretches)
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
