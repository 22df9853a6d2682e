internal import SessionStore

/// The fleet's hours over time, by zone or by robot.
extension Fleet {
    static let utilizationRules: [ParameterRule] =
        ParameterRule.range + [
            .word("bucket", Bucket.allCases.map(\.rawValue)), .word("by", Grouping.allCases.map(\.rawValue)),
            .id("zone"),
            .id("robot"), WeekBefore.rule, worst,
        ]

    static func utilization(_ call: Call) throws -> Answer {
        let range = try call.hourRange()
        let supply = try Supply(range, call)
        let before = try WeekBefore.asked(of: range, call)
        var out = JSONWriter()
        try out.object { out in
            call.asOf.write(&out)
            range.write(&out)
            out.text("bucket", supply.bucket.rawValue)
            out.text("by", supply.by.rawValue)
            out.object("totals") { out in supply.totals.write(&out) }
            if let robots = supply.robots { out.integer("robots", robots) }
            out.array("rows") { out in
                for (key, usage) in supply.rows {
                    out.object { out in
                        out.instant("at", key.at)
                        out.text("key", key.name?.text)
                        usage.write(&out)
                    }
                }
            }
            try before?.writeSupply(supply.totals, of: range, call, &out)
        }
        return .json(out, rows: supply.rows.count)
    }
}
