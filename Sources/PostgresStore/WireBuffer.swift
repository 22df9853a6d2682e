internal import SessionCore

/// Bytes in PostgreSQL's binary format, made by hand: big-endian numbers, texts with their length before them.
///
/// By hand, not an array: it is on the path of every field of every event.
final class WireBuffer {
    private(set) var base = UnsafeMutableRawPointer.allocate(byteCount: 1 << 12, alignment: 8)
    private var capacity = 1 << 12
    private(set) var count = 0

    deinit { base.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    func removeAll() { count = 0 }

    @inline(__always)
    func reserve(_ extra: Int) {
        if count + extra > capacity { grow(extra) }
    }

    private func grow(_ extra: Int) {
        capacity = max(capacity * 2, count + extra)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 8)
        larger.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = larger
    }

    @inline(__always)
    private func put<Number: FixedWidthInteger>(number: Number) {
        let size = MemoryLayout<Number>.size
        reserve(size)
        (base + count).storeBytes(of: number.bigEndian, as: Number.self)
        count += size
    }

    func put(_ number: Int16) { put(number: number) }
    func put(_ number: Int32) { put(number: number) }
    func put(_ number: Int64) { put(number: number) }
    func put(_ byte: UInt8) { put(number: byte) }

    func put(raw text: UnsafeRawBufferPointer) {
        guard let start = text.baseAddress, text.count > 0 else { return }
        reserve(text.count)
        (base + count).copyMemory(from: start, byteCount: text.count)
        count += text.count
    }

    /// A field: its length and its bytes.
    func field(_ text: UnsafeRawBufferPointer) {
        put(Int32(text.count))
        put(raw: text)
    }

    func null() { put(Int32(-1)) }

    func field(_ number: Int64) {
        put(Int32(8))
        put(number)
    }

    func field(_ number: Int32) {
        put(Int32(4))
        put(number)
    }

    func field(_ number: Int16) {
        put(Int32(2))
        put(number)
    }

    func field(_ flag: Bool) {
        put(Int32(1))
        put(UInt8(flag ? 1 : 0))
    }

    func field(_ number: Double) { field(Int64(bitPattern: number.bitPattern)) }

    /// An instant as `timestamptz`.
    func field(instant: Instant) { field(PostgresTime.stored(instant)) }

    /// A text without U+0000, which no text in PostgreSQL can hold: U+FFFD stands in its place. What the decoder
    /// hands on has none; file names and the details of rejections may.
    func field(_ text: String) {
        var text = text.utf8.contains(0) ? Self.withoutNUL(text) : text
        text.withUTF8 { field(UnsafeRawBufferPointer($0)) }
    }

    static func withoutNUL(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { result.append(scalar.value == 0 ? "\u{FFFD}" : scalar) }
        return String(result)
    }

    /// A symbol's text, or what follows a prefix of so many bytes; NULL, or an empty text, where it is absent.
    func field(_ symbol: Symbol, _ symbols: SymbolTable, dropping prefix: Int = 0, orEmpty: Bool = false) {
        if symbol.isPresent {
            let text = symbols.bytes(of: symbol)
            field(UnsafeRawBufferPointer(rebasing: text[prefix...]))
        } else if orEmpty {
            put(Int32(0))
        } else {
            null()
        }
    }
}

/// PostgreSQL counts microseconds from 2000-01-01.
enum PostgresTime {
    static let epoch: Microseconds = 946_684_800_000_000

    /// The end of time is `infinity`.
    static func stored(_ instant: Instant) -> Int64 { instant == .max ? .max : instant - epoch }
    static func instant(_ stored: Int64) -> Instant { stored == .max ? .max : stored + epoch }
}
