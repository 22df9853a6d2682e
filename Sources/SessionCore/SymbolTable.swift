/// A text (an id, a name, a reason) as a small number.
///
/// Equal texts have equal symbols within one ``SymbolTable``; ``absent`` stands for "not there".
public struct Symbol: Hashable, Sendable, BitwiseCopyable {
    /// The slot in the table; 0 is ``absent``.
    public let index: Int32

    /// Wraps a slot number.
    @inlinable
    public init(index: Int32) { self.index = index }

    /// The field is not there.
    public static let absent = Symbol(index: 0)

    /// Whether the field is there.
    @inlinable
    public var isPresent: Bool { index != 0 }
}

/// Interns texts, so that the engine compares and indexes numbers instead of hashing strings.
///
/// Hashing and comparing `String`s costs 200 to 300 ns a look-up, a symbol costs one look-up at the edge
/// and an array index afterwards. Symbols nobody uses any more are given back by ``sweep(keeping:)``, so
/// the table stays as small as what is in memory. One thread at a time.
public final class SymbolTable {
    private struct Entry {
        var offset: Int
        var length: Int32
        var hash: UInt32
    }

    private var bytes: [UInt8] = []
    private var entries: [Entry] = [Entry(offset: 0, length: 0, hash: 0)]
    private var freeSlots: [Int32] = []
    private var buckets: [Int32]
    private var pinnedCount: Int32 = 1

    /// How many symbols are in use.
    public private(set) var count = 0

    /// One more than the highest slot ever used: the size of an array indexed by symbol.
    public var slotCount: Int { entries.count }

    /// An empty table.
    public init() {
        buckets = [Int32](repeating: 0, count: 1 << 12)
    }

    /// The symbol of these bytes; no bytes give ``Symbol/absent``.
    public func intern(_ text: UnsafeRawBufferPointer) -> Symbol {
        guard let base = text.baseAddress, text.count > 0 else { return .absent }
        let hash = Self.hash(base, text.count)
        let mask = buckets.count - 1
        var probe = Int(truncatingIfNeeded: hash) & mask
        while true {
            let slot = buckets[probe]
            if slot == 0 { break }
            if slot > 0 {
                let entry = entries[Int(slot)]
                if entry.hash == UInt32(truncatingIfNeeded: hash >> 32), Int(entry.length) == text.count,
                    matches(entry, base)
                {
                    return Symbol(index: slot)
                }
            }
            probe = (probe &+ 1) & mask
        }
        return add(text, hash: hash, probe: probe)
    }

    /// The symbol of a string.
    public func intern(_ text: String) -> Symbol {
        var text = text
        return text.withUTF8 { intern(UnsafeRawBufferPointer($0)) }
    }

    /// Interns a text and keeps it for the life of the table, whatever ``sweep(keeping:)`` is told.
    ///
    /// Only before any unpinned text is interned: the pinned ones are the first slots.
    public func pin(_ text: String) -> Symbol {
        let before = entries.count
        let symbol = intern(text)
        if symbol.index >= pinnedCount {
            precondition(Int(symbol.index) == before && Int(pinnedCount) == before, "pin before interning")
            pinnedCount = symbol.index + 1
        }
        return symbol
    }

    /// The text of a symbol, copied; empty for ``Symbol/absent``.
    public func text(_ symbol: Symbol) -> String {
        withBytes(of: symbol) { String(decoding: $0, as: UTF8.self) }
    }

    /// The bytes of a symbol.
    /// - Warning: The pointer is valid inside `body` only, and nothing may be interned there.
    public func withBytes<Result>(of symbol: Symbol, _ body: (UnsafeRawBufferPointer) throws -> Result)
        rethrows -> Result
    {
        let entry = entries[Int(symbol.index)]
        return try bytes.withUnsafeBytes { all in
            try body(
                UnsafeRawBufferPointer(rebasing: all[entry.offset..<(entry.offset + Int(entry.length))]))
        }
    }

    /// Whether `a`'s text sorts before `b`'s, byte by byte (the order of every tie-break).
    public func precedes(_ a: Symbol, _ b: Symbol) -> Bool {
        compare(a, b) < 0
    }

