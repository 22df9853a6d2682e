/// Why a message could not become an event (semantics section 1). The raw values are the contract's.
public enum RejectReason: String, CaseIterable, Sendable {
    case malformedJSON = "malformed_json"
    case notAnObject = "not_an_object"
    case invalidUTF8 = "invalid_utf8"
    case missingTimestamp = "missing_timestamp"
    case invalidTimestamp = "invalid_timestamp"
    case timestampInFuture = "timestamp_in_future"
    case tooLarge = "too_large"
    /// Of a month whose events the store has dropped: it may have counted before.
    case beforeRetention = "before_retention"

    /// Whether a message is rejected for when it came: the same message, come at another time, would be an event.
    public var dependsOnArrival: Bool {
        switch self {
        case .timestampInFuture, .beforeRetention: true
        case .malformedJSON, .notAnObject, .invalidUTF8, .missingTimestamp, .invalidTimestamp, .tooLarge:
            false
        }
    }
}

/// A message that could not become an event.
public struct Rejection: Equatable, Sendable {
    /// Its index in the batch's messages.
    public var message: Int
    /// The bin it is counted in.
    public var reason: RejectReason
    /// What was wrong, where, and what was expected.
    public var detail: String
}
