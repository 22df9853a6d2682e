/// What came of a set of lines: the accepted events and the count of everything else.
struct AcceptedEvents {
    var events: [ReferenceEvent] = []
    var received = 0
    var duplicates = 0
    var skipped = 0
    var rejected: [String: Int] = [:]

    private enum Identity: Hashable {
        /// One `event_id` in two hours is two events.
        case eventID(String, hour: Instant)
        case content(ReferenceEvent)
    }

    private enum Reading {
        case event(ReferenceEvent)
        case skipped
        case rejected(String)
    }

    init(lines: [String]) {
        var seen: Set<Identity> = []
        for line in lines where !line.utf8.allSatisfy({ [0x20, 0x09, 0x0A, 0x0D].contains($0) }) {
            received += 1
            switch Self.read(line) {
            case .event(let event):
                let identity =
                    event.eventID.map { Identity.eventID($0, hour: hour(of: event.at)) } ?? .content(event)
                if seen.insert(identity).inserted {
                    events.append(event)
                } else {
                    duplicates += 1
                }
            case .skipped:
                skipped += 1
            case .rejected(let reason):
                rejected[reason, default: 0] += 1
            }
        }
    }

    private static func read(_ line: String) -> Reading {
        if line.utf8.count > 1 << 20 { return .rejected("too_large") }
        guard let document = JSONText.read(line) else { return .rejected("malformed_json") }
        guard case .object(var members) = document else { return .rejected("not_an_object") }

        let names = members["event"] ?? .null
        if names == .null, case .string(let message) = members["message"],
            case .object(let inner) = JSONText.read(message)
        {
            members = inner
        }

        guard case .string(let name) = members["event"], !name.isEmpty else { return .skipped }
        switch members["timestamp"] ?? .null {
        case .null:
            return .rejected("missing_timestamp")
        case .string(let text):
            guard let at = instant(text) else { return .rejected("invalid_timestamp") }
            return .event(ReferenceEvent(name: name, at: at, members: members))
        default:
            return .rejected("invalid_timestamp")
        }
    }
}
