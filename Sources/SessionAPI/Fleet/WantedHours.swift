internal import SessionStore

/// The robots' hours that a request is about: all, a robot's, or those at whose end a robot was in a zone or in none that
/// was told. By whole hours, as the store adds them up.
struct WantedHours {
    let range: TimeRange
    let robot: String?
    /// Its `zones` are nil where all are wanted, and none.
    private let wanted: Fleet.WantedZone
    private var zone: String? { wanted.name }
    private var zones: Zones? { wanted.zones }

    init(_ call: Call) throws {
        range = try call.hourRange()
        robot = call.parameters.text("robot")
        let isUntold = call.parameters.flag("no_zone")
        if isUntold, call.parameters.text("zone") != nil {
            throw Parameters.problem([("no_zone", "asks for robots of no zone, `zone` for those of one")])
        }
        wanted = try Fleet.WantedZone(range, isNeeded: isUntold, call)
    }

    /// Whether an instant of a robot lies in one of them.
    func holds(_ instant: Int64, of robot: String) -> Bool {
        guard let zones else { return true }
        let hour = InstantFormat.floor(instant, to: InstantFormat.hour)
        return zones.track(of: robot)?.zone(before: hour + InstantFormat.hour) == zone
    }

    /// How much of a stretch of a robot's time lies in them.
    func micros(of robot: String, from: Int64, to: Int64) -> Int64 {
        let (from, to) = (max(from, range.from), min(to, range.to))
        guard let zones else { return max(0, to - from) }
        let track = zones.track(of: robot)
        return Usage.hours(from: from, to: to).reduce(0) { sum, part in
            track?.zone(before: part.hour + InstantFormat.hour) == zone ? sum + part.micros : sum
        }
    }

    /// Whether a robot may have any: who told a zone before the first one's end is of none in no later one.
    func mayHold(_ robot: String) -> Bool {
        guard let zones, zone == nil else { return true }
        return zones.track(of: robot)?.zone(before: range.from + InstantFormat.hour) == nil
    }

    /// What they add up to.
    func total(_ call: Call) throws -> Usage {
        guard zones != nil, zone == nil else {
            return try Fleet.Supply(range, bucket: .all, by: .fleet, call).totals
        }
        var usage = Usage()
        for row in try Fleet.Supply(range, bucket: .all, by: .zone, call).rows where row.key.name == nil {
            usage.add(row.usage)
        }
        return usage
    }

    /// The next robots that may have any, by id.
    /// - Parameters:
    ///   - robot: Those after it; nil: from the first on.
    ///   - itself: Whether that robot, too.
    func robots(after robot: String?, orItself itself: Bool, atMost most: Int, _ call: Call) throws
        -> [String]
    {
        if let only = self.robot { return robot == nil || itself ? [only] : [] }
        if let robots = wanted.robots {
            let there = robots.map(ByBytes.init).sorted()
            let rest = there.drop { one in
                guard let robot = robot.map(ByBytes.init) else { return false }
                return one < robot || !itself && one == robot
            }
            return rest.prefix(most).map(\.text)
        }
        return try call.rows(
            "SELECT robot_id FROM known_robots WHERE robot_id \(itself ? ">=" : ">") ?1 ORDER BY robot_id LIMIT ?2",
            [.text(robot ?? ""), .integer(Int64(most))]
        ).compactMap { $0.text(at: 0) }
    }
}

/// Lists in the order of robots and, of each, of time: so that a page of a large fleet reads a few robots' rows and no
/// others.
enum RobotByRobot {
    /// Where a row stands in such a list.
    struct Place {
        let robot: String
        let at: Int64
        let id: String

        var keys: [String] { [robot, "\(at)", id] }
        var order: (ByBytes, Int64, ByBytes) { (ByBytes(text: robot), at, ByBytes(text: id)) }
    }

    /// How many robots are read at once.
    private static let atOnce = 8...2048

    /// A page, and the keys of the next one's cursor.
    /// - Parameter read: The rows of some robots.
    static func page<Row>(
        of hours: WantedHours, _ call: Call, _ read: (_ robots: [String]) throws -> [Row],
        place: (Row) -> Place
    ) throws -> (rows: [Row], next: [String]?) {
        let keys = try call.cursor(keys: 3)?.keys
        let size = call.pageSize
        var page: [Row] = []
        var last = keys?[0]
        var isFirst = keys != nil
        var count = atOnce.lowerBound
        while page.count <= size {
            let robots = try hours.robots(after: last, orItself: isFirst, atMost: count, call)
            if robots.isEmpty { break }
            let some = robots.filter(hours.mayHold)
            var rows = some.isEmpty ? [] : try read(some).map { (place($0), $0) }
            if isFirst, let keys, let at = Int64(keys[1]) {
                let told = (ByBytes(text: keys[0]), at, ByBytes(text: keys[2]))
                rows.removeAll { $0.0.order <= told }
            }
            rows.sort { $0.0.order < $1.0.order }
            page += rows.map(\.1)
            (last, isFirst) = (robots.last, false)
            // As many as would fill the page, by what these had.
            let wanted = rows.isEmpty ? 4 * count : (size + 1 - page.count) * robots.count / rows.count + 1
            count = min(max(wanted, atOnce.lowerBound), atOnce.upperBound)
        }
        guard page.count > size else { return (page, nil) }
        return (Array(page.prefix(size)), place(page[size - 1]).keys)
    }
}
