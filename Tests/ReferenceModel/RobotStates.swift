/// A stretch of time a robot spent in one state.
struct StateInterval {
    var robot: String
    var state: String
    var reason: String?
    var startedAt: Instant
    var endedAt: Instant?
}

/// Every robot's states, in time order.
func robotStates(of events: [ReferenceEvent], rules: ReferenceRules) -> [StateInterval] {
    let byRobot = Dictionary(grouping: events.filter { $0.robotID != nil }) { $0.robotID ?? "" }
    return byRobot.flatMap { robot, events in
        robotStates(robot, heard: chronological(events), maxSilence: rules.maxSilence)
    }
}

private func robotStates(_ robot: String, heard: [ReferenceEvent], maxSilence: Int64?) -> [StateInterval] {
    var changes: [(at: Instant, state: String, reason: String?)] = []
    for (index, event) in heard.enumerated() {
        if let maxSilence, index > 0, !changes.isEmpty {
            let last = heard[index - 1].at
            if event.at - last > maxSilence { changes.append((last + maxSilence, "unknown", nil)) }
        }
        if let state = stateFact(event) {
            // Of several at one instant the last stands.
            if changes.last?.at == event.at { changes.removeLast() }
            changes.append((event.at, state, event.reason ?? event.errorCode))
        }
    }

    var intervals: [StateInterval] = []
    for change in changes {
        if let last = intervals.last {
            if last.state == change.state && last.reason == change.reason { continue }
            intervals[intervals.count - 1].endedAt = change.at
        }
        intervals.append(
            StateInterval(robot: robot, state: change.state, reason: change.reason, startedAt: change.at))
    }
    return intervals
}

/// The state an event says its robot is in from now on, if it says so.
private func stateFact(_ event: ReferenceEvent) -> String? {
    event.name == "robot.state_changed" ? event.toState ?? event.state : Roles.namedStates[event.name]
}
