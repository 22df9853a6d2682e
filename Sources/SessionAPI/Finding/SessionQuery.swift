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
        let (kinds, asked) = (given.list("kind"), Set(given.list("outcome")))
        // Of outcomes that only offers come to, none of the usual kinds has any.
        let isOfOffers = !asked.isEmpty && asked.isSubset(of: ["rejected", "expired"])
        if !kinds.isEmpty {
            either("s.kind", kinds)
        } else if !isOfOffers {
            either("s.kind", Sessions.listedKinds)
        }
        for (name, column) in [
            ("outcome", "s.outcome"), ("merchant", "s.merchant_id"), ("zone", "s.zone_id"),
            ("source", "s.source"),
        ] where !given.list(name).isEmpty {
            either(column, given.list(name))
        }
        // What is rare has an index of its own, which the store takes where the condition says as much.
        if !given.list("outcome").isEmpty,
            !given.list("outcome").contains(where: { $0 == "completed" || $0 == "in_progress" })
        {
            conditions.append("s.outcome <> 'completed' AND s.outcome <> 'in_progress'")
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
        try takeCounted()
        if let cursor = try call.cursor(keys: 2) {
            guard let at = Int64(cursor.keys[0]) else {
                throw Problem(kind: .badRequest, title: "Unusable cursor", detail: "The cursor is damaged.")
            }
            let (time, id) = (call.flavour.instant(bind(.integer(at))), bind(.text(cursor.keys[1])))
            conditions.append("(s.\(key), s.session_id) < (\(time), \(id))")
        }
    }

    /// A `robot.error` that is among its events, whichever way it joined, lies so near a milestone. Errors that others tell of
    /// a robot (`attempt.failed`) are none of the robot's: docs/sql.md asks the same.
    private mutating func errorNear(_ milestone: String, _ seconds: Int64) {
        let near = bind(.integer(seconds))
        // By its own index: most sessions have no error at all.
        conditions.append("s.error_count > 0")
        let isNear = """
            e.event = 'robot.error' AND e.occurred_at >= \(call.flavour.moved("s.\(milestone)", by: "-\(near)"))
            AND e.occurred_at <= \(call.flavour.moved("s.\(milestone)", by: near))
            """
        conditions.append("(\(JoinedEvents(call: call).exists(isNear)))")
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
