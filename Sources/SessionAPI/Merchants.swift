internal import SessionStore

/// What became of orders, and what merchants used.
enum Merchants {
    static let funnelRules: [ParameterRule] =
        ParameterRule.range + [.id("merchant"), .id("source"), .id("zone")]
    private static let steps = ["offered", "accepted", "demanded", "assigned", "picked_up", "dropped_off"]

    static func funnel(_ call: Call) throws -> Answer {
        let range = try call.range()
        var conditions =
            "first_event_at >= \(call.at(1)) AND first_event_at < \(call.at(2)) AND kind <> 'trip'"
        var parameters: [TableValue] = [.integer(range.from), .integer(range.to)]
        for name in ["merchant", "source", "zone"] {
            guard let value = call.parameters.text(name) else { continue }
            parameters.append(.text(value))
            conditions += " AND \(name == "source" ? name : name + "_id") = ?\(parameters.count)"
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
            SELECT CASE WHEN dropoff_completed_at IS NOT NULL OR fulfilled_at IS NOT NULL THEN 5
                WHEN pickup_completed_at IS NOT NULL THEN 4 WHEN assigned_at IS NOT NULL THEN 3
                WHEN demand_created_at IS NOT NULL OR kind IN ('delivery', 'demand') THEN 2
                WHEN offer_accepted_at IS NOT NULL THEN 1 ELSE 0 END AS step,
              outcome, count(*) AS n FROM sessions WHERE \(conditions) GROUP BY 1, 2
            """, parameters)
        let failures = try call.rows(
            """
            SELECT failure_code, count(*) AS n FROM sessions WHERE \(conditions) AND outcome = 'failed'
            GROUP BY failure_code ORDER BY n DESC, failure_code LIMIT 100
            """, parameters)
        var out = JSONWriter()
        out.object { out in
            call.asOf.write(&out)
            range.write(&out)
            out.array("steps") { out in
                for (index, step) in steps.enumerated() {
                    let reached = rows.filter { ($0.integer("step") ?? 0) >= Int64(index) }
                    let lost = rows.filter { $0.integer("step") == Int64(index) && index < steps.count - 1 }
                    out.object { out in
                        out.text("step", step)
                        out.integer("sessions", reached.reduce(0) { $0 + ($1.integer("n") ?? 0) })
                        out.array("lost") { out in
                            for row in lost.sorted(by: { ($0.integer("n") ?? 0) > ($1.integer("n") ?? 0) }) {
                                out.object { out in
                                    out.text("outcome", row.text("outcome"))
                                    out.integer("sessions", row.integer("n"))
                                }
                            }
                        }
                    }
                }
            }
            out.array("failures") { out in
                for row in failures {
                    out.object { out in
                        out.text("failure_code", row.text("failure_code"))
                        out.integer("sessions", row.integer("n"))
                    }
                }
            }
        }
        return .json(out, rows: rows.count)
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
