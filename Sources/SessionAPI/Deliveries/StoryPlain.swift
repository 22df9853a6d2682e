internal import HTTPServer
internal import SessionStore
internal import TextForms

/// A delivery as a document without a script: the text, and its first events as a table. The page leads here where a
/// browser runs none.
enum StoryPlain {
    private static let most = 200

    static func answer(_ call: Call) throws -> Answer {
        let call = try Call(call, clock: .lastEvent)
        var story = try Story(
            call.objects[0], limit: StoryText.most, context: 1_800_000_000, call)
        story.comparison = try Comparison(to: story.row, call)
        return .html(document(story, call))
    }

    /// The same words as ``StoryText``'s, without the list of events, which is a table here.
    private static func document(_ story: Story, _ call: Call) -> String {
        let title = escaped(story.id)
        let events = story.events.prefix(most)
        let total = story.row.integer("event_count") ?? 0
        let isCut = events.count < total
        var html = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(title) · Sessionizer</title>
            <link rel="stylesheet" href="/page/base.css">
            <link rel="stylesheet" href="/page/parts.css">
            </head>
            <body>
            <main>
            <h1>\(title)</h1>
            <pre>\(escaped(StoryText.text(story, isBrief: true, call)))</pre>
            <p><a href="/analytics/v1/deliveries/\(PercentCoding.encoded(story.id))/text">The whole story as text</a></p>
            <h2>Events, \(isCut ? "the first " : "")\(events.count) of \(total)</h2>
            <div class="table-box" role="region" aria-label="Events" tabindex="0">
            <table>
            <thead><tr><th scope="col">time (UTC)</th><th scope="col">event</th><th scope="col">who</th>
            <th scope="col">why here</th><th scope="col">detail</th></tr></thead>
            <tbody>

            """
        for event in events {
            let time = InstantFormat.text(event.at)
            let entity = event.entity ?? event.row.text("robot_id") ?? event.row.text("pilot_id") ?? ""
            let detail = [
                event.fields.errorCode.map(Events.cut), event.fields.errorMessage, event.fields.toState,
                event.fields.reason,
            ].compactMap { $0 }.joined(separator: " · ")
            let cells = [
                event.fields.hasError ? "▲ \(event.name)" : event.name, entity, why(event, story), detail,
            ]
            // HTML has three digits of a second there, not six.
            html +=
                "<tr><td><time datetime=\"\(time.prefix(23))Z\">\(time.dropFirst(11).prefix(12))</time></td>"
            for cell in cells { html += "<td><bdi>\(escaped(cell))</bdi></td>" }
            html += "</tr>\n"
        }
        html += "</tbody>\n</table>\n</div>\n</main>\n</body>\n</html>\n"
        return html
    }

    private static func why(_ event: StoryEvent, _ story: Story) -> String {
        guard let window = event.window else {
            return event.why == "names_it" ? "names it" : "names an id that became part of it"
        }
        return story.windows[window].sentence(about: story.what)
    }

    /// For text and quoted attributes. What cannot be seen, or would turn the direction of writing, is shown as `\u202e`;
    /// only a line feed stays.
    static func escaped(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&#39;"
            case "\n": out += "\n"
            default:
                if UnseenCharacters.contains(scalar) {
                    out += UnseenCharacters.shown(scalar)
                } else {
                    out.unicodeScalars.append(scalar)
                }
            }
        }
        return out
    }
}
