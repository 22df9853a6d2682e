internal import SessionCore
internal import SessionStore

/// What a robot does now.
struct RobotNow {
    private let robot: String
    private var state: StateInterval?
    private var heard: Int64?
    private var serves: [String] = []
    private var zone: String?

    /// Of robots in their order: two questions, however many they are.
    static func all(_ robots: [String], _ call: Call) throws -> [RobotNow] {
        var list = JSONWriter()
        list.texts(nil, robots)
        let ids = TableValue.text(String(decoding: list.bytes, as: UTF8.self))
        let given = "(\(call.flavour.elements(of: "?1"))) n"
        var found: [ByBytes: RobotNow] = [:]
        let told = try call.rows(
            """
            SELECT n.id, s.robot_id, s.started_at, s.ended_at, s.state, s.reason,
              (SELECT max(e.occurred_at) FROM events e WHERE e.robot_id = n.id AND e.robot_use IS NOT NULL
                AND e.occurred_at <= \(call.at(2))) AS heard,
              (SELECT z.zone_id FROM robot_zones z WHERE z.robot_id = n.id
                ORDER BY z.started_at DESC LIMIT 1) AS zone
            FROM \(given) LEFT JOIN robot_states s ON s.robot_id = n.id
              AND s.started_at = (SELECT max(b.started_at) FROM robot_states b
                WHERE b.robot_id = n.id AND b.started_at <= \(call.at(2)))
            """, [ids, .integer(call.asOf.horizon)])
        for row in told {
            let id = row.text("id") ?? ""
            found[id.byBytes] = RobotNow(
                robot: id, state: row.text("robot_id").map { _ in StateInterval(row) },
                heard: row.integer("heard"), zone: row.text("zone"))
        }
        let now = call.asOf.now
        let windows = try call.rows(
            """
            SELECT n.id, w.session_id FROM \(given) CROSS JOIN assignment_windows w
            WHERE w.kind = 'robot' AND w.entity_id = n.id AND w.started_at <= \(call.at(2))
              AND w.started_at > \(call.at(3)) AND \(call.at(2)) < coalesce(w.ended_at, w.expires_at)
            ORDER BY w.started_at, w.session_id
            """, [ids, .integer(now), .integer(now - call.rules.maxWindow - 1)])
        for row in windows {
            found[(row.text("id") ?? "").byBytes]?.serves.append(row.text("session_id") ?? "")
        }
        return robots.map { found[$0.byBytes] ?? RobotNow(robot: $0) }
    }

    func write(_ key: String?, _ call: Call, _ out: inout JSONWriter) {
        func until(_ instant: Int64?) -> Double? { instant.map { max(0, Double(call.asOf.now - $0) / 1e6) } }
        out.object(key) { out in
            out.text("robot_id", robot)
            out.text("state", state?.state)
            out.text("class", state.map { call.rules.stateClass($0.state).rawValue })
            out.text("reason", state?.reason)
            out.instant("since", state?.startedAt)
            out.number("seconds", until(state?.startedAt))
            out.instant("last_heard_at", heard)
            out.number("silent_seconds", until(heard))
            out.texts("sessions", serves)
            out.text("zone_id", zone)
        }
    }
}
