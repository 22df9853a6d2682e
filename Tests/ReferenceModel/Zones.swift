/// By robot and instant, the zones that events tell where it is another than before. Of several that are told at one
/// instant the greatest by its bytes stands.
func robotZones(_ events: [ReferenceEvent]) -> [String: [ReferenceValue]] {
    var told: [String: [Instant: String]] = [:]
    for event in events {
        guard let robot = event.robotID, let zone = event.zoneID else { continue }
        if let other = told[robot, default: [:]][event.at], !precedes(other, zone) { continue }
        told[robot, default: [:]][event.at] = zone
    }
    var rows: [String: [ReferenceValue]] = [:]
    for (robot, zones) in told {
        var last: String?
        for (at, zone) in zones.sorted(by: { $0.key < $1.key }) where zone != last {
            rows["\(robot)|\(at)"] = [.text(zone)]
            last = zone
        }
    }
    return rows
}

/// The hours of `robot_hours` by the zone that each robot was in before the hour's end, in microseconds.
func zoneHours(
    events: [ReferenceEvent], sessions: [Session], states: [StateInterval], rules: ReferenceRules
) -> Sums {
    let figures = [
        "usable", "downtime", "off_duty", "other", "on_delivery", "deliveries_completed", "error_count",
    ]
    var zones: [String: [(at: Instant, zone: String)]] = [:]
    for (key, row) in robotZones(events) {
        let parts = parts(ofKey: key)
        guard case .text(let zone) = row[0] else { continue }
        zones[parts.robot, default: []].append((parts.at, zone))
    }
    var sums = Sums(figures)
    let robots = robotHourly(
        events: events, sessions: sessions, states: states.flatMap(\.counted), rules: rules)
    for (key, values) in robots.rows {
        let (robot, hour) = parts(ofKey: key)
        let before = zones[robot, default: []].filter { $0.at < hour + oneHour }
        guard let last = before.max(by: { $0.at < $1.at }) else { continue }
        for (figure, value) in zip(figures, values) { sums.add(value, to: figure, of: last.zone, "\(hour)") }
    }
    return sums
}

private func parts(ofKey key: String) -> (robot: String, at: Instant) {
    let bar = key.lastIndex(of: "|") ?? key.endIndex
    return (String(key[..<bar]), Instant(key[key.index(after: bar)...]) ?? 0)
}

private func precedes(_ one: String, _ other: String) -> Bool {
    one.utf8.lexicographicallyPrecedes(other.utf8)
}
