/// An event on its way to a line: what it means is fixed, how it is written is not.
struct EventDraft {
    var name: String
    var at: Instant
    var eventID: String?
    var fields: [String: String] = [:]
    /// The error as JSON.
    var error: String?

    init(name: String, at: Instant) {
        self.name = name
        self.at = at
    }

    private static let keysWithPlaceholders = [
        "delivery_id", "demand_id", "trip_id", "quote_id", "offer_id", "robot_id", "pilot_id", "merchant_id",
        "zone_id", "parking_lot_id", "source", "reason", "rejection_reason", "event_id",
    ]
    private static let placeholders = [
        "null", #""""#, #""null""#, #"" N/A ""#, #""Unknown""#, #""NONE""#, #""undefined""#, #"" n/a""#,
    ]

    /// One of the many lines that tell of this event.
    func line(random: inout SplitMix64) -> String {
        var members: [(key: String, json: String)] = [
            ("event", Self.quoted(name, random: &random)),
            ("timestamp", Self.quoted(timestamp(random: &random), random: &random)),
        ]
        var all = fields
        all["event_id"] = eventID
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            let isNumber = key.hasSuffix("_id") && Int(value).map { "\($0)" } == value
            let asNumber = isNumber && random.chance(50)
            members.append((key, asNumber ? value : Self.quoted(value, random: &random)))
        }
        for key in Self.keysWithPlaceholders where all[key] == nil && random.chance(3) {
            members.append((key, random.pick(Self.placeholders)))
        }
        if let error { members.append(("error", error)) }
        if random.chance(20) { members.append(("level", #""info""#)) }
        if random.chance(10) { members.append(("trace", #"{"event":"x","robot_id":["R9",1.5e-3,true]}"#)) }
        random.shuffle(&members)
        // Of two equal keys the last stands.
        if random.chance(3), let last = members.last { members.insert((last.key, #""R9""#), at: 0) }

        let (colon, comma) = random.chance(20) ? (" : ", " ,\t") : (":", ",")
        let object = members.map { "\"\($0.key)\"\(colon)\($0.json)" }.joined(separator: comma)
        guard random.chance(3) else { return "{\(object)}" }
        let wrapped = Self.quoted("{\(object)}", random: &random)
        return random.chance(50) ? #"{"message":\#(wrapped)}"# : #"{"event":null,"message":\#(wrapped)}"#
    }

    /// The instant in one of the many ways to write it.
    private func timestamp(random: inout SplitMix64) -> String {
        let (offset, minutes) = random.pick([
            ("Z", 0), ("Z", 0), ("+00:00", 0), ("-08:00", -480), ("+05:30", 330), ("-00:00", 0),
            ("+14:00", 840),
        ])
        let local = at + Int64(minutes) * 60 * oneSecond
        let micros = ((local % oneSecond) + oneSecond) % oneSecond
        var fraction = String(String(micros + oneSecond).dropFirst())
        if random.chance(20) {
            fraction += "987"  // finer than is kept
        } else {
            while fraction.last == "0", random.chance(90) { fraction.removeLast() }
        }
        return Self.calendar((local - micros) / oneSecond) + (fraction.isEmpty ? "" : ".\(fraction)") + offset
    }

    /// `YYYY-MM-DDTHH:MM:SS` of a number of seconds since the epoch.
    private static func calendar(_ seconds: Int64) -> String {
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        var days = seconds / 86400
        var left = seconds % 86400
        if left < 0 {
            left += 86400
            days -= 1
        }
        var (year, month): (Int64, Int64) = (1970, 1)
        while days < 0 {
            year -= 1
            days += daysInYear(year)
        }
        while days >= daysInYear(year) {
            days -= daysInYear(year)
            year += 1
        }
        while days >= daysInMonth(year: year, month: month) {
            days -= daysInMonth(year: year, month: month)
            month += 1
        }
        let time = "\(two(left / 3600)):\(two(left / 60 % 60)):\(two(left % 60))"
        return "\(year)-\(two(month))-\(two(days + 1))T\(time)"
    }

    /// A JSON string, now and then with an escape it does not need.
    private static func quoted(_ text: String, random: inout SplitMix64) -> String {
        var json = "\""
        for character in text {
            switch character {
            case "\"", "\\":
                json += "\\\(character)"
            case "\t":
                json += "\\t"
            case "/" where random.chance(50):
                json += "\\/"
            case "D" where random.chance(5):
                json += "\\u0044"
            default:
                json.append(character)
            }
        }
        return json + "\""
    }
}
