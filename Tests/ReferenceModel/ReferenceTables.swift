/// A naive reading of the semantics: the whole set at once, everything looked up by walking all of it.
///
/// It shares no code with the engine and none of its ideas: no increments, no index, no memory of before.
public struct ReferenceTables {
    /// Table, key, values. Instants in microseconds, lengths too.
    public private(set) var tables: [String: [String: String]] = [:]

    static let maxWindow: Int64 = 6 * 3_600_000_000
    static let hour: Int64 = 3_600_000_000

    struct Window {
        var session: String
        var kind: String
        var entity: String
        var start: Int64
        var end: Int64?
        var expires: Int64
        var openedBy: String
        var reason: String?
        var inferred = false
        var cutByRobot = false
        var until: Int64 { end ?? expires }
    }

    private let events: [ReferenceEvent]
    private var direct: [String: [ReferenceEvent]] = [:]
    private var windows: [Window] = []

    /// The tables of a set of events; repeated ones count once.
    public init(_ all: [ReferenceEvent]) {
        var seen: Set<ReferenceEvent> = []
        events = all.filter { seen.insert($0).inserted }.sorted(by: Self.plainOrder)
        for event in events {
            guard let subject = event.sessionIDs.first else { continue }
            for target in targets(subject) { direct[target, default: []].append(event) }
        }
        foldWindows()
        writeSessions()
        writeRobotStates()
        writeShiftsAndHours()
    }

    static func plainOrder(_ a: ReferenceEvent, _ b: ReferenceEvent) -> Bool {
        (a.time, a.name, a.id ?? "") < (b.time, b.name, b.id ?? "")
    }

    private mutating func put(_ table: String, _ key: String, _ value: String) {
        tables[table, default: [:]][key] = value
    }

    // MARK: Links

    private func targets(_ id: String) -> Set<String> {
        if id.hasPrefix("delivery:") { return [id] }
        var found: Set<String> = []
        for event in events where event.sessionIDs.dropFirst().contains(id) {
            found.formUnion(targets(event.sessionIDs[0]))
        }
        return found.isEmpty || found.count > 32 ? [id] : found
    }

    // MARK: Windows

    private func ordered(_ events: [ReferenceEvent], _ rank: (ReferenceEvent) -> Int) -> [ReferenceEvent] {
        events.sorted { a, b in
            (a.time, rank(a), a.name, a.id ?? "") < (b.time, rank(b), b.name, b.id ?? "")
        }
    }

    private struct Fold {
        var current: Window?
        var done: [Window] = []
        var isClosed = false
        var terminals: [(String, Int64)] = []

        mutating func end(_ time: Int64, _ reason: String) {
            guard var window = current else { return }
            window.end = time
            window.reason = reason
            done.append(window)
            current = nil
        }

        mutating func checkTimeOut(_ time: Int64) {
            if let window = current, time >= window.expires { end(window.expires, "timed_out") }
        }

        mutating func open(_ window: Window) {
            if current?.entity == window.entity { return }
            if current != nil { end(window.start, "reassigned") }
            current = window
        }

        var kept: [Window] { (done + (current.map { [$0] } ?? [])).filter { $0.end != $0.start } }
    }

    private func window(_ session: String, _ kind: String, _ entity: String, _ event: ReferenceEvent)
        -> Window
    {
        Window(
            session: session, kind: kind, entity: entity, start: event.time, end: nil,
            expires: event.time + Self.maxWindow, openedBy: event.name)
    }

    private func robotFold(_ session: String, _ events: [ReferenceEvent]) -> Fold {
        var fold = Fold()
        let rank = { (event: ReferenceEvent) in
            if event.name == "demand.replan.orphaned" { return 0 }
            if event.isRobotOpen, event.robot != nil { return 1 }
            return event.closes != nil ? 3 : 2
        }
        for event in ordered(events, rank) {
            fold.checkTimeOut(event.time)
            if event.name == "demand.replan.orphaned" {
                if event.robot == nil || event.robot == fold.current?.entity {
                    fold.end(event.time, "orphaned")
                }
            } else if event.isRobotOpen, let robot = event.robot {
                if fold.isClosed {
                    fold.isClosed = false
                    fold.terminals = []
                }
                fold.open(window(session, "robot", robot, event))
            } else if let outcome = event.closes {
                fold.end(event.time, outcome)
                fold.isClosed = true
                fold.terminals.append((outcome, event.time))
            } else if let robot = event.robot, fold.current == nil, !fold.isClosed {
                fold.current = window(session, "robot", robot, event)
                fold.current?.inferred = true
            }
        }
        return fold
    }

