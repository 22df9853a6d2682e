internal import SessionStore
internal import Synchronization

/// The durations of deliveries like one, as they were asked of the store within the last minute.
final class Comparisons: Sendable {
    private struct Key: Hashable {
        var merchant: ByBytes?
        var hour: Int64
        /// Others' deliveries are not compared with, where there are too few of its own.
        var isBound: Bool
    }

    private struct Known {
        var comparison: Comparison?
        var until: Int64
    }

    private let known = Mutex<[Key: Known]>([:])
    private let clock: @Sendable () -> Int64

    init(clock: @escaping @Sendable () -> Int64) { self.clock = clock }

    /// Of those that began in the thirty days before the hour in which this one did.
    func comparison(to row: AnswerRow, _ call: Call) throws -> Comparison? {
        guard let hour = Comparison.hour(of: row) else { return nil }
        let key = Key(
            merchant: row.text("merchant_id")?.byBytes, hour: hour, isBound: call.reader.merchants != nil)
        let now = clock()
        if let found = known.withLock({ $0[key] }), now < found.until { return found.comparison }
        let comparison = try Comparison(merchant: key.merchant?.text, before: key.hour, call)
        known.withLock { known in
            if known.count >= 10_000 { known.removeAll() }
            known[key] = Known(comparison: comparison, until: now + 60_000_000)
        }
        return comparison
    }
}

/// The durations of deliveries like one.
struct Comparison: Sendable {
    private let of: String
    private let sessions: Int
    private let durations: [(name: String, sessions: Int, median: Double, p90: Double)]

    /// As the store has it now: what is remembered for a minute would make two texts differ.
    init?(to row: AnswerRow, _ call: Call) throws {
        guard let hour = Self.hour(of: row) else { return nil }
        try self.init(merchant: row.text("merchant_id"), before: hour, call)
    }

    /// The hour in which a delivery began; nil for what is none, which is compared with nothing.
    static func hour(of row: AnswerRow) -> Int64? {
        guard row.text("kind") == "delivery" else { return nil }
        return row.integer("first_event_at").map { InstantFormat.floor($0, to: InstantFormat.hour) }
    }

    /// Nil where fewer than twenty are like it.
    init?(merchant: String?, before start: Int64, _ call: Call) throws {
        let columns = Sessions.durations.joined(separator: ", ")
        func like(_ condition: String) throws -> [AnswerRow] {
            try call.rows(
                """
                SELECT \(columns) FROM sessions s
                WHERE \(condition) AND s.kind = 'delivery' AND s.outcome = 'completed'
                  AND s.first_event_at >= \(call.at(2)) AND s.first_event_at < \(call.at(3))
                ORDER BY s.first_event_at DESC LIMIT 500
                """,
                [
                    merchant.map { .text($0) } ?? .null, .integer(start - 30 * InstantFormat.day),
                    .integer(start),
                ])
        }
        var rows = merchant == nil ? [] : try like("s.merchant_id = ?1")
        var of = "merchant"
        if rows.count < 20, call.reader.merchants == nil {
            rows = try like("(?1 IS NULL OR ?1 IS NOT NULL)")
            of = "all"
        }
        if rows.count < 20 { return nil }
        self.of = of
        sessions = rows.count
        durations = Sessions.durations.compactMap { name in
            let values = rows.compactMap { $0.number(name) }.sorted()
            guard values.count >= 20 else { return nil }
            return (name, values.count, Self.quantile(0.5, of: values), Self.quantile(0.9, of: values))
        }
    }

    /// Between the two nearest values, as `percentile_cont` does it.
    static func quantile(_ share: Double, of sorted: [Double]) -> Double {
        guard let last = sorted.last else { return 0 }
        let place = share * Double(sorted.count - 1)
        let below = Int(place)
        let above = below + 1 < sorted.count ? sorted[below + 1] : last
        return sorted[below] + (above - sorted[below]) * (place - Double(below))
    }

    func slow(_ name: String, _ seconds: Double) -> (median: Double, p90: Double, sessions: Int)? {
        durations.first { $0.name == name && seconds > $0.p90 }.map { ($0.median, $0.p90, $0.sessions) }
    }

    func write(_ out: inout JSONWriter) {
        out.object("comparison") { out in
            out.text("of", of)
            out.integer("sessions", sessions)
            out.object("durations") { out in
                for duration in durations {
                    out.object(duration.name) { out in
                        out.integer("sessions", duration.sessions)
                        out.number("median", duration.median)
                        out.number("p90", duration.p90)
                    }
                }
            }
        }
    }
}
