internal import ConfigurationFile
internal import EventDecoding
internal import MessageBatches
internal import SQLiteStore
public import SessionCore
public import SessionPipeline
internal import SessionStore

/// A store in a file of its own, fed with lines through the decoder and the engine.
public final class StoreUnderTest {
    /// The file.
    public let path: String
    private let maxResident: Int
    private let rules: Rules
    private var store: SQLiteStore?
    private var ingestor: Ingestor?

    /// - Parameters:
    ///   - path: The file; made where it is not there.
    ///   - maxResident: How many entities stay in memory from batch to batch.
    public init(path: String, maxResident: Int, rules: Rules = Rules()) throws {
        self.path = path
        self.maxResident = maxResident
        self.rules = rules
        try start()
    }

    private func start() throws {
        let symbols = SymbolTable()
        let meanings = EventMeanings(catalogue: try CatalogueFile.builtIn(), symbols: symbols)
        let engine = Engine(rules: rules, meanings: meanings, symbols: symbols)
        let decoder = EventDecoder()
        let store = try SQLiteStore(
            path: path, symbols: symbols,
            reading: SQLiteStore.Reading(
                decode: { decoder.storedEvent(payload: $0, symbols: symbols) },
                identity: EventDecoder.identity(ofEventID:), fingerprintText: EventDecoder.fingerprintText,
                meanings: meanings), rules: rules, catalogue: "test")
        self.store = store
        ingestor = Ingestor(
            engine: engine, symbols: symbols, store: store,
            settings: Ingestor.Settings(maxResidentEntities: maxResident))
    }

    /// An empty store, ready for use, to be copied: a new one for each of thousands of small runs takes too long.
    public static func makeTemplate(_ path: String) throws {
        let store = try StoreUnderTest(path: path, maxResident: 0)
        store.close()
    }

    /// Lets go of the file.
    public func close() { store?.close() }

    /// Ends the program, as it were, and begins it anew on the same file.
    public func restart() throws {
        store?.close()
        try start()
    }

    /// Takes a batch in; what the totals are since the last start.
    public func ingest(_ lines: [String]) throws -> IngestTotals {
        let decoded = DecodedBatch(batch: MessageBatch(capacity: 4096))
        // Blank lines are no messages: the archive's reader drops them.
        for (index, line) in lines.enumerated() where line.contains(where: { !$0.isWhitespace }) {
            var line = line
            line.withUTF8 {
                decoded.batch.append(UnsafeRawBufferPointer($0), origin: "test", position: Int64(index + 1))
            }
        }
        EventDecoder().scan(decoded)
        try ingestor?.ingest(decoded, clock: { 0 })
        return ingestor?.totals ?? IngestTotals()
    }

    /// A table in the reference's form: rows by key, each value as text.
    public func table(_ name: String, columns: [String]) throws -> [String: [String]] {
        let reader = try SQLiteReader(path: path)
        defer { reader.close() }
        var table: [String: [String]] = [:]
        let (sql, key) = Self.queries[name] ?? ("SELECT * FROM \(name)", [])
        for row in try reader.rows(sql, []) {
            let values = columns.map { Self.text(row[$0], $0) }
            if name.hasSuffix("_hourly"), values.allSatisfy({ $0 == "0" || $0 == "0.0" }) { continue }
            table[key.map { Self.text(row[$0], $0, orNull: "") }.joined(separator: "|")] = values
        }
        return table
    }

    private static let queries: [String: (sql: String, key: [String])] = [
        "sessions": ("SELECT * FROM sessions", ["session_id"]),
        "assignment_windows": (
            "SELECT * FROM assignment_windows WHERE kind <> 'merchant'",
            ["session_id", "kind", "entity_id", "started_at"]
        ),
        "merchant_windows": (
            "SELECT * FROM assignment_windows WHERE kind = 'merchant'",
            ["session_id", "entity_id", "started_at"]
        ),
        "session_events": (
            """
            SELECT session_id, occurred_at, event, via, via_id, count(*) AS n FROM session_events
            GROUP BY 1, 2, 3, 4, 5
            """, ["session_id", "occurred_at", "event", "via", "via_id"]
        ),
        "robot_states": ("SELECT * FROM robot_states", ["robot_id", "started_at"]),
        "robot_state_hourly": ("SELECT * FROM robot_state_hourly", ["robot_id", "hour", "state", "reason"]),
        "robot_hourly": ("SELECT * FROM robot_hourly", ["robot_id", "hour"]),
        "pilot_hourly": ("SELECT * FROM pilot_hourly", ["pilot_id", "hour"]),
        "merchant_hourly": ("SELECT * FROM merchant_hourly", ["merchant_id", "source", "hour"]),
        "event_hourly": ("SELECT * FROM event_hourly", ["event", "merchant_id", "source", "hour"]),
    ]

    private static func text(_ value: TableValue, _ column: String, orNull: String = "-") -> String {
        switch value {
        case .null: return orNull
        case .integer(let number):
            return column == "inferred" ? "\(number != 0)" : "\(number)"
        case .real(let number): return "\((number * 1e6).rounded() / 1e6)"
        case .text(let text): return text
        }
    }
}
