import ConfigurationFile
import EventDecoding
import MessageBatches
import SQLiteStore
import SessionCore
import SessionPipeline
import SessionStore

/// A store in a file of its own, fed with lines through the decoder and the engine.
final class StoreUnderTest {
    let path: String
    private let maxResident: Int
    private var store: SQLiteStore?
    private var ingestor: Ingestor?

    init(path: String, maxResident: Int) throws {
        self.path = path
        self.maxResident = maxResident
        try start()
    }

    private func start() throws {
        let symbols = SymbolTable()
        let meanings = EventMeanings(catalogue: try CatalogueFile.builtIn(), symbols: symbols)
        let engine = Engine(rules: Rules(), meanings: meanings, symbols: symbols)
        let decoder = EventDecoder()
        let store = try SQLiteStore(
            path: path, symbols: symbols,
            reading: SQLiteStore.Reading(
                decode: { decoder.storedEvent(payload: $0, symbols: symbols) },
                identity: EventDecoder.identity(ofEventID:), fingerprintText: EventDecoder.fingerprintText,
                meanings: meanings), rules: Rules(), catalogue: "test")
        self.store = store
        ingestor = Ingestor(
            engine: engine, symbols: symbols, store: store,
            settings: Ingestor.Settings(maxResidentEntities: maxResident))
    }

    /// Ends the program, as it were, and begins it anew on the same file.
    func restart() throws {
        store?.close()
        try start()
    }

    func ingest(_ lines: [String]) throws -> IngestTotals {
        let decoded = DecodedBatch(batch: MessageBatch())
        for (index, line) in lines.enumerated() {
            var line = line
            line.withUTF8 {
                decoded.batch.append(UnsafeRawBufferPointer($0), origin: "test", position: Int64(index + 1))
            }
        }
        EventDecoder().scan(decoded)
        try ingestor?.ingest(decoded, clock: { 0 })
        return ingestor?.totals ?? IngestTotals()
    }

    /// The tables in the reference's form.
    func tables() throws -> [String: [String: String]] {
        let reader = try SQLiteReader(path: path)
        defer { reader.close() }
        var tables: [String: [String: String]] = [:]
        func read(_ table: String, _ sql: String) throws {
            for row in try reader.rows(sql, []) {
                guard let key = row.text("k"), let value = row.text("v") else { continue }
                tables[table, default: [:]][key] = value
            }
        }
        func list(_ column: String) -> String {
            "CASE \(column) WHEN '[]' THEN '[]' ELSE replace(\(column), ',', ', ') END"
        }
        try read(
            "sessions",
            """
            SELECT session_id AS k, concat_all AS v FROM (SELECT session_id,
              outcome || ' ' || coalesce(closed_at, '-') || ' ' || coalesce(merchant_id, '-') || ' '
              || coalesce(source, '-') || ' ' || first_event_at || ' ' || last_event_at || ' ' || event_count
              || ' ' || error_count || ' ' || coalesce(first_error_code, '-') || ' '
              || coalesce(failure_code, '-') || ' ' || coalesce(robot_id, '-') || ' ' || coalesce(pilot_id, '-')
              || ' ' || \(list("robot_ids")) || ' ' || \(list("pilot_ids")) || ' ' || \(list("demand_ids"))
              || ' ' || \(list("trip_ids")) || ' ' || reassignment_count || ' ' || pilot_handoff_count || ' '
              || robot_micros || ' ' || pilot_micros || ' ' || coalesce(demand_created_at, '-') || ' '
              || coalesce(assigned_at, '-') || ' '
              || coalesce(CAST(round(assign_seconds * 1000000) AS INTEGER), '-') AS concat_all FROM sessions)
            """)
        try read(
            "assignment_windows",
            """
            SELECT session_id || '|' || kind || '|' || entity_id || '|' || started_at AS k,
              coalesce(ended_at, '-') || ' ' || coalesce(end_reason, '-') || ' ' || expires_at || ' ' || opened_by
              || ' ' || CASE inferred WHEN 0 THEN 'false' ELSE 'true' END AS v FROM assignment_windows
            """)
        try read(
            "session_events",
            """
            SELECT session_id || '|' || occurred_at || '|' || event || '|' || via || '|' || coalesce(via_id, '') AS k,
              CAST(count(*) AS TEXT) AS v FROM session_events GROUP BY 1
            """)
        try read(
            "robot_states",
            """
            SELECT robot_id || '|' || started_at AS k,
              coalesce(ended_at, '-') || ' ' || state || ' ' || coalesce(reason, '') AS v FROM robot_states
            """)
        try read(
            "robot_state_hourly",
            """
            SELECT robot_id || '|' || hour || '|' || state || '|' || reason AS k, CAST(micros AS TEXT) AS v
            FROM robot_state_hours
            """)
        for (table, base, key, columns) in [
            (
                "robot_hourly", "robot_hours", "robot_id || '|' || hour",
                [
                    ("usable", "usable"), ("downtime", "downtime"), ("off_duty", "off_duty"),
                    ("other", "other"),
                    ("on_delivery", "on_delivery"), ("completed", "deliveries_completed"),
                    ("errors", "error_count"),
                ]
            ),
            (
                "pilot_hourly", "pilot_hours", "pilot_id || '|' || hour",
                [("shift", "shift"), ("assigned", "assigned")]
            ),
            (
                "merchant_hourly", "merchant_hours", "merchant_id || '|' || source || '|' || hour",
                [
                    ("sessions", "sessions"), ("completed", "completed"), ("failed", "failed"),
                    ("canceled", "canceled"), ("robot", "robot"), ("pilot", "pilot"),
                ]
            ),
        ] {
            for (name, column) in columns {
                try read(
                    table,
                    "SELECT \(key) || '|\(name)' AS k, CAST(\(column) AS TEXT) AS v FROM \(base) WHERE \(column) <> 0"
                )
            }
        }
        try read(
            "event_hourly",
            """
            SELECT event || '|' || merchant_id || '|' || source || '|' || hour AS k, CAST(events AS TEXT) AS v
            FROM event_hourly
            """)
        return tables
    }
}
