/// A session's row of the table `sessions`: its columns' names and values, in their order.
func sessionRow(_ session: Session, joined: [Joined]) -> [(column: String, value: ReferenceValue)] {
    let direct = session.direct
    let all = chronological(joined.map(\.event))
    let errors = all.filter(\.hasError)
    let lastFailure = direct.last { $0.name == "delivery.failed" }
    let robots = session.robotWindows.sorted { $0.startedAt < $1.startedAt }
    let pilots = session.pilotWindows.sorted { $0.startedAt < $1.startedAt }

    let lost = robots.filter { $0.endReason == "reassigned" || $0.endReason == "orphaned" }
    let handedOff = pilots.filter { $0.endReason == "reassigned" && !$0.cutByRobot }

    func earliest(_ field: KeyPath<ReferenceEvent, String?>) -> ReferenceValue {
        .text(orNull: direct.lazy.compactMap { $0[keyPath: field] }.first)
    }
    func named(_ field: KeyPath<ReferenceEvent, String?>) -> ReferenceValue {
        .list(sortedByBytes(Set(direct.compactMap { $0[keyPath: field] })))
    }
    func count(_ name: String) -> ReferenceValue {
        .integer(Int64(direct.count { $0.name == name }))
    }

    var milestones: [String: Instant] = [:]
    for (column, name) in Roles.milestones { milestones[column] = direct.first { $0.name == name }?.at }
    milestones["assigned_at"] = direct.first { $0.opensRobot }?.at

    var row: [(column: String, value: ReferenceValue)] = [
        ("kind", .text(session.id.kind.rawValue)),
        ("delivery_id", session.id.kind == .delivery ? .text(session.id.id) : .null),
        ("merchant_id", earliest(\.merchantID)),
        ("source", earliest(\.source)),
        ("zone_id", earliest(\.zoneID)),
        ("outcome", .text(session.outcome)),
        ("failure_code", .text(orNull: lastFailure?.errorCode)),
        ("failure_message", .text(orNull: lastFailure?.errorMessage)),
        ("first_error_code", .text(orNull: errors.first?.errorCode)),
        ("first_event_at", .integer(orNull: all.first?.at)),
        ("last_event_at", .integer(orNull: all.last?.at)),
        ("closed_at", .integer(orNull: session.closedAt)),
        ("assigned_at", .integer(orNull: milestones["assigned_at"])),
        ("robot_id", .text(orNull: robots.last?.entity)),
        ("pilot_id", .text(orNull: pilots.last?.entity)),
        ("robot_ids", .list(sortedByBytes(Set(robots.map(\.entity))))),
        ("pilot_ids", .list(sortedByBytes(Set(pilots.map(\.entity))))),
        ("demand_ids", named(\.demandID)),
        ("trip_ids", named(\.tripID)),
        ("reassignment_count", .integer(Int64(lost.count))),
        ("pilot_handoff_count", .integer(Int64(handedOff.count))),
        ("attempt_count", count("attempt.started")),
        ("attempt_failed_count", count("attempt.failed")),
        ("rescue_count", count("attempt.rescued")),
        ("error_count", .integer(Int64(errors.count))),
        ("event_count", .integer(Int64(all.count))),
        ("robot_seconds", .seconds(endedLength(robots))),
        ("pilot_seconds", .seconds(endedLength(pilots))),
    ]
    for (column, _) in Roles.milestones { row.append((column, .integer(orNull: milestones[column]))) }
    for (column, from, to) in Roles.durations {
        if let start = milestones[from], let end = milestones[to], end >= start {
            row.append((column, .seconds(end - start)))
        } else {
            row.append((column, .null))
        }
    }
    return row
}

/// The time of the windows that have ended, each for itself.
func endedLength(_ windows: [Window]) -> Int64 {
    windows.compactMap(\.endedSpan).reduce(0) { $0 + $1.end - $1.start }
}
