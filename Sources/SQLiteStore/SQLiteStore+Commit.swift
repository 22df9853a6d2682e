public import SessionCore
public import SessionStore

extension SQLiteStore: SessionStoring {
    /// Writes a batch in one transaction; see ``SessionStoring``.
    public func commit(
        _ changes: Changes, bytes: UnsafeRawPointer, rejected: [RejectedMessage], batch: BatchRecord
    ) throws {
        try connection.run("BEGIN IMMEDIATE")
        do {
            try writeEvents(changes.accepted, bytes, receivedAt: batch.startedAt)
            try writeLinks(changes)
            try writeSessions(changes, updatedAt: batch.startedAt)
            try writeWindows(changes)
            try writeTracks(changes)
            try writeHours(changes)
            try writeRecords(changes, rejected, batch)
            try connection.run("COMMIT")
        } catch {
            try? connection.run("ROLLBACK")
            throw error
        }
    }

    private func writeEvents(_ events: [Event], _ bytes: UnsafeRawPointer, receivedAt: Instant) throws {
        let insert = try connection.statement(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        for event in events {
            if event.eventID.length > 0 {
                insert.bindStatic(
                    UnsafeRawBufferPointer(start: bytes + event.eventID.offset, count: event.eventID.length))
            } else {
                insert.bind(reading.fingerprintText(event.identity))
            }
            insert.bind(event.time).bind(receivedAt).bind(event.name, symbols)
                .bind(event.delivery, symbols, dropping: 9).bind(event.demand, symbols, dropping: 7)
                .bind(event.trip, symbols, dropping: 5).bind(event.quote, symbols, dropping: 6)
                .bind(event.offer, symbols, dropping: 6).bind(event.robot, symbols).bind(event.pilot, symbols)
                .bind(event.merchant, symbols).bind(event.zone, symbols).bind(event.source, symbols)
                .bindStatic(
                    UnsafeRawBufferPointer(start: bytes + event.payload.offset, count: event.payload.length)
                )
                .bind(Self.hour(event.time)).bind(event.subject, symbols)
                .bind(reading.meanings.isRobotTrackFact(event) ? 1 : Int64?.none)
                .bind(reading.meanings.isPilotTrackFact(event) ? 1 : Int64?.none)
            try insert.run()
        }
    }

    static func hour(_ time: Instant) -> Int64 {
        time >= 0 ? time / 3_600_000_000 : -((-time + 3_599_999_999) / 3_600_000_000)
    }

    private func writeLinks(_ changes: Changes) throws {
        let link = try connection.statement("INSERT OR IGNORE INTO links VALUES (?, ?)")
        for row in changes.links { try link.bind(row.owner, symbols).bind(row.value, symbols).run() }
        let remove = try connection.statement(
            "DELETE FROM session_members WHERE session_id = ? AND named_id = ?")
        for row in changes.removedMembers {
            try remove.bind(row.owner, symbols).bind(row.value, symbols).run()
        }
        let add = try connection.statement("INSERT OR IGNORE INTO session_members VALUES (?, ?)")
        for row in changes.addedMembers { try add.bind(row.owner, symbols).bind(row.value, symbols).run() }
    }

    private func writeSessions(_ changes: Changes, updatedAt: Instant) throws {
        let remove = try connection.statement("DELETE FROM sessions WHERE session_id = ?")
        for id in changes.deletedSessions { try remove.bind(id, symbols).run() }
        let columnCount = 15 + Milestone.allCases.count + DurationColumn.allCases.count + 18
        let marks = repeatElement("?", count: columnCount).joined(separator: ", ")
        let upsert = try connection.statement("INSERT OR REPLACE INTO sessions VALUES (\(marks))")
        for row in changes.sessions {
            upsert.bind(row.id, symbols).bind(row.kind.name)
            if row.kind == .delivery {
                upsert.bind(row.id, symbols, dropping: 9)
            } else {
                upsert.bind(Int64?.none)
            }
            upsert.bind(list(row.demands, dropping: 7)).bind(list(row.trips, dropping: 5))
                .bind(row.merchant, symbols).bind(row.source, symbols).bind(row.zone, symbols)
                .bind(row.outcome.name).bind(row.failureCode, symbols).bind(row.failureMessage, symbols)
                .bind(row.firstErrorCode, symbols).bind(row.firstEventAt).bind(row.lastEventAt)
                .bind(row.closedAt)
            for milestone in Milestone.allCases { upsert.bind(row.milestones[milestone]) }
            for column in DurationColumn.allCases {
                let (from, to) = column.ends
                upsert.bind(row.milestones.duration(from: from, to: to).map { Double($0) / 1e6 })
            }
            upsert.bind(row.robot, symbols).bind(row.pilot, symbols).bind(list(row.robots))
                .bind(list(row.pilots)).bind(Int64(row.reassignmentCount)).bind(Int64(row.pilotHandoffCount))
                .bind(Int64(row.attemptCount)).bind(Int64(row.attemptFailedCount)).bind(
                    Int64(row.rescueCount)
                )
                .bind(Int64(row.errorCount)).bind(Int64(row.eventCount)).bind(Int64(row.anomalyCount))
                .bind(Double(row.robotTime) / 1e6).bind(Double(row.pilotTime) / 1e6).bind(updatedAt)
                .bind(row.firstDirectAt).bind(row.robotTime).bind(row.pilotTime)
            try upsert.run()
        }
    }

    /// A JSON array of ids.
    private func list(_ ids: [Symbol], dropping prefix: Int = 0) -> String {
        if ids.isEmpty { return "[]" }
        var text = "["
        for (index, id) in ids.enumerated() {
            if index > 0 { text += "," }
            text += "\""
            for scalar in symbols.text(id).utf8.dropFirst(prefix).withScalars() {
                switch scalar {
                case "\"": text += "\\\""
                case "\\": text += "\\\\"
                default:
                    if scalar.value < 0x20 {
                        let hex = String(scalar.value, radix: 16)
                        text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
                    } else {
                        text.unicodeScalars.append(scalar)
                    }
                }
            }
            text += "\""
        }
        return text + "]"
    }

    private func writeWindows(_ changes: Changes) throws {
        let remove = try connection.statement(
            "DELETE FROM assignment_windows WHERE session_id = ? AND kind = ? AND entity_id = ? AND started_at = ?"
        )
        for key in changes.deletedWindows {
            try remove.bind(key.session, symbols).bind(key.kind.name).bind(key.entity, symbols)
                .bind(key.startedAt).run()
        }
        let upsert = try connection.statement(
            "INSERT OR REPLACE INTO assignment_windows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
        for row in changes.windows {
            let window = row.value
            try upsert.bind(row.owner, symbols).bind(window.kind.name).bind(window.entity, symbols)
                .bind(window.startedAt).bind(window.endedAt).bind(window.expiresAt)
                .bind(window.openedBy, symbols).bind(window.endReason?.name)
                .bind(Int64(window.inferred ? 1 : 0)).run()
        }
    }

    private func writeTracks(_ changes: Changes) throws {
        let removeState = try connection.statement(
            "DELETE FROM robot_states WHERE robot_id = ? AND started_at = ?")
        for row in changes.deletedRobotStates {
            try removeState.bind(row.owner, symbols).bind(row.value).run()
        }
        let state = try connection.statement("INSERT OR REPLACE INTO robot_states VALUES (?, ?, ?, ?, ?)")
        for row in changes.robotStates {
            try state.bind(row.owner, symbols).bind(row.value.startedAt).bind(row.value.endedAt)
                .bind(row.value.state, symbols).bind(row.value.reason, symbols).run()
        }
        let removeScope = try connection.statement(
            "DELETE FROM robot_pilot_windows WHERE robot_id = ? AND started_at = ? AND pilot_id = ?")
        for row in changes.deletedScopeWindows {
            try removeScope.bind(row.robot, symbols).bind(row.startedAt).bind(row.pilot, symbols).run()
        }
        let scope = try connection.statement(
            "INSERT OR REPLACE INTO robot_pilot_windows VALUES (?, ?, ?, ?, ?, ?, ?)")
        for row in changes.scopeWindows {
            try scope.bind(row.robot, symbols).bind(row.pilot, symbols).bind(row.startedAt).bind(row.endedAt)
                .bind(row.expiresAt).bind(row.openedBy, symbols).bind(row.endReason?.name).run()
        }
        let removeShift = try connection.statement(
            "DELETE FROM pilot_shifts WHERE pilot_id = ? AND started_at = ?")
        for row in changes.deletedShifts { try removeShift.bind(row.owner, symbols).bind(row.value).run() }
        let shift = try connection.statement("INSERT OR REPLACE INTO pilot_shifts VALUES (?, ?, ?)")
        for row in changes.shifts {
            try shift.bind(row.owner, symbols).bind(row.value.startedAt).bind(row.value.endedAt).run()
        }
    }

    private func writeHours(_ changes: Changes) throws {
        let states = try connection.statement(
            """
            INSERT INTO robot_state_hours VALUES (?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET micros = micros + excluded.micros
            """)
        for (key, micros) in changes.robotStateHourly {
            try states.bind(key.a, symbols).bind(key.hour).bind(key.b, symbols)
                .bind(key.c, symbols, orEmpty: true).bind(micros).run()
        }
        if changes.robotStateHourly.values.contains(where: { $0 < 0 }) {
            let empty = try connection.statement(
                """
                DELETE FROM robot_state_hours
                WHERE robot_id = ? AND hour = ? AND state = ? AND reason = ? AND micros = 0
                """)
            for (key, micros) in changes.robotStateHourly where micros < 0 {
                try empty.bind(key.a, symbols).bind(key.hour).bind(key.b, symbols)
                    .bind(key.c, symbols, orEmpty: true).run()
            }
        }
        let robots = try connection.statement(
            """
            INSERT INTO robot_hours VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
              usable = usable + excluded.usable, downtime = downtime + excluded.downtime,
              off_duty = off_duty + excluded.off_duty, other = other + excluded.other,
              on_delivery = on_delivery + excluded.on_delivery,
              deliveries_completed = deliveries_completed + excluded.deliveries_completed,
              error_count = error_count + excluded.error_count,
              state_conflicts = state_conflicts + excluded.state_conflicts
            """)
        let emptyRobot = try connection.statement(
            """
            DELETE FROM robot_hours WHERE robot_id = ? AND hour = ? AND usable = 0 AND downtime = 0
              AND off_duty = 0 AND other = 0 AND on_delivery = 0 AND deliveries_completed = 0
              AND error_count = 0 AND state_conflicts = 0
            """)
        for (key, delta) in changes.robotHourly {
            try robots.bind(key.a, symbols).bind(key.hour).bind(delta.usable).bind(delta.downtime)
                .bind(delta.offDuty).bind(delta.other).bind(delta.onDelivery).bind(delta.deliveriesCompleted)
                .bind(delta.errorCount).bind(delta.stateConflicts).run()
            try emptyRobot.bind(key.a, symbols).bind(key.hour).run()
        }
        let pilots = try connection.statement(
            """
            INSERT INTO pilot_hours VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET
              shift = shift + excluded.shift, assigned = assigned + excluded.assigned
            """)
        let emptyPilot = try connection.statement(
            "DELETE FROM pilot_hours WHERE pilot_id = ? AND hour = ? AND shift = 0 AND assigned = 0")
        for (key, delta) in changes.pilotHourly {
            try pilots.bind(key.a, symbols).bind(key.hour).bind(delta.shift).bind(delta.assigned).run()
            try emptyPilot.bind(key.a, symbols).bind(key.hour).run()
        }
        let merchants = try connection.statement(
            """
            INSERT INTO merchant_hours VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
              sessions = sessions + excluded.sessions, completed = completed + excluded.completed,
              failed = failed + excluded.failed, canceled = canceled + excluded.canceled,
              robot = robot + excluded.robot, pilot = pilot + excluded.pilot
            """)
        let emptyMerchant = try connection.statement(
            """
            DELETE FROM merchant_hours WHERE merchant_id = ? AND source = ? AND hour = ? AND sessions = 0
              AND completed = 0 AND failed = 0 AND canceled = 0 AND robot = 0 AND pilot = 0
            """)
        for (key, delta) in changes.merchantHourly {
            try merchants.bind(key.a, symbols, orEmpty: true).bind(key.b, symbols, orEmpty: true)
                .bind(key.hour).bind(delta.sessions).bind(delta.completed).bind(delta.failed)
                .bind(delta.canceled).bind(delta.robot).bind(delta.pilot).run()
            try emptyMerchant.bind(key.a, symbols, orEmpty: true).bind(key.b, symbols, orEmpty: true)
                .bind(key.hour).run()
        }
        let events = try connection.statement(
            """
            INSERT INTO event_hourly VALUES (?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET events = events + excluded.events
            """)
        for (key, count) in changes.eventHourly {
            try events.bind(key.a, symbols).bind(key.b, symbols, orEmpty: true)
                .bind(key.c, symbols, orEmpty: true).bind(key.hour).bind(count).run()
        }
    }

    private func writeRecords(_ changes: Changes, _ rejected: [RejectedMessage], _ batch: BatchRecord) throws
    {
        let reject = try connection.statement(
            "INSERT OR IGNORE INTO rejected_events VALUES (?, ?, ?, ?, ?, ?)")
        for row in rejected {
            try reject.bind(row.receivedAt).bind(row.transport).bind(row.origin).bind(row.reason)
                .bind(row.detail).bindBlob(row.body).run()
        }
        try connection.statement(
            "INSERT INTO ingestion_batches VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        ).bind(batch.transport).bind(batch.origin).bind(Int64(batch.received)).bind(Int64(batch.accepted))
            .bind(Int64(batch.duplicates)).bind(Int64(batch.rejected)).bind(Int64(batch.skipped))
            .bind(batch.firstOffset).bind(batch.lastOffset).bind(batch.startedAt).bind(batch.committedAt)
            .run()
        let last = changes.accepted.lazy.map(\.time).max()
        for scope in ["all", batch.transport] {
            try connection.statement(
                """
                INSERT INTO freshness VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET
                  last_event_at = max(coalesce(last_event_at, excluded.last_event_at),
                    coalesce(excluded.last_event_at, last_event_at)),
                  last_committed_at = excluded.last_committed_at, events = events + excluded.events
                """
            ).bind(scope).bind(last).bind(batch.committedAt).bind(Int64(changes.accepted.count)).run()
        }
    }
}

extension Sequence where Element == UInt8 {
    /// The scalars of UTF-8 bytes.
    func withScalars() -> String.UnicodeScalarView {
        String(decoding: Array(self), as: UTF8.self).unicodeScalars
    }
}
