/// A day of the proleptic Gregorian calendar. Howard Hinnant's algorithms:
/// https://howardhinnant.github.io/date_algorithms.html
public struct CivilDay: Equatable, Sendable {
    /// Year 0 is 1 BC.
    public var year: Int
    /// From 1.
    public var month: Int
    /// From 1.
    public var day: Int

    /// All parts; they are not checked.
    public init(year: Int, month: Int, day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// The day that `YYYY-MM-DD` names; nil where a text is written otherwise, or names no day of the calendar.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count == 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            let year = Self.number(bytes[0..<4]), let month = Self.number(bytes[5..<7]),
            let day = Self.number(bytes[8..<10]), (1...12).contains(month), day >= 1
        else { return nil }
        self.init(year: year, month: month, day: day)
        // A day that is not there, such as 31 February, is counted as one of the month after it.
        if CivilDay(daysSinceEpoch: daysSinceEpoch) != self { return nil }
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        var value = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            value = value * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return value
    }

    /// From days since 1970-01-01, also before it.
    public init(daysSinceEpoch days: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// The day that an instant falls on (UTC).
    /// - Parameter micros: Microseconds since the Unix epoch.
    public init(containing micros: Int64) {
        let (quotient, remainder) = micros.quotientAndRemainder(dividingBy: Self.micros)
        self.init(daysSinceEpoch: Int(quotient) - (remainder < 0 ? 1 : 0))
    }

    /// Days since 1970-01-01; negative before it.
    public var daysSinceEpoch: Int {
        // Years that begin in March: the leap day is a year's last, and months follow one formula.
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// Microseconds since the Unix epoch at which it begins (UTC).
    public var start: Int64 { Int64(daysSinceEpoch) * Self.micros }

    private static let micros: Int64 = 86_400_000_000
}
