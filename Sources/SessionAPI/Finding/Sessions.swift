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
                reason: row.text("session_id").flatMap { reasons[$0.byBytes] }, call, &out)
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
