/// The few things there are in a random world, and how likely they are to meet.
struct World {
    /// Who usually tells of pilots: the sessions' events, the robots' scopes, or both.
    enum PilotStyle: CaseIterable {
        case sessions, robots, mixed
    }

    var entities: [String: [String]] = [:]
    var homes: [String: [(key: String, id: String)]] = [:]
    var instants: [(weight: Int, element: Instant)] = []
    var pilotStyle: PilotStyle

    static let sessionKeys = ["delivery_id", "demand_id", "trip_id", "quote_id", "offer_id"]

    init(random: inout SplitMix64) {
        pilotStyle = random.pick(PilotStyle.allCases)
        func some(_ key: String, _ prefix: String, _ counts: ClosedRange<Int>, random: inout SplitMix64) {
            // "7" is an id of every kind, and may be written as a number.
            let names = (1...random.within(counts)).map { random.chance(15) ? "7" : "\(prefix)\($0)" }
            entities[key] = names
        }
        some("delivery_id", "D", 2...4, random: &random)
        some("demand_id", "M", 2...4, random: &random)
        some("trip_id", "T", 2...4, random: &random)
        some("quote_id", "Q", 2...3, random: &random)
        some("offer_id", "O", 2...3, random: &random)
        some("robot_id", "R", 2...3, random: &random)
        some("pilot_id", "P", 2...3, random: &random)
        some("merchant_id", "S", 1...2, random: &random)
        entities["zone_id"] = ["Z1", "Zürich"]
        entities["parking_lot_id"] = ["L1"]
        entities["source"] = ["uber", "wolt"]

        settle(random: &random)
        chooseInstants(random: &random)
    }

    /// Says which more specific ids an id usually comes with. Some demands never learn their delivery.
    private mutating func settle(random: inout SplitMix64) {
        func home(_ key: String, _ id: String, in keys: [String], random: inout SplitMix64) {
            let other = random.pick(keys)
            homes["\(key) \(id)", default: []].append((other, random.pick(entities[other, default: []])))
        }
        for id in entities["demand_id", default: []] where random.chance(75) {
            home("demand_id", id, in: ["delivery_id"], random: &random)
        }
        for id in entities["trip_id", default: []] {
            for _ in 0..<random.within(1...2) {
                home("trip_id", id, in: ["demand_id", "demand_id", "delivery_id"], random: &random)
            }
        }
        for id in entities["quote_id", default: []] where random.chance(80) {
            home("quote_id", id, in: ["demand_id", "delivery_id", "trip_id"], random: &random)
        }
        for id in entities["offer_id", default: []] where random.chance(80) {
            home("offer_id", id, in: ["demand_id", "delivery_id", "quote_id"], random: &random)
        }
    }

    /// A handful of instants around the borders: of windows (six hours), of hours, of microseconds.
    private mutating func chooseInstants(random: inout SplitMix64) {
        let sixHours = 6 * oneHour
        let days = ["2026-03-10T", "2024-02-29T", "2025-12-31T", "1969-12-31T"].compactMap {
            instant($0 + "00:00:00Z")
        }
        let base = random.pick(days) + Int64(random.below(4)) * sixHours
        let minute = 60 * oneSecond
        let steps = [
            0, oneSecond, 17 * minute, oneHour - 1, oneHour, 90 * minute + 250_000, 2 * oneHour,
            5 * oneHour,
        ]
        for _ in 0..<random.within(2...4) {
            let start = base + random.pick(steps)
            instants.append((5, start))
            for later in [1, 3 * minute, 25 * minute, oneHour, 4 * oneHour] where random.chance(50) {
                instants.append((3, start + later))
            }
            if random.chance(70) { instants.append((3, start + sixHours)) }
            if random.chance(30) { instants.append((1, start + sixHours - 1)) }
            if random.chance(20) { instants.append((1, start + sixHours + 1)) }
            if random.chance(30) { instants.append((2, start + 2 * sixHours)) }
        }
        instants.append((1, base + sixHours))
        instants.append((1, base + sixHours + 40 * minute))
        if random.chance(40) {
            // Far ones: a clock that ran away, a robot that stood still for days.
            let day = 24 * oneHour
            for far in [-2 * day, day - 1, day, day + 1, 25 * oneHour, 3 * day + 17 * minute, 40 * day] {
                instants.append((2, base + far))
            }
        }
    }

    /// In some worlds, enough events to link one id to about as many others as is allowed.
    func overLinking(room: Int, random: inout SplitMix64) -> [EventDraft] {
        let count = random.pick([31, 32, 33, 36])
        guard room >= count + 10, random.chance(14) else { return [] }
        let (less, more) = random.pick([
            ("trip_id", "delivery_id"), ("trip_id", "demand_id"), ("demand_id", "delivery_id"),
            ("offer_id", "quote_id"),
        ])
        let id = random.pick(entities[less, default: []])
        return (1...count).map { number in
            var draft = EventDraft(
                name: random.pick(["trip.created", "demand.etas_updated", "trip.assigned", "offer.received"]),
                at: random.pick(weighted: instants))
            draft.fields = [more: "X\(number)", less: id]
            if random.chance(30) { add("robot_id", to: &draft, random: &random) }
            return draft
        }
    }

    func add(_ key: String, to draft: inout EventDraft, random: inout SplitMix64) {
        draft.fields[key] = random.pick(entities[key, default: []])
    }
}
