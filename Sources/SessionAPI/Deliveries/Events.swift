internal import SessionStore

/// A row of `events`, and what joins it to sessions.
enum Events {
    /// An event by its id: of several in different hours that of the hour of `at`, else the earliest.
    static func find(_ id: String, _ call: Call) throws -> AnswerRow? {
        if let at = call.parameters.instant("at") {
            let hour = InstantFormat.floor(at, to: InstantFormat.hour) / InstantFormat.hour
            return try call.rows(
                "SELECT * FROM events WHERE hour = ?1 AND event_id = ?2", [.integer(hour), .text(id)]
            ).first
        }
        return try all(id, after: nil, limit: 1, call).first
    }

    /// The events of an id that lie in later hours than one, the earliest first.
    private static func all(_ id: String, after hour: Int64?, limit: Int, _ call: Call) throws -> [AnswerRow]
    {
        // The identity's index begins with the hour: it leaps from one hour that has events to the next, and looks there
        // before it leaps on. Left to itself, PostgreSQL reads small tables as they lie, whose first need not be the earliest.
        let found =
            switch call.flavour {
            case .sqlite: "CROSS JOIN events e ON e.hour = hours.hour AND e.event_id = ?1"
            case .postgres:
                "CROSS JOIN LATERAL (SELECT * FROM events e WHERE e.hour = hours.hour AND e.event_id = ?1 OFFSET 0) e"
            }
        return try call.rows(
            """
            WITH RECURSIVE hours(hour) AS (
              SELECT min(hour) FROM events\(hour == nil ? "" : " WHERE hour > ?2")
              UNION ALL
              SELECT (SELECT min(e.hour) FROM events e WHERE e.hour > hours.hour) FROM hours
                WHERE hours.hour IS NOT NULL)
            SELECT e.* FROM hours \(found) LIMIT \(limit)
            """, [.text(id)] + (hour.map { [.integer($0)] } ?? []))
    }

    /// How an event came into a session.
    struct Belonging {
        var sessionID: String
        var via: String
        var entity: String?
        var why: String
        var window: Window?
        var sentence: String
    }

    /// The sessions an event belongs to, and why (semantics, sections 2 and 4).
    static func belongings(of event: AnswerRow, _ call: Call) throws -> [Belonging] {
        if let subject = event.text("subject") {
            let owners = try call.rows(
                """
                SELECT session_id FROM sessions WHERE session_id = ?1
                UNION SELECT session_id FROM session_members WHERE named_id = ?1 ORDER BY session_id
                """, [.text(subject)])
            return owners.compactMap { $0.text("session_id") }.map { id in
                Belonging(
                    sessionID: id, via: "direct", entity: nil,
                    why: id == subject ? "names_it" : "names_linked",
                    window: nil,
                    sentence: id == subject
                        ? "It names \(id)." : "It names \(subject), which is part of \(id).")
            }
        }
        let at = event.integer("occurred_at") ?? 0
        for (kind, column) in [("robot", "robot_id"), ("pilot", "pilot_id"), ("merchant", "merchant_id")] {
            guard let entity = event.text(column) else { continue }
            if kind == "merchant", event.text("robot_id") != nil || event.text("pilot_id") != nil { continue }
            let windows = try Window.holding(at, kind: kind, entity: entity, call)
            if windows.isEmpty { continue }
            return windows.map { window in
                Belonging(
                    sessionID: window.sessionID, via: kind, entity: entity, why: "\(kind)_window",
                    window: window,
                    sentence: "It names no session; \(window.sentence(about: window.sessionID))")
            }
        }
        return []
    }

    /// Why an event without a session of its own belongs to none.
    static func whyNot(_ event: AnswerRow) -> String {
        let at = InstantFormat.clock(event.integer("occurred_at") ?? 0)
        if let subject = event.text("subject") { return "It names \(subject), which is no session." }
        let who = [event.text("robot_id"), event.text("pilot_id")].compactMap { $0 }
        if !who.isEmpty {
            return "It names no session, and \(who.joined(separator: " and ")) had no window at \(at)."
        }
        if let merchant = event.text("merchant_id") {
            return "It names no session, and \(merchant) had no session under way at \(at)."
        }
        return "It names no session, no robot, no pilot and no merchant."
    }

