/// RFC 3339, by hand: a formatter of Foundation's takes 150 µs a timestamp, this takes some tens of nanoseconds.
public enum Timestamp {
    /// The instant that a text names, in microseconds since the Unix epoch, by truncation; nil where it names none.
    ///
    /// `T`, `t` or one blank between date and time; `Z`, `z` or `±hh:mm` behind; any number of fraction
    /// digits; days that the calendar has; no second 60.
    public static func parse(_ text: UnsafeRawBufferPointer) -> Int64? {
        guard text.count >= 20,
            let century = twoDigits(text, 0), let yearOfCentury = twoDigits(text, 2),
            text[4] == dash, let month = twoDigits(text, 5), text[7] == dash, let day = twoDigits(text, 8),
            text[10] == upperT || text[10] == lowerT || text[10] == blank,
            let hour = twoDigits(text, 11), text[13] == colon, let minute = twoDigits(text, 14),
            text[16] == colon, let second = twoDigits(text, 17)
        else { return nil }
        let year = century &* 100 &+ yearOfCentury
        guard (1...12).contains(month), day >= 1, day <= days(inMonth: month, of: year), hour <= 23,
            minute <= 59, second <= 59
        else { return nil }

        var at = 19
        var micros: Int64 = 0
        if text[at] == dot {
            at &+= 1
            let start = at
            while at < text.count, let digit = digit(text[at]) {
                if at &- start < 6 { micros = micros &* 10 &+ digit }
                at &+= 1
            }
            guard at > start else { return nil }
            var digits = at &- start
            while digits < 6 {
                micros = micros &* 10
                digits &+= 1
            }
        }

        guard at < text.count else { return nil }
        var offsetMinutes: Int64 = 0
        if text[at] == upperZ || text[at] == lowerZ {
            at &+= 1
        } else {
            guard text[at] == plus || text[at] == dash, text.count &- at >= 6,
                let hours = twoDigits(text, at &+ 1), text[at &+ 3] == colon,
                let minutes = twoDigits(text, at &+ 4), hours <= 23, minutes <= 59
            else { return nil }
            offsetMinutes = hours &* 60 &+ minutes
            if text[at] == dash { offsetMinutes = -offsetMinutes }
            at &+= 6
        }
        guard at == text.count else { return nil }

        let date = CivilDay(year: Int(year), month: Int(month), day: Int(day))
        let minutes = (Int64(date.daysSinceEpoch) &* 24 &+ hour) &* 60 &+ minute &- offsetMinutes
        return (minutes &* 60 &+ second) &* 1_000_000 &+ micros
    }

    private static func days(inMonth month: Int64, of year: Int64) -> Int64 {
        if month == 2 { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28 }
        return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31
    }

    @inline(__always)
    private static func digit(_ byte: UInt8) -> Int64? {
        let value = byte &- 48
        return value <= 9 ? Int64(value) : nil
    }

    @inline(__always)
    private static func twoDigits(_ text: UnsafeRawBufferPointer, _ at: Int) -> Int64? {
        guard let tens = digit(text[at]), let ones = digit(text[at &+ 1]) else { return nil }
        return tens &* 10 &+ ones
    }

    private static let dash = UInt8(ascii: "-")
    private static let plus = UInt8(ascii: "+")
    private static let colon = UInt8(ascii: ":")
    private static let dot = UInt8(ascii: ".")
    private static let blank = UInt8(ascii: " ")
    private static let upperT = UInt8(ascii: "T")
    private static let lowerT = UInt8(ascii: "t")
    private static let upperZ = UInt8(ascii: "Z")
    private static let lowerZ = UInt8(ascii: "z")
}
