/// What kind of thing a session is about, most specific first.
enum SessionKind: String, CaseIterable {
    case delivery, demand, trip, quote, offer
}

/// A session's name: `delivery:D-1`, `trip:T-7`, ...
struct SessionID: Hashable {
    var kind: SessionKind
    var id: String

    var text: String { "\(kind.rawValue):\(id)" }
}

/// One accepted event, after normalisation: absent means absent, whatever the producer wrote for it.
///
/// Without an `eventID`, two events that are equal in all of these are the same event.
struct ReferenceEvent: Hashable {
    var name: String
    var at: Instant
    var eventID: String?

    var deliveryID: String?
    var demandID: String?
    var tripID: String?
    var quoteID: String?
    var offerID: String?

    var robotID: String?
    var pilotID: String?
    var merchantID: String?
    var zoneID: String?
    var parkingLotID: String?

    var source: String?
    var state: String?
    var fromState: String?
    var toState: String?
    var reason: String?
    var rejectionReason: String?
    var errorCode: String?
    var errorMessage: String?

    /// The sessions' ids the event carries, most specific first.
    var sessionIDs: [SessionID] {
        let ids: [(SessionKind, String?)] = [
            (.delivery, deliveryID), (.demand, demandID), (.trip, tripID), (.quote, quoteID),
            (.offer, offerID),
        ]
        return ids.compactMap { kind, id in id.map { SessionID(kind: kind, id: $0) } }
    }

    var hasError: Bool {
        errorCode != nil || errorMessage != nil || name == "robot.error"
    }

    /// Every field in one text: a last resort to order events that nothing else tells apart.
    var content: String {
        let fields = [
            deliveryID, demandID, tripID, quoteID, offerID,
            robotID, pilotID, merchantID, zoneID, parkingLotID,
            source, state, fromState, toState, reason, rejectionReason, errorCode, errorMessage,
        ]
        return fields.map { $0.map { "+\($0)" } ?? "-" }.joined(separator: "\u{1F}")
    }
}

extension ReferenceEvent {
    init(name: String, at: Instant, members: [String: JSONText]) {
        /// A string, or a number by its text.
        func text(_ value: JSONText?) -> String? {
            switch value {
            case .string(let text), .number(let text): text.isEmpty ? nil : text
            default: nil
            }
        }
        /// The same, unless it is one of the words producers write for "nothing".
        func meant(_ key: String) -> String? {
            text(members[key]).flatMap { isPlaceholder($0) ? nil : $0 }
        }

        self.name = name
        self.at = at
        eventID = meant("event_id")
        deliveryID = meant("delivery_id")
        demandID = meant("demand_id")
        tripID = meant("trip_id")
        quoteID = meant("quote_id")
        offerID = meant("offer_id")
        robotID = meant("robot_id")
        pilotID = meant("pilot_id")
        merchantID = meant("merchant_id")
        zoneID = meant("zone_id")
        parkingLotID = meant("parking_lot_id")
        source = meant("source")
        reason = meant("reason")
        rejectionReason = meant("rejection_reason")
        // A state may well be called "unknown", and so may an error: these stay as they are.
        state = text(members["state"])
        fromState = text(members["from_state"])
        toState = text(members["to_state"])
        switch members["error"] {
        case .object(let error):
            errorCode = text(error["code"])
            errorMessage = text(error["message"])
        case let bare:
            errorCode = text(bare)
        }
    }
}

private func isPlaceholder(_ text: String) -> Bool {
    let blanks: Set<Unicode.Scalar> = [" ", "\t", "\n", "\r", "\u{0B}", "\u{0C}"]
    var scalars = Array(text.unicodeScalars)
    while let last = scalars.last, blanks.contains(last) { scalars.removeLast() }
    while let first = scalars.first, blanks.contains(first) { scalars.removeFirst() }
    let word = scalars.map { String($0) }.joined().lowercased()
    return ["", "null", "undefined", "unknown", "none", "n/a"].contains(word)
}

/// Byte-wise order of texts; absent comes first. Nil if they are the same.
private func comesFirst(_ left: String?, _ right: String?) -> Bool? {
    switch (left, right) {
    case (nil, nil): return nil
    case (nil, _): return true
    case (_, nil): return false
    case (let left?, let right?):
        if left.utf8.elementsEqual(right.utf8) { return nil }
        return left.utf8.lexicographicallyPrecedes(right.utf8)
    }
}

/// Sorts texts by their bytes.
func sortedByBytes(_ texts: some Sequence<String>) -> [String] {
    texts.sorted { comesFirst($0, $1) ?? false }
}

/// The order of everything: time, rank, event name, event id.
func precedes(
    _ left: (event: ReferenceEvent, rank: Int), _ right: (event: ReferenceEvent, rank: Int)
) -> Bool {
    if left.event.at != right.event.at { return left.event.at < right.event.at }
    if left.rank != right.rank { return left.rank < right.rank }
    return comesFirst(left.event.name, right.event.name)
        ?? comesFirst(left.event.eventID, right.event.eventID)
        ?? comesFirst(left.event.content, right.event.content)
        ?? false
}

/// Events in the order of everything outside the folds, where no rank plays a part.
func chronological(_ events: some Sequence<ReferenceEvent>) -> [ReferenceEvent] {
    events.sorted { precedes((event: $0, rank: 0), (event: $1, rank: 0)) }
}
