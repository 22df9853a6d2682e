internal import CLibPQ
internal import SessionCore
internal import SessionStore

/// The hourly tables: what a batch adds to a row, or takes from it. A row that comes to nothing is deleted.
/// In the order of their keys: writers that share a merchant's hour then wait for each other, in no circle.
extension PostgresStore {
    private static let key = [TypeNumber.text, TypeNumber.instant]

    func writeHours(_ changes: Changes, _ batch: BatchRecord) throws {
        try writeRobotHours(changes)
        try writePilotHours(changes.pilotHourly)
        try writeMerchantHours(changes.merchantHourly)
        let types = [TypeNumber.text, TypeNumber.text, TypeNumber.text, TypeNumber.instant, TypeNumber.int8]
        try write(
            Array(changes.eventHourly),
            """
            INSERT INTO event_hourly AS t SELECT * FROM \(Self.unnest(types, "n(a, b, c, d, e)"))
            ORDER BY a, b, c, d ON CONFLICT (event, merchant_id, source, hour)
            DO UPDATE SET events = t.events + excluded.events
            """, types
        ) { row, rows in
            rows.add(row.key.a, symbols)
            rows.add(row.key.b, symbols, orEmpty: true)
            rows.add(row.key.c, symbols, orEmpty: true)
            rows.add(instant: row.key.hour)
            rows.add(row.value)
        }
        // Last: these rows are every writer's.
        try writeSums(changes, batch)
    }

    private func writeRobotHours(_ changes: Changes) throws {
        let state = [TypeNumber.text, TypeNumber.instant, TypeNumber.text, TypeNumber.text]
        let types = state + [TypeNumber.int8]
        try write(
            Array(changes.robotStateHourly),
            """
            INSERT INTO robot_state_hours AS t SELECT * FROM \(Self.unnest(types, "n(a, b, c, d, e)"))
            ORDER BY a, b, c, d ON CONFLICT (robot_id, hour, state, reason)
            DO UPDATE SET micros = t.micros + excluded.micros
            """, types
        ) { row, rows in
            rows.add(row.key.a, symbols)
            rows.add(instant: row.key.hour)
            rows.add(row.key.b, symbols)
            rows.add(row.key.c, symbols, orEmpty: true)
            rows.add(row.value)
        }
        // Only what was taken from can have come to nothing.
        try write(
            changes.robotStateHourly.filter { $0.value < 0 }.map(\.key),
            """
            DELETE FROM robot_state_hours t USING \(Self.unnest(state, "n(a, b, c, d)"))
            WHERE t.robot_id = n.a AND t.hour = n.b AND t.state = n.c AND t.reason = n.d AND t.micros = 0
            """, state
        ) { key, rows in
            rows.add(key.a, symbols)
            rows.add(instant: key.hour)
            rows.add(key.b, symbols)
            rows.add(key.c, symbols, orEmpty: true)
        }
        try add(
            changes.robotHourly, to: "robot_hours", key: ["robot_id", "hour"], RobotHourDelta.columns,
            isLess: \.takesAway, \.figures)
    }

    /// Sums of hours over robots, and of sessions and events by their hour.
    private func writeSums(_ changes: Changes, _ batch: BatchRecord) throws {
        let (text, instant, int8) = (TypeNumber.text, TypeNumber.instant, TypeNumber.int8)
        let fleet = changes.fleetHourly
        try add(
            fleet, to: "fleet_hours", key: ["hour"], types: [instant], RobotHourDelta.columns,
            isLess: \.takesAway,
            { hour, rows in rows.add(instant: hour) }, \.figures)
        try add(
            changes.zoneHourly, to: "zone_hours", key: ["zone_id", "hour"], RobotHourDelta.columns,
            isLess: \.takesAway, \.figures)
        try add(
            changes.fleetStateHourly, to: "fleet_state_hours", key: ["hour", "state", "reason"],
            types: [instant, text, text], ["micros"], isLess: { $0 < 0 },
            { key, rows in
                rows.add(instant: key.hour)
                rows.add(key.a, symbols)
                rows.add(key.b, symbols, orEmpty: true)
            }, { [$0] })
        try add(
            changes.sessionHourly, to: "session_hours",
            key: ["hour", "source", "zone_id", "step", "outcome", "failure_code"],
            types: [instant, text, text, int8, text, text], ["sessions"], isLess: { $0 < 0 },
            { key, rows in
                rows.add(instant: key.hour)
                rows.add(key.source, symbols, orEmpty: true)
                rows.add(key.zone, symbols, orEmpty: true)
                rows.add(Int64(key.step.rawValue))
                rows.add(key.outcome.name)
                rows.add(key.failureCode, symbols, orEmpty: true)
            }, { [$0] })
        try add(
            changes.sessionSpans, to: "session_spans", key: ["last_hour", "first_hour"],
            types: [instant, instant], ["sessions"], isLess: { $0 < 0 },
            { key, rows in
                rows.add(instant: key.last)
                rows.add(instant: key.first)
            }, { [$0] })
        try add(
            changes.arrivals(receivedAt: batch.startedAt), to: "arrival_hours", key: ["hour", "transport"],
            types: [instant, text], ["events", "late"], isLess: { _ in false },
            { hour, rows in
                rows.add(instant: hour)
                rows.add(batch.transport)
            }, { [$0.events, $0.late] })
    }

    private func writePilotHours(_ hours: [HourKey: PilotHourDelta]) throws {
        try add(
            hours, to: "pilot_hours", key: ["pilot_id", "hour"], ["shift", "assigned"], isLess: \.takesAway,
            { [$0.shift, $0.assigned] })
    }

