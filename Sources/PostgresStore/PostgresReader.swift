public import SessionStore

/// A store that is only asked. Its session is read-only, whatever the role may do.
public final class PostgresReader: TableReading {
    private let connection: Connection
    /// Questions that are kept prepared.
    private var known: [String: Known] = [:]

    /// What is known of a question that was asked before.
    private struct Known {
        var sql: String
        /// A letter for each parameter: the server takes the types of the first time for all times.
        var types: String
        var names: ColumnNames?
    }

    /// Seconds that an answer may be on its way after the server's own limit for its statement. Who asks waits no longer
    /// for a server that is frozen or cut off.
    private static let patience = 10.0

    /// Connects to an existing store.
    /// - Parameters:
    ///   - seconds: How long the server may take for what is asked first; nil: for a statement of its settings.
    ///   - needsAll: Whether all tables of this version of the program have to be there.
    public init(
        _ settings: PostgresStore.Settings, answersWithin seconds: Double? = nil, needsAll: Bool = false
    ) throws {
        connection = try Connection(Target(settings, readOnly: true))
        if let seconds { answersCome(within: seconds) }
        do {
            let applied = try Migration.applied(connection)
            if applied == 0 {
                throw StoreError(
                    .needsMigration, "\(connection.target.name): not a store of this program",
                    hint: "replay an archive into it first, or `sessionizer migrate --store URL`")
            }
            if needsAll, applied < Schema.migrations.count {
                throw StoreError(
                    .needsMigration,
                    "\(connection.target.name): made by an older version of this program (schema \(applied), expected "
                        + "\(Schema.migrations.count))", hint: Failure.hint(.needsMigration))
            }
        } catch {
            connection.close()
            throw error
        }
    }

    /// See ``TableReading``.
    public var flavour: SQLFlavour { .postgres }

    /// The rows of a query, all at once: instants as microseconds, arrays as JSON, flags as 0 or 1.
    public func rows(_ sql: String, _ parameters: [TableValue] = []) throws -> [TableRow] {
        let rows = try connection.query(Self.numbered(sql), Self.given(parameters).values)
        let columns = (0..<rows.columnCount).map { rows.name($0) }
        return (0..<rows.count).map { row in
            TableRow(columns: columns, values: (0..<Int32(columns.count)).map { rows.value(row, $0) })
        }
    }

    /// The same for questions that come again and again: prepared once in a connection, which saves the server reading
    /// and planning each anew (five sixths of the time of a delivery's story). Most questions are always the same; those
    /// with lists of their own shape are not worth keeping.
    public func forEachAnswer(
        _ sql: String, _ parameters: [TableValue], _ body: (AnswerRow) throws -> Bool
    ) throws {
        let (rows, names) = try answers(sql, parameters)
        let columns = Int32(names.all.count)
        for row in 0..<rows.count
        where try !body(AnswerRow(names: names, values: (0..<columns).map { rows.value(row, $0) })) { return }
    }

    /// The same for very many rows of a text and whole numbers or instants; nulls are nought.
    public func forEachFigures(
        _ sql: String, _ parameters: [TableValue], _ body: (String, UnsafeBufferPointer<Int64>) -> Void
    ) throws {
        let (rows, names) = try answers(sql, parameters)
        var text = RepeatedText()
        var figures = [Int64](repeating: 0, count: names.all.count - 1)
        for row in 0..<rows.count {
            for place in figures.indices { figures[place] = rows.figure(row, Int32(place + 1)) }
            let name = text.text(rows.bytes(row, 0))
            figures.withUnsafeBufferPointer { body(name, $0) }
        }
    }

    private func answers(_ sql: String, _ parameters: [TableValue]) throws -> (Rows, ColumnNames) {
        let (values, types) = Self.given(parameters)
        if known[sql] == nil, known.count < 200 {
            known[sql] = Known(sql: Self.numbered(sql), types: types, names: nil)
        }
        let rows: Rows
        let names: ColumnNames
        if let kept = known[sql], kept.types == types {
            rows = try connection.execute(kept.sql, values)
            names = kept.names ?? Self.names(rows)
            if kept.names == nil { known[sql]?.names = names }
        } else {
            rows = try connection.query(Self.numbered(sql), values)
            names = Self.names(rows)
        }
        return (rows, names)
    }

    /// Statements that are no question, in one message.
    public func run(_ sql: String) throws { try connection.run(sql) }

    /// Says how long the server may take for each of the statements that follow. Where no answer has come ten seconds
    /// after that, the connection counts as lost.
    public func answersCome(within seconds: Double) { connection.answerWithin = seconds + Self.patience }

    private static func names(_ rows: Rows) -> ColumnNames {
        ColumnNames((0..<rows.columnCount).map { rows.name($0) })
    }

    private static func given(_ parameters: [TableValue]) -> (values: Parameters, types: String) {
        var values = Parameters()
        var types = ""
        for parameter in parameters {
            switch parameter {
            case .null:
                values.add(String?.none)
                types += "t"
            case .integer(let number):
                values.add(number)
                types += "i"
            case .real(let number):
                values.add(number)
                types += "r"
            case .text(let text):
                values.add(text)
                types += "t"
            }
        }
        return (values, types)
    }

    /// `$1` for `?1`, outside quotes.
    static func numbered(_ sql: String) -> String {
        var result = ""
        var quote: Character?
        let characters = Array(sql)
        for (index, character) in characters.enumerated() {
            if let open = quote {
                if character == open { quote = nil }
            } else if character == "'" || character == "\"" {
                quote = character
            } else if character == "?", index + 1 < characters.count, characters[index + 1].isNumber {
                result.append("$")
                continue
            }
            result.append(character)
        }
        return result
    }

    /// Lets go of the connection.
    public func close() { connection.close() }
}
