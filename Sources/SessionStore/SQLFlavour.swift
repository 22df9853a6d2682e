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
