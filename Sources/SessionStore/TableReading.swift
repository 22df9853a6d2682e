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

/// The few words of SQL in which the stores differ, for questions that are asked of either.
public struct SQLDialect: Sendable {
    /// `events.hour` of an instant's column.
    public let hour: @Sendable (_ column: String) -> String
    /// The column by which `rejected_events` stand in the order they came.
    public let arrival: String

    /// All parts.
    public init(hour: @escaping @Sendable (_ column: String) -> String, arrival: String) {
        self.hour = hour
        self.arrival = arrival
    }

    /// SQLite: instants are whole microseconds.
    public static let sqlite = SQLDialect(
        hour: { "\($0) / 3600000000 - (\($0) % 3600000000 < 0)" }, arrival: "rowid")
    /// PostgreSQL: instants are `timestamptz`.
    public static let postgres = SQLDialect(
        hour: { "floor(extract(epoch FROM \($0)) / 3600)::integer" }, arrival: "rejected_id")
}

/// A store that answers questions about its tables (contract, "Tables") and changes nothing.
public protocol TableReading {
    /// Lets go of the store.
    func close()

    /// How it wants to be asked.
    var dialect: SQLDialect { get }

    /// The rows of a query; `?1`, `?2`… stand for the parameters. Instants come as whole microseconds since the
    /// epoch, lists as JSON arrays, flags as 0 or 1, bytes as text.
    func rows(_ sql: String, _ parameters: [TableValue]) throws -> [TableRow]
}
