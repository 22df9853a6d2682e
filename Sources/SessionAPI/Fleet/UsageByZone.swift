internal import SessionStore

/// The hours of zones.
extension Usage {
    /// The same of a zone, or of each; nil is the zone of robots of which none was told by the hour's end. The store keeps a row
    /// an hour and zone, so only what stands in no hour's row is looked at robot by robot.
    ///
    /// - Parameter most: How many hours of zones it may be.
    /// - Throws: ``Problem`` where there are more.
    static func byZone(
        _ range: TimeRange, _ zone: String?, _ zones: Zones, atMost most: Int, _ call: Call,
        _ body: (_ zone: String?, _ hour: Int64, _ usage: Usage) -> Void
    ) throws {
        // What is left for no zone must not come of rounding: by microseconds, as the figures are stored.
        var left: [Int64: [Int64]] = [:]
        func leave(_ sign: Int64, _ hour: Int64, _ usage: Usage) {
            let before = left[hour] ?? [Int64](repeating: 0, count: figures.count)
            left[hour] = zip(before, usage.micros).map { $0 + sign * $1 }
        }
        func tell(_ zone: String, _ hour: Int64, _ usage: Usage) {
            leave(-1, hour, usage)
            body(zone, hour, usage)
        }
        // Week by week: only what they add up to is held of all.
        var room = most
        let week = 7 * InstantFormat.day
        for start in stride(from: range.from, to: range.to, by: Int(week)) {
            let rows = try call.rows(
                """
                SELECT * FROM zone_hours WHERE hour >= \(call.at(1)) AND hour < \(call.at(2))
                  AND (?3 = '' OR zone_id = ?3) LIMIT ?4
                """,
                [
                    .integer(start), .integer(min(start + week, range.to)),
                    .text(zone ?? ""), .integer(Int64(room) + 1),
                ])
            room -= rows.count
            if room < 0 {
                throw Parameters.problem([
                    (
                        "by",
                        "zones and hours of the range are more than \(most): shorten it, or ask for one `zone`"
                    )
                ])
            }
            for row in rows {
                tell(row.text("zone_id") ?? "", row.integer("hour") ?? 0, Usage(micros: row))
            }
        }
        let there = zone.map { zones.robots(in: $0) }
        if there?.isEmpty != true {
            try beside(range, there.map(Whose.these) ?? .all, call) { robot, hour, usage in
                guard let its = zones.track(of: robot)?.zone(before: hour + InstantFormat.hour) else {
                    return
                }
                if zone == nil || its.byBytes == zone?.byBytes { tell(its, hour, usage) }
            }
        }
        if zone != nil { return }
        for (hour, usage) in try ofFleet(range, call) { leave(1, hour, usage) }
        for (hour, figures) in left where figures.contains(where: { $0 != 0 }) {
            body(nil, hour, Usage(figures))
        }
    }
}