    /// Closers are part of a fold only where their pilot is current and not expired.
    private func pilotFold(_ scope: String, _ events: [ReferenceEvent], isSession: Bool) -> Fold {
        var fold = Fold()
        let closers = self.events.filter {
            $0.isPilotRelease && $0.sessionIDs.isEmpty && $0.robot == nil && $0.pilot != nil
        }
        let rank = { (event: ReferenceEvent) in
            if event.isPilotRelease { return 0 }
            if event.isPilotOpen, event.pilot != nil { return 1 }
            return event.closes != nil ? 3 : 2
        }
        for event in ordered(events + closers, rank) {
            let reason = event.name == "pilot.shift_ended" ? "shift_ended" : "unassigned"
            if event.isPilotRelease, event.sessionIDs.isEmpty, event.robot == nil {
                if let current = fold.current, current.entity == event.pilot, event.time < current.expires {
                    fold.end(event.time, reason)
                }
                continue
            }
            fold.checkTimeOut(event.time)
            if event.isPilotRelease {
                if event.pilot == nil || event.pilot == fold.current?.entity { fold.end(event.time, reason) }
            } else if event.isPilotOpen, let pilot = event.pilot {
                fold.open(window(scope, "pilot", pilot, event))
            } else if isSession, let outcome = event.closes {
                fold.end(event.time, outcome)
                fold.isClosed = true
            } else if isSession {
                if event.isRobotOpen, event.robot != nil { fold.isClosed = false }
                if let pilot = event.pilot, fold.current == nil, !fold.isClosed {
                    fold.current = window(scope, "pilot", pilot, event)
                    fold.current?.inferred = true
                }
            }
        }
        return fold
    }

    private mutating func foldWindows() {
        for (session, facts) in direct {
            let robots = robotFold(session, facts)
            windows += robots.kept
            let own = pilotFold(session, facts, isSession: true).kept
            windows += own
            if own.isEmpty {
                for held in robots.kept { windows += inherited(held) }
            }
            guard let merchant = facts.first(where: { $0.merchant != nil })?.merchant else { continue }
            var window = window(session, "merchant", merchant, facts[0])
            if robots.isClosed, let closed = robots.terminals.first?.1 {
                window.end = min(closed, window.expires)
                window.reason = closed <= window.expires ? outcome(robots) : "timed_out"
            }
            if window.end != window.start { windows.append(window) }
        }
    }

    private func inherited(_ held: Window) -> [Window] {
        let scopeEvents = events.filter {
            $0.sessionIDs.isEmpty && $0.robot == held.entity && ($0.isPilotOpen || $0.isPilotRelease)
        }
        return pilotFold("", scopeEvents, isSession: false).kept.compactMap { scope in
            var cut = scope
            cut.session = held.session
            cut.start = max(held.start, scope.start)
            cut.expires = min(held.expires, scope.expires)
            let ends = [(held.end, held.reason, true), (scope.end, scope.reason, false)]
            let first = ends.filter { $0.0 != nil }.min { ($0.0 ?? 0) < ($1.0 ?? 0) }
            cut.end = first?.0
            cut.reason = first?.1
            cut.cutByRobot = first?.2 ?? false
            if let end = cut.end, end > cut.expires {
                cut.end = nil
                cut.reason = nil
            }
            return cut.start < cut.until ? cut : nil
        }
    }

    private func outcome(_ fold: Fold) -> String {
        guard fold.isClosed else { return "in_progress" }
        return ["completed", "failed", "canceled", "rejected", "expired"].first { word in
            fold.terminals.contains { $0.0 == word }
        } ?? "?"
    }

    // MARK: Joins and sessions

    private func holders(_ kind: String, _ entity: String?, _ time: Int64) -> [Window] {
        windows.filter { $0.kind == kind && $0.entity == entity && $0.start <= time && time < $0.until }
    }