    /// The nearest windows of its robot, else of its pilot, else of its merchant.
    static func nearest(_ event: AnswerRow, _ call: Call) throws -> [Window] {
        if call.reader.merchants != nil || event.text("subject") != nil { return [] }
        let at = event.integer("occurred_at") ?? 0
        for (kind, column) in [("robot", "robot_id"), ("pilot", "pilot_id"), ("merchant", "merchant_id")] {
            guard let entity = event.text(column) else { continue }
            let windows = try Window.nearest(at, kind: kind, entity: entity, call)
            if !windows.isEmpty { return windows }
        }
        return []
    }

    static func write(
        _ event: AnswerRow, sessions: [String], others: [Int64]?, key: String? = nil, _ call: Call,
        _ out: inout JSONWriter
    ) {
        out.object(key) { out in
            out.text("event_id", event.text("event_id"))
            for name in ["occurred_at", "received_at"] { out.instant(name, event.integer(name)) }
            let texts = [
                "event", "delivery_id", "demand_id", "trip_id", "quote_id", "offer_id", "robot_id",
                "pilot_id",
                "merchant_id", "zone_id", "source",
            ]
            for name in texts { out.text(name, event.text(name)) }
            out.texts("sessions", sessions)
            if let others {
                out.texts("others", others.map(InstantFormat.text))
            } else {
                out.raw("others", nil)
            }
            let payload = event.text("payload") ?? ""
            // What each role may know of it, as in a delivery's story.
            let fields = PayloadFields(event: event.text("event") ?? "", payload: payload)
            fields.write(&out)
            let isCut = payload.utf8.count > 65_536
            let shown = isCut ? String(decoding: payload.utf8.prefix(65_536), as: UTF8.self) : payload
            out.text("payload", call.reader.seesPayloads ? shown : nil)
            out.flag("payload_withheld", !call.reader.seesPayloads)
            out.flag("payload_cut", call.reader.seesPayloads && isCut)
        }
    }

    /// The sessions an event belongs to that the reader may see; nil where the reader may not see the event.
    private static func seenBelongings(of event: AnswerRow, _ call: Call) throws -> [Belonging]? {
        let all = try belongings(of: event, call)
        if call.reader.merchants == nil { return all }
        let seen = try all.filter { belonging in
            let row = try call.rows(
                "SELECT merchant_id FROM sessions WHERE session_id = ?1", [.text(belonging.sessionID)])
            return call.reader.sees(merchant: row.first?.text("merchant_id"))
        }
        return seen.isEmpty ? nil : seen
    }

    /// The events of an id that the reader may see, those in later hours than one, until `body` answers false.
    private static func forEachVisible(
        _ id: String, after hour: Int64?, _ call: Call, _ body: (AnswerRow, [Belonging]) -> Bool
    ) throws {
        // A reader who sees all events is told the first.
        let size = hour == nil && call.reader.merchants == nil ? 1 : mostOthers
        var place = hour
        while true {
            let rows = try all(id, after: place, limit: size, call)
            for row in rows {
                if let belongings = try seenBelongings(of: row, call), !body(row, belongings) { return }
            }
            guard rows.count == size, let last = rows.last?.integer("hour") else { return }
            place = last
        }
    }

    /// An event with the sessions it belongs to that the reader may see. Without `at` it is the first that the reader may
    /// see: an earlier one of the same id may be somebody else's.
    private static func visible(_ call: Call) throws -> (AnswerRow, [Belonging]) {
        let id = call.objects[0]
        var found: (AnswerRow, [Belonging])?
        if call.parameters.instant("at") != nil {
            if let event = try find(id, call) {
                found = try seenBelongings(of: event, call).map { (event, $0) }
            }
        } else {
            try forEachVisible(id, after: nil, call) { event, belongings in
                found = (event, belongings)
                return false
            }
        }
        guard let found else { throw Problem.unknown("event", id) }
        return found
    }

    /// So many others of an id are told of.
    private static let mostOthers = 20

    /// When the other events of its id were that the reader may see, all of them later than it; nil where `at` said which
    /// one is meant, or where looking through the store's hours takes too long.
    private static func others(than event: AnswerRow, _ call: Call) throws -> [Int64]? {
        guard call.parameters.instant("at") == nil, let hour = event.integer("hour") else { return nil }
        return try call.asked(within: 0.2) { _ in
            var others: [Int64] = []
            try forEachVisible(call.objects[0], after: hour, call) { other, _ in
                others.append(other.integer("occurred_at") ?? 0)
                return others.count < mostOthers
            }
            return others
        }
    }

    // MARK: - Routes

