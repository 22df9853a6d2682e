/// Words for sums over rows and spans of time. Whole numbers are summed as `CAST(sum(…) AS BIGINT)`, which both stores
/// understand, and divided by whoever asks: a mean that a store makes differs from the other's in its last digit.
extension SQLFlavour {
    /// An instant's column as whole microseconds since the epoch.
    public func micros(_ column: String) -> String {
        switch self {
        case .sqlite: "(\(column))"
        case .postgres: "(extract(epoch FROM \(column)) * 1000000)::bigint"
        }
    }

    /// The whole microseconds from one instant's column to another's.
    public func micros(from start: String, to end: String) -> String {
        switch self {
        case .sqlite: "((\(end)) - (\(start)))"
        case .postgres: "(extract(epoch FROM (\(end)) - (\(start))) * 1000000)::bigint"
        }
    }

    /// What the difference of two instants' columns is compared with.
    public func span(micros: Int64) -> String {
        switch self {
        case .sqlite: "\(micros)"
        case .postgres: "interval '\(micros) microseconds'"
        }
    }

    /// The greater of two values, neither of them null.
    public func greater(_ one: String, _ other: String) -> String {
        switch self {
        case .sqlite: "max(\(one), \(other))"
        case .postgres: "greatest(\(one), \(other))"
        }
    }

    /// A query for the texts of a list in `meta`, e.g. `usable_states`.
    public func listed(_ key: String) -> String {
        switch self {
        case .sqlite: "SELECT j.value FROM meta, json_each(meta.value) AS j WHERE meta.key = '\(key)'"
        case .postgres:
            "SELECT m.value FROM meta, json_array_elements_text(meta.value::json) m(value) WHERE meta.key = '\(key)'"
        }
    }

    /// Begins a transaction in which all questions are answered as of one moment.
    public var beginSnapshot: String {
        switch self {
        case .sqlite: "BEGIN"
        case .postgres: "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
        }
    }
}
