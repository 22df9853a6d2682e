internal import SessionCore

/// The rows of links, sessions, windows and tracks.
extension SQLiteStore {
    func writeKnown(_ changes: Changes) throws {
        for (table, names) in [
            ("known_robots", changes.knownRobots), ("known_pilots", changes.knownPilots),
            ("known_merchants", changes.knownMerchants),
        ] {
            try connection.insert(names, "INSERT OR IGNORE INTO \(table) VALUES", columns: 1) {
                name, insert in
                insert.bindStatic(name, symbols)
            }
        }
    }

    func writeLinks(_ changes: Changes) throws {
        try connection.insert(changes.links, "INSERT OR IGNORE INTO links VALUES", columns: 2) {
            row, insert in
            insert.bindStatic(row.owner, symbols).bindStatic(row.value, symbols)
        }
        let remove = try connection.statement(
            "DELETE FROM session_members WHERE session_id = ? AND named_id = ?")
        for row in changes.removedMembers {
            try remove.bindStatic(row.owner, symbols).bindStatic(row.value, symbols).run()
        }
        try connection.insert(
            changes.addedMembers, "INSERT OR IGNORE INTO session_members VALUES", columns: 2
        ) { row, insert in insert.bindStatic(row.owner, symbols).bindStatic(row.value, symbols) }
    }

    func writeSessions(_ changes: Changes, updatedAt: Instant) throws {
        let remove = try connection.statement("DELETE FROM sessions WHERE session_id = ?")
        for id in changes.deletedSessions { try remove.bindStatic(id, symbols).run() }
        let columns = 15 + Milestone.allCases.count + DurationColumn.allCases.count + 18
        try connection.insert(changes.sessions, "INSERT OR REPLACE INTO sessions VALUES", columns: columns) {
            row, upsert in
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

    func writeWindows(_ changes: Changes) throws {
        let remove = try connection.statement(
            """
            DELETE FROM assignment_windows
            WHERE session_id = ? AND kind = ? AND entity_id = ? AND started_at = ?
            """)
        for key in changes.deletedWindows {
            try remove.bindStatic(key.session, symbols).bind(key.kind.name).bindStatic(key.entity, symbols)
                .bind(key.startedAt).run()
        }
        try connection.insert(
            changes.windows, "INSERT OR REPLACE INTO assignment_windows VALUES", columns: 9
        ) { row, upsert in
            let window = row.value
            upsert.bindStatic(row.owner, symbols).bind(window.kind.name).bindStatic(window.entity, symbols)
                .bind(window.startedAt).bind(window.endedAt).bind(window.expiresAt)
                .bindStatic(window.openedBy, symbols).bind(window.endReason?.name)
                .bind(Int64(window.inferred ? 1 : 0))
        }
    }

    /// Rows that are known by whose they are and when they begin.
    private func delete(_ rows: [Owned<Instant>], from table: String, of owner: String) throws {
        if rows.isEmpty { return }
        let remove = try connection.statement("DELETE FROM \(table) WHERE \(owner) = ? AND started_at = ?")
        for row in rows { try remove.bindStatic(row.owner, symbols).bind(row.value).run() }
    }

    func writeTracks(_ changes: Changes) throws {
        try delete(changes.deletedRobotStates, from: "robot_states", of: "robot_id")
        try connection.insert(
            changes.robotStates, "INSERT OR REPLACE INTO robot_states VALUES", columns: 5
        ) { row, state in
            state.bindStatic(row.owner, symbols).bind(row.value.startedAt).bind(row.value.endedAt)
                .bindStatic(row.value.state, symbols).bindStatic(row.value.reason, symbols)
        }
        try delete(changes.deletedRobotZones, from: "robot_zones", of: "robot_id")
        try connection.insert(changes.robotZones, "INSERT OR REPLACE INTO robot_zones VALUES", columns: 3) {
            row, zone in
            zone.bindStatic(row.owner, symbols).bind(row.value.time).bindStatic(row.value.zone, symbols)
        }
        let removeScope = try connection.statement(
            "DELETE FROM robot_pilot_windows WHERE robot_id = ? AND started_at = ? AND pilot_id = ?")
        for row in changes.deletedScopeWindows {
            try removeScope.bindStatic(row.robot, symbols).bind(row.startedAt).bindStatic(row.pilot, symbols)
                .run()
        }
        try connection.insert(
            changes.scopeWindows, "INSERT OR REPLACE INTO robot_pilot_windows VALUES", columns: 7
        ) { row, scope in
            scope.bindStatic(row.robot, symbols).bindStatic(row.pilot, symbols).bind(row.startedAt)
                .bind(row.endedAt).bind(row.expiresAt).bindStatic(row.openedBy, symbols)
                .bind(row.endReason?.name)
        }
        try delete(changes.deletedShifts, from: "pilot_shifts", of: "pilot_id")
        try connection.insert(
            changes.shifts, "INSERT OR REPLACE INTO pilot_shifts VALUES", columns: 3
        ) { row, shift in
            shift.bindStatic(row.owner, symbols).bind(row.value.startedAt).bind(row.value.endedAt)
        }
    }
}

extension Sequence where Element == UInt8 {
    /// The scalars of UTF-8 bytes.
    func withScalars() -> String.UnicodeScalarView {
        String(decoding: Array(self), as: UTF8.self).unicodeScalars
    }
}
