/// The names of a result's columns, once for all its rows.
public final class ColumnNames: Sendable {
    /// In the order of the query.
    public let all: [String]
    private let places: [String: Int]

    /// From the names in the order of the query.
    public init(_ names: [String]) {
        all = names
        places = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Where a column stands.
    public func place(_ name: String) -> Int? { places[name] }
}

/// A row that answers a question. Instants are whole microseconds since the epoch, lists JSON arrays, flags 0 or 1.
public struct AnswerRow: Sendable {
    /// Its columns.
    public let names: ColumnNames
    /// Their values.
    public let values: [TableValue]

    /// From both.
    public init(names: ColumnNames, values: [TableValue]) {
        self.names = names
        self.values = values
    }

    /// The value of a column; null where there is no such column.
    public subscript(_ name: String) -> TableValue { names.place(name).map { values[$0] } ?? .null }

    /// The text of a column by its place: for questions of very many rows. Nil where it is none.
    public func text(at place: Int) -> String? {
        if case .text(let text) = values[place] { return text }
        return nil
    }

    /// The whole number of a column by its place: for questions of very many rows. Nil where it is none.
    public func integer(at place: Int) -> Int64? { Self.integer(values[place]) }

    /// A text, or nil.
    public func text(_ name: String) -> String? {
        if case .text(let text) = self[name] { return text }
        return nil
    }

    /// A whole number, or nil.
    public func integer(_ name: String) -> Int64? { Self.integer(self[name]) }

    private static func integer(_ value: TableValue) -> Int64? {
        switch value {
        case .integer(let number): return number
        case .real(let number): return Int64(exactly: number.rounded())
        case .null, .text: return nil
        }
    }

    /// A number, whole or not, or nil.
    public func number(_ name: String) -> Double? {
        switch self[name] {
        case .integer(let number): return Double(number)
        case .real(let number): return number
        case .null, .text: return nil
        }
    }
}

/// The few words of SQL in which the stores differ, for questions that are asked of either.
public enum SQLFlavour: Sendable {
    /// Instants are whole microseconds.
    case sqlite
    /// Instants are `timestamptz`.
    case postgres

    /// A parameter (`?1`) that holds an instant in microseconds.
    public func instant(_ parameter: String) -> String {
        switch self {
        case .sqlite: parameter
        case .postgres: "('epoch'::timestamptz + \(parameter) * interval '1 microsecond')"
        }
    }

    /// `events.hour` of an instant's column.
    public func hour(_ column: String) -> String {
        switch self {
        case .sqlite: "\(column) / 3600000000 - (\(column) % 3600000000 < 0)"
        case .postgres: "floor(extract(epoch FROM \(column)) / 3600)::integer"
        }
    }

    /// The seconds from one instant's column to another's.
    public func seconds(from start: String, to end: String) -> String {
        switch self {
        case .sqlite: "((\(end)) - (\(start))) / 1e6"
        case .postgres: "extract(epoch FROM (\(end)) - (\(start)))::double precision"
        }
    }

    /// An instant's column, moved by seconds that a number or a parameter tells.
    public func moved(_ instant: String, by seconds: String) -> String {
        switch self {
        case .sqlite: "(\(instant) + CAST(\(seconds) * 1000000 AS INTEGER))"
        case .postgres: "(\(instant) + \(seconds) * interval '1 second')"
        }
    }

    /// Whether a text parameter is in a list's column.
    public func list(_ column: String, contains parameter: String) -> String {
        switch self {
        case .sqlite: "EXISTS (SELECT 1 FROM json_each(\(column)) WHERE value = \(parameter))"
        case .postgres: "\(parameter) = ANY(\(column))"
        }
    }

    /// Whether a column is among the texts of a JSON array that a parameter holds.
    public func text(_ column: String, isAmong parameter: String) -> String {
        switch self {
        case .sqlite: "\(column) IN (SELECT value FROM json_each(\(parameter)))"
        case .postgres:
            "\(column) = ANY(ARRAY(SELECT json_array_elements_text(\(parameter)::json)))"
        }
    }

