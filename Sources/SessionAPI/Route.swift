/// A route: what it takes, who may use it, and what answers it. The same as in docs/openapi.yaml, which a test holds
/// against it.
struct Route: Sendable {
    /// `operationId`
    let operation: String
    /// Below `/analytics/v1`; `{id}` stands for one part of the path.
    let template: String
    let roles: Set<Role>
    /// Whether a reader who is bound to merchants may not use it: it is about all of them.
    let isFleetWide: Bool
    /// Whether it tells business data: then its use leaves a row in the audit.
    let isAudited: Bool
    /// Whether its answer may be found unchanged by its ETag.
    let isRevalidated: Bool
    /// Whether a cache may keep its answer at all: not where it holds payloads or a delivery's whole text.
    let isKept: Bool
    let parameters: [ParameterRule]
    let answer: @Sendable (Call) throws -> Answer
    /// The same as a table, at a page's address with `.csv`.
    let csv: CSVForm?

    private init(
        _ operation: String, _ template: String, roles: Set<Role> = all, isFleetWide: Bool = false,
        isAudited: Bool = true, isRevalidated: Bool = true, isKept: Bool = true,
        csv: CSVForm? = nil,
        _ parameters: [ParameterRule] = [],
        _ answer: @escaping @Sendable (Call) throws -> Answer
    ) {
        self.operation = operation
        self.template = template
        self.roles = roles
        self.isFleetWide = isFleetWide
        self.isAudited = isAudited
        self.isRevalidated = isRevalidated
        self.isKept = isKept
        self.parameters = parameters
        self.answer = answer
        self.csv = csv
    }

    private static let all: Set<Role> = [.viewer, .operator_, .finance, .admin]
    private static let operators: Set<Role> = [.operator_, .admin]
    private static let finances: Set<Role> = [.operator_, .finance, .admin]

    /// All of them.
    static let table: [Route] = [
        Route("me", "me", isAudited: false, isRevalidated: false, [], Service.me),
        Route("status", "status", isFleetWide: true, isAudited: false, [], Service.status),
        Route("freshness", "freshness", isAudited: false, [], Service.freshness),
        Route("home", "home", isFleetWide: true, [], Home.answer),
        Route("search", "search", Search.rules, Search.answer),
        Route("delivery", "deliveries/{id}", Story.rules, Story.answer),
        Route("deliveryText", "deliveries/{id}/text", isKept: false, StoryText.rules, StoryText.answer),
        Route("deliveryPlain", "deliveries/{id}/plain", isKept: false, [], StoryPlain.answer),
        Route("deliveryStream", "deliveries/{id}/stream", isRevalidated: false, [], Streams.answer),
        Route("sessions", "sessions", csv: .sessions, Sessions.listRules, Sessions.list),
        Route("session", "sessions/{id}", [], Sessions.one),
        Route("sessionEvents", "sessions/{id}/events", csv: .events, Story.eventRules, Story.eventsAnswer),
        Route("event", "events/{id}", isKept: false, [.instant("at")], Events.one),
        Route(
            "eventPayload", "events/{id}/payload", roles: operators, isRevalidated: false, isKept: false,
            [.instant("at")], Events.payload),
        Route("explain", "events/{id}/explain", [.instant("at"), .id("session")], Events.explain),
        Route(
            "orphans", "orphans", roles: operators, isFleetWide: true, csv: .orphans, Events.orphanRules,
            Events.orphans),
        Route(
            "rejected", "rejected", roles: operators, isFleetWide: true, isKept: false, csv: .rejected,
            Quality.rejectedRules, Quality.rejected),
        Route("robots", "robots", isFleetWide: true, csv: .robots, Robots.listRules, Robots.list),
        Route("robot", "robots/{id}", isFleetWide: true, Robots.dayRules, Robots.one),
        Route("robotTimeline", "robots/{id}/timeline", isFleetWide: true, Robots.dayRules, Robots.timeline),
        Route(
            "robotStates", "robots/{id}/states", isFleetWide: true, csv: .states,
            ParameterRule.range + ParameterRule.page,
            Robots.states),
        Route(
            "robotAt", "robots/{id}/at", isFleetWide: true, [.instant("time", isRequired: true)], Robots.at),
        Route(
            "pilot", "pilots/{id}", roles: finances, isFleetWide: true, csv: .pilot, Robots.dayRules,
            Pilots.one),
        Route(
            "utilization", "fleet/utilization", isFleetWide: true, csv: .utilization, Fleet.utilizationRules,
            Fleet.utilization),
        Route("downtime", "fleet/downtime", isFleetWide: true, Fleet.downtimeRules, Fleet.downtime),
        Route(
            "downtimeIntervals", "fleet/downtime/intervals", isFleetWide: true, csv: .intervals,
            Fleet.intervalRules, Fleet.intervals),
        Route(
            "fleetStates", "fleet/states", isFleetWide: true, csv: .fleetStates, HourRows.stateRules,
            HourRows.states),
        Route(
            "fleetWindows", "fleet/windows", isFleetWide: true, csv: .fleetWindows, HourRows.rules,
            HourRows.windows),
        Route(
            "fleetErrors", "fleet/errors", isFleetWide: true, csv: .fleetErrors, HourRows.rules,
            HourRows.errors),
        Route(
            "reliability", "fleet/reliability", isFleetWide: true, csv: .reliability, Fleet.reliabilityRules,
            Fleet.reliability),
        Route(
            "failures", "fleet/failures", isFleetWide: true, csv: .failures, Failure.rules, Failure.list),
        Route("funnel", "funnel", Merchants.funnelRules, Merchants.funnel),
        Route("merchantUsage", "merchants/usage", roles: finances, Merchants.usageRules, Merchants.usage),
        Route(
            "quality", "quality", roles: operators, isFleetWide: true, csv: .quality, ParameterRule.range,
            Quality.answer),
        Route(
            "export", "incidents/export.csv", roles: finances, isRevalidated: false, Export.rules,
            Export.answer),
        Route(
            "audit", "audit", roles: [.admin], isFleetWide: true, isRevalidated: false, csv: .audit,
            Service.auditRules, Service.audit),
    ]

    /// That of an operation, which must be there.
    static func named(_ operation: String) -> Route {
        guard let route = table.first(where: { $0.operation == operation }) else {
            preconditionFailure("there is no operation \(operation)")
        }
        return route
    }

    private static let parts = table.map { $0.template.split(separator: "/").map(String.init) }

    /// The route of a path below the prefix, with what stands for its `{id}`s.
    static func find(_ path: ArraySlice<String>) -> (route: Route, objects: [String])? {
        for (route, parts) in zip(table, parts) where parts.count == path.count {
            var objects: [String] = []
            let fits = zip(parts, path).allSatisfy { part, given in
                if part == "{id}" {
                    objects.append(given)
                    return true
                }
                return part == given
            }
            if fits { return (route, objects) }
        }
        return nil
    }

    /// Whether a reader may use it.
    func admits(_ reader: Reader) -> Bool {
        roles.contains(reader.role) && !(isFleetWide && reader.merchants != nil)
    }
}
