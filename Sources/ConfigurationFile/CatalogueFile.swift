public import SessionCore

/// The catalogue file: YAML to ``Catalogue``, every mistake with its line.
public enum CatalogueFile {
    /// The copy of `config/events.yaml` that is built in.
    public static func builtIn() throws(ConfigurationError) -> Catalogue {
        try parse(builtInCatalogueText, file: "built-in catalogue")
    }

    /// Reads a catalogue.
    public static func parse(_ text: String, file: String) throws(ConfigurationError) -> Catalogue {
        func fail(_ line: Int, _ problem: String) -> ConfigurationError {
            ConfigurationError(file: file, line: line, problem: problem)
        }
        guard let root = try YAMLDocument.parse(text, file: file) else {
            throw fail(1, "empty; expected a map with the key `events`")
        }
        guard case .map(let top) = root.content else {
            throw fail(root.line, "expected a map with the key `events`")
        }
        var entries: [CatalogueEntry] = []
        var lines: [String: Int] = [:]
        for (key, value) in top {
            guard key.text == "events" else {
                throw fail(key.line, "unknown key `\(key.text ?? "?")`; expected `events`")
            }
            guard case .map(let events) = value.content else {
                throw fail(value.line, "`events` must be a map of event names")
            }
            for (name, body) in events {
                guard let text = name.text, !text.isEmpty else {
                    throw fail(name.line, "an event's name is a text")
                }
                if let first = lines[text] {
                    throw fail(name.line, "`\(text)` stands here a second time (first in line \(first))")
                }
                lines[text] = name.line
                entries.append(try entry(text, body, fail))
            }
        }
        if entries.isEmpty { throw fail(root.line, "no events; expected at least one under `events`") }
        return Catalogue(entries: entries)
    }

    private static func entry(
        _ name: String, _ body: YAMLNode, _ fail: (Int, String) -> ConfigurationError
    ) throws(ConfigurationError) -> CatalogueEntry {
        var entry = CatalogueEntry(name: name)
        guard case .map(let keys) = body.content else {
            throw fail(body.line, "`\(name)` must be a map, e.g. {summary: …, opens: robot}")
        }
        var roles: [(line: Int, key: String, word: String)] = []
        var reason: (line: Int, word: String)?
        for (key, value) in keys {
            let word = value.text ?? ""
            func unexpected(_ expected: String) -> ConfigurationError {
                fail(value.line, "`\(name)`: \(key.text ?? "?") is `\(word)`; expected \(expected)")
            }
            switch key.text ?? "" {
            case "summary": entry.summary = word
            case "requires":
                guard case .list(let fields) = value.content else { throw unexpected("a list of fields") }
                for field in fields {
                    guard let text = field.text, knownFields.contains(text) else {
                        throw fail(
                            field.line,
                            "`\(name)`: `\(field.text ?? "?")` is no field; expected one of "
                                + knownFields.joined(separator: ", "))
                    }
                    entry.requires.append(text)
                }
            case "opens", "releases", "closes": roles.append((value.line, key.text ?? "", word))
            case "as": reason = (value.line, word)
            case "milestone":
                guard let milestone = Milestone.allCases.first(where: { $0.column == word }),
                    milestone != .assigned
                else {
                    let columns = Milestone.allCases.filter { $0 != .assigned }.map(\.column)
                    throw unexpected("one of \(columns.joined(separator: ", "))")
                }
                entry.milestone = milestone
            case "state":
                guard !word.isEmpty else { throw unexpected("from_fields, or a state") }
                entry.state = word == "from_fields" ? .fromFields : .word(word)
            case "shift":
                switch word {
                case "starts": entry.shift = .starts
                case "ends": entry.shift = .ends
                default: throw unexpected("starts or ends")
                }
            case "counts":
                switch word {
                case "attempt_count": entry.counter = .attempts
                case "attempt_failed_count": entry.counter = .failedAttempts
                case "rescue_count": entry.counter = .rescues
                default: throw unexpected("attempt_count, attempt_failed_count or rescue_count")
                }
            case "error":
                guard word == "true" || word == "false" else { throw unexpected("true or false") }
                entry.isError = word == "true"
            case "failure":
                guard word == "true" || word == "false" else { throw unexpected("true or false") }
                entry.tellsFailure = word == "true"
            default:
                throw fail(
                    key.line,
                    "`\(name)`: unknown key `\(key.text ?? "?")`; expected summary, requires, opens, releases, as, "
                        + "closes, milestone, state, shift, counts, error or failure")
            }
        }
        entry.window = try role(name, roles, reason, fail)
        return entry
    }

    private static func role(
        _ name: String, _ roles: [(line: Int, key: String, word: String)],
        _ reason: (line: Int, word: String)?,
        _ fail: (Int, String) -> ConfigurationError
    ) throws(ConfigurationError) -> WindowRole {
        guard let role = roles.first else {
            if let reason { throw fail(reason.line, "`\(name)`: `as` goes with `releases` only") }
            return .neutral
        }
        if roles.count > 1 {
            throw fail(
                roles[1].line, "`\(name)`: only one of opens, releases and closes; `\(role.key)` is there")
        }
        func unexpected(_ expected: String) -> ConfigurationError {
            fail(role.line, "`\(name)`: \(role.key) is `\(role.word)`; expected \(expected)")
        }
        if role.key != "releases", let reason {
            throw fail(reason.line, "`\(name)`: `as` goes with `releases` only")
        }
        switch (role.key, role.word) {
        case ("opens", "robot"): return .opensRobot
        case ("opens", "pilot"): return .opensPilot
        case ("closes", let word):
            guard let outcome = Outcome.allCases.first(where: { $0.name == word }), outcome != .inProgress
            else {
                throw unexpected("completed, failed, canceled, rejected or expired")
            }
            return .closes(outcome)
        case ("releases", "robot"), ("releases", "pilot"):
            let allowed: [EndReason] = [.orphaned, .unassigned, .shiftEnded]
            guard let reason else {
                throw fail(role.line, "`\(name)`: `releases` needs `as`: orphaned, unassigned or shift_ended")
            }
            guard let end = allowed.first(where: { $0.name == reason.word }) else {
                throw fail(
                    reason.line,
                    "`\(name)`: as is `\(reason.word)`; expected orphaned, unassigned or shift_ended")
            }
            return role.word == "robot" ? .releasesRobot(end) : .releasesPilot(end)
        default: throw unexpected("robot or pilot")
        }
    }

    /// The fields of an event that the rules read (semantics section 1).
    static let knownFields = [
        "event_id", "delivery_id", "demand_id", "trip_id", "quote_id", "offer_id", "robot_id", "pilot_id",
        "merchant_id", "zone_id", "parking_lot_id", "source", "state", "from_state", "to_state", "reason",
        "rejection_reason", "error",
    ]
}
