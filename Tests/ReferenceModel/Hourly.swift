/// Rows of sums under a key; a sum nobody added to is 0.
struct Sums {
    let columns: [String]
    private(set) var rows: [String: [Int64]] = [:]

    init(_ columns: [String]) {
        self.columns = columns
    }

    mutating func add(_ amount: Int64, to column: String, of key: String?...) {
        guard let index = columns.firstIndex(of: column) else { preconditionFailure("no column \(column)") }
        let name = key.map { $0 ?? "" }.joined(separator: "|")
        rows[name, default: columns.map { _ in 0 }][index] += amount
    }

    /// The rows that are not all zero, with lengths of time told in seconds.
    var values: [String: [ReferenceValue]] {
        rows.filter { $0.value.contains { $0 != 0 } }.mapValues { sums in
            zip(columns, sums).map { column, sum in
                column.hasSuffix("seconds") ? .seconds(sum) : .integer(sum)
            }
        }
    }
}

func robotStateHourly(_ states: [StateInterval]) -> Sums {
    var sums = Sums(["seconds"])
    for state in states {
        guard let end = state.endedAt else { continue }
        for part in Span(start: state.startedAt, end: end).byHour {
            sums.add(part.length, to: "seconds", of: state.robot, "\(part.hour)", state.state, state.reason)
        }
    }
    return sums
}

func robotHourly(
    events: [ReferenceEvent], sessions: [Session], states: [StateInterval], rules: ReferenceRules
) -> Sums {
    var sums = Sums([
        "usable_seconds", "downtime_seconds", "off_duty_seconds", "other_seconds", "on_delivery_seconds",
        "deliveries_completed", "error_count",
    ])
    for state in states {
        guard let end = state.endedAt else { continue }
        let column =
            if rules.usableStates.contains(state.state) {
                "usable_seconds"
            } else if rules.downtimeStates.contains(state.state) {
                "downtime_seconds"
            } else if rules.offDutyStates.contains(state.state) {
                "off_duty_seconds"
            } else {
                "other_seconds"
            }
        for part in Span(start: state.startedAt, end: end).byHour {
            sums.add(part.length, to: column, of: state.robot, "\(part.hour)")
        }
    }
    for (robot, spans) in endedSpans(sessions.flatMap(\.robotWindows)) {
        for part in spans.flatMap(\.byHour) {
            sums.add(part.length, to: "on_delivery_seconds", of: robot, "\(part.hour)")
        }
    }
    for session in sessions where session.outcome == "completed" {
        let last = session.robotWindows.max { $0.startedAt < $1.startedAt }
        if let last, let closedAt = session.closedAt {
            sums.add(1, to: "deliveries_completed", of: last.entity, "\(hour(of: closedAt))")
        }
    }
    for event in events where event.hasError {
        if let robot = event.robotID { sums.add(1, to: "error_count", of: robot, "\(hour(of: event.at))") }
    }
    return sums
}

func pilotHourly(events: [ReferenceEvent], sessions: [Session]) -> Sums {
    var sums = Sums(["shift_seconds", "assigned_seconds"])
    let shiftEvents = events.filter { ["pilot.shift_started", "pilot.shift_ended"].contains($0.name) }
    for (pilot, events) in Dictionary(grouping: shiftEvents.filter { $0.pilotID != nil }, by: \.pilotID) {
        var startedAt: Instant?
        for event in chronological(events) {
            if event.name == "pilot.shift_started" {
                startedAt = startedAt ?? event.at
            } else if let start = startedAt {
                for part in Span(start: start, end: event.at).byHour {
                    sums.add(part.length, to: "shift_seconds", of: pilot, "\(part.hour)")
                }
                startedAt = nil
            }
        }
    }
    for (pilot, spans) in endedSpans(sessions.flatMap(\.pilotWindows)) {
        for part in spans.flatMap(\.byHour) {
            sums.add(part.length, to: "assigned_seconds", of: pilot, "\(part.hour)")
        }
    }
    return sums
}

