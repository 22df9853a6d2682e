/// An event as the reference reads it: plain optional texts.
public struct ReferenceEvent: Hashable, Sendable {
    /// The event's `time`.
    public var time: Int64
    /// The event's `name`.
    public var name: String
    /// The event's `id`.
    public var id: String?
    /// `delivery:…`, `demand:…`, `trip:…`, `quote:…`, `offer:…`: the most specific first.
    public var sessionIDs: [String] = []
    /// The event's `robot`.
    public var robot: String?
    /// The event's `pilot`.
    public var pilot: String?
    /// The event's `merchant`.
    public var merchant: String?
    /// The event's `source`.
    public var source: String?
    /// The event's `state`.
    public var state: String?
    /// The event's `reason`.
    public var reason: String?
    /// The event's `error_code`.
    public var errorCode: String?

    /// An event with a name at an instant.
    public init(time: Int64, name: String, id: String?) {
        self.time = time
        self.name = name
        self.id = id
    }

    var hasError: Bool { errorCode != nil || name == "robot.error" }
    var isRobotOpen: Bool {
        ["demand.assigned", "demand.replan.rehomed", "trip.assigned", "trip.activated"].contains(name)
    }
    var isPilotOpen: Bool { name == "pilot.assigned" || name == "pilot.assignment_started" }
    var isPilotRelease: Bool { name == "pilot.assignment_ended" || name == "pilot.shift_ended" }
    var closes: String? {
        switch name {
        case "delivery.dropoff_completed", "demand.fulfilled": "completed"
        case "delivery.failed": "failed"
        case "demand.canceled": "canceled"
        case "offer.rejected": "rejected"
        case "offer.expired": "expired"
        default: nil
        }
    }

    /// As a line of an archive.
    public var line: String {
        let names = [
            "delivery": "delivery_id", "demand": "demand_id", "trip": "trip_id", "quote": "quote_id",
            "offer": "offer_id",
        ]
        var fields = ["\"event\":\"\(name)\"", "\"timestamp\":\"\(timestamp)\""]
        func add(_ key: String, _ value: String?) {
            if let value { fields.append("\"\(key)\":\"\(value)\"") }
        }
        add("event_id", id)
        for session in sessionIDs {
            let parts = session.split(separator: ":", maxSplits: 1)
            add(names[String(parts[0])] ?? "?", String(parts[1]))
        }
        add("robot_id", robot)
        add("pilot_id", pilot)
        add("merchant_id", merchant)
        add("source", source)
        add("to_state", state)
        add("reason", reason)
        if let errorCode { fields.append("\"error\":{\"code\":\"\(errorCode)\"}") }
        return "{" + fields.joined(separator: ",") + "}"
    }

    /// Days of the worlds lie in January 2026, which is all that this must write.
    private var timestamp: String {
        let inMonth = time - 1_767_225_600_000_000
        func padded(_ value: Int64, _ width: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: width - text.count) + text
        }
        let seconds = inMonth / 1_000_000
        return "2026-01-\(padded(seconds / 86_400 + 1, 2))T\(padded(seconds / 3600 % 24, 2)):"
            + "\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2)).\(padded(inMonth % 1_000_000, 6))Z"
    }
}
