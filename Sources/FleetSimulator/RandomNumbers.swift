/// SplitMix64: small, quick, and the same on every machine. Each part of the simulation draws from a stream of
/// its own, so that turning a dial of the transport does not change what the fleet does.
struct RandomNumbers {
    /// Who draws.
    enum Stream: UInt64 { case fleet = 1, telemetry, identities, transport }

    private var state: UInt64

    init(seed: UInt64, stream: Stream) {
        state = Self.mix(seed) ^ Self.mix(stream.rawValue &* 0xD1B5_4A32_D192_ED03)
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(state)
    }

    private static func mix(_ word: UInt64) -> UInt64 {
        var word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// A number from 0 up to, not including, `bound`.
    mutating func below(_ bound: Int) -> Int {
        Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// From 0 up to, not including, 1.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    mutating func chance(_ share: Double) -> Bool { share > 0 && unit() < share }

    /// A length of time in microseconds, whole milliseconds, each as likely.
    mutating func seconds(_ range: ClosedRange<Double>) -> Int64 {
        Int64((range.lowerBound + (range.upperBound - range.lowerBound) * unit()) * 1000) * 1000
    }

    /// A length of time as queues and roads give it: mostly short, now and then long. The mean lies a third of
    /// the way up.
    mutating func skewedSeconds(_ range: ClosedRange<Double>) -> Int64 {
        let share = unit() * (0.33 + 0.67 * unit())
        return Int64((range.lowerBound + (range.upperBound - range.lowerBound) * share) * 1000) * 1000
    }

    /// An index, each as likely as its weight says.
    mutating func index(ofWeights weights: [Int]) -> Int {
        var left = below(weights.reduce(0, +))
        for (index, weight) in weights.enumerated() {
            if left < weight { return index }
            left -= weight
        }
        return weights.count - 1
    }
}
