internal import SessionStore

/// How many rows the fleet's figures by robot may have: the hours of a thousand robots in a quarter of a year are two millions,
/// which nobody reads and which would all be held at once.
struct RowsOfRobots {
    static let most = 200_000

    /// Those that may have rows, and the hours or days of each.
    private let robots: Int
    private let buckets: Int
    private let unit: String

    init(
        _ range: TimeRange, _ bucket: String, _ robot: String?, _ zone: Fleet.WantedZone, _ call: Call
    ) throws {
        let hours = Int((range.to - range.from) / InstantFormat.hour)
        switch bucket {
        case "all": (buckets, unit) = (1, "range")
        case "day":
            let days =
                InstantFormat.floor(range.to - 1, to: InstantFormat.day)
                - InstantFormat.floor(range.from, to: InstantFormat.day)
            (buckets, unit) = (Int(days / InstantFormat.day) + 1, "days")
        default: (buckets, unit) = (hours, "hours")
        }
        if robot != nil {
            robots = 1
        } else if let name = zone.name {
            robots = zone.zones?.robots(in: name).count ?? 0
        } else {
            robots = Int(
                try call.rows(
                    "SELECT count(*) AS n FROM (SELECT 1 AS one FROM known_robots LIMIT ?1) bounded",
                    [.integer(Int64(Self.most + 1))]
                ).first?.integer("n") ?? 0)
        }
    }

    /// Whether all of them together are more than may be held, though those that are asked for are not.
    /// - Throws: ``Problem`` where these are, too.
    func areTooMany(worst: Int?) throws(Problem) -> Bool {
        let isMore = robots * buckets > Self.most
        let told = min(robots, worst ?? robots)
        if !isMore || told * buckets <= Self.most { return isMore }
        throw Parameters.problem([
            (
                "by",
                "up to \(told) robots with \(buckets) \(unit) each are more than \(Self.most) rows: shorten the range, take "
                    + "bucket=day or bucket=all, or ask for one `robot`, one `zone` or fewer `worst`"
            )
        ])
    }
}
