internal import SessionStore

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

    mutating func takeCounted() throws(Problem) {
        let given = call.parameters
        if let code = given.text("failure") {
            require("s.outcome = 'failed'")
            if code.isEmpty {
                require("s.failure_code IS NULL")
            } else {
                require("s.failure_code = %", .text(code))
            }
        }
        if let robot = given.text("last_robot") {
            require("s.robot_id = %", .text(robot))
            // The last robot is that of a window, and these have an index.
            served(by: "robot", [robot])
        }
        if given.flag("with_robot") { require("s.robot_id IS NOT NULL") }
        if let zone = given.text("robot_zone") { try lastSeen(in: zone) }
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

    /// The instant by which a list is in order, the latest first: that which its range is of.
    var key: String {
        let given = call.parameters
        return given.text("closed_from") == nil && given.text("closed_to") == nil
            ? "first_event_at" : "closed_at"
    }

    /// Closed in an hour by whose end its last robot was in a zone: as supply hours are told by zone (``Zones``).
    ///
    /// Events of others' deliveries tell it, so it is nothing for a reader who is bound to merchants.
    private mutating func lastSeen(in zone: String) throws(Problem) {
        guard call.reader.merchants == nil else {
            throw Problem(
                kind: .forbidden, title: "Not for you",
                detail: "`robot_zone` is about the whole fleet; your token is bound to merchants.",
                hint: "Leave it out; `zone` is the delivery's own.")
        }
        let end = call.flavour.moved(
            call.flavour.instant("0"), by: "((\(call.flavour.hour("s.closed_at"))) + 1) * 3600")
        let wanted = bind(.text(zone))
        require(
            """
            s.closed_at IS NOT NULL AND (SELECT z.zone_id FROM events z WHERE z.robot_id = s.robot_id
              AND z.robot_id IS NOT NULL AND z.zone_id IS NOT NULL AND z.occurred_at < \(end)
              ORDER BY z.occurred_at DESC LIMIT 1) = \(wanted)
            """)
    }
}
