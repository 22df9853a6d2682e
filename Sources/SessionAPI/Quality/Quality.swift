internal import SessionStore

/// Where the log is lying.
enum Quality {
    static let rejectedRules: [ParameterRule] =
        [
            .word(
                "reason",
                [
                    "malformed_json", "not_an_object", "invalid_utf8", "missing_timestamp",
                    "invalid_timestamp",
                    "timestamp_in_future", "too_large", "before_retention",
                ])
        ] + ParameterRule.page

    static func rejected(_ call: Call) throws -> Answer {
        let size = call.pageSize
        let before = try call.cursor(keys: 1).flatMap { Int64($0.keys[0]) } ?? .max
        let arrival = call.flavour.arrival
        let rows = try call.rows(
            """
            SELECT \(arrival) AS arrival, received_at, transport, origin, reason, detail,
              \(call.flavour.beginning("body", bytes: 400)) AS body
            FROM rejected_events WHERE \(arrival) < ?1 AND (?2 = '' OR reason = ?2) ORDER BY \(arrival) DESC LIMIT ?3
            """, [.integer(before), .text(call.parameters.text("reason") ?? ""), .integer(Int64(size + 1))])
        var out = JSONWriter()
        out.object { out in
            out.array("rows") { out in
                for row in rows.prefix(size) {
                    out.object { out in
                        out.instant("received_at", row.integer("received_at"))
                        for name in ["transport", "origin", "reason", "detail", "body"] {
                            out.text(name, row.text(name) ?? "")
                        }
                    }
                }
            }
            out.text(
                "next", call.next(rows.count > size ? ["\(rows[size - 1].integer("arrival") ?? 0)"] : nil))
        }
        return .json(out, rows: min(rows.count, size))
    }

    static func answer(_ call: Call) throws -> Answer {
        let range = try call.range()
        let messages = try call.rows(
            """
            SELECT transport, CAST(sum(received) AS BIGINT) AS received, CAST(sum(accepted) AS BIGINT) AS accepted,
              CAST(sum(duplicates) AS BIGINT) AS duplicates, CAST(sum(rejected) AS BIGINT) AS rejected,
              CAST(sum(skipped) AS BIGINT) AS skipped, CAST(sum(\(QualityChecks.remainder)) AS BIGINT) AS remainder,
              count(*) AS batches, min(started_at) AS since
            FROM \(QualityChecks.batches) GROUP BY transport ORDER BY transport
            """)
        let checks = QualityChecks(range: range, messages: messages, call: call)
        let clocks = try checks.clocks()
        let all = try checks.all(clocks)
        let producers = try QualityProducers(range, call)
        var out = JSONWriter()
        out.object { out in
            call.asOf.write(&out)
            range.write(&out)
            out.array("messages") { out in
                for row in messages {
                    out.object { out in
                        out.text("transport", row.text("transport"))
                        for name in ["received", "accepted", "duplicates", "rejected", "skipped"] {
                            out.integer(name, row.integer(name))
                        }
                    }
                }
            }
            out.object("messages_of") { out in
                let (batches, since, isAll) = checks.counted
                out.integer("batches", batches)
                out.instant("since", since)
                out.flag("all", isAll)
            }
            out.flag("pending", all.contains { $0.wait == .moment })
            out.array("checks") { out in for check in all { check.write(call.flavour, &out) } }
            out.array("clocks") { out in
                for clock in clocks.rows ?? [] {
                    out.object { out in
                        out.text("robot_id", clock.text("robot_id"))
                        out.number("offset_seconds", clock.number("offset_seconds"))
                        out.integer("pairs", clock.integer("pairs"))
                    }
                }
            }
            producers.write(&out)
        }
        return .json(
            out, rows: all.count, isPassing: all.contains { $0.wait != nil } || producers.isTooSlow)
    }
}
