internal import SessionStore

/// Whose hours a question is about, and the SQL that says so.
extension Usage {
    /// Whose hours a question is about.
    struct Whose {
        /// Nil: all robots.
        private let robots: [String]?
        private let wanted: Set<ByBytes>

        static let all = Whose(nil)
        static func one(_ robot: String?) -> Whose { Whose(robot.map { [$0] }) }
        static func these(_ robots: [String]?) -> Whose { Whose(robots) }

        private init(_ robots: [String]?) {
            self.robots = robots
            wanted = Set((robots ?? []).map(\.byBytes))
        }

        var isAll: Bool { robots == nil }
        func holds(_ robot: String) -> Bool { robots == nil || wanted.contains(robot.byBytes) }

        /// ?1
        var parameter: TableValue { robots?.count == 1 ? .text(robots?[0] ?? "") : list }

        /// As a list, also of one; empty for all.
        var list: TableValue {
            guard let robots else { return .text("") }
            var list = JSONWriter()
            list.texts(nil, robots)
            return .text(String(decoding: list.bytes, as: UTF8.self))
        }

        /// Found by the key, or of all. PostgreSQL wants to see each parameter used.
        func condition(_ flavour: SQLFlavour) -> String {
            guard let robots else { return "(?1 = '' OR ?1 <> '')" }
            return robots.count == 1 ? "robot_id = ?1" : flavour.text("robot_id", isAmong: "?1")
        }

        /// SQLite's table `robots(id)` of them; nil for all.
        var named: String? {
            guard let robots else { return nil }
            return "robots(id) AS (\(robots.count == 1 ? "SELECT ?1" : "SELECT value FROM json_each(?1)"))"
        }

        /// The same for what is asked of a view, whose index only a single robot finds: of several, ask of all.
        var ofView: Whose { robots?.count == 1 ? self : .all }
    }

    /// ?1: whose; ?2 and ?3: the range.
    static func place(_ range: TimeRange, _ whose: Whose, _ call: Call) -> (
        sql: String, parameters: [TableValue]
    ) {
        (
            "\(whose.condition(call.flavour)) AND hour >= \(call.at(2)) AND hour < \(call.at(3))",
            [whose.parameter, .integer(range.from), .integer(range.to)]
        )
    }
}
