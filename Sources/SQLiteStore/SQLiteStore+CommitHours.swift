internal import SessionCore

/// The hourly tables: what a batch adds to a row, or takes from it. A row that comes to nothing is deleted.
extension SQLiteStore {
    func writeHours(_ changes: Changes) throws {
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
            changes.robotHourly, "INSERT INTO robot_hours VALUES", columns: 10,
            """
            ON CONFLICT DO UPDATE SET
              usable = usable + excluded.usable, downtime = downtime + excluded.downtime,
              off_duty = off_duty + excluded.off_duty, other = other + excluded.other,
              on_delivery = on_delivery + excluded.on_delivery,
              deliveries_completed = deliveries_completed + excluded.deliveries_completed,
              error_count = error_count + excluded.error_count,
              state_conflicts = state_conflicts + excluded.state_conflicts
            """
        ) { row, insert in
            let delta = row.value
            insert.bindStatic(row.key.a, symbols).bind(row.key.hour).bind(delta.usable).bind(delta.downtime)
                .bind(delta.offDuty).bind(delta.other).bind(delta.onDelivery).bind(delta.deliveriesCompleted)
                .bind(delta.errorCount).bind(delta.stateConflicts)
        }
        for (key, delta) in changes.robotHourly where delta.takesAway {
            try connection.statement(
                """
                DELETE FROM robot_hours WHERE robot_id = ? AND hour = ? AND usable = 0 AND downtime = 0
                  AND off_duty = 0 AND other = 0 AND on_delivery = 0 AND deliveries_completed = 0
                  AND error_count = 0 AND state_conflicts = 0
                """
            ).bindStatic(key.a, symbols).bind(key.hour).run()
        }
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