func merchantHourly(_ sessions: [Session]) -> Sums {
    var sums = Sums(["sessions", "completed", "failed", "canceled", "robot_seconds", "pilot_seconds"])
    for session in sessions where session.id.kind == .delivery || session.id.kind == .demand {
        guard let first = session.direct.first else { continue }
        let merchant = session.direct.lazy.compactMap(\.merchantID).first
        let source = session.direct.lazy.compactMap(\.source).first
        func add(_ amount: Int64, to column: String) {
            sums.add(amount, to: column, of: merchant, source, "\(hour(of: first.at))")
        }
        add(1, to: "sessions")
        for outcome in ["completed", "failed", "canceled"] where session.outcome == outcome {
            add(1, to: outcome)
        }
        add(endedLength(session.robotWindows), to: "robot_seconds")
        add(endedLength(session.pilotWindows), to: "pilot_seconds")
    }
    return sums
}

func eventHourly(_ events: [ReferenceEvent]) -> Sums {
    var sums = Sums(["events"])
    for event in events {
        sums.add(1, to: "events", of: event.name, event.merchantID, event.source, "\(hour(of: event.at))")
    }
    return sums
}

/// What all robots together did in each hour, in microseconds. Whole hours of states of more than a day are left out: they
/// stand in the states' rows.
func fleetHours(
    events: [ReferenceEvent], sessions: [Session], states: [StateInterval], rules: ReferenceRules
) -> Sums {
    let figures = [
        "usable", "downtime", "off_duty", "other", "on_delivery", "deliveries_completed", "error_count",
    ]
    var sums = Sums(figures)
    let robots = robotHourly(
        events: events, sessions: sessions, states: states.flatMap(\.counted), rules: rules)
    for (key, values) in robots.rows {
        let hour = String(key.split(separator: "|", omittingEmptySubsequences: false).last ?? "")
        for (figure, value) in zip(figures, values) { sums.add(value, to: figure, of: hour) }
    }
    return sums
}

func fleetStateHours(_ states: [StateInterval]) -> Sums {
    var sums = Sums(["micros"])
    for state in states.flatMap(\.counted) {
        guard let end = state.endedAt else { continue }
        for part in Span(start: state.startedAt, end: end).byHour {
            sums.add(part.length, to: "micros", of: "\(part.hour)", state.state, state.reason)
        }
    }
    return sums
}

extension StateInterval {
    /// The parts of it that are counted by the hour: all of it, or of more than a day the parts of hours at both ends.
    var counted: [StateInterval] {
        guard let end = endedAt, end - startedAt > 24 * oneHour else { return [self] }
        let (first, last) = (hour(of: startedAt + oneHour - 1), hour(of: end))
        var (head, tail) = (self, self)
        head.endedAt = first
        tail.startedAt = last
        return [head, tail].filter { $0.endedAt != $0.startedAt }
    }
}

/// Sessions by the hour of their first event, how far they came and how they ended, from their rows.
func sessionHours(_ rows: [[String: ReferenceValue]]) -> Sums {
    var sums = Sums(["sessions"])
    for row in rows {
        guard case .integer(let first) = row["first_event_at"], row["kind"] != .text("trip") else { continue }
        func text(_ column: String) -> String? {
            if case .text(let text) = row[column] { return text }
            return nil
        }
        func isReached(_ column: String) -> Bool { row[column] ?? .null != .null }
        let steps = [
            ["dropoff_completed_at", "fulfilled_at"].contains(where: isReached),
            isReached("pickup_completed_at"), isReached("assigned_at"),
            ["delivery", "demand"].contains(text("kind")) || isReached("demand_created_at"),
            isReached("offer_accepted_at"), true,
        ]
        sums.add(
            1, to: "sessions", of: "\(hour(of: first))", text("source"), text("zone_id"),
            "\(5 - (steps.firstIndex(of: true) ?? 5))", text("outcome"),
            text("outcome") == "failed" ? text("failure_code") : nil)
    }
    return sums
}

/// Sessions that last beyond the hour after the one they began in.
func sessionSpans(_ rows: [[String: ReferenceValue]]) -> Sums {
    var sums = Sums(["sessions"])
    for row in rows {
        guard case .integer(let first) = row["first_event_at"],
            case .integer(let last) = row["last_event_at"],
            hour(of: last) - hour(of: first) > oneHour
        else { continue }
        sums.add(1, to: "sessions", of: "\(hour(of: last))", "\(hour(of: first))")
    }
    return sums
}

/// Per entity the time of its ended windows, never counted twice.
private func endedSpans(_ windows: [Window]) -> [String: [Span]] {
    Dictionary(grouping: windows, by: \.entity).mapValues { Span.union($0.compactMap(\.endedSpan)) }
}
