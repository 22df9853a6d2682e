internal import SessionStore

/// How many rows the fleet's figures by robot would have, before they are asked for (`Limits.fleetRows`).
struct RowsOfRobots {
    private let most: Int
    /// Those that may have rows, and the hours or days of each.
    private let robots: Int
    private let buckets: Int
    private let unit: String

    init(
        _ range: TimeRange, _ bucket: Fleet.Bucket, _ robot: String?, _ zone: Fleet.WantedZone, _ call: Call
    ) throws {
        most = call.api.limits.fleetRows
        let hours = Int((range.to - range.from) / InstantFormat.hour)
        switch bucket {
        case .all: (buckets, unit) = (1, "range")
        case .day:
            let days =
                InstantFormat.floor(range.to - 1, to: InstantFormat.day)
                - InstantFormat.floor(range.from, to: InstantFormat.day)
            (buckets, unit) = (Int(days / InstantFormat.day) + 1, "days")
        case .hour: (buckets, unit) = (hours, "hours")
        }
        if robot != nil {
            robots = 1
        } else if let name = zone.name {
            robots = zone.zones?.robots(in: name).count ?? 0
        } else {
            robots = Int(
                try call.rows(
                    "SELECT count(*) AS n FROM (SELECT 1 AS one FROM known_robots LIMIT ?1) bounded",
                    [.integer(Int64(most + 1))]
                ).first?.integer("n") ?? 0)
        }
    }

    /// Whether all of them together are more than may be held, though those that are asked for are not.
    /// - Throws: ``Problem`` where these are, too.
    func areTooMany(worst: Int?) throws(Problem) -> Bool {
        let isMore = robots * buckets > most
        let told = min(robots, worst ?? robots)
        if !isMore || told * buckets <= most { return isMore }
        throw Parameters.problem([
            (
                "by",
                "up to \(told) robots with \(buckets) \(unit) each are more than \(most) rows: shorten the range, take "
                    + "bucket=day or bucket=all, or ask for one `robot`, one `zone` or fewer `worst`"
            )
        ])
    }
}
