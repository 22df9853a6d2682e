internal import TextForms

/// Instants (microseconds since 1970) and lengths, as the API writes and reads them.
enum InstantFormat {
    /// Before and after all that a store can hold: some days before the year 0 and after the year 9999, for offsets.
    static let earliest: Int64 = -62_170_000_000_000_000
    static let latest: Int64 = 253_403_000_000_000_000
    static let hour: Int64 = 3_600_000_000
    static let day: Int64 = 86_400_000_000

    /// `2026-11-02T16:15:07.992000Z`
    static func text(_ instant: Int64) -> String {
        var bytes: [UInt8] = []
        append(instant, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    static func append(_ instant: Int64, to bytes: inout [UInt8]) {
        let date = CivilDay(containing: instant)
        let (year, month, dayOfMonth) = (
            Int64(max(0, min(9999, date.year))), Int64(date.month), Int64(date.day)
        )
        let inDay = instant - floor(instant, to: day)
        let micros = inDay % 1_000_000
        let pairs: [10 of Int64] = [
            year / 100, year % 100, month, dayOfMonth, inDay / hour, inDay / 60_000_000 % 60,
            inDay / 1_000_000 % 60,
            micros / 10_000, micros / 100 % 100, micros % 100,
        ]
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 27) { text in
            for (index, place) in [0, 2, 5, 8, 11, 14, 17, 20, 22, 24].enumerated() {
                text[place] = 48 + UInt8(pairs[index] / 10)
                text[place + 1] = 48 + UInt8(pairs[index] % 10)
            }
            (text[4], text[7], text[10]) = (UInt8(ascii: "-"), UInt8(ascii: "-"), UInt8(ascii: "T"))
            (text[13], text[16]) = (UInt8(ascii: ":"), UInt8(ascii: ":"))
            (text[19], text[26]) = (UInt8(ascii: "."), UInt8(ascii: "Z"))
            bytes.append(contentsOf: UnsafeBufferPointer(text))
        }
    }

    /// `2026-11-02 16:15:07`, UTC, for sentences.
    static func words(_ instant: Int64) -> String {
        let text = text(instant)
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(8))"
    }

    /// `16:15:07`, UTC, for sentences about one day.
    static func clock(_ instant: Int64) -> String { String(text(instant).dropFirst(11).prefix(8)) }

    /// `12.3 s`, `4 m 05 s`, `2 h 03 m`, `3 d 4 h`
    static func length(_ seconds: Double) -> String {
        if seconds < 0 { return "-" + length(-seconds) }
        if seconds < 59.95 {
            let tenths = Int64((seconds * 10).rounded())
            return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
        }
        let whole = Int64(seconds.rounded())
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        if whole < 3600 { return "\(whole / 60) m \(two(whole % 60)) s" }
        if whole < 86_400 { return "\(whole / 3600) h \(two(whole / 60 % 60)) m" }
        return "\(whole / 86_400) d \(whole / 3600 % 24) h"
    }

    /// The beginning of the unit that holds an instant.
    static func floor(_ instant: Int64, to unit: Int64) -> Int64 {
        let rest = instant % unit
        return instant - (rest < 0 ? rest + unit : rest)
    }

    /// RFC 3339 with an offset, to the microsecond; nil where it is none.
    static func parse(_ text: String) -> Int64? {
        var text = text
        return text.withUTF8 { Timestamp.parse(UnsafeRawBufferPointer($0)) }
    }

    /// `2026-11-02`: its first microsecond.
    static func parseDay(_ text: String) -> Int64? { CivilDay(text)?.start }
}
