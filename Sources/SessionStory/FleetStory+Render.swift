internal import SessionCore
internal import SessionStore

extension FleetStory {
    /// The delivery worth a look, by the id that `session` takes.
    public var exampleID: String? { example?.text("delivery_id") }

    /// For a terminal.
    public func rendered(isColoured: Bool) -> String {
        var out = TerminalText(isColoured: isColoured)
        header(&out)
        doubts(&out)
        deliveries(&out)
        usage(&out)
        downtimes(&out)
        reliability(&out)
        if let exampleID {
            out.newline()
            out.write("Worth a look", .heading)
            out.write("  sessionizer session \(exampleID)")
            if let robot = robots.first?.text("robot_id") { out.write(" · sessionizer robot \(robot)") }
            out.newline()
        }
        return out.text
    }

    private func total(_ stateClass: StateClass) -> Double {
        states.filter { $0.text("class") == stateClass.rawValue }.reduce(0) { $0 + ($1.number("hours") ?? 0) }
    }

    private func header(_ out: inout TerminalText) {
        out.write("The fleet", .heading)
        out.write("  \(Self.counted(span, "robot")) · \(Self.counted(span, "event"))")
        let first = min(span.integer("first_event_at") ?? last, span.integer("first_state_at") ?? last)
        out.write(
            " · \(InstantText.dateAndTime(first).prefix(16)) – \(InstantText.dateAndTime(last).prefix(16)) UTC"
        )
        out.newline()
    }

    /// "1 robot", "2 robots".
    private static func counted(_ row: TableRow, _ one: String) -> String {
        let count = row.integer("\(one)s") ?? 0
        return "\(count) \(one)\(count == 1 ? "" : "s")"
    }

    private func doubts(_ out: inout TerminalText) {
        if let newest = span.integer("last_event_at"), newest > last {
            out.write(
                "  An event of \(InstantText.dateAndTime(newest).prefix(16)) UTC is ahead of the clock: "
                    + "what lasts is counted up to \(InstantText.dateAndTime(last).prefix(16)).", .bad)
            out.newline()
        }
        for row in doubtful {
            let start = row.integer("started_at") ?? 0
            let years = Double((row.integer("ended_at") ?? start) - start) / 365.25 / 86_400e6
            out.write(
                "  \(row.text("robot_id") ?? "?") was \(row.text("state") ?? "?") for "
                    + "\(InstantText.tenths(years)) years from \(InstantText.date(start)): "
                    + "was its clock wrong? The sums below hold it.", .bad)
            out.newline()
        }
    }

    private func deliveries(_ out: inout TerminalText) {
        out.newline()
        out.write("Deliveries", .heading)
        out.newline()
        let all = outcomes.reduce(0) { $0 + ($1.number("sessions") ?? 0) }
        for row in outcomes {
            let name = row.text("outcome") ?? "?"
            out.write("  ")
            out.column(name, 14, name == "failed" ? .bad : .plain)
            out.right("\(row.integer("sessions") ?? 0)", 7)
            out.right(Self.share(row.number("sessions") ?? 0, of: all), 8)
            if let reassigned = row.integer("reassigned"), reassigned > 0 {
                out.write("   \(reassigned) changed robots", .dim)
            }
            if name == "completed", let mean = row.number("mean_total_seconds") {
                out.write("   \(InstantText.length(mean)) on average", .dim)
            }
            out.newline()
        }
        if let offers = funnel.integer("offers_received"), offers > 0 {
            out.write(
                "  of \(offers) offer\(offers == 1 ? "" : "s") \(funnel.integer("offers_accepted") ?? 0) accepted, "
                    + "\(funnel.integer("offers_rejected") ?? 0) rejected, "
                    + "\(funnel.integer("offers_expired") ?? 0) expired", .dim)
            out.newline()
        }
        for row in failures.prefix(10) {
            let code = row.text("failure_code") ?? ""
            out.write("  failed of ")
            out.column(code.isEmpty ? "(no code)" : code, 22, .bad)
            out.right("\(row.integer("deliveries") ?? 0)", 5)
            if let state = row.text("robot_state") {
                let reason = row.text("robot_reason").map { " (\($0))" } ?? ""
                out.write("   robot \(state)\(reason)", .dim)
            }
            out.newline()
        }
        if failures.count > 10 {
            let rest = failures.dropFirst(10).reduce(0) { $0 + ($1.integer("deliveries") ?? 0) }
            out.write("  and \(rest) more", .dim)
            out.newline()
        }
    }

