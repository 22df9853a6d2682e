internal import SessionStore

/// `SELECT … FROM sessions` with what must hold, the latest first.
struct SessionQuery {
    let call: Call
    private var conditions: [String] = []
    private var parameters: [TableValue] = []

    init(_ call: Call) {
        self.call = call
        if let merchants = call.reader.merchants { either("s.merchant_id", merchants) }
    }

    mutating func bind(_ value: TableValue) -> String {
        parameters.append(value)
        return "?\(parameters.count)"
    }

    /// What must hold; `%` stands for a parameter.
    mutating func require(_ condition: String, _ value: TableValue) {
        let parameter = bind(value)
        conditions.append("(" + condition.replacing("%", with: parameter) + ")")
    }

    mutating func require(_ condition: String, instant: Int64) {
        let parameter = bind(.integer(instant))
        conditions.append(condition.replacing("%", with: call.flavour.instant(parameter)))
    }

    mutating func require(_ condition: String) { conditions.append(condition) }

    /// What comes later in the order of first events.
    mutating func after(_ instant: Int64, _ id: String) {
        let (time, id) = (call.flavour.instant(bind(.integer(instant))), bind(.text(id)))
        conditions.append("(s.first_event_at, s.session_id) > (\(time), \(id))")
    }

    mutating func either(_ column: String, _ values: [String]) {
        if values.isEmpty { return conditions.append("1 = 0") }
        let list = values.map { bind(.text($0)) }.joined(separator: ", ")
        conditions.append("\(column) IN (\(list))")
    }

    /// Served by one of them at any time.
    mutating func served(by kind: String, _ entities: [String]) {
        let list = entities.map { bind(.text($0)) }.joined(separator: ", ")
        conditions.append(
            """
            s.session_id IN (SELECT w.session_id FROM assignment_windows w
              WHERE w.kind = '\(kind)' AND w.entity_id IN (\(list)))
            """)
    }

    /// With an event of any kind that has one of some error codes.
    mutating func had(errors codes: [String]) throws {
        let isRare = try ErrorFilter.isRare(codes, call)
        let list = codes.map { bind(.text($0)) }.joined(separator: ", ")
        conditions.append("(" + ErrorFilter(codes: list, call: call).condition(isRare: isRare) + ")")
    }

    /// The filters of the list of sessions.
    mutating func takeParameters() throws {
        let given = call.parameters
        let kinds = given.list("kind")
        either("s.kind", kinds.isEmpty ? ["delivery", "demand"] : kinds)
        for (name, column) in [
            ("outcome", "s.outcome"), ("merchant", "s.merchant_id"), ("zone", "s.zone_id"),
            ("source", "s.source"),
        ] where !given.list(name).isEmpty {
            either(column, given.list(name))
        }
        for kind in ["robot", "pilot"] where !given.list(kind).isEmpty { served(by: kind, given.list(kind)) }
        if !given.list("error").isEmpty { try had(errors: given.list("error")) }
        if let from = given.instant("from") { require("s.first_event_at >= %", instant: from) }
        if let to = given.instant("to") { require("s.first_event_at < %", instant: to) }
        if let seconds = given.whole("open_longer_than") {
            conditions.append("s.closed_at IS NULL")
            require("s.first_event_at < %", instant: call.asOf.now - seconds * 1_000_000)
        }
        if given.flag("anomalous") { conditions.append("s.anomaly_count > 0") }
        if given.flag("reassigned") { conditions.append("s.reassignment_count > 0") }
        if let milestone = given.text("error_near") {
            errorNear(milestone, given.whole("within_seconds") ?? 120)
        }
        takeCounted()
        if let cursor = try call.cursor(keys: 2) {
            guard let at = Int64(cursor.keys[0]) else {
                throw Problem(kind: .badRequest, title: "Unusable cursor", detail: "The cursor is damaged.")
            }
            let (time, id) = (call.flavour.instant(bind(.integer(at))), bind(.text(cursor.keys[1])))
            conditions.append("(s.first_event_at, s.session_id) < (\(time), \(id))")
        }
    }

