internal import CLibPQ
internal import SessionCore

/// The rows of links, sessions, windows and tracks: a statement for all rows of a table, their columns as arrays.
extension PostgresStore {
    /// Runs a statement over many rows. The arrays are kept for the next batch.
    func write<Elements: Collection>(
        _ elements: Elements, _ sql: String, _ types: [Oid], _ add: (Elements.Element, RowArrays) -> Void
    ) throws {
        if elements.isEmpty { return }
        let rows: RowArrays
        if let kept = rowArrays[sql] {
            rows = kept
        } else {
            rows = RowArrays(types)
            rowArrays[sql] = rows
        }
        defer { rows.removeAll() }
        // An array is one value to the server, which takes none of a gigabyte: not everything at once. Most rows are small, but
        // an error's message, or what was rejected, may have as many bytes as a message.
        var count = 0
        for element in elements {
            add(element, rows)
            count += 1
            if count == Self.rowsAtOnce || rows.byteCount >= bytesAtOnce {
                try connection.submit(sql, Parameters(rows))
                rows.removeAll()
                count = 0
            }
        }
        if count > 0 { try connection.submit(sql, Parameters(rows)) }
    }

    private static let rowsAtOnce = 10_000

    /// `unnest($1, $2, …) AS name(columns)`
    static func unnest(_ types: [Oid], _ alias: String) -> String {
        "unnest(" + (1...types.count).map { "$\($0)" }.joined(separator: ", ") + ") AS \(alias)"
    }

    private static let text = TypeNumber.text
    private static let instant = TypeNumber.instant

    /// Before all that other writers share, and in one order: those that name the same robot for the first time wait for each
    /// other.
    func writeKnown(_ changes: Changes) throws {
        for (table, names) in [
            ("known_robots", changes.knownRobots), ("known_pilots", changes.knownPilots),
            ("known_merchants", changes.knownMerchants),
        ] {
            try write(
                names,
                "INSERT INTO \(table) SELECT * FROM \(Self.unnest([Self.text], "n(a)")) ORDER BY a ON CONFLICT DO NOTHING",
                [Self.text]
            ) { name, rows in rows.add(name, symbols) }
        }
    }

    func writeLinks(_ changes: Changes) throws {
        let types = [Self.text, Self.text]
        try write(
            changes.links,
            "INSERT INTO links SELECT * FROM \(Self.unnest(types, "n(a, b)")) ORDER BY a, b ON CONFLICT DO NOTHING",
            types
        ) { row, rows in
            rows.add(row.owner, symbols)
            rows.add(row.value, symbols)
        }
        try write(
            changes.removedMembers,
            """
            DELETE FROM session_members m USING \(Self.unnest(types, "n(a, b)"))
            WHERE m.session_id = n.a AND m.named_id = n.b
            """, types
        ) { row, rows in
            rows.add(row.owner, symbols)
            rows.add(row.value, symbols)
        }
        try write(
            changes.addedMembers,
            """
            INSERT INTO session_members SELECT * FROM \(Self.unnest(types, "n(a, b)")) ORDER BY a, b
            ON CONFLICT DO NOTHING
            """, types
        ) { row, rows in
            rows.add(row.owner, symbols)
            rows.add(row.value, symbols)
        }
    }

    func writeSessions(_ changes: Changes, updatedAt: Instant) throws {
        try write(
            changes.deletedSessions, "DELETE FROM sessions WHERE session_id = ANY ($1)", [Self.text]
        ) { id, rows in rows.add(id, symbols) }
        try write(changes.sessions, SessionColumns.upsert, SessionColumns.types) { row, rows in
            add(row, rows, updatedAt)
        }
    }

    private func add(_ row: SessionRow, _ rows: RowArrays, _ updatedAt: Instant) {
        rows.add(row.id, symbols)
        rows.add(row.kind.name)
        rows.add(row.kind == .delivery ? row.id : .absent, symbols, dropping: 9)
        rows.add(list(row.demands, dropping: 7))
        rows.add(list(row.trips, dropping: 5))
        rows.add(row.merchant, symbols)
        rows.add(row.source, symbols)
        rows.add(row.zone, symbols)
        rows.add(row.outcome.name)
        rows.add(row.failureCode, symbols)
        rows.add(row.failureMessage, symbols)
        rows.add(row.firstErrorCode, symbols)
        rows.add(instant: row.firstEventAt)
        rows.add(instant: row.lastEventAt)
        rows.add(instant: row.closedAt)
        for milestone in Milestone.allCases { rows.add(instant: row.milestones[milestone]) }
        for column in DurationColumn.allCases {
            let (from, to) = column.ends
            rows.add(row.milestones.duration(from: from, to: to).map { Double($0) / 1e6 })
        }
        rows.add(row.robot, symbols)
        rows.add(row.pilot, symbols)
        rows.add(list(row.robots))
        rows.add(list(row.pilots))
        for count in [
            row.reassignmentCount, row.pilotHandoffCount, row.attemptCount, row.attemptFailedCount,
            row.rescueCount, row.errorCount, row.eventCount, row.anomalyCount,
        ] { rows.add(count) }
        rows.add(Double(row.robotTime) / 1e6)
        rows.add(Double(row.pilotTime) / 1e6)
        rows.add(instant: updatedAt)
        rows.add(instant: row.firstDirectAt)
        rows.add(row.robotTime)
        rows.add(row.pilotTime)
    }

