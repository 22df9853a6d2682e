internal import SessionStore

/// What to say of an id that is unknown: those that look like it, or else what ids look like in the store.
public struct NearIDs: Sendable {
    /// The nearest first, each as `session` or `robot` takes it.
    public let near: [String]
    /// An id of each kind there is; only where none is near.
    public let examples: [String]

    /// For standard error, a line or two.
    public func text(command: String) -> String {
        if !near.isEmpty { return "  near it: \(near.joined(separator: ", "))" }
        if examples.isEmpty {
            return command == "robot"
                ? "  the store knows no robot; replay an archive that names one into it first"
                : "  the store holds no sessions; replay an archive into it first"
        }
        return "  nothing looks like it; ids in this store look like \(examples.joined(separator: ", ")).\n"
            + "  Is it the right store (--store)? `sessionizer fleet` names a delivery and a robot worth a look."
    }

    /// Sessions, and ids that became part of another session.
    ///
    /// One pass over the ids, not over rows or events. An id that differs in one or two places still has one of its thirds
    /// unchanged: those with most thirds in common are compared letter by letter. Case does not count.
    static func sessions(_ id: String, in store: any TableReading) throws -> NearIDs {
        let bare = withoutKind(id)
        let parts = thirds(bare.lowercased())
        let score = (1...3).map { "CASE WHEN lower(id) LIKE ?\($0) THEN 1 ELSE 0 END" }.joined(
            separator: " + ")
        let rows = try store.rows(
            """
            SELECT id FROM (SELECT id, \(score) AS score FROM (
                SELECT session_id AS id FROM sessions UNION ALL SELECT named_id FROM session_members) ids
              WHERE lower(id) LIKE ?1 OR lower(id) LIKE ?2 OR lower(id) LIKE ?3) scored
            ORDER BY score DESC, abs(length(id) - \(bare.count + 8)), id LIMIT 2000
            """, parts.map { .text(pattern($0)) })
        let near = nearest(bare, among: Set(rows.compactMap { $0.text("id") }), text: withoutKind)
        if !near.isEmpty {
            return NearIDs(near: near.map { $0.hasPrefix("delivery:") ? withoutKind($0) : $0 }, examples: [])
        }
        let examples = try ["delivery", "demand", "trip", "quote", "offer"].compactMap { kind in
            try store.rows(
                "SELECT min(session_id) AS id FROM sessions WHERE session_id >= ?1 AND session_id < ?2",
                [.text(kind + ":"), .text(kind + ";")]
            ).first?.text("id")
        }
        return NearIDs(
            near: [], examples: examples.map { $0.hasPrefix("delivery:") ? withoutKind($0) : $0 })
    }

    /// Robots, by whatever event one is named.
    static func robots(_ id: String, in store: any TableReading) throws -> NearIDs {
        let rows = try store.rows("SELECT robot_id FROM known_robots", [])
        let all = Set(rows.compactMap { $0.text("robot_id") })
        let near = nearest(id, among: all, text: { $0 })
        return NearIDs(near: near, examples: near.isEmpty ? all.sorted().prefix(3).map { $0 } : [])
    }

    private static func withoutKind(_ id: String) -> String {
        for kind in ["delivery:", "demand:", "trip:", "quote:", "offer:"] where id.hasPrefix(kind) {
            return String(id.dropFirst(kind.count))
        }
        return id
    }

    /// What looks like an id, the nearest first: it holds the other, or few letters differ.
    private static func nearest(_ id: String, among all: Set<String>, text: (String) -> String) -> [String] {
        let wanted = id.lowercased()
        let limit = max(2, wanted.count / 3)
        var found: [(distance: Int, id: String)] = []
        for candidate in all {
            let other = text(candidate).lowercased()
            let distance = SessionStory.distance(other, wanted)
            let holds =
                wanted.count >= 3 && other.contains(wanted) || other.count >= 3 && wanted.contains(other)
            if distance <= limit || holds {
                found.append((holds ? min(distance, limit) : distance, candidate))
            }
        }
        return found.sorted { ($0.distance, $0.id) < ($1.distance, $1.id) }.prefix(5).map(\.id)
    }

    private static func thirds(_ text: String) -> [String] {
        let letters = Array(text)
        let size = max(1, letters.count / 3)
        let cuts = [0, min(size, letters.count), min(2 * size, letters.count), letters.count]
        return (0..<3).map { String(letters[cuts[$0]..<max(cuts[$0], cuts[$0 + 1])]) }
    }

    /// `LIKE`'s own signs stand for any letter here: what is found is compared letter by letter anyway.
    private static func pattern(_ part: String) -> String {
        "%" + part.replacing("%", with: "_").replacing("\\", with: "_") + "%"
    }
}
