public import SessionStore

/// A store that is only asked. Its session is read-only, whatever the role may do.
public final class PostgresReader: TableReading {
    private let connection: Connection

    /// Connects to an existing store.
    public init(_ settings: PostgresStore.Settings) throws {
        connection = try Connection(
            Target(
                url: settings.url, limits: settings.limits, applicationName: settings.applicationName,
                readOnly: true))
        do {
            if try Migration.applied(connection) == 0 {
                throw StoreError(
                    .needsMigration, "\(connection.target.name): not a store of this program",
                    hint: "replay an archive into it first, or `sessionizer migrate --store URL`")
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
        var values = Parameters()
        for parameter in parameters {
            switch parameter {
            case .null: values.add(String?.none)
            case .integer(let number): values.add(number)
            case .real(let number): values.add(number)
            case .text(let text): values.add(text)
            }
        }
        let rows = try connection.query(Self.numbered(sql), values)
        let columns = (0..<rows.columnCount).map { rows.name($0) }
        return (0..<rows.count).map { row in
            TableRow(columns: columns, values: (0..<Int32(columns.count)).map { rows.value(row, $0) })
        }
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