    private mutating func writeSessions() {
        var joined: [String: [(ReferenceEvent, String)]] = [:]
        for (session, facts) in direct { joined[session] = facts.map { ($0, "direct|") } }
        for event in events where event.sessionIDs.isEmpty {
            var held = event.robot == nil ? [] : holders("robot", event.robot, event.time)
            if held.isEmpty, event.pilot != nil { held = holders("pilot", event.pilot, event.time) }
            if event.robot == nil, event.pilot == nil, event.merchant != nil {
                held = holders("merchant", event.merchant, event.time)
            }
            for window in held {
                joined[window.session, default: []].append((event, "\(window.kind)|\(window.entity)"))
            }
        }
        for (session, events) in joined {
            for (event, via) in events {
                let key = "\(session)|\(event.time)|\(event.name)|\(via)"
                let before = Int(tables["session_events"]?[key] ?? "0") ?? 0
                put("session_events", key, "\(before + 1)")
            }
        }
        for window in windows {
            put(
                "assignment_windows", "\(window.session)|\(window.kind)|\(window.entity)|\(window.start)",
                "\(window.end.map(String.init) ?? "-") \(window.reason ?? "-") \(window.expires) "
                    + "\(window.openedBy) \(window.inferred)")
        }
        for (session, facts) in direct { writeSession(session, facts, (joined[session] ?? []).map(\.0)) }
    }

    private mutating func writeSession(
        _ session: String, _ facts: [ReferenceEvent], _ joined: [ReferenceEvent]
    ) {
        let fold = robotFold(session, facts)
        let outcome = outcome(fold)
        let closed = fold.isClosed ? fold.terminals.first?.1 : nil
        let mine = windows.filter { $0.session == session }.sorted { $0.start < $1.start }
        let robots = mine.filter { $0.kind == "robot" }
        let pilots = mine.filter { $0.kind == "pilot" }
        let errors = joined.filter(\.hasError).sorted(by: Self.plainOrder)
        func seconds(_ windows: [Window]) -> Int64 {
            windows.reduce(0) { $0 + ($1.end ?? $1.start) - $1.start }
        }
        func ids(_ prefix: String) -> [String] {
            let named = facts.flatMap(\.sessionIDs) + [session]
            return Set(named.filter { $0.hasPrefix(prefix) }).map { String($0.dropFirst(prefix.count)) }
                .sorted()
        }
        let merchant = facts.first { $0.merchant != nil }?.merchant
        let source = facts.first { $0.source != nil }?.source
        let assigned = facts.first { $0.isRobotOpen && $0.robot != nil }?.time
        let created = facts.first { $0.name == "demand.created" }?.time
        let failure = facts.last { $0.name == "delivery.failed" }?.errorCode
        var values: [String] = [outcome, closed.map(String.init) ?? "-", merchant ?? "-", source ?? "-"]
        values += ["\(joined.map(\.time).min() ?? 0)", "\(joined.map(\.time).max() ?? 0)"]
        values += ["\(joined.count)", "\(errors.count)", errors.first?.errorCode ?? "-", failure ?? "-"]
        values += [robots.last?.entity ?? "-", pilots.last?.entity ?? "-"]
        values += [
            Set(robots.map(\.entity)).sorted().description, Set(pilots.map(\.entity)).sorted().description,
        ]
        values += [ids("demand:").description, ids("trip:").description]
        values += ["\(robots.filter { $0.reason == "reassigned" || $0.reason == "orphaned" }.count)"]
        values += ["\(pilots.filter { $0.reason == "reassigned" && !$0.cutByRobot }.count)"]
        values += ["\(seconds(robots))", "\(seconds(pilots))"]
        values += [created.map(String.init) ?? "-", assigned.map(String.init) ?? "-"]
        if let created, let assigned, assigned >= created {
            values.append("\(assigned - created)")
        } else {
            values.append("-")
        }
        put("sessions", session, values.joined(separator: " "))

        if outcome == "completed", let closed, let robot = robots.last?.entity {
            add("robot_hourly", "\(robot)|\(closed / Self.hour * Self.hour)|completed", 1)
        }
        guard session.hasPrefix("delivery:") || session.hasPrefix("demand:") else { return }
        let key = "\(merchant ?? "")|\(source ?? "")|\(facts[0].time / Self.hour * Self.hour)"
        add("merchant_hourly", key + "|sessions", 1)
        if ["completed", "failed", "canceled"].contains(outcome) {
            add("merchant_hourly", "\(key)|\(outcome)", 1)
        }
        add("merchant_hourly", key + "|robot", seconds(robots))
        add("merchant_hourly", key + "|pilot", seconds(pilots))
    }

