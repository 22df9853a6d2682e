/// What kind of event a world makes next.
private enum EventKind {
    case robotOpen, robotRelease, pilotOpen, pilotEnd, terminal, progress, offer, robot, shift, other
}

extension World {
    private static let kinds: [(weight: Int, element: EventKind)] = [
        (22, .robotOpen), (5, .robotRelease), (14, .pilotOpen), (14, .pilotEnd), (13, .terminal),
        (18, .progress), (6, .offer), (16, .robot), (4, .shift), (6, .other),
    ]
    private static let progressNames = [
        "demand.created", "demand.confirmed", "demand.active", "demand.etas_updated", "trip.created",
        "trip.started", "trip.completed", "trip.canceled", "delivery.pickup_arrival",
        "delivery.pickup_started", "delivery.pickup_completed", "delivery.dropoff_arrival",
        "delivery.dropoff_started", "attempt.started", "attempt.completed", "attempt.failed",
        "attempt.rescued",
    ]
    private static let robotNames = [
        "robot.state_changed", "robot.state_changed", "robot.state_changed", "robot.deployed",
        "robot.parked", "robot.grounded", "robot.off_duty", "robot.error", "robot.heartbeat",
    ]
    private static let states = [
        "idle", "delivering", "grounded", "unknown", "charging", "off_duty", "dancing",
    ]
    private static let reasons = ["battery", "weather", "operator"]

    /// A random event of this world.
    func event(random: inout SplitMix64) -> EventDraft {
        let kind = random.pick(weighted: Self.kinds)
        var draft = EventDraft(name: name(kind, random: &random), at: random.pick(weighted: instants))
        switch kind {
        case .robotOpen, .robotRelease:
            addSessions(to: &draft, chance: 96, random: &random)
            if random.chance(kind == .robotOpen ? 90 : 60) { add("robot_id", to: &draft, random: &random) }
            addPilot(to: &draft, random: &random)
        case .pilotOpen, .pilotEnd:
            addPilotEvent(to: &draft, opens: kind == .pilotOpen, random: &random)
        case .terminal, .progress, .offer:
            addSessions(to: &draft, chance: 97, random: &random)
            if random.chance(35) { add("robot_id", to: &draft, random: &random) }
            addPilot(to: &draft, random: &random)
            if random.chance(40) { add("merchant_id", to: &draft, random: &random) }
        case .robot:
            addSessions(to: &draft, chance: 20, random: &random)
            if random.chance(95) { add("robot_id", to: &draft, random: &random) }
            if random.chance(20) { add("pilot_id", to: &draft, random: &random) }
            if draft.name == "robot.state_changed" { addState(to: &draft, random: &random) }
        case .shift:
            addSessions(to: &draft, chance: 10, random: &random)
            if random.chance(92) { add("pilot_id", to: &draft, random: &random) }
            if random.chance(10) { add("robot_id", to: &draft, random: &random) }
        case .other:
            addSessions(to: &draft, chance: 25, random: &random)
            let key = random.pick(["robot_id", "pilot_id", "merchant_id", "merchant_id", "zone_id"])
            add(key, to: &draft, random: &random)
        }
        addTrimmings(to: &draft, random: &random)
        return draft
    }

    private func name(_ kind: EventKind, random: inout SplitMix64) -> String {
        switch kind {
        case .robotOpen:
            random.pick(["demand.assigned", "demand.replan.rehomed", "trip.assigned", "trip.activated"])
        case .robotRelease: "demand.replan.orphaned"
        case .pilotOpen: random.pick(["pilot.assigned", "pilot.assignment_started"])
        case .pilotEnd: random.pick(["pilot.assignment_ended", "pilot.shift_ended", "pilot.shift_ended"])
        case .terminal:
            random.pick([
                "delivery.dropoff_completed", "demand.fulfilled", "delivery.failed", "demand.canceled",
                "offer.rejected", "offer.expired",
            ])
        case .progress: random.pick(Self.progressNames)
        case .offer:
            random.pick(["offer.received", "offer.accepted", "quote.requested", "quote.provided"])
        case .robot: random.pick(Self.robotNames)
        case .shift: "pilot.shift_started"
        case .other: random.pick(["merchant.tablet_offline", "weather.changed", "offer.Received"])
        }
    }

    /// One session id, often a specific one; or several, mostly those that belong together.
    private func addSessions(to draft: inout EventDraft, chance: Int, random: inout SplitMix64) {
        guard random.chance(chance) else { return }
        let key = random.pick(weighted: [
            (40, "delivery_id"), (30, "demand_id"), (17, "trip_id"), (6, "quote_id"), (7, "offer_id"),
        ])
        add(key, to: &draft, random: &random)
        guard random.chance(55) else { return }
        if random.chance(88) {
            if let home = homes["\(key) \(draft.fields[key] ?? "")"] {
                let (other, id) = random.pick(home)
                draft.fields[other] = id
            }
        } else {
            for other in Self.sessionKeys where random.chance(25) { add(other, to: &draft, random: &random) }
        }
    }

    /// The pilot an event of a session may name; where robots tell of pilots, it rarely does.
    private func addPilot(to draft: inout EventDraft, random: inout SplitMix64) {
        let chance =
            switch pilotStyle {
            case .sessions: 30
            case .mixed: 10
            case .robots: 1
            }
        if random.chance(chance) { add("pilot_id", to: &draft, random: &random) }
    }

    /// A pilot's beginning or end: of sessions, of a robot, or of neither.
    private func addPilotEvent(to draft: inout EventDraft, opens: Bool, random: inout SplitMix64) {
        if random.chance(90) { add("pilot_id", to: &draft, random: &random) }
        if !opens, random.chance(62) { return }
        let sessions =
            switch pilotStyle {
            case .sessions: 85
            case .mixed: 45
            case .robots: 4
            }
        addSessions(to: &draft, chance: sessions, random: &random)
        let namesSession = Self.sessionKeys.contains { draft.fields[$0] != nil }
        if random.chance(namesSession ? 30 : 92) { add("robot_id", to: &draft, random: &random) }
    }

    private func addState(to draft: inout EventDraft, random: inout SplitMix64) {
        if random.chance(85) { draft.fields["to_state"] = random.pick(Self.states) }
        if random.chance(25) { draft.fields["state"] = random.pick(Self.states) }
        if random.chance(50) { draft.fields["from_state"] = random.pick(Self.states) }
    }

    private func addTrimmings(to draft: inout EventDraft, random: inout SplitMix64) {
        if random.chance(12) { add("zone_id", to: &draft, random: &random) }
        if random.chance(4) { add("parking_lot_id", to: &draft, random: &random) }
        if random.chance(25) { add("source", to: &draft, random: &random) }
        if random.chance(10) { add("merchant_id", to: &draft, random: &random) }
        if random.chance(15) { draft.fields["reason"] = random.pick(Self.reasons) }
        if draft.name == "offer.rejected" { draft.fields["rejection_reason"] = random.pick(Self.reasons) }
        let failing = draft.name == "robot.error" || draft.name == "delivery.failed"
        if random.chance(failing ? 70 : 8) {
            draft.error = random.pick([
                #""STALL""#, #""LOST""#, #"{"code":"STALL"}"#, #"{"code":"TIPPED","message":"on its side"}"#,
                #"{"message":"no signal"}"#, "{}", "null", #"{"code":null}"#, #"{"detail":"STALL"}"#,
            ])
        }
    }
}
