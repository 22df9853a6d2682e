internal import HTTPServer
internal import SessionStore
internal import SessionStory

/// A session as a text: what `sessionizer session ID` prints and what the page copies, byte for byte.
///
/// It tells of the store and of nothing else: its "now" is the store's last event, also beside a live queue, so that
/// whoever asks at another moment reads the same. It holds no payload and nothing that could steer a terminal.
enum StoryText {
    static let rules: [ParameterRule] = [.flag("brief")]

    /// Events that are told; of more, the first, the last, and between them what names the session and the errors.
    static let most = 20_000

    static func answer(_ call: Call) throws -> Answer {
        let call = try Call(call, clock: .lastEvent)
        return .text(
            try text(call.objects[0], askedFor: nil, isBrief: call.parameters.flag("brief"), call))
    }

    /// - Parameter askedFor: The id that led to this one, where that is not the session's own to tell.
    static func text(
        _ id: String, askedFor: String?, isBrief: Bool, isColoured: Bool = false, _ call: Call
    ) throws -> String {
        var story = try Story(id, limit: most, context: 1_800_000_000, call)
        story.comparison = try Comparison(to: story.row, call)
        return text(story, askedFor: askedFor, isBrief: isBrief, isColoured: isColoured, call)
    }

    static func text(
        _ story: Story, askedFor: String? = nil, isBrief: Bool, isColoured: Bool = false, _ call: Call
    ) -> String {
        var writer = StoryTextWriter(
            story: story, askedFor: askedFor ?? story.askedFor, call: call,
            out: TerminalText(isColoured: isColoured))
        writer.header()
        writer.verdict()
        writer.served()
        writer.errors()
        if !isBrief { writer.timeline() }
        return writer.out.text
    }
}

extension SessionAPI {
    /// A session as a text, for a command line.
    /// - Parameter id: A session's whole id, such as `delivery:D-1`.
    /// - Parameter askedFor: The id that led to it, where it is another one.
    /// - Parameter isBrief: Without the list of events: below 40 lines.
    /// - Throws: ``QuestionFailure`` where the store gives no answer.
    public func text(of id: String, askedFor: String?, isBrief: Bool, isColoured: Bool) throws -> String {
        try store.ask(within: limits.statementSeconds) { store in
            let asOf = try AsOf(store, clock: .lastEvent, wall: surroundings.wall())
            let question = Question(
                request: HTTPRequest(method: "GET", target: "/"), objects: [id], parameters: Parameters(),
                reader: .anonymous, api: self, asOf: asOf)
            return try StoryText.text(
                id, askedFor: askedFor, isBrief: isBrief, isColoured: isColoured,
                Call(question, store: store))
        }
    }
}

/// Writes the parts of the text.
struct StoryTextWriter {
    let story: Story
    let askedFor: String?
    let call: Call
    var out: TerminalText

    private var row: AnswerRow { story.row }

    mutating func header() {
        out.write(story.id, .heading)
        out.write("  ")
        switch story.outcome {
        case "completed": out.write(story.outcome.uppercased(), .good)
        case "in_progress": out.write("IN PROGRESS", .heading)
        default: out.write(story.outcome.uppercased(), .bad)
        }
        if let code = row.text("failure_code") {
            out.write("  \(Events.cut(code))", .bad)
            if let message = row.text("failure_message") { out.write(" (\(Events.cut(message)))") }
        }
        out.newline()
        if let askedFor { line("\(askedFor) became part of this session", .dim) }
        var facts: [String] = []
        for (name, column) in [("merchant", "merchant_id"), ("source", "source"), ("zone", "zone_id")] {
            if let value = row.text(column) { facts.append("\(name) \(value)") }
        }
        if let first = row.integer("first_event_at"), let last = row.integer("last_event_at") {
            facts.append("\(InstantText.dateAndTime(first)) – \(stamp(last)) UTC")
        }
        line(facts.joined(separator: " · "))
        let durations = ["total_seconds"] + Sessions.durations.filter { $0 != "total_seconds" }
        line(
            durations.map { column in
                let name = column.dropLast("_seconds".count).map { $0 == "_" ? " " : $0 }
                return "\(String(name)) \(row.number(column).map(InstantText.length) ?? "–")"
            }.joined(separator: " · "))
        func some(_ column: String, _ one: String) -> String {
            let count = row.integer(column) ?? 0
            return "\(count) \(one)\(count == 1 ? "" : "s")"
        }
        out.write("\(some("event_count", "event")), ")
        out.write(some("error_count", "error"), (row.integer("error_count") ?? 0) > 0 ? .bad : .plain)
        if story.outcome == "failed",
            row.text("failure_code") != nil || row.text("failure_message") != nil
        {
            out.write(", the failure one of them")
        }
        if let code = row.text("first_error_code") { out.write(" (first: \(Events.cut(code)))") }
        line(
            ", \(some("reassignment_count", "reassignment")), \(some("pilot_handoff_count", "pilot hand-off"))"
        )
        line(
            "as of \(InstantText.dateAndTime(call.asOf.now)) UTC, the last event in the store; all times are UTC",
            .dim)
    }

    mutating func verdict() {
        heading("What stands out")
        for told in Verdict.lines(of: story, call) { line("  - \(told.text)") }
    }

