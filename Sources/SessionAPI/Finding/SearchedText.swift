internal import HTTPServer
internal import SessionStore

/// What is looked for, as people write and paste it.
extension Search {
    /// Without blanks, quotes, a whole address or `delivery:` around it.
    static func trimmed(_ text: String) -> String {
        var text = text[...]
        let around: Set<Character> = ["\"", "'", "`", "<", ">", "(", ")", ",", ";", "“", "”"]
        func bare(_ part: Substring) -> Substring {
            let front = part.drop { $0.isWhitespace || around.contains($0) }
            return front.prefix(
                front.count - front.reversed().prefix { $0.isWhitespace || around.contains($0) }.count)
        }
        text = bare(text)
        if text.contains("://") {
            let path = text.prefix { $0 != "?" && $0 != "#" }.split(separator: "/")
            if let last = path.last, path.count > 2, pages.contains(path[path.count - 2]) {
                return decoded(last)
            }
            text = path.last ?? text
        }
        return String(bare(text))
    }

    /// What stands before an id in the addresses of the page.
    private static let pages: Set<Substring> = [
        "deliveries", "demands", "trips", "robots", "pilots", "events",
    ]

    /// An id as it was before it was put into an address. What no page of ours wrote stays as it is.
    private static func decoded(_ part: Substring) -> String {
        let text = PercentCoding.decoded(part.utf8, plusIsBlank: false)
        return text.unicodeScalars.contains("\u{FFFD}") ? String(part) : text
    }

    /// `d-7` for `D-7`: all of it in capitals or all in small letters.
    static func otherCases(of query: String) -> [String] {
        [query.uppercased(), query.lowercased()].filter { $0 != query }
    }

    /// Kind and bare id of a session id.
    static func parts(_ id: String) -> (kind: String, id: String) {
        let colon = id.firstIndex(of: ":") ?? id.endIndex
        return (String(id[..<colon]), colon == id.endIndex ? id : String(id[id.index(after: colon)...]))
    }
}
