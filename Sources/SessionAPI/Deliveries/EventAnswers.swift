internal import SessionStore

/// One event: itself, its payload, and why it is where it is.
extension Events {
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
}
