internal import SessionStore

/// All that is told of one session.
struct Story {
    let row: AnswerRow
    let askedFor: String?
    let windows: [Window]
    var events: [StoryEvent] = []
    var gap: (from: Int64, to: Int64, events: Int)?
    var states: [StateInterval] = []
    var silences: [(robot: String, from: Int64, to: Int64)] = []
    var nearMisses: [AnswerRow] = []
    var comparison: Comparison?

    var id: String { row.text("session_id") ?? "" }
    var outcome: String { row.text("outcome") ?? "" }
    /// Its robots, by first window.
    var robots: [String] { entities("robot") }

    func entities(_ kind: String) -> [String] {
        var seen: Set<ByBytes> = []
        return windows.filter { $0.kind == kind }.map(\.entity).filter { seen.insert($0.byBytes).inserted }
    }

    /// "this delivery", for sentences.
    var what: String { "this \(row.text("kind") ?? "session")" }
    var start: Int64 { row.integer("first_event_at") ?? 0 }
    /// Its close, or now.
    func end(_ call: Call) -> Int64 { row.integer("closed_at") ?? max(call.asOf.now, start) }

    init(_ id: String, limit: Int, context: Int64, _ call: Call) throws {
        (row, askedFor) = try Sessions.find(id, call)
        let sessionID = row.text("session_id") ?? ""
        windows = try Window.all(of: sessionID, call)
        try loadEvents(limit: limit, call)
        let last = max(row.integer("last_event_at") ?? start, end(call))
        let around = try TimeRange(
            from: start - context, to: last + context + 1, maxDays: .max / 200_000_000_000)
        let windows = windows
        for robot in robots {
            states += try Self.visibleStates(robot, around, windows: { windows }, call)
        }
        for window in windows where window.kind == "robot" { silences += try silent(window, call) }
        if call.reader.merchants == nil { nearMisses = try findNearMisses(call) }
        comparison = try call.api.comparisons.comparison(to: row, call)
    }

    /// An event that is told. Its id alone is not it: in another hour the same id is another event.
    private struct Told: Hashable {
        var id: String
        var at: Int64
        var lane: String?
    }

    private mutating func loadEvents(limit: Int, _ call: Call) throws {
        let id = id
        let windows = windows
        func load(_ sql: String, _ parameters: [TableValue] = []) throws -> [StoryEvent] {
            var events: [StoryEvent] = []
            try call.store.forEachRow("\(StoryEvent.select) \(sql)", [.text(id)] + parameters) { row in
                events.append(StoryEvent(row, session: id, windows: windows).withoutPayload)
                return true
            }
            return events
        }
        let order = StoryEvent.order
        let count = Int(row.integer("event_count") ?? 0)
        if count <= limit {
            events = try load("ORDER BY \(order)")
            return
        }
        let head = min(2000, limit * 2 / 5)
        let first = try load("ORDER BY \(order) LIMIT ?2", [.integer(Int64(head))])
        let last = try load(
            "ORDER BY \(StoryEvent.latestFirst) LIMIT ?2",
            [.integer(Int64(limit - head))])
        guard let from = first.last?.at, let to = last.last?.at else { return }
        let between = try load(
            """
            AND s.occurred_at >= \(call.at(2)) AND s.occurred_at <= \(call.at(3))
            AND (s.via = 'direct' OR (s.robot_use & 4) <> 0) ORDER BY \(order) LIMIT ?4
            """, [.integer(from), .integer(to), .integer(Int64(limit))])
        var seen: Set<Told> = []
        events = (first + between + last.reversed()).filter {
            seen.insert(Told(id: $0.id, at: $0.at, lane: $0.lane)).inserted
        }
        if count > events.count { gap = (from, to, count - events.count) }
    }

    /// A reader bound to merchants sees of a robot what lies within the session's windows.
    static func visibleStates(
        _ robot: String, _ range: TimeRange, windows: () throws -> [Window], _ call: Call
    ) throws -> [StateInterval] {
        let all = try StateInterval.all(of: robot, in: range, call)
        if call.reader.merchants == nil { return all }
        let own = try windows().filter { $0.kind == "robot" && $0.entity == robot }
        return own.flatMap { window in
            all.compactMap { state -> StateInterval? in
                var cut = state
                cut.startedAt = max(state.startedAt, window.startedAt)
                cut.endedAt = min(state.endedAt ?? window.end, window.end)
                return cut.endedAt.map { $0 > cut.startedAt } == true ? cut : nil
            }
        }
    }

    /// The robot's error that its end is told with; of one in progress the last so far.
    func fault(_ call: Call) -> Fault? {
        let end = end(call)
        let held = windows.filter { $0.kind == "robot" }
        let errors = events.filter { event in
            guard event.fields.hasError, event.at <= end else { return false }
            if event.via == "robot" { return true }
            // One that names the session itself joins by that and not through the window that its robot has.
            return event.via == "direct" && Fault.isRobots(event.name)
                && held.contains { $0.entity == event.row.text("robot_id") && $0.holds(event.at) }
        }.map {
            Fault.Candidate(
                id: $0.id, robot: $0.entity ?? $0.row.text("robot_id") ?? "?", code: $0.fields.errorCode,
                at: $0.at, lane: $0.lane)
        }
        return Fault(of: errors, states, before: end, call.rules)
    }

    /// Stretches of a window in which its robot sent nothing for more than five minutes.
    private func silent(_ window: Window, _ call: Call) throws -> [(robot: String, from: Int64, to: Int64)] {
        let until = min(window.end, max(call.asOf.now, window.startedAt))
        return try Robots.silences(of: window.entity, from: window.startedAt, to: until, call).map {
            (window.entity, $0.from, $0.to)
        }
    }

