internal import SessionStore

/// What stands out in a session, from facts only: what came before what, never what caused what.
enum Verdict {
    /// One line of it.
    struct Line {
        var kind: String
        var text: String
        var eventID: String?
        var lane: String?
        var at: Int64?

        func write(_ out: inout JSONWriter) {
            out.object { out in
                out.text("kind", kind)
                out.text("text", text)
                out.text("event_id", eventID)
                out.text("lane", lane)
                out.instant("at", at)
            }
        }
    }

    /// At most five, the most telling first; never none.
    static func lines(of story: Story, _ call: Call) -> [Line] {
        var lines: [Line] = []
        let (error, down) = lastError(story, call)
        if let error = error ?? otherError(story, call) { lines.append(error) }
        if let ended = ended(story) { lines.insert(ended, at: 0) }
        lines += downs(story, call, told: down).prefix(2)
        lines += reassignments(story).prefix(2)
        if let slow = slowest(story, call) { lines.append(slow) }
        let anomalies = story.row.integer("anomaly_count") ?? 0
        if anomalies > 0 {
            lines.append(
                Line(
                    kind: "anomaly",
                    text:
                        "\(anomalies) \(anomalies == 1 ? "contradiction" : "contradictions") in what was told: an "
                        + "entity named while another held it, or milestones the wrong way round."))
        }
        if story.outcome == "in_progress", story.robots.isEmpty {
            let waited = Double(call.asOf.now - story.start) / 1e6
            lines.append(
                Line(kind: "waiting", text: "No robot yet, after \(InstantFormat.length(max(0, waited)))."))
        }
        if let near = nearMiss(story) { lines.append(near) }
        if lines.isEmpty { lines.append(nothing(story)) }
        return Array(lines.prefix(5))
    }

    /// The last error of a robot that held it, before the end; where that robot was down at the end, the error it went
    /// down with. A robot that had given it away by then is not asked: what it was down for did not end this.
    private static func lastError(_ story: Story, _ call: Call) -> (Line?, StateInterval?) {
        let end = story.end(call)
        guard let fault = story.fault(call) else { return (nil, nil) }
        let told = fault.error
        let code = told.code.map(Events.cut) ?? "an error"
        var text = "\(fault.isLast ? "Last robot error" : "Robot error") before the end: "
        if story.outcome == "in_progress" { text = "Last robot error: " }
        text += "\(code) on \(told.robot) at \(InstantFormat.clock(told.at))"
        if let terminal = story.events.last(where: { isEnd($0, of: story) }) {
            text += ", \(InstantFormat.length(Double(terminal.at - told.at) / 1e6)) before \(terminal.name)"
        } else {
            text += ", \(InstantFormat.length(Double(end - told.at) / 1e6)) ago"
        }
        if let down = fault.down { text += "; the robot was \(down.state) for it" }
        return (
            Line(
                kind: "last_error", text: text + ".", eventID: told.id, lane: told.lane, at: told.at),
            fault.down
        )
    }

    /// Whether it is what the session ended with.
    private static func isEnd(_ event: StoryEvent, of story: Story) -> Bool {
        event.via == "direct" && event.at == story.row.integer("closed_at")
    }

    /// Where no robot that held it told of an error: the last of another, but for what it ended with, which is its failure.
    private static func otherError(_ story: Story, _ call: Call) -> Line? {
        let end = story.end(call)
        let others = story.events.filter { $0.fields.hasError && !isEnd($0, of: story) }
        guard let told = others.last(where: { $0.at <= end }) ?? others.last else { return nil }
        let when =
            story.outcome == "in_progress"
            ? "Last error" : told.at > end ? "After the end" : "Last error before the end"
        let code = told.fields.errorCode.map(Events.cut) ?? "an error"
        return Line(
            kind: "other_error", text: "\(when): \(code) of \(told.name) at \(InstantFormat.clock(told.at)).",
            eventID: told.id, lane: told.lane, at: told.at)
    }

    /// Why it was called off or refused, where its last event says so. Of a failure the error it ended with is told elsewhere.
    private static func ended(_ story: Story) -> Line? {
        guard OutcomeReason.isTold(of: story.row), let first = story.outcome.first else { return nil }
        let word = first.uppercased() + story.outcome.dropFirst()
        let terminal = story.events.last { isEnd($0, of: story) && $0.fields.reason != nil }
        guard let terminal, let reason = terminal.fields.reason else { return nil }
        return Line(
            kind: "ended",
            text:
                "\(word) for: \(Events.cut(reason)) (\(terminal.name) at \(InstantFormat.clock(terminal.at))).",
            eventID: terminal.id, lane: terminal.lane, at: terminal.at)
    }

