internal import SessionStore

/// A row of `assignment_windows`.
struct Window {
    var sessionID: String
    var kind: String
    var entity: String
    var startedAt: Int64
    var endedAt: Int64?
    var expiresAt: Int64
    var openedBy: String
    var endReason: String?
    var isInferred: Bool

    init(_ row: AnswerRow) {
        sessionID = row.text("session_id") ?? ""
        kind = row.text("kind") ?? ""
        entity = row.text("entity_id") ?? ""
        startedAt = row.integer("started_at") ?? 0
        endedAt = row.integer("ended_at")
        expiresAt = row.integer("expires_at") ?? 0
        openedBy = row.text("opened_by") ?? ""
        endReason = row.text("end_reason")
        isInferred = row.integer("inferred") != 0
    }

    /// Where it stops to join events.
    var end: Int64 { endedAt ?? expiresAt }
    var lane: String { "\(kind):\(entity)" }

    func holds(_ instant: Int64) -> Bool { startedAt <= instant && instant < end }

    /// Why it is there, as a sentence. `what`: "this delivery", or a session's id.
    func sentence(about what: String) -> String {
        let start = InstantFormat.clock(startedAt)
        let opened = isInferred ? "inferred from \(openedBy)" : "opened by \(openedBy)"
        if kind == "merchant" {
            return endedAt.map {
                "\(entity) is the merchant of \(what), \(start)–\(InstantFormat.clock($0))."
            }
                ?? "\(entity) is the merchant of \(what), from \(start) on."
        }
        guard let endedAt else {
            return "\(entity) holds \(what) since \(start): \(opened); no end yet, and nothing joins after "
                + "\(InstantFormat.clock(expiresAt))."
        }
        return "\(entity) held \(what) \(start)–\(InstantFormat.clock(endedAt)): \(opened), ended: "
            + "\(endReason ?? "for an unknown reason")."
    }

    func write(key: String? = nil, _ out: inout JSONWriter, about what: String) {
        out.object(key) { out in
            out.text("kind", kind)
            out.text("entity_id", entity)
            out.text("lane", lane)
            out.instant("started_at", startedAt)
            out.instant("ended_at", endedAt)
            out.instant("expires_at", expiresAt)
            out.text("opened_by", openedBy)
            out.text("end_reason", endReason)
            out.flag("inferred", isInferred)
            out.number("seconds", endedAt.map { Double($0 - startedAt) / 1e6 })
            out.text("sentence", sentence(about: what))
        }
    }

    /// All of a session, by start.
    static func all(of session: String, _ call: Call) throws -> [Window] {
        try call.rows(
            """
            SELECT * FROM assignment_windows WHERE session_id = ?1
            ORDER BY started_at, CASE kind WHEN 'robot' THEN 0 WHEN 'pilot' THEN 1 ELSE 2 END, entity_id
            """, [.text(session)]
        ).map(Window.init)
    }

    /// Those of an entity that hold an instant.
    static func holding(_ instant: Int64, kind: String, entity: String, _ call: Call) throws -> [Window] {
        try call.rows(
            """
            SELECT * FROM assignment_windows
            WHERE kind = ?1 AND entity_id = ?2 AND started_at <= \(call.at(3)) AND started_at > \(call.at(4))
              AND \(call.at(3)) < coalesce(ended_at, expires_at)
            ORDER BY started_at, session_id
            """,
            [.text(kind), .text(entity), .integer(instant), .integer(instant - call.rules.maxWindow - 1)]
        ).map(Window.init)
    }

    /// The nearest of an entity that do not hold an instant: the last before and the first after.
    static func nearest(_ instant: Int64, kind: String, entity: String, _ call: Call) throws -> [Window] {
        let before = try call.rows(
            """
            SELECT * FROM assignment_windows
            WHERE kind = ?1 AND entity_id = ?2 AND started_at <= \(call.at(3)) ORDER BY started_at DESC LIMIT 20
            """, [.text(kind), .text(entity), .integer(instant)]
        ).map(Window.init).filter { !$0.holds(instant) }.max { $0.end < $1.end }
        let after = try call.rows(
            """
            SELECT * FROM assignment_windows
            WHERE kind = ?1 AND entity_id = ?2 AND started_at > \(call.at(3)) ORDER BY started_at LIMIT 1
            """, [.text(kind), .text(entity), .integer(instant)]
        ).map(Window.init).first
        return [before, after].compactMap { $0 }
    }

    /// Where it stands to an instant, in words: "ended 40 s before it (failed)".
    func distance(from instant: Int64) -> (position: String, gap: Double, words: String) {
        if holds(instant) { return ("holds", 0, "holds it") }
        if startedAt > instant {
            let gap = Double(startedAt - instant) / 1e6
            return ("after", gap, "begins \(InstantFormat.length(gap)) after it (\(openedBy))")
        }
        let gap = Double(instant - end) / 1e6
        let words = endedAt == nil ? "expired" : "ended"
        let reason = endedAt == nil ? "no end was told" : endReason ?? "no reason"
        return ("before", gap, "\(words) \(InstantFormat.length(gap)) before it (\(reason))")
    }

    func writeNear(_ instant: Int64, _ out: inout JSONWriter) {
        let (position, gap, words) = distance(from: instant)
        out.object { out in
            out.text("session_id", sessionID)
            out.text("kind", kind)
            out.text("entity_id", entity)
            out.text("position", position)
            out.number("gap_seconds", gap)
            out.instant("started_at", startedAt)
            out.instant("ended_at", endedAt)
            out.instant("expires_at", expiresAt)
            out.text("opened_by", openedBy)
            out.text("end_reason", endReason)
            out.text("sentence", "\(entity)'s window for \(sessionID) \(words).")
        }
    }
}
