public import SessionCore
internal import TextForms

/// How a store reads and understands the payloads it keeps.
public struct StoreReading {
    /// An index holds no keys of any length: an `event_id` of more bytes than this is stored as the text of its
    /// identity, in every store. The payload has it.
    public static let longestEventID = 800

    /// Reads a stored payload again.
    public var decode: (UnsafeRawBufferPointer) -> Event?
    /// The identity of an `event_id`'s text.
    public var identity: (UnsafeRawBufferPointer) -> EventIdentity
    /// The `event_id` column of an event that has none.
    public var fingerprintText: (EventIdentity) -> String
    /// Which events are read back as tracks.
    public var meanings: EventMeanings

    /// All parts.
    public init(
        decode: @escaping (UnsafeRawBufferPointer) -> Event?,
        identity: @escaping (UnsafeRawBufferPointer) -> EventIdentity,
        fingerprintText: @escaping (EventIdentity) -> String, meanings: EventMeanings
    ) {
        self.decode = decode
        self.identity = identity
        self.fingerprintText = fingerprintText
        self.meanings = meanings
    }
}

/// What the derived tables depend on beside the events, as names and texts for a store to keep in `meta`: rows made
/// under two sets of rules do not mix.
public struct RuleFacts: Sendable {
    /// Name and text of each.
    public let all: [(name: String, text: String)]

    /// - Parameter catalogue: A text that changes when the catalogue's roles do.
    public init(_ rules: Rules, catalogue: String) {
        func list(_ states: Set<String>) -> String {
            var text = "["
            for (index, state) in states.sorted().enumerated() {
                if index > 0 { text += "," }
                JSONString.append(state, to: &text, .demanded)
            }
            return text + "]"
        }
        all = [
            ("max_window_seconds", "\(Double(rules.maxWindow) / 1e6)"),
            ("max_silence_seconds", rules.maxSilence.map { "\(Double($0) / 1e6)" } ?? "off"),
            ("usable_states", list(rules.usableStates)), ("downtime_states", list(rules.downtimeStates)),
            ("off_duty_states", list(rules.offDutyStates)), ("max_targets", "\(rules.maxTargets)"),
            ("catalogue", catalogue),
        ]
    }

    /// The refusal of a store that was made under another fact.
    public static func refusal(of store: String, name: String, stored: String, now: String) -> StoreError {
        StoreError(
            .otherRules,
            name == "catalogue"
                ? "\(store): made with another event catalogue"
                : "\(store): made with \(name) = \(stored), now it is \(now)",
            hint: "replay the archive into a new store, or go back to the rules it was made with")
    }
}
