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

private func precedes(_ one: String, _ other: String) -> Bool {
    one.utf8.lexicographicallyPrecedes(other.utf8)
}