    static func one(_ call: Call) throws -> Answer {
        let (event, belongings) = try visible(call)
        var out = JSONWriter()
        write(
            event, sessions: belongings.map(\.sessionID), others: try others(than: event, call), call, &out)
        return .json(out, rows: 1)
    }

    /// The payload as it came, whole, as a file: what a browser shows of it is cut.
    static func payload(_ call: Call) throws -> Answer {
        let (event, _) = try visible(call)
        return .file(
            name: "event-payload.json", type: "application/json", Array((event.text("payload") ?? "").utf8))
    }

    static func explain(_ call: Call) throws -> Answer {
        let (event, belongings) = try visible(call)
        let at = event.integer("occurred_at") ?? 0
        let nearest = try nearest(event, call)
        let whyNot = belongings.isEmpty ? whyNot(event) : nil
        let others = try others(than: event, call)
        var out = JSONWriter()
        try out.object { out in
            write(
                event, sessions: belongings.map(\.sessionID), others: others, key: "event", call, &out)
            out.array("belongs") { out in
                for belonging in belongings {
                    out.object { out in
                        out.text("session_id", belonging.sessionID)
                        out.text("via", belonging.via)
                        out.text("via_id", belonging.entity)
                        out.text("why", belonging.why)
                        if let window = belonging.window {
                            window.write(key: "window", &out, about: belonging.sessionID)
                        } else {
                            out.raw("window", nil)
                        }
                        out.text("sentence", belonging.sentence)
                    }
                }
            }
            try writeAsked(event, belongings, call, &out)
            out.text("why_not", whyNot)
            out.array("nearest") { out in for window in nearest { window.writeNear(at, &out) } }
            out.text("sentence", sentence(belongings, whyNot, nearest, at))
        }
        return .json(out, rows: 1)
    }

    private static func sentence(
        _ belongings: [Belonging], _ whyNot: String?, _ nearest: [Window], _ at: Int64
    ) -> String {
        if let whyNot {
            guard let window = nearest.min(by: { $0.distance(from: at).gap < $1.distance(from: at).gap })
            else {
                return whyNot
            }
            return
                "\(whyNot.dropLast()); the nearest, for \(window.sessionID), \(window.distance(from: at).words)."
        }
        return belongings.map(\.sentence).joined(separator: " ")
    }

    private static func writeAsked(
        _ event: AnswerRow, _ belongings: [Belonging], _ call: Call, _ out: inout JSONWriter
    ) throws {
        guard let id = call.parameters.text("session") else { return out.raw("asked", nil) }
        let (session, _) = try Sessions.find(id, call)
        let sessionID = session.text("session_id") ?? id
        let own = belongings.first { $0.sessionID == sessionID }
        var sentence = own?.sentence ?? ""
        if own == nil {
            let at = event.integer("occurred_at") ?? 0
            let windows = try Window.all(of: sessionID, call).filter { window in
                window.entity == event.text("\(window.kind)_id")
            }
            if let subject = event.text("subject") {
                sentence = "It names \(subject), which is not part of \(sessionID)."
            } else if let window = windows.min(by: { $0.distance(from: at).gap < $1.distance(from: at).gap })
            {
                let (position, _, words) = window.distance(from: at)
                sentence =
                    position == "holds"
                    ? "\(window.entity)'s window for \(sessionID) holds it, but it joined through another entity, "
                        + "which comes first: \(belongings.map(\.sentence).joined(separator: " "))"
                    : "It names no session, and \(window.entity)'s window for \(sessionID) \(words)."
            } else {
                sentence = "It names no session, and nobody it names ever served \(sessionID)."
            }
        }
        out.object("asked") { out in
            out.text("session_id", sessionID)
            out.flag("belongs", own != nil)
            out.text("sentence", sentence)
        }
    }

    static let orphanRules: [ParameterRule] = ParameterRule.range + [.id("robot")] + ParameterRule.page

    static func orphans(_ call: Call) throws -> Answer {
        let range = try call.range()
        let size = call.pageSize
        let rows = try orphans(
            in: range, robot: call.parameters.text("robot"), before: call.cursor(keys: 2)?.keys,
            limit: size + 1,
            call)
        var out = JSONWriter()
        try out.object { out in
            call.asOf.write(&out)
            range.write(&out)
            try out.array("rows") { out in for row in rows.prefix(size) { try writeOrphan(row, call, &out) } }
            let last = rows.count > size ? rows[size - 1] : nil
            out.text(
                "next",
                call.next(last.map { ["\($0.integer("occurred_at") ?? 0)", $0.text("event_id") ?? ""] }))
        }
        return .json(out, rows: min(rows.count, size))
    }