    mutating func served() {
        heading("Who served it, and when")
        let people = story.windows.filter { $0.kind != "merchant" }
        if people.isEmpty { line("  nobody", .dim) }
        for window in people.prefix(8) {
            out.write("  ")
            out.column(window.kind, 7)
            out.column(window.entity, 14)
            out.write("\(stamp(window.startedAt)) – ")
            if let end = window.endedAt {
                out.column(stamp(end), stampWidth)
                out.column(InstantText.length(Double(end - window.startedAt) / 1e6), 12)
            } else {
                out.column("(no end yet)", stampWidth)
                out.column("", 12)
            }
            out.write("\(window.isInferred ? "inferred from" : "opened by") \(window.openedBy)", .dim)
            if let reason = window.endReason {
                out.write(", ended: ", .dim)
                switch reason {
                case "completed", "reassigned", "unassigned", "shift_ended": out.write(reason)
                default: out.write(reason, .bad)
                }
            }
            out.newline()
        }
        if people.count > 8 { line("  " + Self.others(people.dropFirst(8))) }
    }

    /// Whose the windows are for which there is no line: one that nothing happened in is named by no event.
    private static func others(_ windows: ArraySlice<Window>) -> String {
        var names: [String] = []
        for window in windows where !names.contains(window.entity) { names.append(window.entity) }
        let told = names.prefix(8).map(Events.cut).joined(separator: ", ")
        return "and \(windows.count) more window\(windows.count == 1 ? "" : "s"), of \(told)"
            + (names.count > 8 ? " and \(names.count - 8) others" : "")
    }

    /// The last ones, with their time before the end.
    mutating func errors() {
        let errors = story.events.filter(\.fields.hasError)
        if errors.isEmpty { return }
        heading("Errors, by their time before the end")
        if errors.count > 8 { line("  \(errors.count - 8) before these", .dim) }
        let end = story.end(call)
        for error in errors.suffix(8) {
            let before = Double(end - error.at) / 1e6
            out.write("  ")
            out.column("T\(before < 0 ? "+" : "−")\(InstantText.length(abs(before)))", 13)
            out.column(stamp(error.at), stampWidth, .dim)
            out.column(error.name, 28, .bad)
            let words = [error.entity ?? error.row.text("robot_id") ?? error.row.text("pilot_id")]
            line((words + Self.error(error)).compactMap { $0 }.joined(separator: " "), .bad)
        }
    }

    mutating func timeline() {
        heading("What happened")
        // A window is told in full where it first brings an event in, and named from then on.
        var told: Set<Int> = []
        var gap = story.gap
        for event in story.events {
            if let left = gap, event.at > left.from {
                line(
                    "  … \(left.events) events from here to \(stamp(left.to)) are left out: a text tells at most "
                        + "\(StoryText.most); --format json, or .csv at the page's address, has all",
                    .dim)
                gap = nil
            }
            let isError = event.fields.hasError || event.name == "delivery.failed"
            out.write(isError ? "! " : "  ", isError ? .bad : .plain)
            out.column(stamp(event.at), stampWidth, .dim)
            out.column(InstantText.offset(event.at - story.start), 13)
            out.column(event.name, 28, isError ? .bad : .plain)
            out.column(event.entity.map { "\(event.via) \($0)" } ?? event.via, 18, .dim)
            let detail = Self.detail(event)
            if !detail.isEmpty { out.write(detail + "  ", isError ? .bad : .plain) }
            line("← \(why(event, &told))", .dim)
        }
    }

    private func why(_ event: StoryEvent, _ told: inout Set<Int>) -> String {
        guard event.via != "direct" else {
            return event.why == "names_it"
                ? "names this session"
                : "names \(event.row.text("subject") ?? "an id"), which became part of it"
        }
        guard let place = event.window else {
            return "\(event.via) \(event.entity ?? "?") served this session"
        }
        guard told.insert(place).inserted else { return "same window of \(event.entity ?? event.via)" }
        return story.windows[place].sentence(about: story.what)
    }

    /// Who it names, where its session does not say so already, and what it says.
    private static func detail(_ event: StoryEvent) -> String {
        var words: [String?] = []
        if event.via == "direct" { words += [event.row.text("robot_id"), event.row.text("pilot_id")] }
        words += [event.fields.fromState, event.fields.toState.map { "→ \($0)" }]
        words += error(event)
        words.append(event.fields.reason)
        return words.compactMap { $0.map(Events.cut) }.joined(separator: " ")
    }

    private static func error(_ event: StoryEvent) -> [String?] {
        [event.fields.errorCode.map(Events.cut), event.fields.errorMessage.map { "(\(Events.cut($0)))" }]
    }

    // MARK: - Lines

    private mutating func heading(_ text: String) {
        out.newline()
        line(text, .heading)
    }

    private mutating func line(_ text: String, _ style: TerminalText.Style = .plain) {
        out.write(text, style)
        out.newline()
    }

    /// Whether a time of day alone does not say when.
    private var spansDays: Bool {
        let times =
            [row.integer("first_event_at"), row.integer("last_event_at")].compactMap { $0 }
            + story.windows.flatMap { [$0.startedAt, $0.endedAt].compactMap { $0 } }
        return Set(times.map(InstantText.date)).count > 1
    }

    private func stamp(_ time: Int64) -> String {
        spansDays ? InstantText.dateAndTime(time) : InstantText.time(time)
    }

    private var stampWidth: Int { spansDays ? 25 : 14 }
}
