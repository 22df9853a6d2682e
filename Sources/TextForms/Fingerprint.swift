/// FNV-1a, 64 bits: tells texts apart on every machine and for all time; keeps no secret and guards against nobody.
public enum Fingerprint {
    /// Of bytes.
    /// - Parameter seed: What to begin with; FNV's own offset basis, or a value before, to go on from.
    public static func value(of bytes: some Sequence<UInt8>, from seed: UInt64 = 0xCBF2_9CE4_8422_2325)
        -> UInt64
    {
        var hash = seed
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return hash
    }
}
