import ReferenceModel

/// Figures worked out from the reference's tables the plainest way: what the API and the page must show.
struct ReferenceFigures {
    struct State {
        var robot: String
        var startedAt: Int64
        var endedAt: Int64?
        var state: String
        var reason: String?
    }

    struct Window {
        var session: String
        var kind: String
        var entity: String
        var startedAt: Int64
        var endedAt: Int64?
        var expiresAt: Int64
        var until: Int64 { endedAt ?? expiresAt }
    }

    let tables: ReferenceTables
    let rest: ReferenceRest
    /// In time order by robot.
    let states: [String: [State]]
    let windows: [Window]
    let sessions: [String: [String: ReferenceValue]]
    /// By session, its windows of all kinds as `kind|entity|start`.
    let windowRows: [String: [String: [ReferenceValue]]]
    /// By session, its events as `instant|name|via|entity`, and how many of each.
    let eventRows: [String: [String: Int]]
    let now: Int64
    let rules = ReferenceRules()

    init(lines: [String]) {
        tables = referenceTables(lines: lines)
        rest = referenceRest(lines: lines)
        now = rest.lastEventAt ?? 0
        var states: [String: [State]] = [:]
        for (key, row) in tables.tables["robot_states"] ?? [:] {
            let parts = Self.parts(key)
            let state = State(
                robot: parts[0], startedAt: Int64(parts[1]) ?? 0, endedAt: row[0].instant,
                state: row[1].word ?? "", reason: row[2].word)
            states[parts[0], default: []].append(state)
        }
        self.states = states.mapValues { $0.sorted { $0.startedAt < $1.startedAt } }
        var windows: [Window] = []
        var windowRows: [String: [String: [ReferenceValue]]] = [:]
        for (key, row) in tables.tables["assignment_windows"] ?? [:] {
            let parts = Self.parts(key)
            windowRows[parts[0], default: [:]][parts[1...].joined(separator: "|")] = row
            windows.append(
                Window(
                    session: parts[0], kind: parts[1], entity: parts[2], startedAt: Int64(parts[3]) ?? 0,
                    endedAt: row[0].instant, expiresAt: row[4].instant ?? 0))
        }
        for (key, row) in tables.tables["merchant_windows"] ?? [:] {
            let parts = Self.parts(key)
            windowRows[parts[0], default: [:]]["merchant|\(parts[1])|\(parts[2])"] = row
            windows.append(
                Window(
                    session: parts[0], kind: "merchant", entity: parts[1], startedAt: Int64(parts[2]) ?? 0,
                    endedAt: row[0].instant, expiresAt: row[4].instant ?? 0))
        }
        self.windows = windows
        self.windowRows = windowRows
        var eventRows: [String: [String: Int]] = [:]
        for (key, row) in tables.tables["session_events"] ?? [:] {
            let parts = Self.parts(key)
            eventRows[parts[0], default: [:]][parts[1...].joined(separator: "|")] = Int(row[0].figure)
        }
        self.eventRows = eventRows
        let columns = tables.columns["sessions"] ?? []
        sessions = (tables.tables["sessions"] ?? [:]).mapValues {
            Dictionary(uniqueKeysWithValues: zip(columns, $0))
        }
    }

    /// The parts of a key; the ids of worlds and of the simulator hold no bar.
    static func parts(_ key: String) -> [String] {
        key.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
    }

    static let hour: Int64 = 3_600_000_000

    /// The start of the hour of an instant.
    static func hour(_ at: Int64) -> Int64 { at - ((at % hour) + hour) % hour }

    /// Whole hours that hold every event, at most the 92 days that a request may ask for.
    var range: (from: Int64, to: Int64) {
        let starts =
            states.values.joined().map(\.startedAt) + windows.map(\.startedAt)
            + rest.errors.values.compactMap(\.first)
        let first = (starts + sessions.values.compactMap { $0["first_event_at"]?.instant }).min() ?? now
        return (Self.hour(first), Self.hour(now) + Self.hour)
    }

    func stateClass(_ state: String) -> String {
        rules.usableStates.contains(state)
            ? "usable"
            : rules.downtimeStates.contains(state)
                ? "downtime" : rules.offDutyStates.contains(state) ? "off_duty" : "other"
    }

    /// A state's length within a range; an open one lasts until now.
    func length(_ state: State, _ range: (from: Int64, to: Int64)) -> Int64 {
        max(0, min(state.endedAt ?? now, range.to) - max(state.startedAt, range.from))
    }

