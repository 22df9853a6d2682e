internal import SessionStore

/// Rows of `sessions`: finding one by any id, and telling it.
enum Sessions {
    static let milestones = [
        "offer_received_at", "offer_accepted_at", "quote_requested_at", "quote_provided_at",
        "demand_created_at",
        "demand_confirmed_at", "assigned_at", "active_at", "trip_created_at", "trip_started_at",
        "pilot_assigned_at",
        "pickup_arrival_at", "pickup_started_at", "pickup_completed_at", "dropoff_arrival_at",
        "dropoff_started_at",
        "dropoff_completed_at", "fulfilled_at", "canceled_at", "failed_at",
    ]
    static let durations = [
        "assign_seconds", "to_pickup_seconds", "pickup_seconds", "transit_seconds", "dropoff_seconds",
        "total_seconds",
    ]
    static let outcomes = ["in_progress", "completed", "failed", "canceled", "rejected", "expired"]
    /// Those that lists hold where no kind is asked for.
    static let listedKinds = ["delivery", "demand"]
    static let kinds = ["delivery", "demand", "trip", "quote", "offer"]

    /// The session that an id stands for, and the id that was asked for where it is another one.
    /// - Throws: ``Problem`` where it stands for none that the reader may see, or for several.
    static func find(_ id: String, _ call: Call) throws -> (row: AnswerRow, askedFor: String?) {
        // Every session's id begins with its kind: of a bare id it is no use to ask as it is.
        let isWhole = kinds.contains { id.hasPrefix("\($0):") }
        for candidate in (isWhole ? [id] : []) + kinds.map({ "\($0):\(id)" }) {
            let own = try call.rows("SELECT * FROM sessions WHERE session_id = ?1", [.text(candidate)])
            // Another's is looked for on, as if it were not there: how long the answer takes tells nothing either.
            if let row = own.first, call.reader.sees(merchant: row.text("merchant_id")) { return (row, nil) }
            let owners = try call.rows(
                """
                SELECT s.* FROM session_members m JOIN sessions s ON s.session_id = m.session_id
                WHERE m.named_id = ?1 ORDER BY s.session_id LIMIT 101
                """, [.text(candidate)]
            ).filter { call.reader.sees(merchant: $0.text("merchant_id")) }
            if owners.count == 1 { return (owners[0], candidate) }
            if owners.count > 1 { throw try several(candidate, owners, call) }
        }
        throw try unknown(id, call)
    }

    private static func several(_ id: String, _ owners: [AnswerRow], _ call: Call) throws -> Problem {
        var out = JSONWriter()
        try out.array(nil) { out in try write(owners.prefix(100), call, &out) }
        return Problem(
            kind: .severalSessions, title: "Several deliveries",
            detail:
                "\(id) belongs to \(owners.count > 100 ? "more than 100" : "\(owners.count)") deliveries.",
            hint: "Ask for one of `choices` by its session_id.", choices: out.bytes)
    }

    private static func unknown(_ id: String, _ call: Call) throws -> Problem {
        let bare = id.split(separator: ":", maxSplits: 1).last.map(String.init) ?? id
        let near = try Search.near(bare, call)
        let newest = call.asOf.lastEventAt.map {
            " The newest event is of \(InstantFormat.text($0)): what came later is not here yet."
        }
        return .unknown(
            "session", id,
            hint: (near.isEmpty
                ? "Check the id." : "Check the id; near it are \(near.joined(separator: ", ")).")
                + (call.reader.merchants == nil ? newest ?? " The store holds no events." : ""), near: near)
    }

    /// Rows as elements, each with what is behind its end.
    static func write(_ rows: some Sequence<AnswerRow>, _ call: Call, _ out: inout JSONWriter) throws {
        let rows = Array(rows)
        let reasons = try OutcomeReason.behind(rows, call)
        for row in rows {
            write(
                row, fault: try Fault.behind(row, call),
                reason: row.text("session_id").flatMap { reasons[$0] }, call, &out)
        }
    }

