internal import SessionStore

/// Figures of the whole fleet.
enum Fleet {
    /// Of a list of all robots only so many, those that most is the matter with.
    static let worst = ParameterRule.whole("worst", 1...1000)

    static let downtimeRules: [ParameterRule] =
        ParameterRule.range + [
            .word("by", ["reason", "state", "robot"]), .id("zone"), .id("robot"), WeekBefore.rule,
        ]

    static func downtime(_ call: Call) throws -> Answer {
        let range = try call.range()
        let by = call.parameters.text("by") ?? "reason"
        let sums = try Downtime(range, by: by, call)
        let before = try WeekBefore.asked(of: range, call)
        var out = JSONWriter()
        try out.object { out in
            call.asOf.write(&out)
            range.write(&out)
            out.text("by", by)
            out.number("seconds", sums.seconds)
            out.array("rows") { out in
                var told = 0.0
                for (key, sum) in sums.rows {
                    told += sum.seconds
                    out.object { out in
                        out.text("key", key)
                        out.integer("robots", sum.robots.count)
                        out.integer("intervals", sum.intervals)
                        out.number("seconds", sum.seconds)
                        out.number("share", sum.seconds / sums.seconds)
                        out.number("cumulative", told / sums.seconds)
                    }
                }
            }
            try before?.writeDowntime(sums, of: range, by: by, call, &out)
        }
        return .json(out, rows: sums.rows.count)
    }

    static let intervalRules: [ParameterRule] =
        ParameterRule.range + [
            .text("reason", max: 200), .text("state", max: 200), .id("robot"), .id("zone"),
        ]
        + ParameterRule.page

    static func intervals(_ call: Call) throws -> Answer {
        let range = try call.range()
        let keys = try call.cursor(keys: 2)?.keys
        let before = keys.flatMap { keys in Int64(keys[0]).map { ($0, keys[1].byBytes) } }
        let given = call.parameters
        let rows = try Downtime.states(in: range, call).filter { state in
            (given.text("reason").map { $0.byBytes == (state.reason ?? "").byBytes } ?? true)
                && (given.text("state").map { $0.byBytes == state.state.byBytes } ?? true)
        }.sorted { ($1.startedAt, $1.robot.byBytes) < ($0.startedAt, $0.robot.byBytes) }
            .drop { state in before.map { (state.startedAt, state.robot.byBytes) >= $0 } ?? false }
        let size = call.pageSize
        let page = Array(rows.prefix(size))
        var out = JSONWriter()
        out.object { out in
            call.asOf.write(&out)
            range.write(&out)
            out.array("rows") { out in
                for state in page {
                    let micros = state.length(in: range, now: call.asOf.now)
                    state.write(&out, call.rules, secondsInRange: Double(micros) / 1e6)
                }
            }
            let last = rows.count > size ? page.last : nil
            out.text("next", call.next(last.map { ["\($0.startedAt)", $0.robot] }))
        }
        return .json(out, rows: page.count)
    }

    static let reliabilityRules = ParameterRule.range + [worst]

    static func reliability(_ call: Call) throws -> Answer {
        let range = try call.hourRange()
        let (rows, fleet, isComplete) = try Reliability.all(
            in: range, robot: nil, worst: call.parameters.whole("worst").map(Int.init), call)
        var out = JSONWriter()
        out.object { out in
            call.asOf.write(&out)
            range.write(&out)
            out.object("fleet") { out in fleet.write(&out) }
            out.flag("complete", isComplete)
            out.array("rows") { out in
                for row in rows { out.object { out in row.write(&out) } }
            }
        }
        return .json(out, rows: rows.count)
    }
}
