internal import SessionStore

extension Robots {
    static func states(_ call: Call) throws -> Answer {
        let robot = call.objects[0]
        try expectKnown(robot, call)
        let size = call.pageSize
        let rows = try statePage(
            robot, from: call.parameters.instant("from"), to: call.parameters.instant("to"),
            after: call.cursor(keys: 1).flatMap { Int64($0.keys[0]) }, size: size + 1, call)
        var out = JSONWriter()
        out.object { out in
            out.text("robot_id", robot)
            out.array("rows") { out in
                for row in rows.prefix(size) { row.write(&out, call.rules) }
            }
            out.text(
                "next", call.next(rows.count > size ? ["\(rows[size - 1].startedAt)"] : nil))
        }
        return .json(out, rows: min(rows.count, size))
    }

    /// States of a robot that reach into a range, those that began after an instant, in order.
    static func statePage(
        _ robot: String, from: Int64?, to: Int64?, after: Int64?, size: Int, _ call: Call
    ) throws -> [StateInterval] {
        try call.rows(
            """
            SELECT * FROM robot_states WHERE robot_id = ?1 AND started_at < \(call.at(3))
              AND (ended_at IS NULL OR ended_at > \(call.at(2))) AND started_at > \(call.at(4))
            ORDER BY started_at LIMIT ?5
            """,
            [
                .text(robot), .integer(from ?? InstantFormat.earliest), .integer(to ?? InstantFormat.latest),
                .integer(after ?? InstantFormat.earliest), .integer(Int64(size)),
            ]
        ).map(StateInterval.init)
    }

    static func at(_ call: Call) throws -> Answer {
        let robot = call.objects[0]
        try expectKnown(robot, call)
        let time = call.parameters.instant("time") ?? 0
        let state = try call.rows(
            "SELECT * FROM robot_states WHERE robot_id = ?1 AND started_at <= \(call.at(2)) "
                + "ORDER BY started_at DESC LIMIT 1", [.text(robot), .integer(time)]
        ).first.map(StateInterval.init)
        let next = try call.rows(
            "SELECT * FROM robot_states WHERE robot_id = ?1 AND started_at > \(call.at(2)) ORDER BY started_at LIMIT 1",
            [.text(robot), .integer(time)]
        ).first.map(StateInterval.init)
        let instant = try TimeRange(from: time, to: time + 1, maxDays: 1)
        let windows = try served("robot", robot, instant, call).filter { Window($0).holds(time) }
        let pilots = try pilots(of: robot, windows, instant, call).filter {
            $0.startedAt <= time && time < ($0.endedAt ?? $0.expiresAt)
        }
        let last = try call.rows(
            """
            SELECT event_id, event, occurred_at FROM events WHERE robot_id = ?1 AND robot_use IS NOT NULL
              AND occurred_at <= \(call.at(2)) ORDER BY occurred_at DESC LIMIT 1
            """, [.text(robot), .integer(time)]
        ).first
        // Another day's instants are told with their day.
        func told(_ instant: Int64) -> String {
            let day = InstantFormat.floor(time, to: InstantFormat.day)
            return InstantFormat.floor(instant, to: InstantFormat.day) == day
                ? InstantFormat.clock(instant) : InstantFormat.words(instant)
        }
        var sentence = "At \(InstantFormat.words(time)) UTC: "
        let isBeyond = call.asOf.lastEventAt.map { time > $0 } ?? true
        if isBeyond {
            sentence += "not known yet, "
            sentence +=
                call.asOf.lastEventAt.map { "the newest event is of \(told($0)); " } ?? "there is no event; "
            sentence += "by then "
        }
        sentence += state.map { "\($0.words) (since \(told($0.startedAt)))" } ?? "no state told yet"
        let sessions = windows.compactMap { $0.text("session_id") }
        if !sessions.isEmpty { sentence += " for \(sessions.joined(separator: " and "))" }
        if !pilots.isEmpty { sentence += ", pilot \(pilots.map(\.id).joined(separator: " and "))" }
        if let next { sentence += "; next \(told(next.startedAt)): \(next.words)" }
        var out = JSONWriter()
        out.object { out in
            out.text("robot_id", robot)
            out.instant("time", time)
            writeState("state", state, call, &out)
            out.array("sessions") { out in for row in windows { writeServed(row, &out) } }
            out.array("pilots") { out in for pilot in pilots { pilot.write(&out) } }
            if let last {
                out.object("last_event") { out in
                    out.text("event_id", last.text("event_id"))
                    out.text("event", last.text("event"))
                    out.instant("occurred_at", last.integer("occurred_at"))
                }
            } else {
                out.raw("last_event", nil)
            }
            writeState("next_change", next, call, &out)
            out.text("sentence", sentence + ".")
        }
        return .json(out, rows: 1)
    }

    private static func writeState(
        _ key: String, _ state: StateInterval?, _ call: Call, _ out: inout JSONWriter
    ) {
        if let state { state.write(key: key, &out, call.rules) } else { out.raw(key, nil) }
    }
}
