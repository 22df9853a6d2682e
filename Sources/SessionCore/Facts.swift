/// Something that happened at an instant and has a place among all others of that instant.
protocol TimedFact {
    var time: Instant { get }
    var name: Symbol { get }
    var key: EventKey { get }
}

extension TimedFact {
    /// The order outside the folds: `(timestamp, event, event_id)`, texts byte by byte (semantics section 8).
    func precedes(_ other: some TimedFact, _ symbols: SymbolTable) -> Bool {
        if time != other.time { return time < other.time }
        return tieBreak(other, symbols) < 0
    }

    /// The order among facts of one instant: by name, then by id.
    func tieBreak(_ other: some TimedFact, _ symbols: SymbolTable) -> Int {
        if name != other.name { return symbols.compare(name, other.name) }
        return key.compare(other.key, symbols)
    }
}

extension Array where Element: TimedFact {
    /// Inserts in order. Nearly always that is at the end.
    mutating func insertInOrder(_ fact: Element, _ symbols: SymbolTable) {
        guard let last, fact.precedes(last, symbols) else {
            append(fact)
            return
        }
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if fact.precedes(self[middle], symbols) { high = middle } else { low = middle + 1 }
        }
        insert(fact, at: low)
    }

    /// The index of the first fact at or after an instant.
    func firstIndex(from time: Instant) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].time < time { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension ClosedRange where Bound == Instant {
    /// From the earlier beginning to the later end of both.
    func spanning(_ other: Self) -> Self {
        Swift.min(lowerBound, other.lowerBound)...Swift.max(upperBound, other.upperBound)
    }
}

extension Array where Element == Instant {
    mutating func insertInOrder(_ time: Instant) {
        guard let last, time < last else {
            append(time)
            return
        }
        insert(time, at: firstIndex(from: time))
    }

    func firstIndex(from time: Instant) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < time { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// A direct event of a session: what its folds and its row need of it.
struct Fact: TimedFact, BitwiseCopyable {
    var time: Instant
    var key: EventKey
    var name: Symbol
    var robot: Symbol
    var pilot: Symbol
    var merchant: Symbol
    var zone: Symbol
    var source: Symbol
    var demand: Symbol
    var trip: Symbol
    var errorCode: Symbol
    var errorMessage: Symbol
    var hasError: Bool

    init(_ event: Event, hasError: Bool) {
        time = event.time
        key = event.key
        name = event.name
        robot = event.robot
        pilot = event.pilot
        merchant = event.merchant
        zone = event.zone
        source = event.source
        demand = event.demand
        trip = event.trip
        errorCode = event.errorCode
        errorMessage = event.errorMessage
        self.hasError = hasError
    }
}

/// An event with an error, as far as "the earliest error" needs it.
struct ErrorFact: TimedFact, BitwiseCopyable {
    var time: Instant
    var key: EventKey
    var name: Symbol
    var code: Symbol
}

/// A session-less event that names a robot and a pilot, seen from one of them.
struct DualFact: TimedFact, BitwiseCopyable {
    var time: Instant
    var key: EventKey
    var name: Symbol
    /// The other of the two.
    var other: Symbol
    var hasError: Bool
    var code: Symbol
}

/// A pilot *release* that names neither session nor robot.
struct CloserFact: TimedFact, BitwiseCopyable {
    var time: Instant
    var key: EventKey
    var name: Symbol
    var reason: EndReason
}

/// A robot's state at an instant.
struct StateFact: TimedFact, BitwiseCopyable {
    var time: Instant
    var key: EventKey
    var name: Symbol
    var state: Symbol
    var reason: Symbol
    var fromState: Symbol
}

/// A pilot *open* or *release* in a robot's scope.
struct ScopeFact: TimedFact, BitwiseCopyable {
    var time: Instant
    var key: EventKey
    var name: Symbol
    var pilot: Symbol
    /// nil: an *open*.
    var release: EndReason?
}

/// A start or an end of a shift.
struct ShiftFact: TimedFact, BitwiseCopyable {
    var time: Instant
    var key: EventKey
    var name: Symbol
    var starts: Bool
}
