internal import SessionCore
internal import SessionStore

/// Rows of the derived tables, read back.
extension PostgresStore {
    static let windowColumns =
        "kind, entity_id, started_at, ended_at, expires_at, opened_by, end_reason, inferred"
    static let scopeColumns = "robot_id, pilot_id, started_at, ended_at, expires_at, opened_by, end_reason"
    static let sessionColumns =
        """
        session_id, demand_ids, trip_ids, merchant_id, source, zone_id, outcome, failure_code, failure_message, \
        first_error_code, first_event_at, last_event_at, closed_at, robot_id, pilot_id, robot_ids, pilot_ids, \
        reassignment_count, pilot_handoff_count, attempt_count, attempt_failed_count, rescue_count, error_count, \
        event_count, anomaly_count, robot_micros, pilot_micros, first_direct_at, \
        \(Milestone.allCases.map(\.column).joined(separator: ", "))
        """

    func sessionRow(_ rows: Rows, _ at: Int32) throws -> SessionRow {
        func symbol(_ column: Int32) -> Symbol { symbols.intern(rows.bytes(at, column)) }
        func count(_ column: Int32) -> Int32 { Int32(rows.integer(at, column)) }
        func list(_ column: Int32, _ prefix: String) -> [Symbol] {
            rows.texts(at, column).map { symbols.intern(prefix + String(decoding: $0, as: UTF8.self)) }
        }
        guard let kind = SessionKind(sessionID: rows.bytes(at, 0)) else {
            throw StoreError(.damaged, "\(connection.target.name): \(rows.text(at, 0)) is not a session id")
        }
        var row = SessionRow(id: symbol(0), kind: kind)
        row.demands = list(1, "demand:")
        row.trips = list(2, "trip:")
        row.merchant = symbol(3)
        row.source = symbol(4)
        row.zone = symbol(5)
        let outcome = rows.text(at, 6)
        row.outcome = Outcome.allCases.first { $0.name == outcome } ?? .inProgress
        row.failureCode = symbol(7)
        row.failureMessage = symbol(8)
        row.firstErrorCode = symbol(9)
        row.firstEventAt = rows.instant(at, 10)
        row.lastEventAt = rows.instant(at, 11)
        row.closedAt = rows.optionalInstant(at, 12)
        row.robot = symbol(13)
        row.pilot = symbol(14)
        row.robots = list(15, "")
        row.pilots = list(16, "")
        row.reassignmentCount = count(17)
        row.pilotHandoffCount = count(18)
        row.attemptCount = count(19)
        row.attemptFailedCount = count(20)
        row.rescueCount = count(21)
        row.errorCount = count(22)
        row.eventCount = count(23)
        row.anomalyCount = count(24)
        row.robotTime = rows.integer(at, 25)
        row.pilotTime = rows.integer(at, 26)
        row.firstDirectAt = rows.instant(at, 27)
        for (index, milestone) in Milestone.allCases.enumerated() {
            row.milestones[milestone] = rows.optionalInstant(at, 28 + Int32(index))
        }
        return row
    }

    func window(_ rows: Rows, _ at: Int32, from first: Int32 = 0) -> WindowRow {
        let kind = rows.text(at, first)
        return WindowRow(
            kind: WindowKind.allCases.first { $0.name == kind } ?? .robot,
            entity: symbols.intern(rows.bytes(at, first + 1)), startedAt: rows.instant(at, first + 2),
            endedAt: rows.optionalInstant(at, first + 3), expiresAt: rows.instant(at, first + 4),
            openedBy: symbols.intern(rows.bytes(at, first + 5)), endReason: reason(rows, at, first + 6),
            inferred: rows.flag(at, first + 7))
    }

    func scope(_ rows: Rows, _ at: Int32, from first: Int32 = 0) -> ScopeWindow {
        ScopeWindow(
            robot: symbols.intern(rows.bytes(at, first)), pilot: symbols.intern(rows.bytes(at, first + 1)),
            startedAt: rows.instant(at, first + 2), endedAt: rows.optionalInstant(at, first + 3),
            expiresAt: rows.instant(at, first + 4), openedBy: symbols.intern(rows.bytes(at, first + 5)),
            endReason: reason(rows, at, first + 6))
    }

    private func reason(_ rows: Rows, _ at: Int32, _ column: Int32) -> EndReason? {
        if rows.isNull(at, column) { return nil }
        let word = rows.text(at, column)
        return EndReason.allCases.first { $0.name == word }
    }
}