    /// A `text[]` as a text: an array of arrays is no array of texts to `unnest`.
    private func list(_ ids: [Symbol], dropping prefix: Int = 0) -> String {
        if ids.isEmpty { return "{}" }
        var text = "{"
        for (index, id) in ids.enumerated() {
            text += index > 0 ? ",\"" : "\""
            for scalar in symbols.text(id).unicodeScalars.dropFirst(prefix) {
                if scalar == "\"" || scalar == "\\" { text += "\\" }
                text.unicodeScalars.append(scalar)
            }
            text += "\""
        }
        return text + "}"
    }

    func writeWindows(_ changes: Changes) throws {
        let key = [Self.text, Self.text, Self.text, Self.instant]
        try write(
            changes.deletedWindows,
            """
            DELETE FROM assignment_windows w USING \(Self.unnest(key, "n(a, b, c, d)"))
            WHERE w.session_id = n.a AND w.kind = n.b AND w.entity_id = n.c AND w.started_at = n.d
            """, key
        ) { window, rows in
            rows.add(window.session, symbols)
            rows.add(window.kind.name)
            rows.add(window.entity, symbols)
            rows.add(instant: window.startedAt)
        }
        let types = key + [Self.instant, Self.instant, Self.text, Self.text, TypeNumber.flag]
        try write(
            changes.windows,
            """
            INSERT INTO assignment_windows SELECT * FROM \(Self.unnest(types, "n(a, b, c, d, e, f, g, h, i)"))
            ORDER BY a, b, c, d ON CONFLICT (session_id, kind, entity_id, started_at) DO UPDATE SET
              ended_at = excluded.ended_at, expires_at = excluded.expires_at, opened_by = excluded.opened_by,
              end_reason = excluded.end_reason, inferred = excluded.inferred
            """, types
        ) { row, rows in
            rows.add(row.owner, symbols)
            rows.add(row.value.kind.name)
            rows.add(row.value.entity, symbols)
            rows.add(instant: row.value.startedAt)
            rows.add(instant: row.value.endedAt)
            rows.add(instant: row.value.expiresAt)
            rows.add(row.value.openedBy, symbols)
            rows.add(row.value.endReason?.name)
            rows.add(row.value.inferred)
        }
    }

    /// Rows that are known by whose they are and when they begin.
    private func delete(_ rows: [Owned<Instant>], from table: String, of owner: String) throws {
        let key = [Self.text, Self.instant]
        try write(
            rows,
            """
            DELETE FROM \(table) t USING \(Self.unnest(key, "n(a, b)"))
            WHERE t.\(owner) = n.a AND t.started_at = n.b
            """, key
        ) { row, rows in
            rows.add(row.owner, symbols)
            rows.add(instant: row.value)
        }
    }

    func writeTracks(_ changes: Changes) throws {
        try delete(changes.deletedRobotStates, from: "robot_states", of: "robot_id")
        let state = [Self.text, Self.instant, Self.instant, Self.text, Self.text]
        try write(
            changes.robotStates,
            """
            INSERT INTO robot_states SELECT * FROM \(Self.unnest(state, "n(a, b, c, d, e)")) ORDER BY a, b
            ON CONFLICT (robot_id, started_at) DO UPDATE SET
              ended_at = excluded.ended_at, state = excluded.state, reason = excluded.reason
            """, state
        ) { row, rows in
            rows.add(row.owner, symbols)
            rows.add(instant: row.value.startedAt)
            rows.add(instant: row.value.endedAt)
            rows.add(row.value.state, symbols)
            rows.add(row.value.reason, symbols)
        }
        try delete(changes.deletedRobotZones, from: "robot_zones", of: "robot_id")
        let zone = [Self.text, Self.instant, Self.text]
        try write(
            changes.robotZones,
            """
            INSERT INTO robot_zones SELECT * FROM \(Self.unnest(zone, "n(a, b, c)")) ORDER BY a, b
            ON CONFLICT (robot_id, started_at) DO UPDATE SET zone_id = excluded.zone_id
            """, zone
        ) { row, rows in
            rows.add(row.owner, symbols)
            rows.add(instant: row.value.time)
            rows.add(row.value.zone, symbols)
        }
        try writeScopes(changes)
        try delete(changes.deletedShifts, from: "pilot_shifts", of: "pilot_id")
        let shift = [Self.text, Self.instant, Self.instant]
        try write(
            changes.shifts,
            """
            INSERT INTO pilot_shifts SELECT * FROM \(Self.unnest(shift, "n(a, b, c)")) ORDER BY a, b
            ON CONFLICT (pilot_id, started_at) DO UPDATE SET ended_at = excluded.ended_at
            """, shift
        ) { row, rows in
            rows.add(row.owner, symbols)
            rows.add(instant: row.value.startedAt)
            rows.add(instant: row.value.endedAt)
        }
    }

