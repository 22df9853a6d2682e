public import SessionCore
public import SessionStore

extension SQLiteStore: SessionStoring {
    /// Writes a batch in one transaction; see ``SessionStoring``.
    public func commit(
        _ changes: Changes, bytes: UnsafeRawPointer, rejected: [RejectedMessage], batch: BatchRecord
    ) throws {
        precondition(isInBatch, "a batch is begun before it is committed")
        isInBatch = false
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

    /// Begins a batch; see ``SessionStoring``. The write lock is taken at once: a second writer waits here, not
    /// after it has read what then changes under it.
    public func begin() throws {
        try connection.run("BEGIN IMMEDIATE")
        isInBatch = true
    }

    /// Ends a batch that came to nothing; see ``SessionStoring``.
    public func rollback() {
        guard isInBatch else { return }
        isInBatch = false
        try? connection.run("ROLLBACK")
    }

    /// Many rows a statement: opening the indices costs more than a row does. `OR FAIL`: the batch is rolled
    /// back anyway, so the statement needs no journal of its own.
    private static let eventsAtOnce = 64
    private static let eventColumns = 19

    private static func eventInsert(_ rows: Int) -> String {
        let row = "(" + repeatElement("?", count: eventColumns).joined(separator: ",") + ")"
        return "INSERT OR FAIL INTO events VALUES " + repeatElement(row, count: rows).joined(separator: ",")
    }
    private static let insertMany = eventInsert(eventsAtOnce)
    private static let insertOne = eventInsert(1)

    private func writeEvents(_ events: [Event], _ bytes: UnsafeRawPointer, receivedAt: Instant) throws {
        var index = 0
        while index < events.count {
            let count = events.count - index >= Self.eventsAtOnce ? Self.eventsAtOnce : 1
            let insert = try connection.statement(count == 1 ? Self.insertOne : Self.insertMany)
            for event in events[index..<(index + count)] { bind(event, insert, bytes, receivedAt) }
            try insert.run()
            index += count
        }
    }

    private func bind(_ event: Event, _ insert: Statement, _ bytes: UnsafeRawPointer, _ receivedAt: Instant) {
        if event.eventID.length > 0 {
            insert.bindStatic(
                UnsafeRawBufferPointer(start: bytes + event.eventID.offset, count: event.eventID.length))
        } else {
            insert.bind(reading.fingerprintText(event.identity))
        }
        let robotUse = reading.meanings.robotUse(of: event, watchingSilence: watchesSilence)
        let pilotUse = reading.meanings.pilotUse(of: event)
        insert.bind(event.time).bind(receivedAt).bindStatic(event.name, symbols)
            .bindStatic(event.delivery, symbols, dropping: 9).bindStatic(event.demand, symbols, dropping: 7)
            .bindStatic(event.trip, symbols, dropping: 5).bindStatic(event.quote, symbols, dropping: 6)
            .bindStatic(event.offer, symbols, dropping: 6).bindStatic(event.robot, symbols)
            .bindStatic(event.pilot, symbols).bindStatic(event.merchant, symbols)
            .bindStatic(event.zone, symbols).bindStatic(event.source, symbols)
            .bindStatic(
                UnsafeRawBufferPointer(start: bytes + event.payload.offset, count: event.payload.length)
            )
            .bind(Self.hour(event.time)).bindStatic(event.subject, symbols)
            .bind(robotUse.isEmpty ? nil : robotUse.rawValue)
            .bind(pilotUse.isEmpty ? nil : pilotUse.rawValue)
    }

    static func hour(_ time: Instant) -> Int64 {
        time >= 0 ? time / 3_600_000_000 : -((-time + 3_599_999_999) / 3_600_000_000)
    }

    private func writeLinks(_ changes: Changes) throws {
        let link = try connection.statement("INSERT OR IGNORE INTO links VALUES (?, ?)")
        for row in changes.links {
            try link.bindStatic(row.owner, symbols).bindStatic(row.value, symbols).run()
        }
        let remove = try connection.statement(
            "DELETE FROM session_members WHERE session_id = ? AND named_id = ?")
        for row in changes.removedMembers {
            try remove.bindStatic(row.owner, symbols).bindStatic(row.value, symbols).run()
        }
        let add = try connection.statement("INSERT OR IGNORE INTO session_members VALUES (?, ?)")
        for row in changes.addedMembers {
            try add.bindStatic(row.owner, symbols).bindStatic(row.value, symbols).run()
        }
    }

    private func writeSessions(_ changes: Changes, updatedAt: Instant) throws {
        let remove = try connection.statement("DELETE FROM sessions WHERE session_id = ?")
        for id in changes.deletedSessions { try remove.bindStatic(id, symbols).run() }
        let columnCount = 15 + Milestone.allCases.count + DurationColumn.allCases.count + 18
        let marks = repeatElement("?", count: columnCount).joined(separator: ", ")
        let upsert = try connection.statement("INSERT OR REPLACE INTO sessions VALUES (\(marks))")
        for row in changes.sessions {
            upsert.bindStatic(row.id, symbols).bind(row.kind.name)
            if row.kind == .delivery {
                upsert.bindStatic(row.id, symbols, dropping: 9)
            } else {
                upsert.bind(Int64?.none)
            }
            upsert.bind(list(row.demands, dropping: 7)).bind(list(row.trips, dropping: 5))
                .bindStatic(row.merchant, symbols).bindStatic(row.source, symbols).bindStatic(
                    row.zone, symbols
                )
                .bind(row.outcome.name).bindStatic(row.failureCode, symbols).bindStatic(
                    row.failureMessage, symbols
                )
                .bindStatic(row.firstErrorCode, symbols).bind(row.firstEventAt).bind(row.lastEventAt)
                .bind(row.closedAt)
            for milestone in Milestone.allCases { upsert.bind(row.milestones[milestone]) }
            for column in DurationColumn.allCases {
                let (from, to) = column.ends
                upsert.bind(row.milestones.duration(from: from, to: to).map { Double($0) / 1e6 })
            }
            upsert.bindStatic(row.robot, symbols).bindStatic(row.pilot, symbols).bind(list(row.robots))
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
            try remove.bindStatic(key.session, symbols).bind(key.kind.name).bindStatic(key.entity, symbols)
                .bind(key.startedAt).run()
        }
        let upsert = try connection.statement(
            "INSERT OR REPLACE INTO assignment_windows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
        for row in changes.windows {
            let window = row.value
            try upsert.bindStatic(row.owner, symbols).bind(window.kind.name).bindStatic(
                window.entity, symbols
            )
            .bind(window.startedAt).bind(window.endedAt).bind(window.expiresAt)
            .bindStatic(window.openedBy, symbols).bind(window.endReason?.name)
            .bind(Int64(window.inferred ? 1 : 0)).run()
        }
    }

    private func writeTracks(_ changes: Changes) throws {
        let removeState = try connection.statement(
            "DELETE FROM robot_states WHERE robot_id = ? AND started_at = ?")
        for row in changes.deletedRobotStates {
            try removeState.bindStatic(row.owner, symbols).bind(row.value).run()
        }
        let state = try connection.statement("INSERT OR REPLACE INTO robot_states VALUES (?, ?, ?, ?, ?)")
        for row in changes.robotStates {
            try state.bindStatic(row.owner, symbols).bind(row.value.startedAt).bind(row.value.endedAt)
                .bindStatic(row.value.state, symbols).bindStatic(row.value.reason, symbols).run()
        }
        let removeScope = try connection.statement(
            "DELETE FROM robot_pilot_windows WHERE robot_id = ? AND started_at = ? AND pilot_id = ?")
        for row in changes.deletedScopeWindows {
            try removeScope.bindStatic(row.robot, symbols).bind(row.startedAt).bindStatic(row.pilot, symbols)
                .run()
        }
        let scope = try connection.statement(
            "INSERT OR REPLACE INTO robot_pilot_windows VALUES (?, ?, ?, ?, ?, ?, ?)")
        for row in changes.scopeWindows {
            try scope.bindStatic(row.robot, symbols).bindStatic(row.pilot, symbols).bind(row.startedAt).bind(
                row.endedAt
            )
            .bind(row.expiresAt).bindStatic(row.openedBy, symbols).bind(row.endReason?.name).run()
        }
        let removeShift = try connection.statement(
            "DELETE FROM pilot_shifts WHERE pilot_id = ? AND started_at = ?")
        for row in changes.deletedShifts {
            try removeShift.bindStatic(row.owner, symbols).bind(row.value).run()
        }
        let shift = try connection.statement("INSERT OR REPLACE INTO pilot_shifts VALUES (?, ?, ?)")
        for row in changes.shifts {
            try shift.bindStatic(row.owner, symbols).bind(row.value.startedAt).bind(row.value.endedAt).run()
        }
    }

    private func writeHours(_ changes: Changes) throws {
        let states = try connection.statement(
            """
            INSERT INTO robot_state_hours VALUES (?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET micros = micros + excluded.micros
            """)
        for (key, micros) in changes.robotStateHourly {
            try states.bindStatic(key.a, symbols).bind(key.hour).bindStatic(key.b, symbols)
                .bindStatic(key.c, symbols, orEmpty: true).bind(micros).run()
        }
        if changes.robotStateHourly.values.contains(where: { $0 < 0 }) {
            let empty = try connection.statement(
                """
                DELETE FROM robot_state_hours
                WHERE robot_id = ? AND hour = ? AND state = ? AND reason = ? AND micros = 0
                """)
            for (key, micros) in changes.robotStateHourly where micros < 0 {
                try empty.bindStatic(key.a, symbols).bind(key.hour).bindStatic(key.b, symbols)
                    .bindStatic(key.c, symbols, orEmpty: true).run()
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
            try robots.bindStatic(key.a, symbols).bind(key.hour).bind(delta.usable).bind(delta.downtime)
                .bind(delta.offDuty).bind(delta.other).bind(delta.onDelivery).bind(delta.deliveriesCompleted)
                .bind(delta.errorCount).bind(delta.stateConflicts).run()
            try emptyRobot.bindStatic(key.a, symbols).bind(key.hour).run()
        }
        let pilots = try connection.statement(
            """
            INSERT INTO pilot_hours VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET
              shift = shift + excluded.shift, assigned = assigned + excluded.assigned
            """)
        let emptyPilot = try connection.statement(
            "DELETE FROM pilot_hours WHERE pilot_id = ? AND hour = ? AND shift = 0 AND assigned = 0")
        for (key, delta) in changes.pilotHourly {
            try pilots.bindStatic(key.a, symbols).bind(key.hour).bind(delta.shift).bind(delta.assigned).run()
            try emptyPilot.bindStatic(key.a, symbols).bind(key.hour).run()
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
            try merchants.bindStatic(key.a, symbols, orEmpty: true).bindStatic(key.b, symbols, orEmpty: true)
                .bind(key.hour).bind(delta.sessions).bind(delta.completed).bind(delta.failed)
                .bind(delta.canceled).bind(delta.robot).bind(delta.pilot).run()
            try emptyMerchant.bindStatic(key.a, symbols, orEmpty: true).bindStatic(
                key.b, symbols, orEmpty: true
            )
            .bind(key.hour).run()
        }
        let events = try connection.statement(
            """
            INSERT INTO event_hourly VALUES (?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET events = events + excluded.events
            """)
        for (key, count) in changes.eventHourly {
            try events.bindStatic(key.a, symbols).bindStatic(key.b, symbols, orEmpty: true)
                .bindStatic(key.c, symbols, orEmpty: true).bind(key.hour).bind(count).run()
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