    /// Negative, zero or positive, as the bytes of `a` sort before, like or after those of `b`.
    public func compare(_ a: Symbol, _ b: Symbol) -> Int {
        if a == b { return 0 }
        return withBytes(of: a) { left in
            withBytes(of: b) { right in compareBytes(left, right) }
        }
    }

    /// Gives back every symbol that `used` does not mark, and compacts the texts of the others.
    /// - Parameter used: One flag a slot, at least ``slotCount`` of them.
    public func sweep(keeping used: [Bool]) {
        precondition(used.count >= entries.count, "a flag for every slot")
        var compacted: [UInt8] = []
        compacted.reserveCapacity(bytes.count / 2)
        freeSlots.removeAll(keepingCapacity: true)
        count = 0
        for slot in 1..<max(entries.count, 1) {
            let entry = entries[slot]
            if entry.length == 0 || (!used[slot] && slot >= Int(pinnedCount)) {
                entries[slot] = Entry(offset: 0, length: 0, hash: 0)
                freeSlots.append(Int32(slot))
                continue
            }
            entries[slot].offset = compacted.count
            compacted.append(contentsOf: bytes[entry.offset..<(entry.offset + Int(entry.length))])
            count += 1
        }
        bytes = compacted
        freeSlots.reverse()
        var size = 1 << 12
        while size < count * 2 { size <<= 1 }
        rehash(to: size)
    }

    private func add(_ text: UnsafeRawBufferPointer, hash: UInt64, probe: Int) -> Symbol {
        let entry = Entry(
            offset: bytes.count, length: Int32(text.count), hash: UInt32(truncatingIfNeeded: hash >> 32))
        bytes.append(contentsOf: text)
        let slot: Int32
        if let free = freeSlots.popLast() {
            slot = free
            entries[Int(free)] = entry
        } else {
            slot = Int32(entries.count)
            entries.append(entry)
        }
        count += 1
        buckets[probe] = slot
        if count * 2 > buckets.count { rehash(to: buckets.count * 2) }
        return Symbol(index: slot)
    }

    private func rehash(to size: Int) {
        buckets = [Int32](repeating: 0, count: size)
        let mask = size - 1
        bytes.withUnsafeBytes { all in
            guard let base = all.baseAddress else { return }
            for slot in 1..<max(entries.count, 1) where entries[slot].length > 0 {
                let entry = entries[slot]
                let hash = Self.hash(base + entry.offset, Int(entry.length))
                var probe = Int(truncatingIfNeeded: hash) & mask
                while buckets[probe] != 0 { probe = (probe &+ 1) & mask }
                buckets[probe] = Int32(slot)
            }
        }
    }

    private func matches(_ entry: Entry, _ text: UnsafeRawPointer) -> Bool {
        bytes.withUnsafeBytes { all in
            guard let base = all.baseAddress else { return false }
            return equalBytes(base + entry.offset, text, Int(entry.length))
        }
    }

    /// A quick 64-bit hash of bytes. It never leaves the process, so it may change freely.
    @inline(__always)
    private static func hash(_ base: UnsafeRawPointer, _ count: Int) -> UInt64 {
        var state = 0x9E37_79B9_7F4A_7C15 ^ (UInt64(truncatingIfNeeded: count) &* 0xA076_1D64_78BD_642F)
        var offset = 0
        while offset &+ 8 <= count {
            state = mix(state ^ base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset &+= 8
        }
        if offset < count {
            var last: UInt64 = 0
            while offset < count {
                last = (last << 8) | UInt64(base.load(fromByteOffset: offset, as: UInt8.self))
                offset &+= 1
            }
            state = mix(state ^ last)
        }
        return state
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        let (high, low) = value.multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
        return high ^ low
    }
}

@inline(__always)
private func equalBytes(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ count: Int) -> Bool {
    var offset = 0
    while offset &+ 8 <= count {
        if a.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            != b.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        {
            return false
        }
        offset &+= 8
    }
    while offset < count {
        if a.load(fromByteOffset: offset, as: UInt8.self) != b.load(fromByteOffset: offset, as: UInt8.self) {
            return false
        }
        offset &+= 1
    }
    return true
}

func compareBytes(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    let shared = min(a.count, b.count)
    for index in 0..<shared where a[index] != b[index] {
        return a[index] < b[index] ? -1 : 1
    }
    return a.count - b.count
}
