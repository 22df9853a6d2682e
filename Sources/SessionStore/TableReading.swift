/// A value in a row that was asked for with SQL.
public enum TableValue: Equatable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
}

/// A row that was asked for with SQL: values by column name.
public struct TableRow: Equatable, Sendable {
    /// The columns, in the order of the query.
    public let columns: [String]
    /// Their values.
    public let values: [TableValue]

    /// From both.
    public init(columns: [String], values: [TableValue]) {
        self.columns = columns
        self.values = values
    }

    /// The value of a column; null where there is no such column.
    public subscript(_ column: String) -> TableValue {
        guard let index = columns.firstIndex(of: column) else { return .null }
        return values[index]
    }

    /// A text, or nil.
    public func text(_ column: String) -> String? {
        if case .text(let text) = self[column] { return text }
        return nil
    }

    /// A whole number, or nil.
    public func integer(_ column: String) -> Int64? {
        if case .integer(let number) = self[column] { return number }
        return nil
    }

    /// A number, whole or not, or nil.
    public func number(_ column: String) -> Double? {
        switch self[column] {
        case .integer(let number): return Double(number)
        case .real(let number): return number
        case .null, .text: return nil
        }
    }
}

/// A store that answers questions about its tables (contract, "Tables") and changes nothing.
public protocol TableReading {
    /// Lets go of the store.
    func close()

    /// How it wants to be asked.
    var flavour: SQLFlavour { get }

    /// The rows of a query; `?1`, `?2`… stand for the parameters. Instants come as whole microseconds since the
    /// epoch, lists as JSON arrays, flags as 0 or 1, bytes as text.
    func rows(_ sql: String, _ parameters: [TableValue]) throws -> [TableRow]
}
