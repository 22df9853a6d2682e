import Foundation

/// The rows behind the fleet's hours add up to them, whoever's hours they are.
extension ReferenceAnswers {
    private static let classes = ["usable", "downtime", "off_duty", "other"]

    private func number(_ value: Any?) -> Double { (value as? NSNumber)?.doubleValue ?? 0 }

    /// What `fleet/utilization` tells of a zone, of none, of a robot.
    private func usage(_ filter: String) throws -> [String: Double] {
        if filter != "&no_zone=true" {
            let totals = try get("fleet/utilization?\(rangeQuery)&bucket=all\(filter)")["totals"]
            return (totals as? [String: Any] ?? [:]).mapValues(number)
        }
        let zones = try get("fleet/utilization?\(rangeQuery)&bucket=all&by=zone")["rows"] as? [[String: Any]]
        let untold = zones?.first { !($0["key"] is String) } ?? [:]
        return untold.mapValues(number)
    }

    /// - Parameter pageSize: So small that lists have several pages.
    func compareHourRows(robots: [String], pageSize: Int) throws {
        let zones = try get("fleet/utilization?\(rangeQuery)&bucket=all&by=zone")["rows"] as? [[String: Any]]
        let names = (zones ?? []).compactMap { $0["key"] as? String }
        var filters = ["", "&no_zone=true", "&zone=nowhere"] + names.map { "&zone=\(Self.encoded($0))" }
        for robot in robots {
            filters.append("&robot=\(Self.encoded(robot))")
            if let zone = names.first {
                filters.append("&robot=\(Self.encoded(robot))&zone=\(Self.encoded(zone))")
            }
        }
        for filter in filters {
            let usage = try usage(filter)
            func compare(_ path: String, _ key: String, _ figure: String, _ told: String) throws {
                let query = "\(path)\(path.contains("?") ? "&" : "?")\(rangeQuery)\(filter)"
                let rows = try all(query, pageSize: pageSize)
                let expected = usage[figure] ?? 0
                let sum = key.isEmpty ? Double(rows.count) : rows.reduce(0) { $0 + number($1[key]) }
                expect(sum, expected, "rows of \(query)")
                expect(number(try get(query)[told]), expected, "the figure beside \(query)")
                expect("\(Set(rows.map { "\($0)" }).count)", "\(rows.count)", "twice in \(query)")
            }
            for name in Self.classes {
                try compare("fleet/states?class=\(name)", "seconds_in_range", "\(name)_seconds", "seconds")
            }
            try compare("fleet/windows", "seconds_counted", "on_delivery_seconds", "seconds")
            try compare("fleet/errors", "", "error_count", "errors")
        }
    }
}
