internal import SessionStore

/// What a pilot did.
enum Pilots {
    static func one(_ call: Call) throws -> Answer {
        let pilot = call.objects[0]
        if try !Search.isKnown("pilot", pilot, call) { throw Problem.unknown("pilot", pilot) }
        let last = try call.rows(
            """
            SELECT max(occurred_at) AS at FROM events
            WHERE pilot_id = ?1 AND pilot_use IS NOT NULL AND occurred_at <= \(call.at(2))
            """, [.text(pilot), .integer(call.asOf.horizon)]
        ).first?.integer("at")
        let lastWindow = try call.rows(
            "SELECT max(started_at) AS at FROM assignment_windows WHERE kind = 'pilot' AND entity_id = ?1",
            [.text(pilot)]
        ).first?.integer("at")
        let latest = [last, lastWindow].compactMap { $0 }.max()
        let range = try call.dayRange(defaultAt: latest ?? call.asOf.now)
        let shifts = try call.rows(
            """
            SELECT started_at, ended_at FROM pilot_shifts WHERE pilot_id = ?1 AND started_at < \(call.at(3))
              AND (ended_at IS NULL OR ended_at > \(call.at(2))) ORDER BY started_at
            """, [.text(pilot), .integer(range.from), .integer(range.to)])
        let windows = try Robots.served("pilot", pilot, range, call)
        let robots = try call.rows(
            """
            SELECT robot_id AS id, started_at, ended_at, expires_at FROM robot_pilot_windows
            WHERE pilot_id = ?1 AND started_at < \(call.at(3)) AND started_at > \(call.at(4))
              AND coalesce(ended_at, expires_at) > \(call.at(2)) ORDER BY started_at
            """,
            [
                .text(pilot), .integer(range.from), .integer(range.to),
                .integer(range.from - call.rules.maxWindow - 1),
            ]
        ).map(Span.init)
        let whole = range.wholeHours
        let hours = try call.rows(
            "SELECT * FROM pilot_hourly WHERE pilot_id = ?1 AND hour >= \(call.at(2)) AND hour < \(call.at(3)) "
                + "ORDER BY hour", [.text(pilot), .integer(whole.from), .integer(whole.to)])
        let shiftSeconds = shifts.reduce(0.0) { sum, row in
            let end = min(row.integer("ended_at") ?? call.asOf.now, range.to)
            return sum + max(0, Double(end - max(row.integer("started_at") ?? 0, range.from)) / 1e6)
        }
        var out = JSONWriter()
        out.object { out in
            call.asOf.write(&out)
            out.text("pilot_id", pilot)
            range.write(&out)
            out.object("totals") { out in
                out.number("shift_seconds", shiftSeconds)
                out.number("assigned_seconds", Robots.union(windows, range, now: call.asOf.now))
                out.integer("sessions", Set(windows.compactMap { $0.text("session_id") }).count)
            }
            out.array("shifts") { out in
                for row in shifts {
                    out.object { out in
                        out.instant("started_at", row.integer("started_at"))
                        out.instant("ended_at", row.integer("ended_at"))
                    }
                }
            }
            out.array("sessions") { out in for row in windows { Robots.writeServed(row, &out) } }
            out.array("robots") { out in for span in robots { span.write(&out) } }
            out.array("hours") { out in
                for row in hours {
                    out.object { out in
                        out.instant("hour", row.integer("hour"))
                        out.number("shift_seconds", row.number("shift_seconds") ?? 0)
                        out.number("assigned_seconds", row.number("assigned_seconds") ?? 0)
                    }
                }
            }
        }
        return .json(out, rows: windows.count)
    }
}
