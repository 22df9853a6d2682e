internal import SessionStore

/// The same hours seven days earlier, beside a figure of the fleet.
///
/// Only hours that are over are compared: a day that has just begun would lose against the whole day of the week before.
struct WeekBefore {
    static let rule = ParameterRule.word("compare", ["week_before"])
    private static let week = 7 * InstantFormat.day

    /// The part of the request's range that is compared.
    let range: TimeRange
    /// The same, seven days earlier.
    let before: TimeRange
    /// The whole hours of ``before``, of the robots that the figures are of.
    private let supply: Fleet.Supply
    /// Those of which anything is known.
    private var known: Set<Int64> { supply.known }

    /// Nil where the request does not want it, or no hour of its range is over.
    static func asked(of range: TimeRange, _ call: Call) throws -> WeekBefore? {
        guard call.parameters.text("compare") != nil else { return nil }
        var part = range
        part.to = min(range.to, max(range.from, InstantFormat.floor(call.asOf.now, to: InstantFormat.hour)))
        if part.to <= part.from { return nil }
        return try WeekBefore(part, call)
    }

    private init(_ range: TimeRange, _ call: Call) throws {
        self.range = range
        var before = range
        before.from -= Self.week
        before.to -= Self.week
        self.before = before
        supply = try Fleet.Supply(before.wholeHours, bucket: .hour, by: .fleet, call)
    }

    private var isKnown: Bool { !known.isEmpty }

    /// The hours of which nothing is known, in order.
    private var missing: [Int64] {
        let whole = before.wholeHours
        return stride(from: whole.from, to: whole.to, by: Int(InstantFormat.hour)).filter {
            !known.contains($0)
        }
    }

    /// What the comparison is worth, in words.
    private var sentence: String {
        let words = { (instant: Int64) in String(InstantFormat.words(instant).dropLast(3)) }
        let span = "\(words(before.from)) – \(words(before.to)) UTC"
        guard let firstHour = known.min() else {
            return "Nothing is known of the week before (\(span)): there is nothing to compare with."
        }
        let missing = missing
        guard let firstMissing = missing.first else { return "Compared with \(span)." }
        if missing.allSatisfy({ $0 < firstHour }) {
            return "Compared with \(span), of which nothing is known before \(words(firstHour)): "
                + "the change says little."
        }
        let hours = known.count + missing.count
        return "Compared with \(span), of which nothing is known in \(missing.count) of \(hours) hours, "
            + "the first at \(words(firstMissing)): the change says little."
    }

    private func write(_ out: inout JSONWriter, _ body: (inout JSONWriter) throws -> Void) rethrows {
        try out.object("week_before") { out in
            out.object("compared") { out in
                out.instant("from", range.from)
                out.instant("to", range.to)
            }
            before.write(&out)
            out.flag("known", isKnown)
            out.flag("whole", missing.isEmpty)
            out.text("sentence", sentence)
            try body(&out)
        }
    }

    /// Totals of the hours that are over, and of those seven days earlier.
    func writeSupply(_ asked: Usage, of whole: TimeRange, _ call: Call, _ out: inout JSONWriter) throws {
        let now =
            try range.to == whole.to
            ? asked : Fleet.Supply(range, bucket: .hour, by: .fleet, call).totals
        let then = isKnown ? supply.totals : nil
        write(&out) { out in
            out.object("totals_now") { out in now.write(&out) }
            if let then { out.object("totals") { out in then.write(&out) } } else { out.raw("totals", nil) }
        }
    }

    func writeDowntime(
        _ asked: Fleet.Downtime, of whole: TimeRange, by: String, _ call: Call, _ out: inout JSONWriter
    ) throws {
        let now = try range.to == whole.to ? asked : asked.part(range, by: by, call)
        let then = try isKnown ? Fleet.Downtime(before, by: by, call) : nil
        let seconds = Dictionary(
            then?.rows.map { ($0.key, $0.sum.seconds) } ?? [], uniquingKeysWith: { $1 })
        write(&out) { out in
            out.number("seconds_now", now.seconds)
            out.number("seconds", then?.seconds)
            out.array("rows") { out in
                let new = now.rows.map { (key: $0.key, seconds: $0.sum.seconds) }
                let gone = then?.rows.filter { row in !now.rows.contains { $0.key == row.key } } ?? []
                for row in new + gone.map({ (key: $0.key, seconds: 0) }) {
                    out.object { out in
                        out.text("key", row.key)
                        out.number("seconds_now", row.seconds)
                        out.number("seconds", isKnown ? seconds[row.key] ?? 0 : nil)
                    }
                }
            }
        }
    }
}