    /// Events that name no session and that no window holds, the latest first.
    static func orphans(in range: TimeRange, robot: String?, before: [String]?, limit: Int, _ call: Call)
        throws
        -> [AnswerRow]
    {
        let cursor =
            "(e.occurred_at < \(call.at(4)) OR (e.occurred_at = \(call.at(4)) AND e.event_id < ?5))"
        return try call.rows(
            orphans("*", robot: robot != nil, and: cursor, limit: "?6", call),
            [
                .integer(range.from), .integer(range.to), .text(robot ?? ""),
                .integer(before.flatMap { Int64($0[0]) } ?? range.to), .text(before?[1] ?? ""),
                .integer(Int64(limit)),
            ])
    }

    /// Those of all robots, up to a thousand, the latest first: their ids.
    static func orphanList(in range: TimeRange, _ call: Call) -> SQLQuestion {
        SQLQuestion(
            orphans("event_id, occurred_at, robot_id", robot: false, and: nil, limit: "1000", call),
            [.integer(range.from), .integer(range.to)])
    }

    /// ?1 to ?2: the range; ?3: the robot.
    private static func orphans(
        _ columns: String, robot: Bool, and more: String?, limit: String, _ call: Call
    ) -> String {
        // As a rule it is the last window before it that holds it: with LIMIT, that one is looked at first.
        func held(_ kind: String, _ column: String) -> String {
            """
            (SELECT 1 FROM assignment_windows w WHERE w.kind = '\(kind)' AND w.entity_id = e.\(column)
              AND w.started_at <= e.occurred_at
              AND w.started_at > \(call.flavour.moved("e.occurred_at", by: "-\(Int64(call.rules.maxWindowSeconds) + 1)"))
              AND e.occurred_at < coalesce(w.ended_at, w.expires_at) ORDER BY w.started_at DESC LIMIT 1) IS NULL
            """
        }
        let which =
            robot
            ? "e.robot_id = ?3 AND e.robot_use IS NOT NULL"
            : "(e.robot_use & 4) <> 0"
        // Within, what the index of errors tells; PostgreSQL would look for another way if it saw all at once.
        let told = "e.event_id, e.occurred_at, e.robot_id, e.pilot_id"
        let order = "ORDER BY e.occurred_at DESC, e.event_id DESC"
        func found(_ columns: String, _ inner: String) -> String {
            """
            SELECT \(columns) FROM (
              SELECT \(inner) FROM events e WHERE \(which) AND e.subject IS NULL
                AND e.occurred_at >= \(call.at(1)) AND e.occurred_at < \(call.at(2))\(more.map { " AND \($0)" } ?? "")
              \(order)) e
            WHERE \(held("robot", "robot_id"))
              AND (e.pilot_id IS NULL OR \(held("pilot", "pilot_id")))
            \(order) LIMIT \(limit)
            """
        }
        if columns != "*" { return found(columns, told) }
        switch call.flavour {
        case .sqlite: return found("*", "e.*")
        case .postgres:
            // First which these few are: whole rows of all errors it would read and sort before it takes the latest.
            return """
                SELECT e.* FROM (\(found("event_id, occurred_at", told))) f
                CROSS JOIN LATERAL (SELECT e.* FROM events e WHERE e.occurred_at = f.occurred_at AND e.event_id = f.event_id
                  AND \(which) OFFSET 0) e
                \(order)
                """
        }
    }

    static func writeOrphan(_ event: AnswerRow, _ call: Call, _ out: inout JSONWriter) throws {
        let fields = PayloadFields(event: event.text("event") ?? "", payload: event.text("payload") ?? "")
        let nearest = try nearest(event, call)
        out.object { out in
            out.text("event_id", event.text("event_id"))
            out.instant("occurred_at", event.integer("occurred_at"))
            for name in ["event", "robot_id", "pilot_id"] { out.text(name, event.text(name)) }
            out.text("error_code", fields.errorCode.map(cut))
            out.text("error_message", fields.errorMessage.map(cut))
            out.text("why_not", whyNot(event))
            out.array("nearest") { out in
                for window in nearest { window.writeNear(event.integer("occurred_at") ?? 0, &out) }
            }
        }
    }

    /// At most 200 characters: of what is only shown. What a filter takes is told whole.
    static func cut(_ text: String) -> String {
        text.utf8.count > 200 && text.count > 200 ? text.prefix(199) + "…" : text
    }
}
