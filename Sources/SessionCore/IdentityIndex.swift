/// What makes an event one: its identity within the hour of its time. One `event_id` in two hours is two events.
struct EventPlace: Hashable {
    let identity: EventIdentity
    let hour: Instant

    init(_ event: Event) {
        identity = event.identity
        hour = Hours.start(of: event.time)
    }
}

/// Which events are known, hour by hour of event time.
///
/// Nearly all events belong to the last hours; the identities of those are in memory. An hour that is not
/// is asked of the store, event by event, or brought back whole when a batch brings much of it.
struct IdentityIndex {
    private final class Hour {
        var identities = IdentitySet()
        var lastUsed = 0

        /// What an hour takes beside its identities, as so many of them.
        static let weight = 8
        var size: Int { Self.weight + identities.count }
    }

    /// How many identities may stay in memory between batches (16 bytes each, and the set's slack); an hour counts as
    /// several, so that events that lie scattered over years keep the limit, too.
    static let residentLimit = 400_000
    /// From so many events of one hour in a batch on, the hour is brought back whole.
    static let wholeHourThreshold = 500

    private var hours: [Instant: Hour] = [:]
    private var residentCount = 0

    /// The indices of the events that are new, in order, and those that are not with their first twin in the
    /// batch (nil: the twin is stored).
    mutating func admit(
        _ events: [Event], bytes: UnsafeRawPointer, source: any EntitySource, batch: Int
    ) throws -> (fresh: [Int32], duplicates: [(index: Int, first: Int?)]) {
        var fresh: [Int32] = []
        fresh.reserveCapacity(events.count)
        var duplicates: [(index: Int, first: Int?)] = []
        var perHour: [Instant: Int] = [:]
        var lastHour = Instant.min
        var run = 0
        for event in events {
            let hour = Hours.start(of: event.time)
            if hour != lastHour {
                if run > 0 { perHour[lastHour, default: 0] += run }
                lastHour = hour
                run = 0
            }
            run += 1
        }
        if run > 0 { perHour[lastHour, default: 0] += run }

        var asked: Set<Instant> = []
        for (hour, count) in perHour {
            if hours[hour] == nil {
                if try !source.hasEvents(inHour: hour) {
                    keep(Hour(), as: hour)
                } else if count >= Self.wholeHourThreshold {
                    let whole = Hour()
                    for identity in try source.identities(inHour: hour) {
                        _ = whole.identities.insert(identity)
                    }
                    keep(whole, as: hour)
                } else {
                    asked.insert(hour)
                }
            }
            hours[hour]?.lastUsed = batch
        }

        var inBatch: [EventPlace: Int] = [:]
        lastHour = .min
        var resident: Hour?
        for (index, event) in events.enumerated() {
            let hour = Hours.start(of: event.time)
            if hour != lastHour {
                lastHour = hour
                resident = asked.contains(hour) ? nil : hours[hour]
            }
            if let resident {
                if resident.identities.insert(event.identity) {
                    residentCount += 1
                    fresh.append(Int32(index))
                } else {
                    duplicates.append((index, nil))
                }
            } else if let first = inBatch[EventPlace(event)] {
                duplicates.append((index, first))
            } else if try source.storedTwin(of: event, bytes: bytes) != nil {
                duplicates.append((index, nil))
            } else {
                inBatch[EventPlace(event)] = index
                fresh.append(Int32(index))
            }
        }
        return (fresh, duplicates)
    }

    /// The hours of these events that are not in memory.
    func unknownHours(of events: [Event]) -> [Instant] {
        var unknown: [Instant] = []
        var seen: Set<Instant> = []
        var last = Instant.min
        for event in events {
            let hour = Hours.start(of: event.time)
            if hour == last { continue }
            last = hour
            if hours[hour] == nil, seen.insert(hour).inserted { unknown.append(hour) }
        }
        return unknown
    }

    /// Whether the event is known; nil where memory cannot tell.
    func isKnown(_ event: Event) -> Bool? {
        hours[Hours.start(of: event.time)]?.identities.contains(event.identity)
    }

    /// Forgets the hours longest unused until the limit is kept.
    mutating func evict(limit: Int = residentLimit) {
        guard residentCount > limit else { return }
        for (hour, content) in hours.sorted(by: { ($0.value.lastUsed, $0.key) < ($1.value.lastUsed, $1.key) })
        {
            if residentCount <= limit / 2 { break }
            hours[hour] = nil
            residentCount -= content.size
        }
    }

    private mutating func keep(_ content: Hour, as hour: Instant) {
        hours[hour] = content
        residentCount += content.size
    }
}