    private func writeScopes(_ changes: Changes) throws {
        let key = [Self.text, Self.instant, Self.text]
        try write(
            changes.deletedScopeWindows,
            """
            DELETE FROM robot_pilot_windows w USING \(Self.unnest(key, "n(a, b, c)"))
            WHERE w.robot_id = n.a AND w.started_at = n.b AND w.pilot_id = n.c
            """, key
        ) { row, rows in
            rows.add(row.robot, symbols)
            rows.add(instant: row.startedAt)
            rows.add(row.pilot, symbols)
        }
        let types = [
            Self.text, Self.text, Self.instant, Self.instant, Self.instant, Self.text, Self.text,
        ]
        try write(
            changes.scopeWindows,
            """
            INSERT INTO robot_pilot_windows SELECT * FROM \(Self.unnest(types, "n(a, b, c, d, e, f, g)"))
            ORDER BY a, c, b ON CONFLICT (robot_id, started_at, pilot_id) DO UPDATE SET
              ended_at = excluded.ended_at, expires_at = excluded.expires_at, opened_by = excluded.opened_by,
              end_reason = excluded.end_reason
            """, types
        ) { row, rows in
            rows.add(row.robot, symbols)
            rows.add(row.pilot, symbols)
            rows.add(instant: row.startedAt)
            rows.add(instant: row.endedAt)
            rows.add(instant: row.expiresAt)
            rows.add(row.openedBy, symbols)
            rows.add(row.endReason?.name)
        }
    }
}

/// The columns of `sessions`, in the order their values are added.
enum SessionColumns {
    private static let columns: [(name: String, type: Oid, cast: String)] = {
        let (text, instant) = (TypeNumber.text, TypeNumber.instant)
        var all: [(String, Oid, String)] = [
            ("session_id", text, ""), ("kind", text, ""), ("delivery_id", text, ""),
        ]
        all += [("demand_ids", text, "::text[]"), ("trip_ids", text, "::text[]")]
        for name in [
            "merchant_id", "source", "zone_id", "outcome", "failure_code", "failure_message",
            "first_error_code",
        ] { all.append((name, text, "")) }
        for name in ["first_event_at", "last_event_at", "closed_at"] { all.append((name, instant, "")) }
        for milestone in Milestone.allCases { all.append((milestone.column, instant, "")) }
        for duration in DurationColumn.allCases { all.append((duration.column, TypeNumber.real8, "")) }
        all += [("robot_id", text, ""), ("pilot_id", text, "")]
        all += [("robot_ids", text, "::text[]"), ("pilot_ids", text, "::text[]")]
        for name in [
            "reassignment_count", "pilot_handoff_count", "attempt_count", "attempt_failed_count",
            "rescue_count",
            "error_count", "event_count", "anomaly_count",
        ] { all.append((name, TypeNumber.int4, "")) }
        all += [("robot_seconds", TypeNumber.real8, ""), ("pilot_seconds", TypeNumber.real8, "")]
        all += [("updated_at", instant, ""), ("first_direct_at", instant, "")]
        return all + [("robot_micros", TypeNumber.int8, ""), ("pilot_micros", TypeNumber.int8, "")]
    }()

    static let types = columns.map(\.type)

    static let upsert: String = {
        let names = columns.map(\.name).joined(separator: ", ")
        return """
            INSERT INTO sessions (\(names))
            SELECT \(columns.map { $0.name + $0.cast }.joined(separator: ", "))
            FROM \(PostgresStore.unnest(types, "n(\(names))")) ORDER BY session_id
            ON CONFLICT (session_id) DO UPDATE SET
              \(columns.dropFirst().map { "\($0.name) = excluded.\($0.name)" }.joined(separator: ", "))
            """
    }()
}
