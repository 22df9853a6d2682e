internal import HTTPServer
internal import SessionStore

/// What is in trouble now, and the fleet in four numbers.
enum Home {
    private static let openTooLong: Int64 = 7200

    static func answer(_ call: Call) throws -> Answer {
        let now = call.asOf.now
        let day = try TimeRange(from: now - InstantFormat.day, to: now + 1, maxDays: 2)
        var out = JSONWriter()
        try out.object { out in
            call.asOf.write(&out)
            try out.array("numbers") { out in try writeNumbers(call, &out) }
            try out.object("trouble") { out in
                var open = SessionQuery(call)
                open.either("s.kind", ["delivery", "demand"])
                open.require("s.closed_at IS NULL")
                open.require("s.first_event_at < %", instant: now - openTooLong * 1_000_000)
                try write(open, "open_too_long", order: "s.first_event_at, s.session_id", call, &out) { out in
                    out.integer("threshold_seconds", openTooLong)
                }
                try writeDown(call, &out)
                // Whom the route of their list refuses is told how many there are, and nothing of any.
                let orphans =
                    Route.named("orphans").admits(call.reader)
                    ? try Events.orphans(in: day, robot: nil, before: nil, limit: 10, call) : []
                let count = try Events.orphanList(in: day, call).counted(call)
                try out.object("orphan_errors") { out in
                    out.integer("count", count)
                    try out.array("rows") { out in
                        for row in orphans { try Events.writeOrphan(row, call, &out) }
                    }
                }
                var failed = SessionQuery(call)
                failed.require("s.outcome = 'failed'")
                failed.require("s.closed_at >= %", instant: day.from)
                failed.require("s.closed_at < %", instant: day.to)
                try write(failed, "failed", order: "s.closed_at DESC, s.session_id", call, &out) { _ in }
            }
        }
        return .json(out, rows: 1)
    }

    private static func write(
        _ query: SessionQuery, _ key: String, order: String, _ call: Call, _ out: inout JSONWriter,
        _ more: (inout JSONWriter) -> Void
    ) throws {
        let rows = try query.page(size: 10, order: order)
        let count = try query.count(upTo: 10_000)
        try out.object(key) { out in
            out.integer("count", count)
            more(&out)
            try out.array("rows") { out in try Sessions.write(rows, call, &out) }
        }
    }

    private static func writeDown(_ call: Call, _ out: inout JSONWriter) throws {
        let states = call.rules.downtime.sorted()
        let list = states.isEmpty ? "NULL" : states.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
        let place = "FROM robot_states WHERE ended_at IS NULL AND state IN (\(list))"
        let words = states.map { TableValue.text($0) }
        let count = try call.rows("SELECT count(*) AS n \(place)", words).first?.integer("n") ?? 0
        let down = try call.rows(
            // Within, what the index of open states tells: PostgreSQL would go through all states by their start else.
            "SELECT robot_id FROM (SELECT robot_id, started_at \(place) LIMIT 100000) down "
                + "ORDER BY started_at, robot_id LIMIT 10", words)
        let now = try RobotNow.all(down.compactMap { $0.text("robot_id") }, call)
        out.object("robots_down") { out in
            out.integer("count", count)
            out.array("rows") { out in for robot in now { robot.write(nil, call, &out) } }
        }
    }

    /// One number by hour.
    private struct Figure {
        var name: String
        var title: String
        var unit: String
        var isBetterUp: Bool
        var href: String
        var value: (ArraySlice<Hour>) -> Double?
    }

    private struct Hour {
        var at: Int64
        var usage = Usage()
        var completed: Int64 = 0
        var closed: Int64 = 0
    }

    private static func writeNumbers(_ call: Call, _ out: inout JSONWriter) throws {
        let hour = InstantFormat.hour
        let end = InstantFormat.floor(call.asOf.now, to: hour) + hour
        let range = try TimeRange(from: end - 48 * hour, to: end, maxDays: 3)
        var hours = (0..<48).map { Hour(at: range.from + Int64($0) * hour) }
        func place(_ at: Int64) -> Int { Int((at - range.from) / hour) }
        for (at, usage) in try Usage.ofFleet(range, call) { hours[place(at)].usage.add(usage) }
        let merchants = try call.rows(
            """
            SELECT hour, CAST(sum(completed) AS BIGINT) AS completed,
              CAST(sum(completed + failed + canceled) AS BIGINT) AS closed
            FROM merchant_hourly WHERE hour >= \(call.at(1)) AND hour < \(call.at(2)) GROUP BY hour
            """, [.integer(range.from), .integer(range.to)])
        for row in merchants {
            let at = place(row.integer("hour") ?? 0)
            hours[at].completed = row.integer("completed") ?? 0
            hours[at].closed = row.integer("closed") ?? 0
        }
        let earliest = try call.rows("SELECT min(hour) AS hour FROM events").first?.integer("hour").map {
            $0 * hour
        }
        let hasPrevious = earliest.map { $0 < end - 24 * hour } ?? false
        let span =
            "from=\(PercentCoding.encoded(InstantFormat.text(end - 24 * hour)))"
            + "&to=\(PercentCoding.encoded(InstantFormat.text(end)))"
        let path = "/analytics/v1"
        let figures = [
            Figure(
                name: "usable_supply_hours", title: "Usable supply", unit: "h", isBetterUp: true,
                href: "\(path)/fleet/utilization?\(span)"
            ) { $0.reduce(0) { $0 + $1.usage.usable } / 3600 },
            Figure(
                name: "downtime_hours", title: "Downtime", unit: "h", isBetterUp: false,
                href: "\(path)/fleet/downtime?\(span)"
            ) { $0.reduce(0) { $0 + $1.usage.downtime } / 3600 },
            Figure(
                name: "deliveries_completed", title: "Deliveries completed", unit: "deliveries",
                isBetterUp: true,
                href: "\(path)/sessions?outcome=completed&\(SessionQuery.anyKind)&with_robot=true"
                    + "&\(span.replacing("from=", with: "closed_from=").replacing("&to=", with: "&closed_to="))"
            ) { Double($0.reduce(0) { $0 + $1.usage.completed }) },
            Figure(
                name: "completion_rate", title: "Completion rate", unit: "ratio", isBetterUp: true,
                href: "\(path)/funnel?\(span)"
            ) { hours in
                let closed = hours.reduce(0) { $0 + $1.closed }
                return closed > 0 ? Double(hours.reduce(0) { $0 + $1.completed }) / Double(closed) : nil
            },
        ]
        for figure in figures {
            let (value, previous) = (
                figure.value(hours[24...]), hasPrevious ? figure.value(hours[..<24]) : nil
            )
            out.object { out in
                out.text("name", figure.name)
                out.text("title", figure.title)
                out.text("unit", figure.unit)
                out.text("better", figure.isBetterUp ? "up" : "down")
                out.number("value", value)
                out.number("previous", previous)
                let change = previous.flatMap { before in
                    before == 0 ? nil : value.map { ($0 - before) / before }
                }
                out.number("change", change)
                out.array("trend") { out in
                    for index in 24..<48 {
                        out.object { out in
                            out.instant("at", hours[index].at)
                            out.number("value", figure.value(hours[index...index]))
                        }
                    }
                }
                out.text("href", figure.href)
            }
        }
    }
}
