public import SessionCore

/// RFC 3339, by hand: a formatter of Foundation's takes 150 µs a timestamp, this takes some nanoseconds.
public enum Timestamp {
    /// Microseconds since the epoch, finer digits cut off; nil where the text is no RFC 3339 timestamp with an
    /// offset. `T`, `t` or one blank stands between date and time; a second of 60 is refused (semantics 8).
    public static func parse(_ text: UnsafeRawBufferPointer) -> Instant? {
        guard text.count >= 20 else { return nil }
        func number(_ start: Int, _ count: Int) -> Int64? {
            var value: Int64 = 0
            for index in start..<(start + count) {
                let digit = text[index] &- 48
                guard digit < 10 else { return nil }
                value = value * 10 + Int64(digit)
            }
            return value
        }
        guard let year = number(0, 4), text[4] == 45, let month = number(5, 2), text[7] == 45,
            let day = number(8, 2), text[10] == 84 || text[10] == 116 || text[10] == 32,
            let hour = number(11, 2), text[13] == 58, let minute = number(14, 2), text[16] == 58,
            let second = number(17, 2), (1...12).contains(month), day >= 1,
            day <= daysInMonth(year, month), hour <= 23, minute <= 59, second <= 59
        else { return nil }
        var index = 19
        var micros: Int64 = 0
        if text[index] == 46 {
            index += 1
            let first = index
            var scale: Int64 = 100_000
            while index < text.count {
                let digit = text[index] &- 48
                guard digit < 10 else { break }
                micros += Int64(digit) * scale
                scale /= 10
                index += 1
            }
            guard index > first else { return nil }
        }
        guard index < text.count else { return nil }
        var offset: Int64 = 0
        switch text[index] {
        case 90, 122:
            guard text.count == index + 1 else { return nil }
        case 43, 45:
            guard text.count == index + 6, let hours = number(index + 1, 2), text[index + 3] == 58,
                let minutes = number(index + 4, 2), hours <= 23, minutes <= 59
            else { return nil }
            offset = (hours * 60 + minutes) * (text[index] == 45 ? -60 : 60)
        default: return nil
        }
        let seconds = daysFromCivil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
        return seconds * 1_000_000 + micros
    }

    private static func daysInMonth(_ year: Int64, _ month: Int64) -> Int64 {
        switch month {
        case 4, 6, 9, 11: return 30
        case 2: return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: return 31
        }
    }

    /// Howard Hinnant's days_from_civil: days since the epoch.
    private static func daysFromCivil(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