    /// An error of a robot that served it lies so near a milestone.
    private mutating func errorNear(_ milestone: String, _ seconds: Int64) {
        let near = bind(.integer(seconds))
        conditions.append(
            """
            EXISTS (SELECT 1 FROM assignment_windows w JOIN events e
              ON e.robot_id = w.entity_id AND e.robot_use IS NOT NULL AND (e.robot_use & 4) <> 0
                AND e.occurred_at >= \(call.flavour.moved("s.\(milestone)", by: "-\(near)"))
                AND e.occurred_at <= \(call.flavour.moved("s.\(milestone)", by: near))
                AND e.occurred_at >= w.started_at AND e.occurred_at < coalesce(w.ended_at, w.expires_at)
              WHERE w.session_id = s.session_id AND w.kind = 'robot')
            """)
        conditions.append("s.\(milestone) IS NOT NULL")
    }

    func page(size: Int, columns: String = "s.*", order: String = "s.first_event_at DESC, s.session_id DESC")
        throws
        -> [AnswerRow]
    {
        let place = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
        return try call.rows(
            "SELECT \(columns) FROM sessions s \(place) ORDER BY \(order) LIMIT ?\(parameters.count + 1)",
            parameters + [.integer(Int64(size))])
    }

    /// How many there are, up to a bound.
    func count(upTo bound: Int64) throws -> Int64 {
        let place = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
        return try call.rows(
            "SELECT count(*) AS n FROM (SELECT 1 FROM sessions s \(place) LIMIT ?\(parameters.count + 1)) bounded",
            parameters + [.integer(bound)]
        ).first?.integer("n") ?? 0
    }
}

/// What leads from a figure to exactly the sessions that it counts.
extension SessionQuery {
    /// The funnel's, and the place of the one that a session got to.
    static let steps = ["offered", "accepted", "demanded", "assigned", "picked_up", "dropped_off"]
    private static let step = """
        CASE WHEN s.dropoff_completed_at IS NOT NULL OR s.fulfilled_at IS NOT NULL THEN 5
          WHEN s.pickup_completed_at IS NOT NULL THEN 4 WHEN s.assigned_at IS NOT NULL THEN 3
          WHEN s.demand_created_at IS NOT NULL OR s.kind IN ('delivery', 'demand') THEN 2
          WHEN s.offer_accepted_at IS NOT NULL THEN 1 ELSE 0 END
        """

    /// In an address: sessions of any kind.
    static let anyKind = Sessions.kinds.map { "kind=\($0)" }.joined(separator: "&")

    static let countedRules: [ParameterRule] = [
        .text("failure", max: 300), .id("last_robot"), .id("robot_zone"), .flag("with_robot"),
        .instant("closed_from"), .instant("closed_to"), .word("reached", SessionQuery.steps),
        .word("stopped_at", SessionQuery.steps), .flag("intervened"),
    ]

    fileprivate mutating func takeCounted() {
        let given = call.parameters
        if let code = given.text("failure") {
            require("s.outcome = 'failed'")
            if code.isEmpty {
                require("s.failure_code IS NULL")
            } else {
                require("s.failure_code = %", .text(code))
            }
        }
        if let robot = given.text("last_robot") { require("s.robot_id = %", .text(robot)) }
        if given.flag("with_robot") { require("s.robot_id IS NOT NULL") }
        if let zone = given.text("robot_zone") { lastSeen(in: zone) }
        if let from = given.instant("closed_from") { require("s.closed_at >= %", instant: from) }
        if let to = given.instant("closed_to") { require("s.closed_at < %", instant: to) }
        if let step = given.text("reached").flatMap(SessionQuery.steps.firstIndex) {
            require("\(Self.step) >= \(step)")
        }
        if let step = given.text("stopped_at").flatMap(SessionQuery.steps.firstIndex) {
            require("\(Self.step) = \(step)")
        }
        if given.flag("intervened") { require("s.rescue_count + s.pilot_handoff_count > 0") }
    }

    /// Closed in an hour by whose end its last robot was in a zone: as supply hours are told by zone (``Zones``).
    private mutating func lastSeen(in zone: String) {
        let end = call.flavour.moved(
            call.flavour.instant("0"), by: "((\(call.flavour.hour("s.closed_at"))) + 1) * 3600")
        require(
            """
            s.closed_at IS NOT NULL AND (SELECT z.zone_id FROM events z WHERE z.robot_id = s.robot_id
              AND z.robot_id IS NOT NULL AND z.zone_id IS NOT NULL AND z.occurred_at < \(end)
              ORDER BY z.occurred_at DESC LIMIT 1) = %
            """, .text(zone))
    }
}
