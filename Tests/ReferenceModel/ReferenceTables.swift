/// The configuration that the tables depend on.
public struct ReferenceRules: Sendable {
    /// How long a window may stay open, in microseconds.
    public var maxWindow: Int64
    /// How long a robot may be silent before its state counts as unknown, in microseconds; nil for ever.
    public var maxSilence: Int64?
    /// States in which a robot can deliver.
    public var usableStates: Set<String>
    /// States in which a robot cannot deliver though it should.
    public var downtimeStates: Set<String>
    /// States in which a robot is not meant to deliver.
    public var offDutyStates: Set<String>

    /// Makes rules; every default is that of the design.
    public init(
        maxWindow: Int64 = 6 * 3600 * 1_000_000,
        maxSilence: Int64? = nil,
        usableStates: Set<String> = [
            "idle", "available", "deployed", "delivering", "to_pickup", "at_pickup", "to_dropoff",
            "at_dropoff", "returning",
        ],
        downtimeStates: Set<String> = ["grounded", "error", "maintenance", "unknown"],
        offDutyStates: Set<String> = ["off_duty", "parked", "charging"]
    ) {
        self.maxWindow = maxWindow
        self.maxSilence = maxSilence
        self.usableStates = usableStates
        self.downtimeStates = downtimeStates
        self.offDutyStates = offDutyStates
    }
}

/// A cell of a table.
public enum ReferenceValue: Hashable, Sendable {
    /// Not there.
    case null
    /// A text or an id.
    case text(String)
    /// A count, or an instant in microseconds since the Unix epoch.
    case integer(Int64)
    /// A duration in seconds.
    case number(Double)
    /// Texts sorted by their bytes, without repeats.
    case list([String])
    /// Yes or no.
    case flag(Bool)

    static func text(orNull text: String?) -> ReferenceValue {
        text.map { .text($0) } ?? .null
    }

    static func integer(orNull integer: Int64?) -> ReferenceValue {
        integer.map { .integer($0) } ?? .null
    }

    static func seconds(_ microseconds: Int64) -> ReferenceValue {
        .number(Double(microseconds) / Double(oneSecond))
    }
}

/// Everything that must come out of a set of lines.
public struct ReferenceTables: Sendable {
    /// By table and key (its parts joined with `|`), the values of the table's columns.
    ///
    /// Hourly rows that hold only zeros are left out. The table `session_events` counts equal rows.
    public var tables: [String: [String: [ReferenceValue]]] = [:]
    /// By table, what its values are, in their order.
    public var columns: [String: [String]] = [:]
    /// Lines that were not blank.
    public var received = 0
    /// Events that count.
    public var accepted = 0
    /// Events that were accepted before.
    public var duplicates = 0
    /// Objects that are no events.
    public var skipped = 0
    /// By reason, lines that could not be read.
    public var rejected: [String: Int] = [:]

    mutating func add(_ name: String, _ columns: [String], _ rows: [String: [ReferenceValue]]) {
        self.columns[name] = columns
        tables[name] = rows
    }

    mutating func add(_ name: String, _ sums: Sums) {
        add(name, sums.columns, sums.values)
    }
}

/// Works out every table from scratch, from the whole set of lines at once.
public func referenceTables(lines: [String], rules: ReferenceRules = .init()) -> ReferenceTables {
    let input = AcceptedEvents(lines: lines)
    let events = input.events
    let sessions = sessions(of: events, links: Links(events: events), rules: rules)
    let joined = joins(of: events, sessions: sessions)
    let states = robotStates(of: events, rules: rules)

    var result = ReferenceTables()
    result.received = input.received
    result.accepted = events.count
    result.duplicates = input.duplicates
    result.skipped = input.skipped
    result.rejected = input.rejected

    addSessionTables(sessions, joined, to: &result)
    addWindowTables(sessions, to: &result)
    var stateRows: [String: [ReferenceValue]] = [:]
    for state in states {
        stateRows["\(state.robot)|\(state.startedAt)"] = [
            .integer(orNull: state.endedAt), .text(state.state), .text(orNull: state.reason),
        ]
    }
    result.add("robot_states", ["ended_at", "state", "reason"], stateRows)
    result.add("robot_state_hourly", robotStateHourly(states))
    result.add("robot_hourly", robotHourly(events: events, sessions: sessions, states: states, rules: rules))
    result.add("pilot_hourly", pilotHourly(events: events, sessions: sessions))
    result.add("merchant_hourly", merchantHourly(sessions))
    result.add("event_hourly", eventHourly(events))
    result.add("fleet_hours", fleetHours(events: events, sessions: sessions, states: states, rules: rules))
    result.add("fleet_state_hours", fleetStateHours(states))
    result.add("robot_zones", ["zone_id"], robotZones(events))
    result.add("zone_hours", zoneHours(events: events, sessions: sessions, states: states, rules: rules))
    for (table, name) in [
        ("known_robots", \.robotID), ("known_pilots", \.pilotID), ("known_merchants", \.merchantID),
    ] as [(String, KeyPath<ReferenceEvent, String?>)] {
        let names = Set(events.compactMap { $0[keyPath: name] })
        result.add(table, [], Dictionary(uniqueKeysWithValues: names.map { ($0, []) }))
    }
    return result
}

private func addSessionTables(
    _ sessions: [Session], _ joined: [SessionID: [Joined]], to result: inout ReferenceTables
) {
    var columns: [String] = []
    var rows: [String: [ReferenceValue]] = [:]
    var counts: [String: Int64] = [:]
    for session in sessions {
        let events = joined[session.id, default: []]
        let row = sessionRow(session, joined: events)
        columns = row.map(\.column)
        rows[session.id.text] = row.map(\.value)
        for one in events {
            let event = "\(one.event.at)|\(one.event.name)|\(one.via.rawValue)|\(one.viaID ?? "")"
            counts["\(session.id.text)|\(event)", default: 0] += 1
        }
    }
    result.add("sessions", columns, rows)
    let named = rows.values.map { Dictionary(zip(columns, $0), uniquingKeysWith: { first, _ in first }) }
    result.add("session_hours", sessionHours(named))
    result.add("session_spans", sessionSpans(named))
    result.add("session_events", ["n"], counts.mapValues { [.integer($0)] })
}

private func addWindowTables(_ sessions: [Session], to result: inout ReferenceTables) {
    func values(_ window: Window) -> [ReferenceValue] {
        [
            .integer(orNull: window.endedAt), .text(orNull: window.endReason), .text(window.openedBy),
            .flag(window.inferred), .integer(window.expiresAt),
        ]
    }
    var assignments: [String: [ReferenceValue]] = [:]
    var merchants: [String: [ReferenceValue]] = [:]
    for session in sessions {
        for (kind, windows) in [("robot", session.robotWindows), ("pilot", session.pilotWindows)] {
            for window in windows {
                assignments["\(session.id.text)|\(kind)|\(window.entity)|\(window.startedAt)"] = values(
                    window)
            }
        }
        if let window = session.merchantWindow {
            merchants["\(session.id.text)|\(window.entity)|\(window.startedAt)"] = values(window)
        }
    }
    let columns = ["ended_at", "end_reason", "opened_by", "inferred", "expires_at"]
    result.add("assignment_windows", columns, assignments)
    result.add("merchant_windows", columns, merchants)
}
