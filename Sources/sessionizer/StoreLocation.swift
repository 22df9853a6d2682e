import PostgresStore
import SQLiteStore
import SessionCore
import SessionStore

/// Where the tables are: what `--store URL` names.
enum StoreLocation: CustomStringConvertible {
    case sqlite(path: String)
    case postgres(PostgresStore.Settings)

    init(url: String) throws {
        if url.hasPrefix("sqlite:") {
            let path = String(url.dropFirst("sqlite:".count))
            if path.isEmpty { throw UsageError(description: "\(url): expected sqlite:PATH") }
            self = .sqlite(path: path)
        } else if url.hasPrefix("postgres://") || url.hasPrefix("postgresql://") {
            self = .postgres(PostgresStore.Settings(url: url))
        } else {
            throw UsageError(description: "--store \(url): expected sqlite:PATH or postgres://…")
        }
    }

    /// For people; without a password.
    var description: String {
        switch self {
        case .sqlite(let path): path
        case .postgres(let settings): settings.name
        }
    }

    func reader() throws -> any TableReading {
        switch self {
        case .sqlite(let path): try SQLiteReader(path: path)
        case .postgres(let settings): try PostgresReader(settings)
        }
    }

    /// Opens it for writing, making or updating its tables where that may be done.
    func writer(symbols: SymbolTable, reading: StoreReading, rules: Rules, catalogue: String) throws
        -> any SessionStoring
    {
        switch self {
        case .sqlite(let path):
            try SQLiteStore(
                path: path, symbols: symbols, reading: reading, rules: rules, catalogue: catalogue)
        case .postgres(let settings):
            try PostgresStore(
                settings, symbols: symbols, reading: reading, rules: rules, catalogue: catalogue)
        }
    }

    /// Drops what retention says; the names of the tables dropped.
    func retireMonths(olderThan days: Int) throws -> [String] {
        switch self {
        case .sqlite: []
        case .postgres(let settings): try PostgresStore.retireMonths(olderThan: days, settings)
        }
    }
}
