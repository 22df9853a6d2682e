/// An `event_id` in sixteen bytes, in the order of its text: the last tie-break of every sort.
///
/// Nearly all ids are UUIDs or short; those are packed. Longer ones are a symbol. An event without an
/// `event_id` sorts before all that have one; two such sort by fingerprint (semantics section 8).
public struct EventKey: Hashable, Sendable, BitwiseCopyable {
    /// How the text is kept.
    public enum Form: UInt8, Sendable, BitwiseCopyable {
        /// No `event_id`; the halves are the fingerprint.
        case fingerprint
        /// A UUID in lower case with dashes; the halves are its 128 bits.
        case uuid
        /// At most 15 bytes without a NUL, left-aligned, the last byte zero.
        case short
        /// Anything else; `low` is the index of its symbol.
        case symbol
    }

    /// How the text is kept.
    public let form: Form
    let high: UInt64
    let low: UInt64

    /// Neither id nor fingerprint.
    public static let absent = EventKey(form: .fingerprint, high: 0, low: 0)

    init(form: Form, high: UInt64, low: UInt64) {
        self.form = form
        self.high = high
        self.low = low
    }

    /// The key of an event without an `event_id`.
    public init(fingerprint: EventIdentity) {
        self.init(form: .fingerprint, high: fingerprint.high, low: fingerprint.low)
    }

    /// The key of an `event_id`.
    public init(eventID text: UnsafeRawBufferPointer, symbols: SymbolTable) {
        if text.count == 36, let packed = Self.uuid(text) {
            self = packed
        } else if text.count <= 15, !text.contains(0) {
            var halves: (UInt64, UInt64) = (0, 0)
            for index in 0..<text.count {
                if index < 8 {
                    halves.0 |= UInt64(text[index]) << UInt64(56 - 8 * index)
                } else {
                    halves.1 |= UInt64(text[index]) << UInt64(56 - 8 * (index - 8))
                }
            }
            self.init(form: .short, high: halves.0, low: halves.1)
        } else {
            self.init(form: .symbol, high: 0, low: UInt64(symbols.intern(text).index))
        }
    }

    /// The symbol it keeps alive, if any.
    var symbol: Symbol {
        switch form {
        case .symbol: Symbol(index: Int32(truncatingIfNeeded: low))
        case .fingerprint, .uuid, .short: .absent
        }
    }

    /// Negative, zero or positive, as this id's text sorts before, like or after the other's.
    @inlinable
    public func compare(_ other: EventKey, _ symbols: SymbolTable) -> Int {
        if self == other { return 0 }
        if form == other.form, form != .symbol { return comparePacked(other) }
        return compareTexts(other, symbols)
    }

    @usableFromInline
    func comparePacked(_ other: EventKey) -> Int {
        if high != other.high { return high < other.high ? -1 : 1 }
        if low != other.low { return low < other.low ? -1 : 1 }
        return 0
    }

    @usableFromInline
    func compareTexts(_ other: EventKey, _ symbols: SymbolTable) -> Int {
        if form == .fingerprint { return -1 }
        if other.form == .fingerprint { return 1 }
        let (left, right) = (bytes(symbols), other.bytes(symbols))
        return left.withUnsafeBytes { a in right.withUnsafeBytes { b in compareBytes(a, b) } }
    }

    private func bytes(_ symbols: SymbolTable) -> [UInt8] {
        switch form {
        case .fingerprint: return []
        case .symbol: return symbols.withBytes(of: symbol) { Array($0) }
        case .short:
            let all =
                withUnsafeBytes(of: high.bigEndian) { Array($0) }
                + withUnsafeBytes(of: low.bigEndian) { Array($0) }
            return Array(all.prefix { $0 != 0 })
        case .uuid:
            var text: [UInt8] = []
            for (index, byte)
                in (withUnsafeBytes(of: high.bigEndian) { Array($0) }
                + withUnsafeBytes(of: low.bigEndian) { Array($0) }).enumerated()
            {
                if index == 4 || index == 6 || index == 8 || index == 10 { text.append(45) }
                text.append(Self.digit(byte >> 4))
                text.append(Self.digit(byte & 15))
            }
            return text
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }

    /// A UUID in lower case with dashes, eight digits at a time; nil for any other text.
    private static func uuid(_ text: UnsafeRawBufferPointer) -> EventKey? {
        guard text[8] == 45, text[13] == 45, text[18] == 45, text[23] == 45,
            let first = hex(text.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
            let second = hex(pair(text, 9, 14)), let third = hex(pair(text, 19, 24)),
            let fourth = hex(text.loadUnaligned(fromByteOffset: 28, as: UInt64.self))
        else { return nil }
        return EventKey(form: .uuid, high: first << 32 | second, low: third << 32 | fourth)
    }

    @inline(__always)
    private static func pair(_ text: UnsafeRawBufferPointer, _ first: Int, _ second: Int) -> UInt64 {
        let low = UInt32(littleEndian: text.loadUnaligned(fromByteOffset: first, as: UInt32.self))
        let high = UInt32(littleEndian: text.loadUnaligned(fromByteOffset: second, as: UInt32.self))
        return UInt64(littleEndian: UInt64(low) | UInt64(high) << 32)
    }

    /// The number that eight digits 0-9, a-f write, in the order of memory.
    @inline(__always)
    private static func hex(_ loaded: UInt64) -> UInt64? {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let text = UInt64(littleEndian: loaded)
        // Each byte's low half, plus nine where it is a letter (bit 6).
        let digits = (text & (ones &* 15)) &+ ((text >> 6) & ones) &* 9
        // Written back they must give the same text: "0" and the digit, 39 more from ten on.
        let written = digits &+ ones &* 48 &+ (((digits &+ ones &* 6) >> 4) & ones) &* 39
        guard written == text, digits & (ones &* 0xF0) == 0 else { return nil }
        var packed = digits.byteSwapped
        packed = (packed | packed >> 4) & 0x00FF_00FF_00FF_00FF
        packed = (packed | packed >> 8) & 0x0000_FFFF_0000_FFFF
        return (packed | packed >> 16) & 0xFFFF_FFFF
    }
}
