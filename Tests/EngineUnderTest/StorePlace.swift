internal import EventDecoding
public import PostgresStore
internal import SQLiteStore
internal import SessionCore
public import SessionStore

/// Where a store under test keeps its tables.
public enum StorePlace: Sendable {
    /// A file; made where it is not there.
    case sqlite(path: String)
    /// A database; its tables are made where they are not there.
    case postgres(url: String, retentionDays: Int? = nil)
    /// A database that others write to as well, each its own partition's deliveries.
    case partition(url: String, PostgresLeases.Fence, retentionDays: Int? = nil)

    /// Its tables, to be asked.
    public func withReader<Result>(_ body: (any TableReading) throws -> Result) throws -> Result {
        switch self {
        case .sqlite(let path):
            let reader = try SQLiteReader(path: path)
            defer { reader.close() }
            return try body(reader)
        case .postgres(let url, _), .partition(let url, _, _):
            let reader = try PostgresReader(PostgresStore.Settings(url: url))
            defer { reader.close() }
            return try body(reader)
        }
    }

    func writer(symbols: SymbolTable, meanings: EventMeanings, rules: Rules, catalogue: String) throws
        -> any SessionStoring
    {
        let decoder = EventDecoder()
        let reading = StoreReading(
            decode: { decoder.storedEvent(payload: $0, symbols: symbols) },
            identity: EventDecoder.identity(ofEventID:), fingerprintText: EventDecoder.fingerprintText,
            meanings: meanings)
        switch self {
        case .sqlite(let path):
            return try SQLiteStore(
                path: path, symbols: symbols, reading: reading, rules: rules, catalogue: catalogue)
        case .postgres(let url, let retentionDays):
            var settings = PostgresStore.Settings(url: url)
            settings.retentionDays = retentionDays
            return try PostgresStore(
                settings, symbols: symbols, reading: reading, rules: rules,
                catalogue: catalogue)
        case .partition(let url, let fence, let retentionDays):
            var settings = PostgresStore.Settings(url: url)
            settings.fence = fence
            settings.retentionDays = retentionDays
            return try PostgresStore(
                settings, symbols: symbols, reading: reading, rules: rules, catalogue: catalogue)
        }
    }
}
