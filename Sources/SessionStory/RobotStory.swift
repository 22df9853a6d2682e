public import SessionStore

/// What a robot did: its states, whom it served, its faults.
public struct RobotStory: Sendable {
    /// The robot.
    public let id: String
    let states: [TableRow]
    let windows: [TableRow]
    let errors: [TableRow]
    let hours: [TableRow]

    /// The story of a robot; nil where it is unknown.
    public static func find(_ id: String, in store: any TableReading) throws -> RobotStory? {
        let known = try store.rows(
            """
            SELECT 1 FROM events WHERE robot_id = ?1 AND robot_use IS NOT NULL
            UNION ALL SELECT 1 FROM assignment_windows WHERE kind = 'robot' AND entity_id = ?1
            UNION ALL SELECT 1 FROM events WHERE robot_id = ?1 LIMIT 1
            """, [.text(id)])
        if known.isEmpty { return nil }
        return RobotStory(
            id: id,
            states: try store.rows(
                "SELECT * FROM robot_states WHERE robot_id = ?1 ORDER BY started_at", [.text(id)]),
            windows: try store.rows(
                """
                SELECT * FROM assignment_windows WHERE kind = 'robot' AND entity_id = ?1 ORDER BY started_at
                """, [.text(id)]),
            errors: try store.rows(
                """
                SELECT occurred_at, event, payload FROM events
                WHERE robot_id = ?1 AND robot_use IS NOT NULL AND event = 'robot.error' ORDER BY occurred_at
                """, [.text(id)]),
            hours: try store.rows("SELECT * FROM robot_hourly WHERE robot_id = ?1 ORDER BY hour", [.text(id)])
        )
    }

    /// Robots whose ids look like one that is unknown.
    public static func near(_ id: String, in store: any TableReading) throws -> [String] {
        let all = try store.rows("SELECT DISTINCT robot_id FROM robot_hours", []).compactMap {
            $0.text("robot_id")
        }
        return all.map { (SessionStory.distance($0, id), $0) }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.prefix(
            5
        )
        .map(\.1)
    }

    /// For a terminal.
    public func rendered(isColoured: Bool) -> String {
        var out = TerminalText(isColoured: isColoured)
        out.write(id, .heading)
        func total(_ column: String) -> String {
            InstantText.length(hours.reduce(0) { $0 + ($1.number(column) ?? 0) })
        }
        out.write("  usable \(total("usable_seconds")) · down \(total("downtime_seconds")) · ")
        out.write("on delivery \(total("on_delivery_seconds")) · \(errors.count) errors")
        out.newline()
        var lines: [(Int64, String, String, TerminalText.Style)] = []
        for row in states {
            let start = row.integer("started_at") ?? 0
            let length =
                row.integer("ended_at").map { InstantText.length(Double($0 - start) / 1e6) } ?? "until now"
            let reason = row.text("reason").map { " (\($0))" } ?? ""
            let isBad = ["error", "grounded", "unknown"].contains(row.text("state") ?? "")
            lines.append(
                (start, "state", "\(row.text("state") ?? "?")\(reason), \(length)", isBad ? .bad : .plain))
        }
        for row in windows {
            let start = row.integer("started_at") ?? 0
            let session = row.text("session_id") ?? "?"
            lines.append((start, "begins", "\(session), opened by \(row.text("opened_by") ?? "?")", .good))
            if let end = row.integer("ended_at") {
                lines.append((end, "ends", "\(session): \(row.text("end_reason") ?? "?")", .plain))
            }
        }
        for row in errors {
            lines.append((row.integer("occurred_at") ?? 0, "error", SessionStory.detail(row), .bad))
        }
        for (time, what, detail, style) in lines.sorted(by: { ($0.0, $0.1) < ($1.0, $1.1) }) {
            out.column(InstantText.dateAndTime(time), 25, .dim)
            out.column(what, 8)
            out.write(detail, style)
            out.newline()
        }
        return out.text
    }

    /// For machines.
    public func json() -> String {
        var out = JSONText()
        out.object { out in
            out.string("robot_id", id)
            for (name, rows) in [
                ("states", states), ("windows", windows), ("errors", errors), ("hours", hours),
            ] {
                out.array(name) { out in for row in rows { out.raw(nil, SessionStory.json(row)) } }
            }
        }
        return out.text
    }
}
