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
    @inlinable
    public static var absent: Symbol { Symbol(index: 0) }

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

    // By hand, not in arrays: a look-up is on the path of every field of every event, and an array in a class
    // costs a check for exclusive access each time it is touched.
    private var bytes = UnsafeMutableRawPointer.allocate(byteCount: 1 << 16, alignment: 8)
    private var byteCapacity = 1 << 16
    private var byteCount = 0
    private var entries = UnsafeMutablePointer<Entry>.allocate(capacity: 1 << 12)
    private var entryCapacity = 1 << 12
    private var entryCount = 1
    private var freeSlots: [Int32] = []
    private var buckets = UnsafeMutablePointer<Int32>.allocate(capacity: 1 << 12)
    private var bucketCount = 1 << 12
    private var pinnedCount: Int32 = 1
    // Room for a text behind its prefix; ids beyond are rare, and joined elsewhere.
    private let joined = UnsafeMutableRawPointer.allocate(byteCount: 256, alignment: 8)
    private let joinedCapacity = 256

    /// How many symbols are in use.
    public private(set) var count = 0

    /// One more than the highest slot ever used: the size of an array indexed by symbol.
    public var slotCount: Int { entryCount }

    /// An empty table.
    public init() {
        entries.initialize(repeating: Entry(offset: 0, length: 0, hash: 0), count: entryCapacity)
        buckets.initialize(repeating: 0, count: bucketCount)
    }

    deinit {
        bytes.deallocate()
        entries.deallocate()
        buckets.deallocate()
        joined.deallocate()
    }

    /// The symbol of these bytes; no bytes give ``Symbol/absent``.
    public func intern(_ text: UnsafeRawBufferPointer) -> Symbol {
        guard let base = text.baseAddress, text.count > 0 else { return .absent }
        let hash = Self.hash(base, text.count)
        let (buckets, entries, texts) = (buckets, entries, UnsafeRawPointer(bytes))
        let mask = bucketCount - 1
        var probe = Int(truncatingIfNeeded: hash) & mask
        while true {
            let slot = buckets[probe]
            if slot == 0 { break }
            let entry = entries[Int(slot)]
            if entry.hash == UInt32(truncatingIfNeeded: hash >> 32), Int(entry.length) == text.count,
                equalBytes(texts + entry.offset, base, text.count)
            {
                return Symbol(index: slot)
            }
            probe = (probe &+ 1) & mask
        }
        return add(text, hash: hash, probe: probe)
    }

    /// The symbol of a text behind a prefix: a session id as it stands in the tables, `delivery:D-1`.
    public func intern(_ prefix: StaticString, _ text: UnsafeRawBufferPointer) -> Symbol {
        let before = prefix.utf8CodeUnitCount
        let length = before + text.count
        guard length <= joinedCapacity, let base = text.baseAddress else {
            var joined = prefix.withUTF8Buffer { Array($0) }
            joined += text
            return joined.withUnsafeBytes { intern($0) }
        }
        joined.copyMemory(from: prefix.utf8Start, byteCount: before)
        (joined + before).copyMemory(from: base, byteCount: text.count)
        return intern(UnsafeRawBufferPointer(start: joined, count: length))
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
        let before = entryCount
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
    /// - Warning: They stand where they are only until the next text is interned or the table is swept.
    public func bytes(of symbol: Symbol) -> UnsafeRawBufferPointer {
        precondition(symbol.index >= 0 && Int(symbol.index) < entryCount, "a symbol of another table")
        let entry = entries[Int(symbol.index)]
        return UnsafeRawBufferPointer(
            start: UnsafeRawPointer(bytes) + entry.offset, count: Int(entry.length))
    }

    /// The bytes of a symbol.
    /// - Warning: The pointer is valid inside `body` only, and nothing may be interned there.
    public func withBytes<Result>(of symbol: Symbol, _ body: (UnsafeRawBufferPointer) throws -> Result)
        rethrows -> Result
    {
        try body(bytes(of: symbol))
    }

    /// Whether `a`'s text sorts before `b`'s, byte by byte (the order of every tie-break).
    public func precedes(_ a: Symbol, _ b: Symbol) -> Bool {
        compare(a, b) < 0
    }

    /// Negative, zero or positive, as the bytes of `a` sort before, like or after those of `b`.
    public func compare(_ a: Symbol, _ b: Symbol) -> Int {
        if a == b { return 0 }
        return compareBytes(bytes(of: a), bytes(of: b))
    }

    /// Gives back every symbol that `used` does not mark, and compacts the texts of the others.
    /// - Parameter used: One flag a slot, at least ``slotCount`` of them.
    public func sweep(keeping used: [Bool]) {
        precondition(used.count >= entryCount, "a flag for every slot")
        freeSlots.removeAll(keepingCapacity: true)
        count = 0
        var kept = 0
        for slot in 1..<max(entryCount, 1) where isKept(slot, used) { kept += Int(entries[slot].length) }
        byteCapacity = max(1 << 16, kept * 2)
        let compacted = UnsafeMutableRawPointer.allocate(byteCount: byteCapacity, alignment: 8)
        byteCount = 0
        for slot in 1..<max(entryCount, 1) {
            guard isKept(slot, used) else {
                entries[slot] = Entry(offset: 0, length: 0, hash: 0)
                freeSlots.append(Int32(slot))
                continue
            }
            let entry = entries[slot]
            (compacted + byteCount).copyMemory(from: bytes + entry.offset, byteCount: Int(entry.length))
            entries[slot].offset = byteCount
            byteCount += Int(entry.length)
            count += 1
        }
        bytes.deallocate()
        bytes = compacted
        freeSlots.reverse()
        var size = 1 << 12
        while size < count * 2 { size <<= 1 }
        rehash(to: size)
    }

    private func isKept(_ slot: Int, _ used: [Bool]) -> Bool {
        entries[slot].length > 0 && (used[slot] || slot < Int(pinnedCount))
    }

    private func add(_ text: UnsafeRawBufferPointer, hash: UInt64, probe: Int) -> Symbol {
        let entry = Entry(
            offset: byteCount, length: Int32(text.count), hash: UInt32(truncatingIfNeeded: hash >> 32))
        let old = bytes
        if byteCount + text.count > byteCapacity {
            byteCapacity = max(byteCapacity * 2, byteCount + text.count)
            bytes = .allocate(byteCount: byteCapacity, alignment: 8)
            bytes.copyMemory(from: old, byteCount: byteCount)
        }
        UnsafeMutableRawBufferPointer(start: bytes + byteCount, count: text.count).copyMemory(from: text)
        // Only now: the text may stand in the table itself.
        if bytes != old { old.deallocate() }
        byteCount += text.count
        let slot: Int32
        if let free = freeSlots.popLast() {
            slot = free
        } else {
            if entryCount == entryCapacity {
                let larger = UnsafeMutablePointer<Entry>.allocate(capacity: entryCapacity * 2)
                larger.initialize(repeating: Entry(offset: 0, length: 0, hash: 0), count: entryCapacity * 2)
                larger.update(from: entries, count: entryCount)
                entries.deallocate()
                entries = larger
                entryCapacity *= 2
            }
            slot = Int32(entryCount)
            entryCount += 1
        }
        entries[Int(slot)] = entry
        count += 1
        buckets[probe] = slot
        if count * 2 > bucketCount { rehash(to: bucketCount * 2) }
        return Symbol(index: slot)
    }

    private func rehash(to size: Int) {
        buckets.deallocate()
        buckets = .allocate(capacity: size)
        buckets.initialize(repeating: 0, count: size)
        bucketCount = size
        let mask = size - 1
        for slot in 1..<max(entryCount, 1) where entries[slot].length > 0 {
            let entry = entries[slot]
            let hash = Self.hash(UnsafeRawPointer(bytes) + entry.offset, Int(entry.length))
            var probe = Int(truncatingIfNeeded: hash) & mask
            while buckets[probe] != 0 { probe = (probe &+ 1) & mask }
            buckets[probe] = Int32(slot)
        }
    }

    /// A quick 64-bit hash of bytes. It never leaves the process, so it may change freely.
    ///
    /// Eight bytes at a time, the last eight overlapping those before: byte by byte is slow.
    @inline(__always)
    private static func hash(_ base: UnsafeRawPointer, _ count: Int) -> UInt64 {
        var state = 0x9E37_79B9_7F4A_7C15 ^ (UInt64(truncatingIfNeeded: count) &* 0xA076_1D64_78BD_642F)
        guard count >= 8 else { return mix(state ^ upToSeven(base, count)) }
        var offset = 0
        while offset &+ 8 < count {
            state = mix(state ^ base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset &+= 8
        }
        return mix(state ^ base.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self))
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        let (high, low) = value.multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
        return high ^ low
    }
}

@inline(__always)
private func equalBytes(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ count: Int) -> Bool {
    guard count >= 8 else { return upToSeven(a, count) == upToSeven(b, count) }
    var offset = 0
    while offset &+ 8 < count {
        if a.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            != b.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        {
            return false
        }
        offset &+= 8
    }
    return a.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
        == b.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
}

/// One to seven bytes as a number; of one length, different for different bytes.
@inline(__always)
private func upToSeven(_ base: UnsafeRawPointer, _ count: Int) -> UInt64 {
    if count >= 4 {
        return UInt64(base.loadUnaligned(as: UInt32.self)) << 32
            | UInt64(base.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
    }
    return UInt64(base.load(as: UInt8.self)) << 16
        | UInt64(base.load(fromByteOffset: count >> 1, as: UInt8.self)) << 8
        | UInt64(base.load(fromByteOffset: count &- 1, as: UInt8.self))
}

func compareBytes(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    let shared = min(a.count, b.count)
    for index in 0..<shared where a[index] != b[index] {
        return a[index] < b[index] ? -1 : 1
    }
    return a.count - b.count
}
