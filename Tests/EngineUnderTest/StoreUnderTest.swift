internal import ConfigurationFile
internal import EventDecoding
internal import MessageBatches
public import SessionCore
public import SessionPipeline
public import SessionStore

/// A store of its own, fed with lines through the decoder and the engine.
public final class StoreUnderTest {
    /// Where it is.
    public let place: StorePlace
    private let maxResident: Int
    private let rules: Rules
    private let catalogue: String
    private let stateMargin: Microseconds
    private let wrap: (any SessionStoring) -> any SessionStoring
    private var store: (any SessionStoring)?
    private var ingestor: Ingestor?

    /// - Parameters:
    ///   - place: Where its tables are.
    ///   - maxResident: How many entities stay in memory from batch to batch.
    ///   - catalogue: The text that stands for the catalogue's roles.
    ///   - stateMargin: How much further than needed a robot's states are brought back.
    ///   - wrap: Puts something between the engine and the store: a fault.
    public init(
        place: StorePlace, maxResident: Int, rules: Rules = Rules(), catalogue: String = "test",
        stateMargin: Microseconds = Engine.usualStateMargin,
        wrap: @escaping (any SessionStoring) -> any SessionStoring = { $0 }
    ) throws {
        self.place = place
        self.maxResident = maxResident
        self.rules = rules
        self.catalogue = catalogue
        self.stateMargin = stateMargin
        self.wrap = wrap
        try start()
    }

    /// An SQLite store.
    public convenience init(
        path: String, maxResident: Int, rules: Rules = Rules(),
        stateMargin: Microseconds = Engine.usualStateMargin
    ) throws {
        try self.init(
            place: .sqlite(path: path), maxResident: maxResident, rules: rules, stateMargin: stateMargin)
    }

    private func start() throws {
        let symbols = SymbolTable()
        let meanings = EventMeanings(catalogue: try CatalogueFile.builtIn(), symbols: symbols)
        let engine = Engine(
            rules: rules, meanings: meanings, symbols: symbols, stateMargin: stateMargin)
        let store = wrap(
            try place.writer(symbols: symbols, meanings: meanings, rules: rules, catalogue: catalogue))
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

    /// What came in since the last start.
    public var totals: IngestTotals { ingestor?.totals ?? IngestTotals() }

    /// Takes a batch in; what the totals are since the last start.
    @discardableResult
    public func ingest(
        _ lines: [String], _ details: BatchDetails = BatchDetails(), at now: Instant = 0
    ) throws -> IngestTotals {
        try ingestor?.ingest(Self.decoded(lines.map { Array($0.utf8) }), details, clock: { now })
        return totals
    }

    /// Takes a batch in as a replay does: what may pass by itself is tried again, here without a pause.
    /// - Parameter onFailure: Hears of each failure before the next try.
    public func ingestPatiently(
        _ lines: [String], patience: Microseconds = 60_000_000, onFailure: (StoreError) -> Void
    ) throws {
        try ingestor?.ingest(
            Self.decoded(lines.map { Array($0.utf8) }), clock: { 0 }, patience: patience, random: { 0.5 },
            wait: { onFailure($1) })
    }

    /// Takes a batch in whose messages were split over partitions by keys.
    public func ingest(_ lines: [String], partitionKeys: [String]) throws {
        try ingestor?.ingest(
            Self.decoded(lines.map { Array($0.utf8) }), BatchDetails(partitionKeys: partitionKeys),
            clock: { 0 })
    }

    /// The same, where each message has its own key.
    public func ingest(keyed lines: [(key: String, line: String)], at now: Instant = 0) throws {
        let lines = lines.filter { $0.line.contains { !$0.isWhitespace } }
        let keys = Set(lines.map(\.key)).sorted()
        let places = lines.map { line in keys.firstIndex(of: line.key) ?? 0 }
        try ingestor?.ingest(
            Self.decoded(lines.map { Array($0.line.utf8) }),
            BatchDetails(partitionKeys: keys, partitionKey: { places[$0] }), clock: { now })
    }

    /// Takes a batch in that need not be text.
    public func ingest(bytes lines: [[UInt8]]) throws {
        try ingestor?.ingest(Self.decoded(lines), clock: { 0 })
    }

    private static func decoded(_ lines: [[UInt8]]) -> DecodedBatch {
        let decoded = DecodedBatch(batch: MessageBatch(capacity: 4096))
        // Blank lines are no messages: the archive's reader drops them.
        for (index, line) in lines.enumerated() where line.contains(where: { $0 > 32 }) {
            line.withUnsafeBytes { decoded.batch.append($0, origin: "test", position: Int64(index + 1)) }
        }
        EventDecoder().scan(decoded)
        return decoded
    }

    /// Tables in the reference's form: rows by key, each value as text.
    public func tables(_ names: [(name: String, columns: [String])]) throws -> [[String: [String]]] {
        try place.withReader { reader in
            try names.map { try Self.table($0.name, columns: $0.columns, reader) }
        }
    }

    /// A table in the reference's form: rows by key, each value as text.
    public func table(_ name: String, columns: [String]) throws -> [String: [String]] {
        try tables([(name, columns)])[0]
    }

    private static func table(
        _ name: String, columns: [String], _ reader: any TableReading
    ) throws -> [String: [String]] {
        var table: [String: [String]] = [:]
        let (sql, key) = queries[name] ?? ("SELECT * FROM \(name)", [])
        for row in try reader.rows(sql, []) {
            let values = columns.map { text(row[$0], $0) }
            if name.hasSuffix("_hourly") || ["fleet_hours", "zone_hours"].contains(name),
                values.allSatisfy({ $0 == "0" || $0 == "0.0" })
            {
                continue
            }
            table[key.map { text(row[$0], $0, orNull: "") }.joined(separator: "|")] = values
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
        "fleet_hours": ("SELECT * FROM fleet_hours", ["hour"]),
        "fleet_state_hours": ("SELECT * FROM fleet_state_hours", ["hour", "state", "reason"]),
        "session_hours": (
            "SELECT * FROM session_hours", ["hour", "source", "zone_id", "step", "outcome", "failure_code"]
        ),
        "session_spans": ("SELECT * FROM session_spans", ["last_hour", "first_hour"]),
        "zone_hours": ("SELECT * FROM zone_hours", ["zone_id", "hour"]),
        "robot_zones": ("SELECT * FROM robot_zones", ["robot_id", "started_at"]),
        "known_robots": ("SELECT * FROM known_robots", ["robot_id"]),
        "known_pilots": ("SELECT * FROM known_pilots", ["pilot_id"]),
        "known_merchants": ("SELECT * FROM known_merchants", ["merchant_id"]),
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
