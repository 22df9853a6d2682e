public import SessionCore

/// What stands in the columns of `events` by which an event is found again, in every store.
extension StoreReading {
    /// The `hour` column: hours since the Unix epoch, rounded down.
    @inlinable
    public static func hour(of time: Instant) -> Int64 {
        time >= 0 ? time / 3_600_000_000 : -((-time + 3_599_999_999) / 3_600_000_000)
    }

    /// The `event_id` column of an event that brings one that is short enough; nil for the others, which have
    /// ``fingerprintText`` there.
    /// - Parameter bytes: What the event's ranges refer to.
    @inlinable
    public static func ownID(of event: Event, _ bytes: UnsafeRawPointer) -> UnsafeRawBufferPointer? {
        guard event.eventID.length > 0, event.eventID.length <= longestEventID else { return nil }
        return UnsafeRawBufferPointer(start: bytes + event.eventID.offset, count: event.eventID.length)
    }

    /// The identity of whichever of both the `event_id` column has.
    public func identity(ofStored text: UnsafeRawBufferPointer) -> EventIdentity {
        Self.fingerprint(text) ?? identity(text)
    }

    /// The identity in `fp-` and 32 hexadecimal digits.
    private static func fingerprint(_ text: UnsafeRawBufferPointer) -> EventIdentity? {
        guard text.count == 35, text[0] == 102, text[1] == 112, text[2] == 45 else { return nil }
        var halves: (UInt64, UInt64) = (0, 0)
        for index in 3..<35 {
            let value: UInt64
            switch text[index] {
            case 48...57: value = UInt64(text[index] - 48)
            case 97...102: value = UInt64(text[index] - 87)
            default: return nil
            }
            if index < 19 { halves.0 = halves.0 << 4 | value } else { halves.1 = halves.1 << 4 | value }
        }
        return EventIdentity(high: halves.0, low: halves.1)
    }
}
