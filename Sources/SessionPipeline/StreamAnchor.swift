public import SessionCore

/// How far a stream was read.
public struct StreamPlace: Equatable, Sendable {
    /// The offset of the last message that was committed.
    public var offset: Int64
    /// What tells that message from others; nil where a version before this one committed it.
    public var fingerprint: String?

    /// Both.
    public init(offset: Int64, fingerprint: String?) {
        self.offset = offset
        self.fingerprint = fingerprint
    }
}

/// Whether a stream that is gone on with is still the one that was read.
///
/// A stream that was deleted and made anew counts from 0 again. Asked for an offset that it has not come to yet, RabbitMQ
/// delivers nothing until it has, and says nothing; has it come further already, what lies before is passed over.
/// So reading goes on at the last message that was committed, not behind it: that one must come, and be the same.
public struct StreamAnchor: Equatable, Sendable {
    /// What a message is to it.
    public enum Verdict: Equatable, Sendable {
        /// It was committed: nothing of it is to be done. The next ones may be, too.
        case known
        /// It is the anchor itself: what follows is new.
        case found
        /// The anchor is gone, and this is what the stream still holds behind it.
        case behind
        /// It has the anchor's offset and says something else: another stream.
        case another
    }

    /// How long it may take to come, in microseconds. Where that is too short for a broker, the stream is read from its
    /// beginning, which takes time and changes nothing: every event is known again by its identity.
    public static let patience: Microseconds = 15_000_000

    /// What was committed last.
    public let place: StreamPlace
    private let attachedAt: Instant

    /// - Parameter attachedAt: When it was asked for, by a clock that nobody sets.
    public init(_ place: StreamPlace, attachedAt: Instant) {
        self.place = place
        self.attachedAt = attachedAt
    }

    /// What a message is that came while it was waited for.
    public func verdict(of offset: Int64, _ fingerprint: () -> String) -> Verdict {
        if offset < place.offset { return .known }
        if offset > place.offset { return .behind }
        guard let expected = place.fingerprint else { return .found }
        return fingerprint() == expected ? .found : .another
    }

    /// Whether it has been waited for long enough.
    public func isOverdue(_ now: Instant) -> Bool { now - attachedAt > Self.patience }
}
