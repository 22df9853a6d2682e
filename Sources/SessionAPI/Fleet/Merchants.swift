internal import SessionStore

/// What became of orders, and what merchants used.
enum Merchants {
    static let funnelRules: [ParameterRule] =
        ParameterRule.range + [.id("merchant"), .id("source"), .id("zone")]
    private static let steps = ["offered", "accepted", "demanded", "assigned", "picked_up", "dropped_off"]

    /// How many sessions came how far, how they ended, and why they failed.
    private struct Funnel {
        var counts: [Key: Int64] = [:]
        var failures: [String?: Int64] = [:]

        struct Key: Hashable {
            var step: Int64
            var outcome: String
        }

        mutating func add(_ row: AnswerRow) {
            let (count, outcome) = (row.integer("n") ?? 0, row.text("outcome") ?? "")
            counts[Key(step: row.integer("step") ?? 0, outcome: outcome), default: 0] += count
            guard outcome == "failed" else { return }
            failures[row.text("failure_code").flatMap { $0.isEmpty ? nil : $0 }, default: 0] += count
        }
    }

    private static let step = """
        CASE WHEN dropoff_completed_at IS NOT NULL OR fulfilled_at IS NOT NULL THEN 5
          WHEN pickup_completed_at IS NOT NULL THEN 4 WHEN assigned_at IS NOT NULL THEN 3
          WHEN demand_created_at IS NOT NULL OR kind IN ('delivery', 'demand') THEN 2
          WHEN offer_accepted_at IS NOT NULL THEN 1 ELSE 0 END
        """

    /// Of whole hours the store keeps the sums, by zone and source, not by merchant; the sessions that began in the parts of
    /// hours at both ends, and a merchant's, are counted one by one.
    private static func count(_ range: TimeRange, _ call: Call) throws -> Funnel {
        var funnel = Funnel()
        let hour = InstantFormat.hour
        let (from, to) = (
            InstantFormat.floor(range.from + hour - 1, to: hour), InstantFormat.floor(range.to, to: hour)
        )
        let isOneMerchants = call.parameters.text("merchant") != nil || call.reader.merchants != nil
        if isOneMerchants || from >= to {
            try countSessions(from: range.from, to: range.to, call, &funnel)
            return funnel
        }
        try countSessions(from: range.from, to: from, call, &funnel)
        try countSessions(from: to, to: range.to, call, &funnel)
        var conditions = "hour >= \(call.at(1)) AND hour < \(call.at(2))"
        var parameters: [TableValue] = [.integer(from), .integer(to)]
        for (name, column) in [("source", "source"), ("zone", "zone_id")] {
            guard let value = call.parameters.text(name) else { continue }
            parameters.append(.text(value))
            conditions += " AND \(column) = ?\(parameters.count)"
        }
        let rows = try call.rows(
            """
            SELECT step, outcome, failure_code, CAST(sum(sessions) AS BIGINT) AS n FROM session_hours
            WHERE \(conditions) GROUP BY step, outcome, failure_code
            """, parameters)
        for row in rows { funnel.add(row) }
        return funnel
    }

    private static func countSessions(
        from: Int64, to: Int64, _ call: Call, _ funnel: inout Funnel
    ) throws {
        if from >= to { return }
        var conditions =
            "first_event_at >= \(call.at(1)) AND first_event_at < \(call.at(2)) AND kind <> 'trip'"
        var parameters: [TableValue] = [.integer(from), .integer(to)]
        for (name, column) in [("merchant", "merchant_id"), ("source", "source"), ("zone", "zone_id")] {
            guard let value = call.parameters.text(name) else { continue }
            parameters.append(.text(value))
            conditions += " AND \(column) = ?\(parameters.count)"
        }
        if let merchants = call.reader.merchants {
            let list = merchants.map { merchant in
                parameters.append(.text(merchant))
                return "?\(parameters.count)"
            }
            conditions += " AND merchant_id IN (\(list.isEmpty ? "NULL" : list.joined(separator: ", ")))"
        }
        let rows = try call.rows(
            """
            SELECT \(step) AS step, outcome, CASE outcome WHEN 'failed' THEN failure_code END AS failure_code,
              count(*) AS n FROM sessions WHERE \(conditions) GROUP BY 1, 2, 3
            """, parameters)
        for row in rows { funnel.add(row) }
    }

    static func funnel(_ call: Call) throws -> Answer {
        let range = try call.range()
        let funnel = try count(range, call)
        // The most first, what has no code last of its like.
        let failures = funnel.failures.sorted {
            ($1.value, $0.key == nil ? 1 : 0, $0.key ?? "") < ($0.value, $1.key == nil ? 1 : 0, $1.key ?? "")
        }.prefix(100)
        var out = JSONWriter()
        out.object { out in
            call.asOf.write(&out)
            range.write(&out)
            out.array("steps") { out in
                for (index, step) in steps.enumerated() {
                    let reached = funnel.counts.filter { $0.key.step >= Int64(index) }
                    let lost = funnel.counts.filter {
                        $0.key.step == Int64(index) && index < steps.count - 1
                    }.sorted { ($1.value, $0.key.outcome) < ($0.value, $1.key.outcome) }
                    out.object { out in
                        out.text("step", step)
                        out.integer("sessions", reached.values.reduce(0, +))
                        out.array("lost") { out in
                            for (key, count) in lost {
                                out.object { out in
                                    out.text("outcome", key.outcome)
                                    out.integer("sessions", count)
                                }
                            }
                        }
                    }
                }
            }
            out.array("failures") { out in
                for (code, count) in failures {
                    out.object { out in
                        out.text("failure_code", code)
                        out.integer("sessions", count)
                    }
                }
            }
        }
        return .json(out, rows: funnel.counts.count)
    }

    static let usageRules: [ParameterRule] = ParameterRule.range + [.id("merchant")]

    static func usage(_ call: Call) throws -> Answer {
        let range = try call.range().wholeHours
        let rows = try call.rows(
            """
            SELECT merchant_id, source, CAST(sum(sessions) AS BIGINT) AS sessions,
              CAST(sum(completed) AS BIGINT) AS completed, CAST(sum(failed) AS BIGINT) AS failed,
              CAST(sum(canceled) AS BIGINT) AS canceled, sum(robot_seconds) AS robot_seconds,
              sum(pilot_seconds) AS pilot_seconds
            FROM merchant_hourly WHERE hour >= \(call.at(1)) AND hour < \(call.at(2)) AND (?3 = '' OR merchant_id = ?3)
            GROUP BY merchant_id, source ORDER BY merchant_id, source
            """, [.integer(range.from), .integer(range.to), .text(call.parameters.text("merchant") ?? "")]
        ).filter { call.reader.sees(merchant: $0.text("merchant_id")) }
        var out = JSONWriter()
        out.object { out in
            call.asOf.write(&out)
            range.write(&out)
            out.array("rows") { out in
                for row in rows {
                    out.object { out in
                        out.text("merchant_id", row.text("merchant_id"))
                        out.text("source", row.text("source"))
                        for name in ["sessions", "completed", "failed", "canceled"] {
                            out.integer(name, row.integer(name))
                        }
                        for name in ["robot_seconds", "pilot_seconds"] { out.number(name, row.number(name)) }
                    }
                }
            }
        }
        return .json(out, rows: rows.count)
    }
}
