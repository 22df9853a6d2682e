internal import SessionStore

/// A question in SQL that is asked, and shown to whoever wants to ask it by hand.
struct SQLQuestion {
    let sql: String
    let parameters: [TableValue]

    init(_ sql: String, _ parameters: [TableValue] = []) {
        self.sql = sql
        self.parameters = parameters
    }

    func rows(_ call: Call) throws -> [AnswerRow] { try call.rows(sql, parameters) }

    /// How many rows it has: the store counts them.
    func counted(_ call: Call) throws -> Int64 {
        try call.rows("SELECT count(*) AS n FROM (\(sql)) asked", parameters).first?.integer("n") ?? 0
    }

    /// Its rows, or nil where they took longer than so many seconds.
    func rows(within seconds: Double, _ call: Call) throws -> [AnswerRow]? {
        try call.asked(within: seconds) { try $0.rows(sql, parameters) }
    }

    /// As one can paste it into `sqlite3` or `psql`: the same, with its values where `?1` stood.
    var text: String {
        sql.replacing(/\?([0-9]+)/) { match in
            guard let number = Int(match.output.1), parameters.indices.contains(number - 1) else {
                return String(match.output.0)
            }
            switch parameters[number - 1] {
            case .null: return "NULL"
            case .integer(let value): return "\(value)"
            case .real(let value): return "\(value)"
            case .text(let value): return "'\(value.replacing("'", with: "''"))'"
            }
        }
    }
}
