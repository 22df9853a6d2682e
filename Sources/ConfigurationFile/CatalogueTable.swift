public import SessionCore

/// The catalogue as a document: what `docs/events.md` is made from.
public enum CatalogueTable {
    /// A Markdown document with one row an event.
    public static func markdown(_ catalogue: Catalogue) -> String {
        var text = """
            # Events

            Made from [config/events.yaml](../config/events.yaml) by `make docs`; change that file, not this one.
            An event that is not listed is accepted: it joins by the ids it names. Required fields are what an event
            ought to carry; one without them is accepted all the same.

            | event | what it tells | ought to carry | what it does |
            |---|---|---|---|

            """
        for entry in catalogue.entries {
            let fields = entry.requires.map { "`\($0)`" }.joined(separator: ", ")
            text +=
                "| `\(entry.name)` | \(entry.summary) | \(fields) | \(roles(of: entry).joined(separator: "; ")) |\n"
        }
        return text
    }

    /// What an event does, in words; one that does nothing by itself joins by its ids.
    static func roles(of entry: CatalogueEntry) -> [String] {
        var roles: [String] = []
        switch entry.window {
        case .neutral: break
        case .opensRobot: roles.append("opens a robot's window, or reopens the session")
        case .releasesRobot(let reason): roles.append("ends the robot's window: `\(reason.name)`")
        case .opensPilot: roles.append("opens a pilot's window")
        case .releasesPilot(let reason): roles.append("ends the pilot's window: `\(reason.name)`")
        case .closes(let outcome): roles.append("ends all windows and closes the session: `\(outcome.name)`")
        }
        if let milestone = entry.milestone { roles.append("fills `\(milestone.column)`") }
        switch entry.state {
        case .none: break
        case .fromFields: roles.append("tells the robot's state: `to_state`, else `state`")
        case .word(let word): roles.append("tells the robot's state: `\(word)`")
        }
        switch entry.shift {
        case .none: break
        case .starts: roles.append("starts the pilot's shift")
        case .ends: roles.append("ends the pilot's shift")
        }
        switch entry.counter {
        case .none: break
        case .attempts: roles.append("counts in `attempt_count`")
        case .failedAttempts: roles.append("counts in `attempt_failed_count`")
        case .rescues: roles.append("counts in `rescue_count`")
        }
        if entry.isError { roles.append("is an error") }
        if entry.tellsFailure { roles.append("fills `failure_code` and `failure_message`") }
        return roles
    }
}
