internal import SessionCore
public import SessionStore

/// What a robot did: its states, whom it served, its faults.
public struct RobotStory: Sendable {
    /// The robot.
    public let id: String
    let states: [TableRow]
    let windows: [TableRow]
    let errors: [TableRow]
    /// What each of the errors says.
    let errorDetails: [EventDetails]
    /// Ended states by class, in seconds.
    let stateSeconds: [StateClass: Double]
    /// Seconds that its windows cover.
    let onDeliverySeconds: Double
    /// Its rows of `robot_hourly`, the last ``shownHours`` of them; not more: a clock that once said 1970 makes half a
    /// million.
    let hours: [TableRow]
    /// Where `hours` begins; nil where it holds all.
    let hoursFrom: Int64?

    /// 31 days.
    static let shownHours: Int64 = 744

    /// The story of a robot; nil where it is unknown.
    public static func find(_ id: String, in store: any TableReading) throws -> RobotStory? {
        let known = try store.rows("SELECT 1 FROM known_robots WHERE robot_id = ?1", [.text(id)])
        if known.isEmpty { return nil }
        let states = try store.rows(
            "SELECT * FROM robot_states WHERE robot_id = ?1 ORDER BY started_at", [.text(id)])
        // Every event with an error has this bit (`LaneUse.error`), whatever its name and whether it names a session.
        let errors = try store.rows(
            """
            SELECT occurred_at, event, payload FROM events
            WHERE robot_id = ?1 AND robot_use IS NOT NULL AND robot_use & 4 <> 0
            ORDER BY \(EventOrder.terms(of: "events"))
            """, [.text(id)])
        let reader = EventDetailsReader()
        let classes = try StateClasses(store)
        var seconds: [StateClass: Double] = [:]
        let last = try LastInstant.find(in: store) ?? 0
        for row in states {
            guard let start = row.integer("started_at") else { continue }
            // One that lasts is counted up to the last event, as `fleet` counts it.
            let end = row.integer("ended_at") ?? max(start, last)
            seconds[classes[row.text("state") ?? ""], default: 0] += Double(end - start) / 1e6
        }
        let stored = try store.rows(
            "SELECT * FROM robot_hours WHERE robot_id = ?1 ORDER BY hour", [.text(id)])
        let (hours, from) = Self.hours(stored, states, classes, upTo: last)
        return RobotStory(
            id: id, states: states,
            windows: try store.rows(
                """
                SELECT * FROM assignment_windows WHERE kind = 'robot' AND entity_id = ?1
                ORDER BY started_at, session_id
                """, [.text(id)]),
            errors: errors, errorDetails: errors.map(reader.details), stateSeconds: seconds,
            onDeliverySeconds: stored.reduce(0) { $0 + ($1.number("on_delivery") ?? 0) } / 1e6, hours: hours,
            hoursFrom: from)
    }

    /// Rows of `robot_hourly`: what is stored, and the whole hours of long states, which are not; the last of them.
    private static func hours(
        _ stored: [TableRow], _ states: [TableRow], _ classes: StateClasses, upTo last: Int64
    ) -> (rows: [TableRow], from: Int64?) {
        let from = Grid.floor(last, Grid.hour) - (shownHours - 1) * Grid.hour
        let kinds = StateClass.allCases.map(\.rawValue)
        var micros: [Int64: [String: Int64]] = [:]
        var counts: [Int64: TableRow] = [:]
        for row in stored {
            guard let hour = row.integer("hour"), hour >= from, hour <= last else { continue }
            counts[hour] = row
            for kind in kinds + ["on_delivery"] { micros[hour, default: [:]][kind] = row.integer(kind) }
        }
        var isCut = stored.contains {
            ($0.integer("hour") ?? .max) < from || ($0.integer("hour") ?? .min) > last
        }
        for row in states {
            guard let start = row.integer("started_at"), let end = row.integer("ended_at"),
                end - start > Grid.day
            else { continue }
            if start < from || end - Grid.hour > last { isCut = true }
            var hour = max(Grid.ceiling(start, Grid.hour), from)
            while hour <= min(end - Grid.hour, last) {
                let kind = classes[row.text("state") ?? ""].rawValue
                micros[hour, default: [:]][kind, default: 0] += Grid.hour
                hour += Grid.hour
            }
        }
        let columns = kinds.map { "\($0)_seconds" } + ["on_delivery_seconds"]
        let countColumns = ["deliveries_completed", "error_count"]
        let rows = micros.sorted { $0.key < $1.key }.map { hour, values in
            TableRow(
                columns: ["hour"] + columns + countColumns,
                values: [.integer(hour)]
                    + (kinds + ["on_delivery"]).map { .real(Double(values[$0] ?? 0) / 1e6) }
                    + countColumns.map { .integer(counts[hour]?.integer($0) ?? 0) })
        }
        return (rows, isCut ? from : nil)
    }

    /// Robots whose ids look like one that is unknown.
    public static func near(_ id: String, in store: any TableReading) throws -> NearIDs {
        try NearIDs.robots(id, in: store)
    }

    /// For a terminal.
    public func rendered(isColoured: Bool) -> String {
        var out = TerminalText(isColoured: isColoured)
        out.write(id, .heading)
        out.write("  usable \(InstantText.length(stateSeconds[.usable] ?? 0))")
        out.write(" · down \(InstantText.length(stateSeconds[.downtime] ?? 0))")
        out.write(" · on delivery \(InstantText.length(onDeliverySeconds))")
        out.write(" · \(errors.count) error\(errors.count == 1 ? "" : "s")")
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
        for (row, details) in zip(errors, errorDetails) {
            let name = row.text("event").flatMap { $0 == "robot.error" ? nil : $0 }
            let words = ([name].compactMap { $0 } + details.words).joined(separator: " ")
            lines.append((row.integer("occurred_at") ?? 0, "error", words, .bad))
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
            out.integer("error_count", Int64(errors.count))
            for kind in StateClass.allCases {
                out.number("\(kind.rawValue)_seconds", stateSeconds[kind] ?? 0)
            }
            out.number("on_delivery_seconds", onDeliverySeconds)
            out.string("hours_from", hoursFrom.map(InstantText.iso))
            for (name, rows) in [
                ("states", states), ("windows", windows), ("errors", errors), ("hours", hours),
            ] {
                out.array(name) { out in for row in rows { out.raw(nil, SessionStory.json(row)) } }
            }
        }
        return out.text
    }
}
