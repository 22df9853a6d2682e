internal import TextForms

/// A calendar day (UTC), as the archive's `dt=YYYY-MM-DD` folders name it.
public struct ArchiveDay: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The year, 0 to 9999.
    public let year: Int
    /// The month, 1 to 12.
    public let month: Int
    /// The day of the month, from 1.
    public let day: Int

    /// The day that `YYYY-MM-DD` names; nothing if it is written otherwise or is not in the calendar.
    public init?(_ text: some StringProtocol) {
        guard let civil = CivilDay(text) else { return nil }
        (year, month, day) = (civil.year, civil.month, civil.day)
    }

    /// The day that an instant, in microseconds since the Unix epoch, falls on.
    public init(containing micros: Int64) {
        let civil = CivilDay(containing: micros)
        (year, month, day) = (civil.year, civil.month, civil.day)
    }

    /// The day as `YYYY-MM-DD`.
    public var description: String {
        "\(Self.padded(year, to: 4))-\(Self.padded(month, to: 2))-\(Self.padded(day, to: 2))"
    }

    /// Whether a day is before another.
    public static func < (left: ArchiveDay, right: ArchiveDay) -> Bool {
        (left.year, left.month, left.day) < (right.year, right.month, right.day)
    }

    private static func padded(_ value: Int, to width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
