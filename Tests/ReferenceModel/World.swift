/// A repeatable source of randomness.
public struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    /// Equal seeds, equal numbers.
    public init(seed: UInt64) { state = seed }

    /// The next number of the sequence.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Small worlds built to collide: few ids, few instants, missing ids, contradictory claims.
public enum World {
    static let names = [
        "demand.assigned", "demand.assigned", "demand.replan.rehomed", "trip.assigned", "trip.activated",
        "demand.replan.orphaned", "pilot.assigned", "pilot.assigned", "pilot.assignment_started",
        "pilot.assignment_ended", "pilot.shift_started", "pilot.shift_ended", "pilot.shift_ended",
        "delivery.dropoff_completed", "demand.fulfilled", "delivery.failed", "demand.canceled",
        "offer.rejected",
        "offer.expired", "demand.created", "delivery.pickup_arrival", "robot.state_changed", "robot.deployed",
        "robot.grounded", "robot.error", "robot.telemetry", "robot.telemetry", "merchant.note", "x.unknown",
    ]

    /// The events of a seed's world, each once, in the order they were made up.
    public static func events(seed: UInt64) -> [ReferenceEvent] {
        var random = SplitMix64(seed: seed)
        let count = Int.random(in: 3...40, using: &random)
        let start: Int64 = 1_767_225_600_000_000 + 86_400_000_000
        let minute: Int64 = 60_000_000
        // Equal instants are frequent; six hours apart is where windows time out.
        let instants: [Int64] =
            (0..<Int.random(in: 2...8, using: &random)).map { _ in
                Int64.random(in: 0...50, using: &random) * 10 * minute
            }
            + [0, 360 * minute, 360 * minute + 1, 720 * minute]
        let robots = ["R-1", "R-2", "R-3"]
        let pilots = ["P-1", "P-2"]
        var events: [ReferenceEvent] = []
        var nameless: Set<String> = []
        for index in 0..<count {
            func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
            func pick<T>(_ all: [T]) -> T { all[Int.random(in: 0..<all.count, using: &random)] }
            let name = pick(names)
            let time = start + pick(instants)
            var id: String? = pick(["e", "zz", "7f9c1b2a-0000-4000-8000-0000000000"]) + "\(10 + index)"
            if chance(20), nameless.insert("\(time) \(name)").inserted { id = nil }
            var event = ReferenceEvent(time: time, name: name, id: id)
            let isAlone =
                name.hasPrefix("robot.") || name.hasPrefix("merchant.") || name.hasPrefix("pilot.shift")
            if !chance(isAlone ? 90 : 12) {
                let pool = [
                    ["delivery:D1", "delivery:D2"], ["demand:M1", "demand:M2"], ["trip:T1", "trip:T2"],
                    ["quote:Q1"], ["offer:O1", "offer:O2"],
                ]
                for (kind, ids) in pool.enumerated() where chance([45, 45, 35, 12, 12][kind]) {
                    event.sessionIDs.append(pick(ids))
                }
            }
            if chance(name.hasPrefix("pilot.shift") ? 15 : 60) { event.robot = pick(robots) }
            if chance(name.hasPrefix("pilot") ? 92 : 25) { event.pilot = pick(pilots) }
            if chance(name.hasPrefix("merchant") ? 100 : 25) { event.merchant = pick(["S-1", "S-2"]) }
            if name.hasPrefix("merchant"), chance(80) { event.robot = nil; event.pilot = nil }
            if chance(20) { event.source = pick(["uber", "own"]) }
            if name == "robot.state_changed", chance(90) {
                event.state = pick(["idle", "error", "charging", "lost"])
            }
            if chance(15) { event.reason = pick(["LID", "BATTERY"]) }
            if chance(15) { event.errorCode = pick(["E1", "E2"]) }
            events.append(event)
        }
        return events
    }
}