    /// What its robots told shortly before or after their windows and what belongs to no session: faults and states.
    private func findNearMisses(_ call: Call) throws -> [AnswerRow] {
        var found: [AnswerRow] = []
        let minute: Int64 = 60_000_000
        for window in windows where window.kind == "robot" {
            var edges = [(window.startedAt - minute, window.startedAt)]
            if let end = window.endedAt { edges.append((end, end + minute)) }
            for (from, to) in edges where found.count < 20 {
                let range = try TimeRange(from: from, to: to, maxDays: 1)
                found += try Events.orphans(in: range, robot: window.entity, before: nil, limit: 200, call)
                    .filter { ($0.integer("robot_use") ?? 0) & 6 != 0 }.reversed()
            }
        }
        var seen: Set<Told> = []
        return Array(
            found.filter {
                seen.insert(Told(id: $0.text("event_id") ?? "", at: $0.integer("occurred_at") ?? 0)).inserted
            }.prefix(20))
    }

    // MARK: - Telling it

    static let rules: [ParameterRule] = [
        .whole("limit", 100...20_000), .whole("context_seconds", 0...21_600),
    ]

    static func answer(_ call: Call) throws -> Answer {
        let story = try Story(
            call.objects[0],
            limit: Int(call.parameters.whole("limit") ?? Int64(call.api.limits.deliveryEvents)),
            context: (call.parameters.whole("context_seconds") ?? 1800) * 1_000_000, call)
        var out = JSONWriter()
        try story.write(call, &out)
        return .json(out, rows: story.events.count)
    }

    private func write(_ call: Call, _ out: inout JSONWriter) throws {
        try out.object { out in
            call.asOf.write(&out)
            out.text("version", Sessions.version(row))
            out.text("asked_for", askedFor)
            Sessions.write(
                row, key: "session", fault: outcome == "failed" ? fault(call) : nil,
                reason: try OutcomeReason.behind(row, call), call, &out)
            out.array("verdict") { out in for line in Verdict.lines(of: self, call) { line.write(&out) } }
            if let comparison { comparison.write(&out) } else { out.raw("comparison", nil) }
            try writeLanes(call, &out)
            out.array("windows") { out in for window in windows { window.write(&out, about: what) } }
            out.array("states") { out in for state in states { state.write(&out, call.rules) } }
            out.array("silences") { out in
                for silence in silences {
                    out.object { out in
                        out.text("robot_id", silence.robot)
                        out.instant("started_at", silence.from)
                        out.instant("ended_at", silence.to)
                        out.number("seconds", Double(silence.to - silence.from) / 1e6)
                    }
                }
            }
            out.array("events") { out in for event in events { event.write(&out) } }
            out.array("gaps") { out in
                guard let gap else { return }
                out.object { out in
                    out.instant("from", gap.from)
                    out.instant("to", gap.to)
                    out.integer("events", gap.events)
                }
            }
            try out.array("near_misses") { out in
                for event in nearMisses { try Events.writeOrphan(event, call, &out) }
            }
        }
    }

    private func writeLanes(_ call: Call, _ out: inout JSONWriter) throws {
        var counts: [ByBytes: (events: Int, errors: Int)] = [:]
        for event in events {
            counts[event.lane.byBytes, default: (0, 0)].events += 1
            counts[event.lane.byBytes, default: (0, 0)].errors += event.fields.hasError ? 1 : 0
        }
        if gap != nil {
            let all = try call.rows(
                "SELECT via, via_id, count(*) AS n FROM session_events WHERE session_id = ?1 GROUP BY via, via_id",
                [.text(id)])
            for row in all {
                let via = row.text("via") ?? "direct"
                let lane = via == "direct" ? "delivery" : "\(via):\(row.text("via_id") ?? "")"
                counts[lane.byBytes, default: (0, 0)].events = Int(row.integer("n") ?? 0)
            }
        }
        out.array("lanes") { out in
            func lane(_ kind: String, _ entity: String?) {
                let name = entity.map { "\(kind):\($0)" } ?? kind
                out.object { out in
                    out.text("lane", name)
                    out.text("kind", kind)
                    out.text("entity_id", entity)
                    out.integer("events", counts[name.byBytes]?.events ?? 0)
                    out.integer("errors", counts[name.byBytes]?.errors ?? 0)
                }
            }
            lane("delivery", nil)
            for kind in ["robot", "pilot", "merchant"] { for entity in entities(kind) { lane(kind, entity) } }
        }
    }

    // MARK: - A page of events

    static let eventRules: [ParameterRule] =
        [.word("via", ["direct", "robot", "pilot", "merchant"], isList: true), .id("entity")]
        + ParameterRule.range
        + ParameterRule.page

    static func eventsAnswer(_ call: Call) throws -> Answer {
        let (row, askedFor) = try Sessions.find(call.objects[0], call)
        let id = row.text("session_id") ?? ""
        let windows = try Window.all(of: id, call)
        let (rows, next) = try page(of: id, after: call.cursor(keys: 3)?.keys, size: call.pageSize, call)
        var out = JSONWriter()
        out.object { out in
            out.text("session_id", id)
            out.text("asked_for", askedFor)
            let what = "this \(row.text("kind") ?? "session")"
            out.array("windows") { out in for window in windows { window.write(&out, about: what) } }
            out.array("events") { out in
                for row in rows { StoryEvent(row, session: id, windows: windows).withoutPayload.write(&out) }
            }
            out.text("next", call.next(next))
        }
        return .json(out, rows: rows.count)
    }
}
