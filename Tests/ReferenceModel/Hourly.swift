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

/// Per entity the time of its ended windows, never counted twice.
private func endedSpans(_ windows: [Window]) -> [String: [Span]] {
    Dictionary(grouping: windows, by: \.entity).mapValues { Span.union($0.compactMap(\.endedSpan)) }
}