    /// A query for the texts of a JSON array that a parameter holds: a column `id`.
    public func elements(of parameter: String) -> String {
        switch self {
        case .sqlite: "SELECT value AS id FROM json_each(\(parameter))"
        case .postgres: "SELECT e.id FROM json_array_elements_text(\(parameter)::json) e(id)"
        }
    }

    /// Whether a text holds another one anywhere.
    public func text(_ column: String, holds parameter: String) -> String {
        switch self {
        case .sqlite: "instr(\(column), \(parameter)) > 0"
        case .postgres: "strpos(\(column), \(parameter)) > 0"
        }
    }

    /// The first bytes of a binary column as text.
    public func beginning(_ column: String, bytes: Int) -> String {
        switch self {
        case .sqlite: "CAST(substr(\(column), 1, \(bytes)) AS TEXT)"
        case .postgres: "encode(substring(\(column) FROM 1 FOR \(bytes)), 'escape')"
        }
    }

    /// All bytes of a binary column as text, two letters each.
    public func hexadecimal(_ column: String) -> String {
        switch self {
        case .sqlite: "hex(\(column))"
        case .postgres: "upper(encode(\(column), 'hex'))"
        }
    }

    /// The column by which `rejected_events` stand in the order they came.
    public var arrival: String {
        switch self {
        case .sqlite: "rowid"
        case .postgres: "rejected_id"
        }
    }
}

/// One reader's connection for one request: all it is asked, it answers from one state of the store.
public protocol StoreConversation: AnyObject {
    /// How it wants to be asked.
    var flavour: SQLFlavour { get }

    /// Hands the rows of a query to `body` one by one until it answers false. `?1`, `?2`… stand for the parameters.
    func forEachRow(_ sql: String, _ parameters: [TableValue], _ body: (AnswerRow) throws -> Bool) throws

    /// The same for questions of very many rows, each of a text and whole numbers: hands the text of the first column and the
    /// numbers of the others, nulls as nought, to `body`. Nothing more is made of a row.
    func forEachFigures(
        _ sql: String, _ parameters: [TableValue], _ body: (String, UnsafeBufferPointer<Int64>) -> Void)
        throws

    /// Runs a part of the request that may take so many seconds of it; nil where that was not enough. What was asked
    /// before, and what is asked after it, stands.
    func attempt<Answer>(within seconds: Double, _ body: () throws -> Answer) throws -> Answer?
}

extension StoreConversation {
    /// The rows of a query, all at once.
    public func rows(_ sql: String, _ parameters: [TableValue] = []) throws -> [AnswerRow] {
        var rows: [AnswerRow] = []
        try forEachRow(sql, parameters) {
            rows.append($0)
            return true
        }
        return rows
    }
}

/// Why a question got no answer.
public enum QuestionFailure: Error, Sendable, CustomStringConvertible {
    /// It took longer than so many seconds and was ended.
    case tooSlow(seconds: Double)
    /// All connections were in use for longer than so many seconds.
    case busy(seconds: Double)
    /// The store does not answer; with what it said.
    case unavailable(String)

    /// For people.
    public var description: String {
        switch self {
        case .tooSlow(let seconds): "the store needed more than \(seconds) s for an answer and was stopped"
        case .busy(let seconds): "no connection to the store was free within \(seconds) s"
        case .unavailable(let text): text
        }
    }
}

/// A store that many may ask at once, on connections of its own: who asks slows down nobody who writes.
public protocol AskableStore: Sendable {
    /// How it wants to be asked.
    var flavour: SQLFlavour { get }
    /// For people; no password and no folder in it.
    var name: String { get }
    /// Runs `body` with a connection, and ends what takes longer than so many seconds (``QuestionFailure``).
    func ask<Answer>(within seconds: Double, _ body: (any StoreConversation) throws -> Answer) throws
        -> Answer
}
