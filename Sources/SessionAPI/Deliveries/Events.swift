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
    static func visible(_ call: Call) throws -> (AnswerRow, [Belonging]) {
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
    static func others(than event: AnswerRow, _ call: Call) throws -> [Int64]? {
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
}
