/// A set of identities. They are hashes already, so a slot is found without hashing them once more: a `Set`
/// takes five times as long for the same, on the path of every event.
struct IdentitySet {
    private var slots: [EventIdentity]
    private(set) var count = 0
    /// All zeros marks a free slot; whether the identity of all zeros is in the set stands here.
    private var hasZero = false

    private static let free = EventIdentity(high: 0, low: 0)
    /// Differs from process to process, so that nobody can choose ids that collide here.
    private static let scatter = UInt64(truncatingIfNeeded: "identity".hashValue) | 1

    /// Small: where events lie scattered over years, most hours have one.
    init() { slots = Array(repeating: Self.free, count: 4) }

    /// Puts an identity in; false if it was there.
    mutating func insert(_ identity: EventIdentity) -> Bool {
        if identity == Self.free {
            if hasZero { return false }
            hasZero = true
            count += 1
            return true
        }
        let slot = slots.withUnsafeBufferPointer { Self.slot(of: identity, in: $0) }
        if slots[slot] == identity { return false }
        slots[slot] = identity
        count += 1
        if count * 2 > slots.count { grow() }
        return true
    }

    /// Whether an identity is in the set.
    func contains(_ identity: EventIdentity) -> Bool {
        if identity == Self.free { return hasZero }
        return slots.withUnsafeBufferPointer { $0[Self.slot(of: identity, in: $0)] == identity }
    }

    private static func slot(of identity: EventIdentity, in slots: UnsafeBufferPointer<EventIdentity>) -> Int
    {
        let mask = slots.count - 1
        var probe = Int(truncatingIfNeeded: (identity.low &* scatter) >> 20) & mask
        while slots[probe] != identity, slots[probe] != free { probe = (probe &+ 1) & mask }
        return probe
    }

    private mutating func grow() {
        var larger = [EventIdentity](repeating: Self.free, count: slots.count * 2)
        for identity in slots where identity != Self.free {
            larger[larger.withUnsafeBufferPointer { Self.slot(of: identity, in: $0) }] = identity
        }
        slots = larger
    }
}
