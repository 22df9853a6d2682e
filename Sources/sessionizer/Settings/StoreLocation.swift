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
            // What has a user may have a password.
            let shown = url.contains("@") ? "\(url.prefix { $0 != ":" && $0 != "@" }):…" : url
            throw UsageError(
                description: (url.isEmpty ? "the store's URL is empty" : "--store \(shown)")
                    + ": expected sqlite:PATH or postgres://…")
        }
    }

    /// What a file names, its URL read anew for each connection: what it holds may change, as passwords do.
    /// - Parameter warn: Told why the file is not heeded any more.
    init(file: GivenSecret, namedBy name: String, warn: @escaping @Sendable (String) -> Void) throws {
        let file = try HeededFile<String>(
            file,
            read: { text, last in
                do {
                    if let last { try PostgresStore.Settings(url: last).expectSamePlace(text) }
                } catch {
                    throw UsageError(description: "\(name): \(error)")
                }
                return text
            }, warn: warn)
        try self.init(url: file.value)
        switch self {
        case .sqlite: break
        case .postgres(var settings):
            settings.currentURL = { file.value }
            self = .postgres(settings)
        }
    }

    /// For people; without a password.
    var description: String {
        switch self {
        case .sqlite(let path): path
        case .postgres(let settings): settings.name
        }
    }

    /// The same for the writer of one partition.
    /// - Parameter seconds: How long its lease lasts. A transaction in which a frozen writer does nothing for twice as
    ///   long is ended by the server: until then nobody can take the partition.
    func fenced(_ fence: PostgresLeases.Fence, leaseSeconds seconds: Int) -> StoreLocation {
        switch self {
        case .sqlite: return self
        case .postgres(var settings):
            settings.fence = fence
            settings.limits.idleSeconds = min(settings.limits.idleSeconds, 2 * seconds)
            // Beside that, whoever takes the partition ends it (`PostgresLeases.take`): the only way where the writer is
            // frozen in the middle of COPY, as the server heeds no time-out while it waits for rows.
            settings.limits.statementSeconds = min(settings.limits.statementSeconds, 2 * seconds)
            return .postgres(settings)
        }
    }

    func reader() throws -> any TableReading {
        switch self {
        case .sqlite(let path): try SQLiteReader(path: path)
        case .postgres(let settings): try PostgresReader(settings)
        }
    }

    /// Opens it for writing, making or updating its tables where that may be done.
    /// - Parameter upkeepFailed: As ``PostgresStore/upkeepFailed``; of a file nothing is kept up.
    func writer(
        symbols: SymbolTable, reading: StoreReading, rules: Rules, catalogue: String,
        upkeepFailed: @escaping (StoreError) -> Void
    ) throws -> any SessionStoring {
        switch self {
        case .sqlite(let path):
            return try SQLiteStore(
                path: path, symbols: symbols, reading: reading, rules: rules, catalogue: catalogue)
        case .postgres(let settings):
            let store = try PostgresStore(
                settings, symbols: symbols, reading: reading, rules: rules, catalogue: catalogue)
            store.upkeepFailed = upkeepFailed
            return store
        }
    }

    /// The same place, its writer dropping the months that ended longer ago than this.
    func retaining(days: Int?) -> StoreLocation {
        switch self {
        case .sqlite: return self
        case .postgres(var settings):
            settings.retentionDays = days
            return .postgres(settings)
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