    private func writeMerchantHours(_ hours: [HourKey: MerchantHourDelta]) throws {
        try add(
            hours, to: "merchant_hours", key: ["merchant_id", "source", "hour"],
            ["sessions", "completed", "failed", "canceled", "robot", "pilot"], isLess: \.takesAway,
            { [$0.sessions, $0.completed, $0.failed, $0.canceled, $0.robot, $0.pilot] })
    }

    /// - Parameter key: One or two names, and the hour.
    private func add<Delta>(
        _ hours: [HourKey: Delta], to table: String, key: [String], _ figures: [String],
        isLess: (Delta) -> Bool, _ values: (Delta) -> [Int64]
    ) throws {
        let names = key.dropLast()
        try add(
            hours, to: table, key: key, types: names.map { _ in TypeNumber.text } + [TypeNumber.instant],
            figures, isLess: isLess,
            { hour, rows in
                rows.add(hour.a, symbols, orEmpty: true)
                if names.count > 1 { rows.add(hour.b, symbols, orEmpty: true) }
                rows.add(instant: hour.hour)
            }, values)
    }

    /// Adds figures to the rows of a table, and deletes the rows that came to nothing.
    private func add<Key, Delta>(
        _ hours: [Key: Delta], to table: String, key: [String], types keyTypes: [Oid], _ figures: [String],
        isLess: (Delta) -> Bool, _ put: (Key, RowArrays) -> Void, _ values: (Delta) -> [Int64]
    ) throws {
        let types = keyTypes + figures.map { _ in TypeNumber.int8 }
        let columns = (key + figures).joined(separator: ", ")
        try write(
            Array(hours),
            """
            INSERT INTO \(table) AS t (\(columns)) SELECT \(columns)
            FROM \(Self.unnest(types, "n(\(columns))")) ORDER BY \(key.joined(separator: ", "))
            ON CONFLICT (\(key.joined(separator: ", "))) DO UPDATE SET
              \(figures.map { "\($0) = t.\($0) + excluded.\($0)" }.joined(separator: ", "))
            """, types
        ) { row, rows in
            put(row.key, rows)
            for value in values(row.value) { rows.add(value) }
        }
        try write(
            hours.filter { isLess($0.value) }.map(\.key),
            """
            DELETE FROM \(table) t USING \(Self.unnest(keyTypes, "n(\(key.joined(separator: ", ")))"))
            WHERE \(key.map { "t.\($0) = n.\($0)" }.joined(separator: " AND "))
              AND \(figures.map { "t.\($0) = 0" }.joined(separator: " AND "))
            """, keyTypes
        ) { key, rows in put(key, rows) }
    }

    // MARK: The batch itself

    func writeRecords(_ changes: Changes, _ rejected: [RejectedMessage], _ batch: BatchRecord) throws {
        let text = TypeNumber.text
        let types = [TypeNumber.instant, text, text, text, text, TypeNumber.bytes, text]
        try write(
            rejected,
            """
            INSERT INTO rejected_events (received_at, transport, origin, reason, detail, body, headers)
            SELECT * FROM \(Self.unnest(types, "n(a, b, c, d, e, f, g)")) ON CONFLICT DO NOTHING
            """, types
        ) { row, rows in
            rows.add(instant: row.receivedAt)
            rows.add(row.transport)
            rows.add(row.origin)
            rows.add(row.reason)
            rows.add(row.detail)
            rows.add(bytes: row.body)
            rows.add(row.headers)
        }
        var record = Parameters()
        record.add(batch.transport)
        record.add(batch.origin)
        for number in [batch.received, batch.accepted, batch.duplicates, batch.rejected, batch.skipped] {
            record.add(Int64(number))
        }
        record.add(batch.firstOffset)
        record.add(batch.lastOffset)
        record.add(instant: batch.startedAt)
        record.add(instant: batch.committedAt)
        try connection.execute(
            """
            INSERT INTO ingestion_batches (transport, origin, received, accepted, duplicates, rejected, skipped,
              first_offset, last_offset, started_at, committed_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            """, record)
        if let offset = batch.lastOffset {
            // Also a smaller one: a stream that was rewound goes on from where it was rewound to.
            var place = Parameters()
            place.add(batch.transport)
            place.add(batch.origin)
            place.add(offset)
            place.add(instant: batch.committedAt)
            place.add(batch.lastFingerprint)
            try connection.execute(
                """
                INSERT INTO source_offsets VALUES ($1, $2, $3, $4, $5) ON CONFLICT (transport, origin) DO UPDATE SET
                  last_offset = excluded.last_offset, committed_at = excluded.committed_at,
                  last_fingerprint = excluded.last_fingerprint
                """, place)
        }
        let newest = StoredFreshness.newest(of: changes.accepted, at: batch.committedAt)
        for scope in batch.transport == "all" ? ["all"] : ["all", batch.transport] {
            var fresh = Parameters()
            fresh.add(scope)
            fresh.add(instant: newest.of)
            fresh.add(instant: batch.committedAt)
            fresh.add(Int64(changes.accepted.count))
            fresh.add(instant: newest.past)
            try connection.execute(
                """
                INSERT INTO freshness AS t VALUES ($1, $2, $3, $4, $5) ON CONFLICT (scope) DO UPDATE SET
                  last_event_at = greatest(t.last_event_at, excluded.last_event_at),
                  last_committed_at = excluded.last_committed_at, events = t.events + excluded.events,
                  last_past_event_at = greatest(t.last_past_event_at, excluded.last_past_event_at)
                """, fresh)
        }
    }
}
