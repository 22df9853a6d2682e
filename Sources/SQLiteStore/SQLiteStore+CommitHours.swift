internal import SessionCore
internal import SessionStore

/// The hourly tables: what a batch adds to a row, or takes from it. A row that comes to nothing is deleted.
extension SQLiteStore {
    func writeHours(_ changes: Changes, _ batch: BatchRecord) throws {
        try writeRobotHours(changes)
        try writePilotHours(changes.pilotHourly)
        try writeMerchantHours(changes.merchantHourly)
        try connection.insert(
            changes.eventHourly, "INSERT INTO event_hourly VALUES", columns: 5,
            "ON CONFLICT DO UPDATE SET events = events + excluded.events"
        ) { row, insert in
            insert.bindStatic(row.key.a, symbols).bindStatic(row.key.b, symbols, orEmpty: true)
                .bindStatic(row.key.c, symbols, orEmpty: true).bind(row.key.hour).bind(row.value)
        }
        try writeSums(changes, batch)
    }

    private func writeRobotHours(_ changes: Changes) throws {
        try connection.insert(
            changes.robotStateHourly, "INSERT INTO robot_state_hours VALUES", columns: 5,
            "ON CONFLICT DO UPDATE SET micros = micros + excluded.micros"
        ) { row, insert in
            insert.bindStatic(row.key.a, symbols).bind(row.key.hour).bindStatic(row.key.b, symbols)
                .bindStatic(row.key.c, symbols, orEmpty: true).bind(row.value)
        }
        // Only what was taken from can have come to nothing.
        for (key, micros) in changes.robotStateHourly where micros < 0 {
            try connection.statement(
                """
                DELETE FROM robot_state_hours
                WHERE robot_id = ? AND hour = ? AND state = ? AND reason = ? AND micros = 0
                """
            ).bindStatic(key.a, symbols).bind(key.hour).bindStatic(key.b, symbols)
                .bindStatic(key.c, symbols, orEmpty: true).run()
        }
        try connection.insert(
            changes.robotHourly, "INSERT INTO robot_hours VALUES", columns: 10, Self.addHours
        ) { row, insert in Self.bind(row.value, insert.bindStatic(row.key.a, symbols).bind(row.key.hour)) }
        for (key, delta) in changes.robotHourly where delta.takesAway {
            try connection.statement(
                """
                DELETE FROM robot_hours WHERE robot_id = ? AND hour = ? AND \(Self.noHours)
                """
            ).bindStatic(key.a, symbols).bind(key.hour).run()
        }
    }

    /// Sums of hours over robots, and of sessions and events by their hour.
    private func writeSums(_ changes: Changes, _ batch: BatchRecord) throws {
        let fleet = changes.fleetHourly
        try connection.insert(fleet, "INSERT INTO fleet_hours VALUES", columns: 9, Self.addHours) {
            row, insert in Self.bind(row.value, insert.bind(row.key))
        }
        for (hour, delta) in fleet where delta.takesAway {
            try connection.statement("DELETE FROM fleet_hours WHERE hour = ? AND \(Self.noHours)")
                .bind(hour).run()
        }
        try connection.insert(
            changes.zoneHourly, "INSERT INTO zone_hours VALUES", columns: 10, Self.addHours
        ) { row, insert in Self.bind(row.value, insert.bind(row.key.hour).bindStatic(row.key.a, symbols)) }
        for (key, delta) in changes.zoneHourly where delta.takesAway {
            try connection.statement(
                "DELETE FROM zone_hours WHERE hour = ? AND zone_id = ? AND \(Self.noHours)"
            )
            .bind(key.hour).bindStatic(key.a, symbols).run()
        }
        let states = changes.fleetStateHourly
        try connection.insert(
            states, "INSERT INTO fleet_state_hours VALUES", columns: 4,
            "ON CONFLICT DO UPDATE SET micros = micros + excluded.micros"
        ) { row, insert in
            insert.bind(row.key.hour).bindStatic(row.key.a, symbols)
                .bindStatic(row.key.b, symbols, orEmpty: true).bind(row.value)
        }
        for (key, micros) in states where micros < 0 {
            try connection.statement(
                "DELETE FROM fleet_state_hours WHERE hour = ? AND state = ? AND reason = ? AND micros = 0"
            ).bind(key.hour).bindStatic(key.a, symbols).bindStatic(key.b, symbols, orEmpty: true).run()
        }
        try connection.insert(
            changes.sessionHourly, "INSERT INTO session_hours VALUES", columns: 7,
            "ON CONFLICT DO UPDATE SET sessions = sessions + excluded.sessions"
        ) { row, insert in Self.bind(row.key, insert, symbols).bind(row.value) }
        for (key, count) in changes.sessionHourly where count < 0 {
            let remove = try connection.statement(
                """
                DELETE FROM session_hours WHERE hour = ? AND source = ? AND zone_id = ? AND step = ? AND outcome = ?
                  AND failure_code = ? AND sessions = 0
                """)
            try Self.bind(key, remove, symbols).run()
        }
        try connection.insert(
            changes.sessionSpans, "INSERT INTO session_spans VALUES", columns: 3,
            "ON CONFLICT DO UPDATE SET sessions = sessions + excluded.sessions"
        ) { row, insert in insert.bind(row.key.last).bind(row.key.first).bind(row.value) }
        for (key, count) in changes.sessionSpans where count < 0 {
            try connection.statement(
                "DELETE FROM session_spans WHERE last_hour = ? AND first_hour = ? AND sessions = 0"
            ).bind(key.last).bind(key.first).run()
        }
        try connection.insert(
            changes.arrivals(receivedAt: batch.startedAt), "INSERT INTO arrival_hours VALUES", columns: 4,
            "ON CONFLICT DO UPDATE SET events = events + excluded.events, late = late + excluded.late"
        ) { row, insert in
            insert.bind(row.key).bind(batch.transport).bind(row.value.events).bind(row.value.late)
        }
    }

