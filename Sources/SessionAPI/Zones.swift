internal import SessionStore

/// In which zone robots were: that of the latest event that names one.
struct Zones {
    private var told: [String: [(at: Int64, zone: String)]] = [:]

    /// The zones of a robot.
    struct Track {
        fileprivate let all: [(at: Int64, zone: String)]

        /// That up to an instant; nil where none was told yet.
        func zone(before instant: Int64) -> String? {
            var (low, high) = (0, all.count)
            while low < high {
                let middle = (low + high) / 2
                if all[middle].at < instant { low = middle + 1 } else { high = middle }
            }
            return low > 0 ? all[low - 1].zone : nil
        }
    }

    init(_ range: TimeRange, _ call: Call) throws {
        let told = "e.robot_id = robots.id AND e.robot_id IS NOT NULL AND e.zone_id IS NOT NULL"
        let sql: String
        switch call.flavour {
        case .sqlite:
            sql = """
                WITH \(StateInterval.robots)
                SELECT e.robot_id, e.occurred_at, e.zone_id FROM robots CROSS JOIN events e WHERE \(told)
                  AND e.occurred_at < ?2 AND e.occurred_at >= coalesce((SELECT max(b.occurred_at) FROM events b
                    WHERE b.robot_id = robots.id AND b.robot_id IS NOT NULL AND b.zone_id IS NOT NULL
                      AND b.occurred_at <= ?1), ?1)
                """
        case .postgres:
            // Robot by robot: it would go through all that was ever told else, and ask for the first once a partition.
            sql = """
                WITH \(StateInterval.robots)
                SELECT e.robot_id, e.occurred_at, e.zone_id FROM robots
                CROSS JOIN LATERAL (SELECT coalesce((SELECT e.occurred_at FROM events e
                  WHERE \(told) AND e.occurred_at <= \(call.at(1)) ORDER BY e.occurred_at DESC LIMIT 1), \(call.at(1)))
                  AS at OFFSET 0) first
                CROSS JOIN LATERAL (SELECT e.robot_id, e.occurred_at, e.zone_id FROM events e
                  WHERE \(told) AND e.occurred_at >= first.at AND e.occurred_at < \(call.at(2)) OFFSET 0) e
                """
        }
        let rows = try call.rows(sql, [.integer(range.from), .integer(range.to)])
        // Robot by robot: an entry is made when the next one begins.
        var robot: String?
        var zones: [(at: Int64, zone: String)] = []
        func end() {
            guard let robot else { return }
            zones.sort { $0.at < $1.at }
            self.told[robot, default: []] += zones
        }
        for row in rows {
            let id = row.text(at: 0)
            if id != robot {
                end()
                (robot, zones) = (id, [])
            }
            zones.append((row.integer(at: 1) ?? 0, row.text(at: 2) ?? ""))
        }
        end()
    }

    /// The robots that were in a zone at any time of the range.
    func robots(in zone: String) -> [String] {
        told.filter { $0.value.contains { $0.zone == zone } }.map(\.key)
    }

    /// Whether none was told.
    var isEmpty: Bool { told.isEmpty }

    /// Nil where it told none.
    func track(of robot: String) -> Track? { told[robot].map(Track.init(all:)) }
}
