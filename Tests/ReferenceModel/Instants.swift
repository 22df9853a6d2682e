/// Microseconds since the Unix epoch, the only kind of instant here.
typealias Instant = Int64

let oneSecond: Int64 = 1_000_000
let oneHour: Int64 = 3600 * oneSecond

/// An RFC 3339 instant with an offset, cut (not rounded) to the microsecond; nil if the text is none.
func instant(_ text: String) -> Instant? {
    let letters = Array(text.utf8)

    func character(_ index: Int) -> Character? {
        index < letters.count ? Character(Unicode.Scalar(letters[index])) : nil
    }
    func number(_ range: Range<Int>) -> Int64? {
        var value: Int64 = 0
        for index in range {
            guard index < letters.count, (0x30...0x39).contains(letters[index]) else { return nil }
            value = value * 10 + Int64(letters[index] - 0x30)
        }
        return value
    }

    guard let year = number(0..<4), character(4) == "-", let month = number(5..<7), character(7) == "-",
        let day = number(8..<10), let separator = character(10), "Tt ".contains(separator),
        let hour = number(11..<13), character(13) == ":", let minute = number(14..<16), character(16) == ":",
        let second = number(17..<19)
    else { return nil }
    guard (1...12).contains(month), day >= 1, day <= daysInMonth(year: year, month: month),
        hour <= 23, minute <= 59, second <= 59
    else { return nil }

    var index = 19
    var fraction: Int64 = 0
    if character(index) == "." {
        index += 1
        let first = index
        while let digit = number(index..<index + 1) {
            if index - first < 6 { fraction = fraction * 10 + digit }
            index += 1
        }
        guard index > first else { return nil }
        for _ in 0..<max(0, 6 - (index - first)) { fraction *= 10 }
    }

    var offsetMinutes: Int64 = 0
    switch character(index) {
    case "Z", "z":
        index += 1
    case "+", "-":
        guard let hours = number(index + 1..<index + 3), character(index + 3) == ":",
            let minutes = number(index + 4..<index + 6), hours <= 23, minutes <= 59
        else { return nil }
        offsetMinutes = (hours * 60 + minutes) * (character(index) == "-" ? -1 : 1)
        index += 6
    default:
        return nil
    }
    guard index == letters.count else { return nil }

    let days = daysSinceEpoch(year: year, month: month, day: day)
    let minutes = (days * 24 + hour) * 60 + minute - offsetMinutes
    return (minutes * 60 + second) * oneSecond + fraction
}

private func isLeap(_ year: Int64) -> Bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

func daysInYear(_ year: Int64) -> Int64 {
    isLeap(year) ? 366 : 365
}

func daysInMonth(year: Int64, month: Int64) -> Int64 {
    switch month {
    case 2: isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
}

/// Counts the days the way one would on paper: whole years, then whole months, then days.
private func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
    var days: Int64 = 0
    if year >= 1970 {
        for earlier in 1970..<year { days += daysInYear(earlier) }
    } else {
        for later in year..<1970 { days -= daysInYear(later) }
    }
    for earlier in 1..<month { days += daysInMonth(year: year, month: earlier) }
    return days + day - 1
}

/// The start of the UTC hour that holds an instant.
func hour(of instant: Instant) -> Instant {
    let remainder = instant % oneHour
    return instant - (remainder < 0 ? remainder + oneHour : remainder)
}

/// A stretch of time from `start` up to, not including, `end`.
struct Span: Equatable {
    var start: Instant
    var end: Instant

    /// How much of the span lies in each hour it touches.
    var byHour: [(hour: Instant, length: Int64)] {
        var parts: [(hour: Instant, length: Int64)] = []
        var from = start
        while from < end {
            let this = ReferenceModel.hour(of: from)
            let to = min(end, this + oneHour)
            parts.append((hour: this, length: to - from))
            from = to
        }
        return parts
    }

    /// The same stretches of time with every overlap told once.
    static func union(_ spans: [Span]) -> [Span] {
        var merged: [Span] = []
        for span in spans.sorted(by: { $0.start < $1.start }) {
            if let last = merged.last, span.start <= last.end {
                merged[merged.count - 1].end = max(last.end, span.end)
            } else {
                merged.append(span)
            }
        }
        return merged
    }
}
