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