    private static func downs(_ story: Story, _ call: Call, told: StateInterval?) -> [Line] {
        story.states.filter { state in
            guard call.rules.downtime.contains(state.state),
                state.startedAt != told?.startedAt || state.robot != told?.robot
            else { return false }
            return story.windows.contains { window in
                window.kind == "robot" && window.entity == state.robot && state.startedAt < window.end
                    && (state.endedAt ?? .max) > window.startedAt
            }
        }.map { state in
            let until = state.endedAt.map { " to \(InstantFormat.clock($0))" } ?? " on"
            return Line(
                kind: "robot_down",
                text:
                    "\(state.robot) was \(state.words) from \(InstantFormat.clock(state.startedAt))\(until).",
                lane: "robot:\(state.robot)", at: state.startedAt)
        }
    }

    private static func reassignments(_ story: Story) -> [Line] {
        let held = story.windows.filter { $0.kind == "robot" }
        return held.enumerated().compactMap { index, window in
            guard window.endReason == "reassigned" || window.endReason == "orphaned", let end = window.endedAt
            else {
                return nil
            }
            let next = index + 1 < held.count ? held[index + 1] : nil
            let text =
                next.map {
                    "\(window.entity) → \($0.entity) at \(InstantFormat.clock($0.startedAt)): the first one's window "
                        + "ended \(window.endReason ?? "") at \(InstantFormat.clock(end))."
                }
                ?? "\(window.entity)'s window ended \(window.endReason ?? "") at \(InstantFormat.clock(end)), and no "
                + "other robot came."
            let event = story.events.first { $0.at == end && $0.via == "direct" }
            return Line(kind: "reassigned", text: text, eventID: event?.id, lane: window.lane, at: end)
        }
    }

    private static func words(_ duration: String) -> String {
        String(duration.dropLast("_seconds".count).map { $0 == "_" ? "-" : $0 })
    }

    private static func slowest(_ story: Story, _ call: Call) -> Line? {
        let slow = Sessions.durations.filter { $0 != "total_seconds" }.compactMap {
            name -> (Double, String)? in
            guard let seconds = story.row.number(name), let usual = story.comparison?.slow(name, seconds)
            else {
                return nil
            }
            return (
                seconds - usual.median,
                "The step \(words(name)) took \(InstantFormat.length(seconds)); of \(usual.sessions) like it half took "
                    + "at most \(InstantFormat.length(usual.median)), nine in ten at most "
                    + "\(InstantFormat.length(usual.p90))."
            )
        }
        return slow.max { $0.0 < $1.0 }.map { Line(kind: "slow_step", text: $0.1) }
    }

    private static func nearMiss(_ story: Story) -> Line? {
        let errors = story.nearMisses.filter { ($0.integer("robot_use") ?? 0) & 4 != 0 }
        guard let first = errors.first, let robot = first.text("robot_id") else { return nil }
        return Line(
            kind: "near_miss",
            text:
                "\(errors.count) \(errors.count == 1 ? "error" : "errors") within a minute of a window, the first of "
                + "\(robot), belong to no session: see why not.",
            eventID: first.text("event_id"), lane: "robot:\(robot)", at: first.integer("occurred_at"))
    }

    private static func nothing(_ story: Story) -> Line {
        let steps = Sessions.durations.filter { $0 != "total_seconds" }.compactMap { name in
            story.row.number(name).map { (name, $0) }
        }
        let count = story.row.integer("event_count") ?? 0
        let events = "\(count) \(count == 1 ? "event" : "events")"
        let errors = story.row.integer("error_count") ?? 0
        var text = "Nothing unusual in \(events)"
        // What it ended with is told as its failure, and others were named: but for those that are not loaded.
        if let last = story.events.last(where: { $0.fields.hasError }) {
            text =
                "No error in \(events) but the one it ended with, \(last.fields.errorCode.map(Events.cut) ?? "without a code")"
        } else if errors > 0 {
            text = "\(errors) \(errors == 1 ? "error" : "errors") in \(events), none of them loaded here"
        }
        if let longest = steps.max(by: { $0.1 < $1.1 }) {
            text += "; the longest step was \(words(longest.0)), \(InstantFormat.length(longest.1))"
        }
        return Line(kind: "nothing", text: text + ".")
    }
}