    /// One row as a `Session`, with the fault behind its failure, and the reason that its end was told with.
    static func write(
        _ row: AnswerRow, key: String? = nil, fault: Fault?, reason: String?, _ call: Call,
        _ out: inout JSONWriter
    ) {
        out.object(key) { out in
            for name in ["session_id", "kind", "delivery_id"] { out.text(name, row.text(name)) }
            for name in ["demand_ids", "trip_ids"] { out.raw(name, row.text(name) ?? "[]") }
            let texts = [
                "merchant_id", "source", "zone_id", "outcome", "failure_code", "failure_message",
                "first_error_code",
            ]
            for name in texts { out.text(name, row.text(name)) }
            out.text("outcome_reason", reason)
            if let fault { fault.write(&out) } else { out.raw("fault", nil) }
            for name in ["first_event_at", "last_event_at", "closed_at"] {
                out.instant(name, row.integer(name))
            }
            out.object("milestones") { out in
                for name in milestones { out.instant(name, row.integer(name)) }
            }
            out.object("durations") { out in
                for name in durations { out.number(name, row.number(name)) }
            }
            for name in ["robot_id", "pilot_id"] { out.text(name, row.text(name)) }
            for name in ["robot_ids", "pilot_ids"] { out.raw(name, row.text(name) ?? "[]") }
            let counts = [
                "reassignment_count", "pilot_handoff_count", "attempt_count", "attempt_failed_count",
                "rescue_count",
                "error_count", "event_count", "anomaly_count",
            ]
            for name in counts { out.integer(name, row.integer(name) ?? 0) }
            for name in ["robot_seconds", "pilot_seconds"] { out.number(name, row.number(name) ?? 0) }
            out.instant("updated_at", row.integer("updated_at"))
            let isOpen = row.text("outcome") == "in_progress"
            out.number("open_seconds", isOpen ? openSeconds(row, call) : nil)
        }
    }

    private static func openSeconds(_ row: AnswerRow, _ call: Call) -> Double {
        max(0, Double(call.asOf.now - (row.integer("first_event_at") ?? call.asOf.now)) / 1e6)
    }

    /// What changes whenever the session does.
    static func version(_ row: AnswerRow) -> String {
        "\(row.integer("updated_at") ?? 0)-\(row.integer("event_count") ?? 0)"
    }

    // MARK: - Routes

    static func one(_ call: Call) throws -> Answer {
        let (row, askedFor) = try find(call.objects[0], call)
        let fault = try Fault.behind(row, call)
        let reason = try OutcomeReason.behind(row, call)
        var out = JSONWriter()
        out.object { out in
            call.asOf.write(&out)
            out.text("asked_for", askedFor)
            write(row, key: "session", fault: fault, reason: reason, call, &out)
        }
        return .json(out, rows: 1)
    }

    static let listRules: [ParameterRule] =
        [
            .word("kind", kinds, isList: true), .word("outcome", outcomes, isList: true),
            .id("merchant", isList: true), .id("robot", isList: true), .id("pilot", isList: true),
            .id("zone", isList: true), .id("source", isList: true), .id("error", isList: true),
            .instant("from"),
            .instant("to"), .whole("open_longer_than", 0...31_536_000), .flag("anomalous"),
            .flag("reassigned"),
            .word("error_near", milestones), .whole("within_seconds", 1...3600),
        ] + SessionQuery.countedRules + ParameterRule.page

    static func list(_ call: Call) throws -> Answer {
        var query = SessionQuery(call)
        try query.takeParameters()
        let size = call.pageSize
        let rows = try query.page(size: size + 1, order: "s.\(query.key) DESC, s.session_id DESC")
        var out = JSONWriter()
        try out.object { out in
            call.asOf.write(&out)
            try out.array("rows") { out in try write(rows.prefix(size), call, &out) }
            let last = rows.count > size ? rows[size - 1] : nil
            out.text(
                "next",
                call.next(last.map { ["\($0.integer(query.key) ?? 0)", $0.text("session_id") ?? ""] }))
        }
        return .json(out, rows: min(rows.count, size))
    }
}

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
