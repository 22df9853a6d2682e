internal import SessionStore

/// In which zone robots were: that of the latest event that names one.
struct Zones {
    private var told: [ByBytes: [(at: Int64, zone: String)]] = [:]

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

    /// - Parameter zone: Only robots that were in it before the range's end.
    init(_ range: TimeRange, only zone: String? = nil, _ call: Call) throws {
        // PostgreSQL wants to see each parameter used.
        let robots =
            zone == nil
            ? "robots(id) AS (SELECT robot_id FROM known_robots WHERE ?3 = '')"
            : "robots(id) AS (SELECT DISTINCT robot_id FROM robot_zones WHERE zone_id = ?3 AND started_at < \(call.at(2)))"
        // Each robot's row that holds at the beginning, and those that begin later.
        let sql: String
        switch call.flavour {
        case .sqlite:
            sql = """
                WITH \(robots)
                SELECT z.robot_id, z.started_at, z.zone_id FROM robots CROSS JOIN robot_zones z
                WHERE z.robot_id = robots.id AND z.started_at < ?2
                  AND z.started_at >= coalesce((SELECT max(b.started_at) FROM robot_zones b
                    WHERE b.robot_id = robots.id AND b.started_at <= ?1), ?1)
                """
        case .postgres:
            sql = """
                WITH \(robots)
                SELECT z.robot_id, z.started_at, z.zone_id FROM robots
                CROSS JOIN LATERAL (SELECT coalesce((SELECT max(b.started_at) FROM robot_zones b
                  WHERE b.robot_id = robots.id AND b.started_at <= \(call.at(1))), \(call.at(1))) AS at OFFSET 0) first
                CROSS JOIN LATERAL (SELECT robot_id, started_at, zone_id FROM robot_zones z
                  WHERE z.robot_id = robots.id AND z.started_at >= first.at AND z.started_at < \(call.at(2)) OFFSET 0) z
                """
        }
        let rows = try call.rows(sql, [.integer(range.from), .integer(range.to), .text(zone ?? "")])
        // Robot by robot: an entry is made when the next one begins.
        var robot: String?
        var zones: [(at: Int64, zone: String)] = []
        func end() {
            guard let robot else { return }
            zones.sort { $0.at < $1.at }
            self.told[robot.byBytes, default: []] += zones
        }
        for row in rows {
            let id = row.text(at: 0)
            if id?.byBytes != robot?.byBytes {
                end()
                (robot, zones) = (id, [])
            }
            zones.append((row.integer(at: 1) ?? 0, row.text(at: 2) ?? ""))
        }
        end()
    }

    /// The robots that were in a zone at any time of the range.
    func robots(in zone: String) -> [String] {
        told.filter { $0.value.contains { $0.zone.byBytes == zone.byBytes } }.map(\.key.text)
    }

    /// Whether none was told.
    var isEmpty: Bool { told.isEmpty }

    /// Nil where it told none.
    func track(of robot: String) -> Track? { told[robot.byBytes].map(Track.init(all:)) }
}