    private static func bind(_ key: SessionHourKey, _ statement: Statement, _ symbols: SymbolTable)
        -> Statement
    {
        statement.bind(key.hour).bindStatic(key.source, symbols, orEmpty: true)
            .bindStatic(key.zone, symbols, orEmpty: true).bind(Int64(key.step.rawValue))
            .bind(key.outcome.name).bindStatic(key.failureCode, symbols, orEmpty: true)
    }

    private static let addHours =
        "ON CONFLICT DO UPDATE SET "
        + RobotHourDelta.columns.map { "\($0) = \($0) + excluded.\($0)" }.joined(separator: ", ")
    private static let noHours = RobotHourDelta.columns.map { "\($0) = 0" }.joined(separator: " AND ")

    private static func bind(_ delta: RobotHourDelta, _ insert: Statement) {
        for figure in delta.figures { insert.bind(figure) }
    }

    private func writePilotHours(_ hours: [HourKey: PilotHourDelta]) throws {
        try connection.insert(
            hours, "INSERT INTO pilot_hours VALUES", columns: 4,
            """
            ON CONFLICT DO UPDATE SET shift = shift + excluded.shift, assigned = assigned + excluded.assigned
            """
        ) { row, insert in
            insert.bindStatic(row.key.a, symbols).bind(row.key.hour).bind(row.value.shift)
                .bind(row.value.assigned)
        }
        for (key, delta) in hours where delta.takesAway {
            try connection.statement(
                "DELETE FROM pilot_hours WHERE pilot_id = ? AND hour = ? AND shift = 0 AND assigned = 0"
            ).bindStatic(key.a, symbols).bind(key.hour).run()
        }
    }

    private func writeMerchantHours(_ hours: [HourKey: MerchantHourDelta]) throws {
        try connection.insert(
            hours, "INSERT INTO merchant_hours VALUES", columns: 9,
            """
            ON CONFLICT DO UPDATE SET
              sessions = sessions + excluded.sessions, completed = completed + excluded.completed,
              failed = failed + excluded.failed, canceled = canceled + excluded.canceled,
              robot = robot + excluded.robot, pilot = pilot + excluded.pilot
            """
        ) { row, insert in
            let delta = row.value
            insert.bindStatic(row.key.a, symbols, orEmpty: true)
                .bindStatic(row.key.b, symbols, orEmpty: true).bind(row.key.hour).bind(delta.sessions)
                .bind(delta.completed).bind(delta.failed).bind(delta.canceled).bind(delta.robot)
                .bind(delta.pilot)
        }
        for (key, delta) in hours where delta.takesAway {
            try connection.statement(
                """
                DELETE FROM merchant_hours WHERE merchant_id = ? AND source = ? AND hour = ? AND sessions = 0
                  AND completed = 0 AND failed = 0 AND canceled = 0 AND robot = 0 AND pilot = 0
                """
            ).bindStatic(key.a, symbols, orEmpty: true).bindStatic(key.b, symbols, orEmpty: true)
                .bind(key.hour).run()
        }
    }
}