    // MARK: Robots, pilots, hours

    private mutating func add(_ table: String, _ key: String, _ amount: Int64) {
        let sum = (Int64(tables[table]?[key] ?? "0") ?? 0) + amount
        if sum == 0 { tables[table]?[key] = nil } else { put(table, key, "\(sum)") }
    }

    private mutating func addSpan(
        _ table: String, _ prefix: String, _ suffix: String, _ start: Int64, _ end: Int64
    ) {
        var from = start
        while from < end {
            let hour = from / Self.hour * Self.hour
            let until = min(end, hour + Self.hour)
            add(table, "\(prefix)|\(hour)|\(suffix)", until - from)
            from = until
        }
    }

    private func state(_ event: ReferenceEvent) -> String? {
        switch event.name {
        case "robot.state_changed": event.state
        case "robot.deployed", "robot.parked", "robot.grounded", "robot.off_duty":
            String(event.name.dropFirst(6))
        default: nil
        }
    }

    private mutating func writeRobotStates() {
        for robot in Set(events.compactMap(\.robot)) {
            let facts = events.filter { $0.robot == robot && state($0) != nil }
            var rows: [(start: Int64, state: String, reason: String)] = []
            for fact in facts where facts.last(where: { $0.time == fact.time }) == fact {
                let row = (fact.time, state(fact) ?? "?", fact.reason ?? fact.errorCode ?? "")
                if let last = rows.last, last.state == row.1, last.reason == row.2 { continue }
                rows.append(row)
            }
            for (index, row) in rows.enumerated() {
                let end = index + 1 < rows.count ? rows[index + 1].start : nil
                put(
                    "robot_states", "\(robot)|\(row.start)",
                    "\(end.map(String.init) ?? "-") \(row.state) \(row.reason)")
                guard let end else { continue }
                addSpan("robot_state_hourly", robot, "\(row.state)|\(row.reason)", row.start, end)
                let bin: String
                switch row.state {
                case "idle", "available", "deployed", "delivering", "to_pickup", "at_pickup", "to_dropoff",
                    "at_dropoff", "returning":
                    bin = "usable"
                case "grounded", "error", "maintenance", "unknown": bin = "downtime"
                case "off_duty", "parked", "charging": bin = "off_duty"
                default: bin = "other"
                }
                addSpan("robot_hourly", robot, bin, row.start, end)
            }
        }
    }

    private mutating func addUnion(
        _ table: String, _ entity: String, _ suffix: String, _ spans: [(Int64, Int64)]
    ) {
        var covered = Int64.min
        for (start, end) in spans.sorted(by: <) {
            if end > covered { addSpan(table, entity, suffix, max(start, covered), end) }
            covered = max(covered, end)
        }
    }

    private mutating func writeShiftsAndHours() {
        for (kind, table, suffix) in [
            ("robot", "robot_hourly", "on_delivery"), ("pilot", "pilot_hourly", "assigned"),
        ] {
            let ended = windows.filter { $0.kind == kind && $0.end != nil }
            for entity in Set(ended.map(\.entity)) {
                addUnion(
                    table, entity, suffix, ended.filter { $0.entity == entity }.map { ($0.start, $0.until) })
            }
        }
        for pilot in Set(events.compactMap(\.pilot)) {
            var start: Int64?
            for event in events where event.pilot == pilot {
                if event.name == "pilot.shift_started" { start = start ?? event.time }
                if event.name == "pilot.shift_ended" {
                    if let start { addSpan("pilot_hourly", pilot, "shift", start, event.time) }
                    start = nil
                }
            }
        }
        for event in events {
            let hour = event.time / Self.hour * Self.hour
            add("event_hourly", "\(event.name)|\(event.merchant ?? "")|\(event.source ?? "")|\(hour)", 1)
            if event.hasError, let robot = event.robot { add("robot_hourly", "\(robot)|\(hour)|errors", 1) }
        }
    }
}