    private func usage(_ out: inout TerminalText) {
        let usable = total(.usable)
        let served = servedHours
        out.newline()
        out.write("Utilization", .heading)
        out.write("  \(Self.hours(usable)) usable robot hours, \(Self.hours(served)) on delivery: ")
        out.write(Self.share(served, of: usable), .good)
        out.newline()
        let isByHour = zip(periods, periods.dropFirst()).contains { pair in
            (pair.1.integer("starts_at") ?? 0) - (pair.0.integer("starts_at") ?? 0) < 86_400_000_000
        }
        out.column("  \(isByHour || periods.count == 1 ? "hour (UTC)" : "day (UTC)")", 14, .dim)
        for title in ["usable h", "on delivery", "down h", "delivered"] { out.right(title, 13, .dim) }
        out.write("   on delivery, of usable", .dim)
        out.newline()
        for row in periods {
            let start = row.integer("starts_at") ?? 0
            let (usable, served) = (row.number("usable_hours") ?? 0, row.number("on_delivery_hours") ?? 0)
            let name =
                isByHour
                ? String(InstantText.dateAndTime(start).dropFirst(5).prefix(11)) : InstantText.date(start)
            out.column("  \(name)", 14)
            out.right(Self.hours(usable), 13)
            out.right(Self.hours(served), 13)
            out.right(Self.hours(row.number("downtime_hours") ?? 0), 13)
            out.right("\(row.integer("completed") ?? 0)", 13)
            out.right(Self.share(served, of: usable), 9)
            let blocks = usable > 0 ? min(30, Int((served / usable * 30).rounded())) : 0
            if blocks > 0 { out.write(" " + String(repeating: "█", count: blocks), .good) }
            out.newline()
        }
        if let periodsFrom {
            out.write("  what came before \(InstantText.date(periodsFrom)) is in the sums only", .dim)
            out.newline()
        }
    }

    private func downtimes(_ out: inout TerminalText) {
        let down = total(.downtime)
        out.newline()
        out.write("Downtime", .heading)
        out.write("  \(Self.hours(down)) robot hours")
        out.newline()
        if down == 0 { return }
        out.column("  state", 16, .dim)
        out.column("reason", 22, .dim)
        for title in ["robots", "hours", "share"] { out.right(title, 10, .dim) }
        out.newline()
        for row in downtime.prefix(12) {
            let reason = row.text("reason") ?? ""
            let hours = row.number("hours") ?? 0
            out.column("  \(row.text("state") ?? "?")", 16)
            out.column(reason.isEmpty ? "(none given)" : reason, 22)
            out.right("\(row.integer("robots") ?? 0)", 10)
            out.right(Self.hours(hours), 10)
            out.right(Self.share(hours, of: down), 10)
            out.newline()
        }
        if downtime.count > 12 {
            let rest = downtime.dropFirst(12).reduce(0) { $0 + ($1.number("hours") ?? 0) }
            out.write("  and \(downtime.count - 12) more, \(Self.hours(rest)) hours", .dim)
            out.newline()
        }
    }

    private func reliability(_ out: inout TerminalText) {
        guard !robots.isEmpty else { return }
        out.newline()
        out.write("Robots that failed most", .heading)
        out.newline()
        out.column("  robot", 16, .dim)
        for title in ["failures", "usable h", "h between failures"] { out.right(title, 20, .dim) }
        out.newline()
        for row in robots {
            out.column("  \(row.text("robot_id") ?? "?")", 16)
            out.right("\(row.integer("failures") ?? 0)", 20)
            out.right(Self.hours(row.number("operating_hours") ?? 0), 20)
            out.right(row.number("mtbf_hours").map(Self.hours) ?? "–", 20)
            out.newline()
        }
    }

    private static func hours(_ value: Double) -> String { InstantText.tenths(value) }

    private static func share(_ part: Double, of whole: Double) -> String {
        whole > 0 ? "\(InstantText.tenths(part / whole * 100)) %" : "–"
    }
}
