internal import SessionCore
internal import SessionStore

/// Seconds by class of state, and what was done in them.
struct Usage {
    var usable = 0.0
    var downtime = 0.0
    var offDuty = 0.0
    var other = 0.0
    var onDelivery = 0.0
    var completed: Int64 = 0
    var errors: Int64 = 0

    init() {}

    mutating func add(_ usage: Usage) {
        usable += usage.usable
        downtime += usage.downtime
        offDuty += usage.offDuty
        other += usage.other
        onDelivery += usage.onDelivery
        completed += usage.completed
        errors += usage.errors
    }

    mutating func add(seconds: Double, of stateClass: StateClass) {
        switch stateClass {
        case .usable: usable += seconds
        case .downtime: downtime += seconds
        case .offDuty: offDuty += seconds
        case .other: other += seconds
        }
    }

    func seconds(of stateClass: StateClass) -> Double {
        switch stateClass {
        case .usable: usable
        case .downtime: downtime
        case .offDuty: offDuty
        case .other: other
        }
    }

    func write(_ out: inout JSONWriter) {
        out.number("usable_seconds", usable)
        out.number("downtime_seconds", downtime)
        out.number("off_duty_seconds", offDuty)
        out.number("other_seconds", other)
        out.number("on_delivery_seconds", onDelivery)
        out.integer("deliveries_completed", completed)
        out.integer("error_count", errors)
    }

    /// Microseconds and counts of an hour's row, or of a sum of rows.
    init(micros row: AnswerRow) { self.init(Self.figures.map { row.integer($0) ?? 0 }) }

    /// Microseconds and counts in the order of ``figures``.
    init(_ figures: some RandomAccessCollection<Int64>) {
        let first = figures.startIndex
        func figure(_ place: Int) -> Int64 { figures[figures.index(first, offsetBy: place)] }
        func seconds(_ place: Int) -> Double { Double(figure(place)) / 1e6 }
        (usable, downtime, offDuty, other, onDelivery) = (
            seconds(0), seconds(1), seconds(2), seconds(3), seconds(4)
        )
        (completed, errors) = (figure(5), figure(6))
    }

    static let figures = [
        "usable", "downtime", "off_duty", "other", "on_delivery", "deliveries_completed", "error_count",
    ]

    /// In the order of ``figures``.
    var micros: [Int64] {
        [usable, downtime, offDuty, other, onDelivery].map { Int64(($0 * 1e6).rounded()) } + [
            completed, errors,
        ]
    }

    /// The hours of a stretch of time, and how much of each it is.
    static func hours(from: Int64, to: Int64) -> [(hour: Int64, micros: Int64)] {
        var found: [(hour: Int64, micros: Int64)] = []
        var at = from
        while at < to {
            let hour = InstantFormat.floor(at, to: InstantFormat.hour)
            let end = min(to, hour + InstantFormat.hour)
            found.append((hour, end - at))
            at = end
        }
        return found
    }
}
