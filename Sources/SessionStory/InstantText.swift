internal import TextForms

/// Instants and lengths of time as people write them.
public enum InstantText {
    /// `2026-11-02 16:15:07.992`, UTC.
    public static func dateAndTime(_ instant: Int64) -> String {
        "\(date(instant)) \(time(instant))"
    }

    /// `2026-11-02T16:15:07.992000Z`
    public static func iso(_ instant: Int64) -> String {
        let micros = ((instant % 1_000_000) + 1_000_000) % 1_000_000
        let whole = time(instant)
        return "\(date(instant))T\(whole.prefix(8)).\(padded(micros, 6))Z"
    }

    /// `2026-11-02`
    public static func date(_ instant: Int64) -> String {
        let civil = CivilDay(containing: instant)
        return
            "\(padded(Int64(civil.year), 4))-\(padded(Int64(civil.month), 2))-\(padded(Int64(civil.day), 2))"
    }

    /// `16:15:07.992`
    public static func time(_ instant: Int64) -> String {
        let inDay = instant - floorDivide(instant, 86_400_000_000) * 86_400_000_000
        let millis = inDay / 1000
        return "\(padded(millis / 3_600_000, 2)):\(padded(millis / 60_000 % 60, 2)):"
            + "\(padded(millis / 1000 % 60, 2)).\(padded(millis % 1000, 3))"
    }

    /// `12.3 s`, `4 m 05 s`, `2 h 03 m`
    public static func length(_ seconds: Double) -> String {
        if seconds < 0 { return "-" + length(-seconds) }
        if seconds < 60 { return "\(tenths(seconds)) s" }
        let whole = Int64(seconds.rounded())
        if whole < 3600 { return "\(whole / 60) m \(padded(whole % 60, 2)) s" }
        return "\(whole / 3600) h \(padded(whole / 60 % 60, 2)) m"
    }

    /// `+00:04:12.3`: the time since a start.
    public static func offset(_ micros: Int64) -> String {
        let sign = micros < 0 ? "-" : "+"
        let tenths = abs(micros) / 100_000
        return "\(sign)\(padded(tenths / 36_000, 2)):\(padded(tenths / 600 % 60, 2)):"
            + "\(padded(tenths / 10 % 60, 2)).\(tenths % 10)"
    }

    static func tenths(_ value: Double) -> String {
        let tenths = Int64((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    private static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
        a >= 0 ? a / b : -((-a + b - 1) / b)
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
