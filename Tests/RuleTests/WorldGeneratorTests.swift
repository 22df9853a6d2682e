import Testing

@testable import ReferenceModel

/// How often each interesting thing happens in a set of worlds.
private struct Happenings {
    var counts: [String: Int] = [:]
    var events: Set<String> = []

    mutating func count(_ what: String, _ times: Int = 1) {
        counts[what, default: 0] += times
    }

    mutating func count(_ lines: [String], rules: ReferenceRules) {
        let input = AcceptedEvents(lines: lines)
        let links = Links(events: input.events)
        let all = sessions(of: input.events, links: links, rules: rules)
        let joined = joins(of: input.events, sessions: all)
        events.formUnion(input.events.map(\.name))

        count("received", input.received)
        count("duplicate", input.duplicates)
        count("skipped", input.skipped)
        for (reason, times) in input.rejected { count("rejected: \(reason)", times) }
        count("without event_id", input.events.count { $0.eventID == nil })
        count("instant shared", input.events.count - Set(input.events.map(\.at)).count)
        count("id linked", Set(input.events.flatMap(\.sessionIDs)).count { links.targets(of: $0) != [$0] })
        count("id shared", Set(input.events.flatMap(\.sessionIDs)).count { links.targets(of: $0).count > 1 })
        count("id over-linked", overLinked(input.events, links))
        for session in all { count(session, rules: rules, closers: input.events) }
        for one in joined.values.joined() { count("via \(one.via.rawValue)") }
    }

    /// Ids that stand for themselves though other ids are linked to them.
    private func overLinked(_ events: [ReferenceEvent], _ links: Links) -> Int {
        let linked = Set(events.flatMap { $0.sessionIDs.dropFirst() })
        return linked.count { links.targets(of: $0) == [$0] }
    }

    private mutating func count(_ session: Session, rules: ReferenceRules, closers: [ReferenceEvent]) {
        count("session")
        count("session \(session.outcome)")
        for (kind, windows) in [("robot", session.robotWindows), ("pilot", session.pilotWindows)] {
            for window in windows {
                count("\(kind) window")
                count("\(kind) window \(window.endReason ?? "without an end")")
                if window.inferred { count("\(kind) window inferred") }
                if window.cutByRobot { count("inherited window cut by the robot") }
            }
        }
        if let end = session.merchantWindow?.endReason { count("merchant window \(end)") }

        // What the session's own pilot windows would be if nothing but its direct events counted.
        let alone = WindowFold(kind: .pilot, events: session.direct, maxWindow: rules.maxWindow).windows
        if alone.isEmpty, !session.pilotWindows.isEmpty { count("session with inherited windows") }
        if !alone.isEmpty, alone.map(\.endedAt) != session.pilotWindows.map(\.endedAt) {
            count("session with a window ended by a pilot's end from elsewhere")
        }
        let closings = session.direct.filter { Roles.terminals[$0.name] != nil }
        let reopened = closings.contains { closing in
            session.direct.contains { $0.opensRobot && $0.at > closing.at }
        }
        if reopened { count("session reopened") }
        if session.direct.contains(where: { Roles.pilotOpens.contains($0.name) && $0.pilotID != nil }),
            let closedAt = session.closedAt, session.pilotWindows.contains(where: { $0.startedAt > closedAt })
        {
            count("pilot window in a closed session")
        }
    }
}

@Suite struct WorldGeneratorTests {
    @Test func theSameSeedMakesTheSameWorld() {
        var first = WorldGenerator(seed: 5)
        var second = WorldGenerator(seed: 5)
        var other = WorldGenerator(seed: 6)
        let world = first.lines(count: 80)
        #expect(world.count == 80)
        #expect(world == second.lines(count: 80))
        #expect(world != other.lines(count: 80))
        #expect(world != first.lines(count: 80), "the next world is another one")
    }

    @Test func arrivalOrderChangesNothing() {
        for seed in 0..<40 {
            var generator = WorldGenerator(seed: UInt64(seed))
            let lines = generator.lines(count: 60)
            let there = referenceTables(lines: lines)
            let back = referenceTables(lines: lines.reversed() + lines)
            #expect(there.tables == back.tables, "seed \(seed)")
            #expect(back.accepted == there.accepted)
        }
    }

    @Test func interestingThingsHappenOften() {
        var happenings = Happenings()
        for seed in 0..<200 {
            var generator = WorldGenerator(seed: UInt64(seed))
            happenings.count(generator.lines(count: 80), rules: ReferenceRules())
        }

        let often = [
            "robot window", "robot window reassigned", "robot window inferred", "robot window timed_out",
            "robot window completed", "robot window without an end", "pilot window",
            "pilot window reassigned", "pilot window inferred", "pilot window timed_out",
            "pilot window without an end", "pilot window shift_ended", "session reopened",
            "session with inherited windows", "inherited window cut by the robot",
            "session with a window ended by a pilot's end from elsewhere", "via robot", "via pilot",
            "via merchant", "duplicate", "without event_id", "instant shared", "id linked", "id shared",
        ]
        for what in often { #expect(happenings.counts[what, default: 0] >= 100, "\(what)") }
        let sometimes = [
            "robot window orphaned", "robot window failed", "robot window canceled", "robot window rejected",
            "robot window expired", "pilot window unassigned", "pilot window orphaned",
            "pilot window in a closed session", "merchant window timed_out", "merchant window completed",
            "session rejected", "session expired", "skipped", "rejected: malformed_json",
            "rejected: not_an_object", "rejected: missing_timestamp", "rejected: invalid_timestamp",
            "id over-linked",
        ]
        for what in sometimes { #expect(happenings.counts[what, default: 0] >= 5, "\(what)") }
        #expect(happenings.events.isSuperset(of: catalogue))
    }

    private let catalogue: Set<String> = [
        "offer.received", "offer.accepted", "offer.rejected", "offer.expired", "quote.requested",
        "quote.provided", "demand.created", "demand.confirmed", "demand.assigned", "demand.active",
        "demand.fulfilled", "demand.canceled", "demand.etas_updated", "demand.replan.orphaned",
        "demand.replan.rehomed", "trip.created", "trip.assigned", "trip.activated", "trip.started",
        "trip.completed", "trip.canceled", "pilot.shift_started", "pilot.shift_ended",
        "pilot.assignment_started", "pilot.assigned", "pilot.assignment_ended", "robot.state_changed",
        "robot.deployed", "robot.parked", "robot.grounded", "robot.off_duty", "robot.error",
        "delivery.pickup_arrival", "delivery.pickup_started", "delivery.pickup_completed",
        "delivery.dropoff_arrival", "delivery.dropoff_started", "delivery.dropoff_completed",
        "delivery.failed", "attempt.started", "attempt.completed", "attempt.failed", "attempt.rescued",
        "merchant.tablet_offline",
    ]
}
