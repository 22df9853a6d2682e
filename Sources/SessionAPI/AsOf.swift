internal import SessionCore
internal import SessionStore

/// Which instant an answer takes for now, and how far the tables reach.
struct AsOf: Sendable {
    var now: Int64
    var clock: APIClock
    /// The newest event that was not ahead of the clock when it was committed; where all were, the newest.
    var lastEventAt: Int64?
    /// The newest event, where it is later: one wrong clock must not tell how far the events have come.
    var aheadEventAt: Int64?
    var lastCommittedAt: Int64?
    var events: Int64
    /// Changes whenever the store does.
    var version: String
    var scopes: [AnswerRow]
    /// Whether it tells how many events the store holds: not to a reader bound to merchants, whose they are not.
    var tellsEvents = true

    init(_ store: any StoreConversation, clock: APIClock, wall: Int64) throws {
        // An SQLite file of an older version that may not be written lacks the last column; all columns are asked for there.
        let columns =
            switch store.flavour {
            case .sqlite: "freshness.*"
            case .postgres: "scope, last_event_at, last_committed_at, events, last_past_event_at"
            }
        scopes = try store.rows(
            """
            SELECT \(columns), (SELECT max(batch_id) FROM ingestion_batches) AS batch_id FROM freshness ORDER BY scope
            """)
        let batch = scopes.first
        let all = scopes.first { $0.text("scope") == "all" }
        let newest = all?.integer("last_event_at")
        lastEventAt = all?.integer("last_past_event_at") ?? newest
        aheadEventAt = newest == lastEventAt ? nil : newest
        lastCommittedAt = all?.integer("last_committed_at")
        events = all?.integer("events") ?? 0
        // Batches of several writers are numbered before they are committed: the highest number may be there before a lower one.
        version = "\(batch?.integer("batch_id") ?? 0)-\(lastCommittedAt ?? 0)-\(events)"
        self.clock = clock
        switch clock {
        case .wall: now = wall
        case .lastEvent: now = lastEventAt ?? wall
        }
    }

    /// What is later than this is ahead of the clock.
    var horizon: Int64 { now + StoredFreshness.tolerance }

    /// How far the events are behind now. Where all there are are ahead of it, the last commit tells when any came.
    private var age: Double? {
        lastEventAt.map { last in
            let isAhead = last > horizon
            return max(0, Double(now - (isAhead ? lastCommittedAt ?? last : last)) / 1e6)
        }
    }

    private var freshness: (word: String, sentence: String) {
        guard let lastEventAt, let age else {
            return ("empty", "No event yet: replay an archive into the store, or connect a queue.")
        }
        let last = "last event \(InstantFormat.words(lastEventAt)) UTC"
        let ahead =
            aheadEventAt.map { " One is ahead of the clock: \(InstantFormat.words($0)) UTC." } ?? ""
        switch clock {
        case .lastEvent:
            return ("archive", "L\(last.dropFirst()); an archive, not followed live.\(ahead)")
        case .wall:
            let words = "\(InstantFormat.length(age)) behind; \(last).\(ahead)"
            if age <= 600 { return (age > 60 ? "late" : "fresh", words) }
            return (
                "stale",
                "\(words) Either nothing happens in the fleet or its events do not come in: the service's log and "
                    + "/readyz tell which."
            )
        }
    }

    func write(_ out: inout JSONWriter) {
        let (word, sentence) = freshness
        out.object("as_of") { out in
            out.instant("now", now)
            switch clock {
            case .wall: out.text("clock", "wall")
            case .lastEvent: out.text("clock", "last_event")
            }
            out.instant("last_event_at", lastEventAt)
            out.instant("ahead_event_at", aheadEventAt)
            out.instant("last_committed_at", lastCommittedAt)
            out.integer("events", tellsEvents ? events : nil)
            out.number("age_seconds", age)
            out.text("freshness", word)
            out.text("sentence", sentence)
        }
    }
}

/// The rules that a store was made under, as it keeps them.
struct StoreRules: Sendable {
    var maxWindowSeconds = 21_600.0
    var maxSilenceSeconds: Double?
    var maxTargets: Int64 = 32
    var usable: Set<String> = []
    var downtime: Set<String> = []
    var offDuty: Set<String> = []
    var schema: Int64 = 0
    /// Whether events have their error code in a column: not in a store of an older version that may not be written.
    var hasErrorCodes = true

    var maxWindow: Int64 { Int64(maxWindowSeconds * 1e6) }

    init() {}

    init(_ store: any StoreConversation) throws {
        for row in try store.rows("SELECT key, value FROM meta") {
            guard let key = row.text("key"), let value = row.text("value") else { continue }
            switch key {
            case "max_window_seconds": maxWindowSeconds = Double(value) ?? maxWindowSeconds
            case "max_silence_seconds": maxSilenceSeconds = Double(value)
            case "max_targets": maxTargets = Int64(value) ?? maxTargets
            case "usable_states": usable = Self.list(value)
            case "downtime_states": downtime = Self.list(value)
            case "off_duty_states": offDuty = Self.list(value)
            default: break
            }
        }
        switch store.flavour {
        case .sqlite:
            hasErrorCodes = try !store.rows(
                "SELECT 1 AS one FROM pragma_table_info('events') WHERE name = 'error_code'"
            ).isEmpty
        case .postgres: hasErrorCodes = true
        }
        schema =
            try store.rows("SELECT max(version) AS version FROM schema_migrations").first?.integer("version")
            ?? 0
    }

    /// A JSON array of texts.
    static func list(_ json: String) -> Set<String> {
        var json = json
        return json.withUTF8 { bytes in
            var texts: Set<String> = []
            var reader = JSONReader(bytes: bytes)
            reader.forEachElement { reader in
                if let text = reader.text() { texts.insert(text) }
            }
            return texts
        }
    }

    func stateClass(_ state: String) -> StateClass {
        if usable.contains(state) { return .usable }
        if downtime.contains(state) { return .downtime }
        return offDuty.contains(state) ? .offDuty : .other
    }

    /// SQL for whether a column's state is of a class, as ``stateClass(_:)`` tells it; its states are added to the parameters.
    func condition(that column: String, isOf stateClass: StateClass, _ parameters: inout [TableValue])
        -> String
    {
        func isOne(of states: Set<String>) -> String {
            let places = states.sorted().map { state in
                parameters.append(.text(state))
                return "?\(parameters.count)"
            }
            return places.isEmpty ? "1 = 0" : "\(column) IN (\(places.joined(separator: ", ")))"
        }
        return switch stateClass {
        case .usable: isOne(of: usable)
        case .downtime: isOne(of: downtime.subtracting(usable))
        case .offDuty: isOne(of: offDuty.subtracting(usable).subtracting(downtime))
        case .other: "NOT (\(isOne(of: usable.union(downtime).union(offDuty))))"
        }
    }
}

/// What the service takes for now.
public enum APIClock: Sendable {
    /// The wall's: beside a live queue.
    case wall
    /// The store's last event: an archive.
    case lastEvent
}
