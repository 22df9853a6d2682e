internal import TextForms

/// Builds one JSON line after the other in the same memory, byte by byte.
///
/// The longest line this simulator writes is far shorter than the memory; writing beyond it traps.
final class LineWriter {
    static let capacity = 2048
    private let memory = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 8)
    private(set) var count = 0
    /// The last day that was written, to write it again without the calendar.
    private var cachedDay = Int64.min
    private var cachedDate: (UInt64, UInt16) = (0, 0)

    deinit { memory.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory, count: count) }

    func clear() { count = 0 }

    /// Takes back the last bytes.
    func remove(last: Int) {
        precondition(last <= count)
        count -= last
    }

    @inline(__always) private func grow(_ length: Int) -> UnsafeMutableRawPointer {
        precondition(count + length <= Self.capacity, "a line longer than any this simulator writes")
        let place = memory + count
        count += length
        return place
    }

    @inline(__always) func text(_ text: StaticString) {
        grow(text.utf8CodeUnitCount).copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
    }

    func text(_ text: [UInt8]) {
        text.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            grow(bytes.count).copyMemory(from: start, byteCount: bytes.count)
        }
    }

    @inline(__always) private func digits(_ value: Int, width: Int) {
        let place = grow(width)
        var left = value
        for index in stride(from: width - 1, through: 0, by: -1) {
            place.storeBytes(of: UInt8(48 + left % 10), toByteOffset: index, as: UInt8.self)
            left /= 10
        }
    }

    /// A whole number, 0 or more, with at least so many digits.
    func number(_ value: Int, width: Int = 1) {
        var needed = 1
        var limit = 10
        while value >= limit, needed < 18 {
            needed += 1
            limit *= 10
        }
        digits(value, width: max(needed, width))
    }

    private static let hex: [UInt8] = Array("0123456789abcdef".utf8)

    /// `550e8400-e29b-41d4-a716-446655440000`
    func uuid(_ high: UInt64, _ low: UInt64) {
        let place = grow(36)
        Self.hex.withUnsafeBufferPointer { hex in
            var offset = 0
            var shift: UInt64 = 64
            var word = high
            for digit in 0..<32 {
                if digit == 8 || digit == 12 || digit == 16 || digit == 20 {
                    place.storeBytes(of: 0x2D, toByteOffset: offset, as: UInt8.self)
                    offset += 1
                }
                if digit == 16 {
                    word = low
                    shift = 64
                }
                shift -= 4
                place.storeBytes(
                    of: hex[Int((word >> shift) & 15)], toByteOffset: offset, as: UInt8.self)
                offset += 1
            }
        }
    }

    /// `2026-11-02T12:04:24.000Z`, or with six digits, or with an offset.
    /// - Parameter offsetHours: The offset from UTC to write it with; 0 is written as `Z`.
    func timestamp(_ micros: Int64, isPrecise: Bool, offsetHours: Int) {
        let local = micros + Int64(offsetHours) * 3_600_000_000
        let day = local / 86_400_000_000
        if day != cachedDay {
            let start = count
            let date = CivilDay(daysSinceEpoch: Int(day))
            number(date.year, width: 4)
            text("-")
            number(date.month, width: 2)
            text("-")
            number(date.day, width: 2)
            cachedDay = day
            cachedDate = (
                memory.loadUnaligned(fromByteOffset: start, as: UInt64.self),
                memory.loadUnaligned(fromByteOffset: start + 8, as: UInt16.self)
            )
        } else {
            let place = grow(10)
            place.storeBytes(of: cachedDate.0, as: UInt64.self)
            place.storeBytes(of: cachedDate.1, toByteOffset: 8, as: UInt16.self)
        }
        let inDay = Int(local - day * 86_400_000_000)
        text("T")
        digits(inDay / 3_600_000_000, width: 2)
        text(":")
        digits(inDay / 60_000_000 % 60, width: 2)
        text(":")
        digits(inDay / 1_000_000 % 60, width: 2)
        text(".")
        if isPrecise {
            digits(inDay % 1_000_000, width: 6)
        } else {
            digits(inDay / 1000 % 1000, width: 3)
        }
        if offsetHours == 0 {
            text("Z")
        } else {
            text(offsetHours < 0 ? "-" : "+")
            digits(abs(offsetHours), width: 2)
            text(":00")
        }
    }
}