    /// Microseconds that intervals cover within a range, what overlaps once.
    func covered(_ spans: [(from: Int64, to: Int64)], _ range: (from: Int64, to: Int64)) -> Int64 {
        var reached = range.from
        var sum: Int64 = 0
        for span in spans.sorted(by: { $0.from < $1.from }) {
            let (from, to) = (max(span.from, reached), min(span.to, range.to))
            if to > from {
                sum += to - from
                reached = to
            }
        }
        return sum
    }

    /// By robot and hour, `usable_seconds` and so on: the table's rows, and states that have no end up to now.
    var robotHours: [String: [String: Double]] {
        var found: [String: [String: Double]] = [:]
        let columns = tables.columns["robot_hourly"] ?? []
        for (key, row) in tables.tables["robot_hourly"] ?? [:] {
            for (column, value) in zip(columns, row) { found[key, default: [:]][column] = value.figure }
        }
        for state in states.values.joined() where state.endedAt == nil {
            var at = state.startedAt
            while at < now {
                let end = min(now, Self.hour(at) + Self.hour)
                let key = "\(state.robot)|\(Self.hour(at))"
                found[key, default: [:]]["\(stateClass(state.state))_seconds", default: 0] +=
                    Double(end - at) / 1e6
                at = end
            }
        }
        return found.filter { $0.value.contains { $0.value != 0 } }
    }

    /// Downtime within a range by what `key` says of each interval.
    func downtime(_ range: (from: Int64, to: Int64), by key: (State) -> String) -> [String: [Double]] {
        var found: [String: (robots: Set<String>, intervals: Double, micros: Int64)] = [:]
        for state in states.values.joined() where stateClass(state.state) == "downtime" {
            let length = length(state, range)
            if length == 0 { continue }
            found[key(state), default: ([], 0, 0)].robots.insert(state.robot)
            found[key(state), default: ([], 0, 0)].intervals += 1
            found[key(state), default: ([], 0, 0)].micros += length
        }
        return found.mapValues { [Double($0.robots.count), $0.intervals, Double($0.micros) / 1e6] }
    }

    /// Failures and repairs of a robot: a failure is a step into downtime that somebody told, from what is not downtime or
    /// from silence; it is repaired when the downtime after it ends.
    func failures(_ robot: String, _ range: (from: Int64, to: Int64)) -> (count: Int, repairs: [Int64]) {
        var (count, repairs): (Int, [Int64]) = (0, [])
        let all = states[robot] ?? []
        func isDown(_ state: State) -> Bool { stateClass(state.state) == "downtime" }
        func fails(_ index: Int) -> Bool {
            let quiet = ["unknown", "maintenance"]
            guard isDown(all[index]), !quiet.contains(all[index].state) else { return false }
            return index == 0 || !isDown(all[index - 1]) || all[index - 1].state == "unknown"
        }
        for index in all.indices where fails(index) {
            if all[index].startedAt < range.from || all[index].startedAt >= range.to { continue }
            count += 1
            // The downtime after it, up to the next failure or the range's end.
            var end = all[index].endedAt
            var next = index + 1
            while next < all.count, isDown(all[next]), !fails(next), all[next].startedAt < range.to {
                end = all[next].endedAt
                next += 1
            }
            if let end { repairs.append(end - all[index].startedAt) }
        }
        return (count, repairs)
    }

    /// How far a session came, of offered, accepted, demanded, assigned, picked up, dropped off.
    func step(_ session: [String: ReferenceValue]) -> Int {
        func has(_ column: String) -> Bool { session[column]?.instant != nil }
        if has("dropoff_completed_at") || has("fulfilled_at") { return 5 }
        if has("pickup_completed_at") { return 4 }
        if has("assigned_at") { return 3 }
        if has("demand_created_at") || ["delivery", "demand"].contains(session["kind"]?.word) { return 2 }
        return has("offer_accepted_at") ? 1 : 0
    }
}

extension ReferenceValue {
    var instant: Int64? {
        switch self {
        case .integer(let value): value
        case .null, .text, .number, .list, .flag: nil
        }
    }

    var word: String? {
        switch self {
        case .text(let value): value
        case .null, .integer, .number, .list, .flag: nil
        }
    }

    var figure: Double {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        case .null, .text, .list, .flag: 0
        }
    }

    /// As one text, so that two can be held against each other.
    var shown: String {
        switch self {
        case .null: "-"
        case .text(let text): text
        case .integer(let number): Self.shown(Double(number))
        case .number(let number): Self.shown(number)
        case .list(let list): "[" + list.joined(separator: ",") + "]"
        case .flag(let flag): "\(flag)"
        }
    }

    static func shown(_ number: Double) -> String {
        Int64(exactly: number).map { "\($0)" } ?? "\((number * 1e6).rounded() / 1e6)"
    }
}
