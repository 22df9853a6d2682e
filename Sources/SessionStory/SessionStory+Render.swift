internal import SessionStore

extension SessionStory {
    /// For a terminal, made to be read from the top.
    public func rendered(isColoured: Bool) -> String {
        var out = TerminalText(isColoured: isColoured)
        header(&out)
        out.newline()
        served(&out)
        out.newline()
        timeline(&out)
        return out.text
    }

    private func header(_ out: inout TerminalText) {
        let outcome = row.text("outcome") ?? "?"
        out.write(row.text("session_id") ?? "?", .heading)
        out.write("  ")
        switch outcome {
        case "completed": out.write(outcome.uppercased(), .good)
        case "in_progress": out.write("IN PROGRESS", .heading)
        default: out.write(outcome.uppercased(), .bad)
        }
        if let code = row.text("failure_code") {
            out.write("  \(code)", .bad)
            if let message = row.text("failure_message") { out.write(" (\(message))") }
        }
        out.newline()
        if let askedFor {
            out.write("\(askedFor) became part of this session", .dim)
            out.newline()
        }
        var facts: [String] = []
        if let merchant = row.text("merchant_id") { facts.append("merchant \(merchant)") }
        if let source = row.text("source") { facts.append("source \(source)") }
        if let zone = row.text("zone_id") { facts.append("zone \(zone)") }
        if let first = row.integer("first_event_at"), let last = row.integer("last_event_at") {
            facts.append("\(InstantText.dateAndTime(first)) – \(stamp(last)) UTC")
        }
        out.write(facts.joined(separator: " · "))
        out.newline()
        let durations = [
            ("total", "total_seconds"), ("assign", "assign_seconds"), ("to pickup", "to_pickup_seconds"),
            ("pickup", "pickup_seconds"), ("transit", "transit_seconds"), ("dropoff", "dropoff_seconds"),
        ].map { name, column in "\(name) \(row.number(column).map(InstantText.length) ?? "–")" }
        out.write(durations.joined(separator: " · "))
        out.newline()
        func some(_ column: String, _ one: String) -> String {
            let count = row.integer(column) ?? 0
            return "\(count) \(one)\(count == 1 ? "" : "s")"
        }
        out.write("\(some("event_count", "event")), ")
        out.write(some("error_count", "error"), (row.integer("error_count") ?? 0) > 0 ? .bad : .plain)
        if let code = row.text("first_error_code") { out.write(" (first: \(code))") }
        out.write(
            ", \(some("reassignment_count", "reassignment")), "
                + some("pilot_handoff_count", "pilot hand-off"))
        out.newline()
    }

    /// Whether a time of day alone does not say when.
    private var spansDays: Bool {
        let times =
            [row.integer("first_event_at"), row.integer("last_event_at")].compactMap { $0 }
            + windows.flatMap { [$0.integer("started_at"), $0.integer("ended_at")].compactMap { $0 } }
        return Set(times.map(InstantText.date)).count > 1
    }

    private func stamp(_ time: Int64) -> String {
        spansDays ? InstantText.dateAndTime(time) : InstantText.time(time)
    }

    private var stampWidth: Int { spansDays ? 25 : 14 }

    private func served(_ out: inout TerminalText) {
        out.write("Who served it, and when", .heading)
        out.newline()
        let people = windows.filter { $0.text("kind") != "merchant" }
        if people.isEmpty {
            out.write("  nobody", .dim)
            out.newline()
        }
        for window in people {
            out.write("  ")
            out.column(window.text("kind") ?? "?", 7)
            out.column(window.text("entity_id") ?? "?", 14)
            let start = window.integer("started_at") ?? 0
            out.write("\(stamp(start)) – ")
            if let end = window.integer("ended_at") {
                out.column(stamp(end), stampWidth)
                out.column(InstantText.length(Double(end - start) / 1e6), 12)
            } else {
                out.column("(no end yet)", stampWidth)
                out.column("", 12)
            }
            let inferred = (window.integer("inferred") ?? 0) != 0
            out.write("\(inferred ? "inferred from" : "opened by") \(window.text("opened_by") ?? "?")", .dim)
            if let reason = window.text("end_reason") {
                out.write(", ended: ", .dim)
                switch reason {
                case "completed", "reassigned", "unassigned", "shift_ended": out.write(reason)
                default: out.write(reason, .bad)
                }
            }
            out.newline()
        }
    }

    private func timeline(_ out: inout TerminalText) {
        out.write("What happened", .heading)
        out.newline()
        let start = row.integer("first_event_at") ?? 0
        // A window is told in full where it first brings an event in, and named from then on.
        var told: Set<String> = []
        for (event, details) in zip(events, details) {
            let time = event.integer("occurred_at") ?? 0
            let isError = details.hasError || event.text("event") == "delivery.failed"
            out.write(isError ? "! " : "  ", isError ? .bad : .plain)
            out.column(stamp(time), stampWidth, .dim)
            out.column(InstantText.offset(time - start), 13)
            out.column(event.text("event") ?? "?", 28, isError ? .bad : .plain)
            let via = event.text("via") ?? "?"
            out.column(event.text("via_id").map { "\(via) \($0)" } ?? via, 18, .dim)
            let detail = Self.text(event, details)
            if !detail.isEmpty { out.write(detail + "  ", isError ? .bad : .plain) }
            let reason = reason(for: event)
            if told.insert(reason).inserted || via == "direct" {
                out.write("← \(reason)", .dim)
            } else {
                out.write("← same window of \(event.text("via_id") ?? via)", .dim)
            }
            out.newline()
        }
    }

    /// Who it names, where its session does not say so already, and what it says.
    private static func text(_ event: TableRow, _ details: EventDetails) -> String {
        var parts: [String] = []
        if event.text("via") == "direct" {
            if let robot = event.text("robot_id") { parts.append(robot) }
            if let pilot = event.text("pilot_id") { parts.append(pilot) }
        }
        return (parts + details.words).joined(separator: " ")
    }

    /// For machines.
    public func json() -> String {
        var out = JSONText()
        out.object { out in
            out.raw("session", Self.json(row))
            out.array("windows") { out in for window in windows { out.raw(nil, Self.json(window)) } }
            out.array("events") { out in
                for event in events {
                    var text = Self.json(event)
                    text.removeLast()
                    var because = JSONText()
                    because.string(nil, reason(for: event))
                    out.raw(nil, text + ",\"because\":" + because.text + "}")
                }
            }
        }
        return out.text
    }

    /// Columns of `sessions` that are no part of the contract: what the engine reads back.
    private static let internalColumns: Set<String> = ["robot_micros", "pilot_micros", "first_direct_at"]

    /// A row as an object: instants in RFC 3339, arrays and payloads as they are.
    static func json(_ row: TableRow) -> String {
        var out = JSONText()
        out.object { out in
            for (column, value) in zip(row.columns, row.values) where !internalColumns.contains(column) {
                switch value {
                case .null: out.string(column, nil)
                case .integer(let number):
                    if column.hasSuffix("_at") || column == "hour" {
                        out.string(column, InstantText.iso(number))
                    } else if column == "inferred" {
                        out.flag(column, number != 0)
                    } else {
                        out.integer(column, number)
                    }
                case .real(let number): out.number(column, number)
                case .text(let text):
                    if column.hasSuffix("_ids") || column == "payload" {
                        out.raw(column, text)
                    } else {
                        out.string(column, text)
                    }
                }
            }
        }
        return out.text
    }
}
