internal import SessionStore

/// A delivery as a text to paste into an incident: below 40 lines, no control characters.
enum StoryText {
    static func answer(_ call: Call) throws -> Answer {
        let story = try Story(
            call.objects[0], limit: call.api.limits.deliveryEvents, context: 1_800_000_000, call)
        return .text(text(story, call))
    }

    static func text(_ story: Story, _ call: Call) -> String {
        lines(story, call).map(bare).joined(separator: "\n") + "\n"
    }

    private static func lines(_ story: Story, _ call: Call) -> [String] {
        let row = story.row
        var head = "\(story.id)  \(story.outcome.uppercased())"
        if let code = row.text("failure_code") { head += "  \(code)" }
        if let message = row.text("failure_message") { head += " (\(message.prefix(100)))" }
        var lines = [head]
        var facts: [String] = []
        for (name, column) in [("merchant", "merchant_id"), ("source", "source"), ("zone", "zone_id")] {
            if let value = row.text(column) { facts.append("\(name) \(value)") }
        }
        facts.append(
            "\(InstantFormat.words(story.start))–\(InstantFormat.clock(row.integer("last_event_at") ?? story.start)) UTC"
        )
        lines.append(facts.joined(separator: " · "))
        let durations = Sessions.durations.compactMap { name in
            row.number(name).map { "\(name.dropLast("_seconds".count)) \(InstantFormat.length($0))" }
        }
        if !durations.isEmpty { lines.append(durations.joined(separator: " · ")) }
        lines.append(
            "\(row.integer("event_count") ?? 0) events, \(row.integer("error_count") ?? 0) errors, "
                + "\(row.integer("reassignment_count") ?? 0) reassignments")
        lines += ["", "What stands out"]
        lines += Verdict.lines(of: story, call).map { "- \($0.text)" }
        lines += ["", "Who served it"]
        let people = story.windows.filter { $0.kind != "merchant" }
        lines += people.prefix(8).map { "- \($0.sentence(about: story.what))" }
        if people.isEmpty { lines.append("- nobody yet") }
        if people.count > 8 { lines.append("- and \(people.count - 8) more windows") }
        let errors = story.events.filter(\.fields.hasError)
        if !errors.isEmpty {
            lines += ["", "Errors"]
            let end = story.end(call)
            for error in errors.suffix(8) {
                let before = Double(end - error.at) / 1e6
                lines.append(
                    "- T\(before < 0 ? "+" : "−")\(InstantFormat.length(abs(before))) "
                        + "\(InstantFormat.clock(error.at)) \(error.name) \(error.entity ?? "") "
                        + "\(error.fields.errorCode ?? "") \(error.fields.errorMessage.map { $0.prefix(80) } ?? "")"
                )
            }
            if errors.count > 8 { lines.append("- and \(errors.count - 8) before these") }
        }
        lines += ["", "As of \(InstantFormat.words(call.asOf.now)) UTC"]
        return lines
    }

    /// Without what could steer a terminal or turn the direction of writing.
    private static func bare(_ line: String) -> String {
        var text = ""
        for scalar in line.unicodeScalars {
            switch scalar.value {
            case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200B...0x200F, 0x202A...0x202E, 0x2066...0x2069, 0xFEFF:
                text += "?"
            default: text.unicodeScalars.append(scalar)
            }
        }
        while text.last == " " { text.removeLast() }
        return text
    }
}
