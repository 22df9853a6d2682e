/// Microseconds since the Unix epoch, UTC.
public typealias Instant = Int64

/// A length of time in microseconds.
public typealias Microseconds = Int64

/// What a session id names. The order is that of semantics section 1: the most specific first.
public enum SessionKind: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case delivery, demand, trip, quote, offer

    /// What a `session_id` of this kind begins with, e.g. `delivery:`.
    public var prefix: String {
        switch self {
        case .delivery: "delivery:"
        case .demand: "demand:"
        case .trip: "trip:"
        case .quote: "quote:"
        case .offer: "offer:"
        }
    }

    /// The kind's name as it stands in `sessions.kind`.
    public var name: String { String(prefix.dropLast()) }

    /// The kind that a `session_id` begins with, or nil where the text is no session id.
    public init?(sessionID text: String) {
        guard let kind = Self.allCases.first(where: { text.hasPrefix($0.prefix) }) else { return nil }
        self = kind
    }

    /// The same, from bytes.
    @inlinable
    public init?(sessionID text: UnsafeRawBufferPointer) {
        guard let first = text.first else { return nil }
        switch first {
        case UInt8(ascii: "d"):
            guard text.count > 2 else { return nil }
            self = text[2] == UInt8(ascii: "l") ? .delivery : .demand
        case UInt8(ascii: "t"): self = .trip
        case UInt8(ascii: "q"): self = .quote
        case UInt8(ascii: "o"): self = .offer
        default: return nil
        }
    }
}

/// 128 bits that stand for "the same event": of its `event_id`, or of its content where it has none.
public struct EventIdentity: Hashable, Sendable, BitwiseCopyable {
    /// The upper half.
    public let high: UInt64
    /// The lower half.
    public let low: UInt64

    /// From its halves.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// A stretch of bytes in a ``MessageBatch``-like buffer.
public struct ByteRange: Equatable, Sendable, BitwiseCopyable {
    /// Where it starts.
    public var offset: Int
    /// How long it is.
    public var length: Int

    /// From start and length.
    public init(offset: Int, length: Int) {
        self.offset = offset
        self.length = length
    }

    /// No bytes.
    public static let empty = ByteRange(offset: 0, length: 0)
}

/// One accepted event, its texts as symbols (semantics section 1).
///
/// A plain value without references, so that hundreds of thousands a second can be copied about.
public struct Event: Sendable, BitwiseCopyable {
    /// Event time: when it happened, by its own `timestamp`.
    public var time: Instant = 0
    /// What makes it the same event as another.
    public var identity = EventIdentity(high: 0, low: 0)
    /// Its `event_id` as a key that sorts like the text.
    public var key = EventKey.absent
    /// The event's name, e.g. `demand.assigned`.
    public var name = Symbol.absent

    /// Session ids as full session ids: the symbol of `delivery:D-1`, not of `D-1`.
    public var delivery = Symbol.absent
    /// `demand:…`
    public var demand = Symbol.absent
    /// `trip:…`
    public var trip = Symbol.absent
    /// `quote:…`
    public var quote = Symbol.absent
    /// `offer:…`
    public var offer = Symbol.absent

    /// `robot_id`
    public var robot = Symbol.absent
    /// `pilot_id`
    public var pilot = Symbol.absent
    /// `merchant_id`
    public var merchant = Symbol.absent
    /// `zone_id`
    public var zone = Symbol.absent
    /// `parking_lot_id`
    public var parkingLot = Symbol.absent

    /// `source`
    public var source = Symbol.absent
    /// `state`
    public var state = Symbol.absent
    /// `from_state`
    public var fromState = Symbol.absent
    /// `to_state`
    public var toState = Symbol.absent
    /// `reason`
    public var reason = Symbol.absent
    /// `rejection_reason`: no rule reads it, but it tells unequal twins apart.
    public var rejectionReason = Symbol.absent
    /// `error.code`, or a bare `error` that is a string or a number.
    public var errorCode = Symbol.absent
    /// `error.message`
    public var errorMessage = Symbol.absent

    /// Where its JSON text stands in the buffer it was decoded from.
    public var payload = ByteRange.empty
    /// Where the text of its `event_id` stands (unescaped); empty where it has none.
    public var eventID = ByteRange.empty

    /// An event with nothing in it.
    public init() {}

    /// Whether it joins sessions by its merchant: it names no session, robot or pilot (semantics section 4).
    public var joinsByMerchant: Bool {
        merchant.isPresent && !robot.isPresent && !pilot.isPresent && !subject.isPresent
    }

    /// The most specific session id that it names; absent for an event of a robot, pilot or merchant alone.
    @inlinable
    public var subject: Symbol {
        if delivery.isPresent { return delivery }
        if demand.isPresent { return demand }
        if trip.isPresent { return trip }
        if quote.isPresent { return quote }
        return offer
    }
}
