import EngineUnderTest
import ReferenceModel
import SeededRandomness
import SessionCore
import SessionStore
import StoreComparison
import Testing

/// Both stores hold the same rows: also in the columns and tables that the reference knows nothing of.
@Suite struct AgreementTests {
    @Test(arguments: 0..<UInt64(3))
    func theSameWorldTwice(part: UInt64) throws {
        let (one, other) = (try FreshStore(.sqlite), try FreshStore(.postgres))
        let stores = [
            try StoreUnderTest(place: one.place, maxResident: 0),
            try StoreUnderTest(place: other.place, maxResident: 50),
        ]
        defer { for store in stores { store.close() } }
        var random = Randomness(state: part)
        var generator = WorldGenerator(seed: 400_000_000 + part)
        var lines = generator.lines(count: 80)
        for store in stores {
            lines.shuffle(using: &random)
            var rest = lines[...]
            while !rest.isEmpty {
                try store.ingest(Array(rest.prefix(20)))
                rest = rest.dropFirst(20)
            }
        }
        try one.place.withReader { left in
            try other.place.withReader { right in
                for table in ComparedTable.all {
                    let outcome = try StoreComparison(expected: left, found: right).compare(table)
                    #expect(
                        outcome.expectedRows > 0
                            || ["robot_", "fleet_", "session_spans", "pilot_shifts"].contains {
                                table.name.hasPrefix($0)
                            },
                        "\(table.name)")
                    #expect(outcome.differingRows == 0, "\(table.name): \(outcome.differences)")
                }
                // Views, and tables of the stores' own.
                for (sql, columns) in [
                    ("SELECT event_id, occurred_utc FROM stg_events ORDER BY occurred_at, event_id", 2),
                    ("SELECT * FROM delivery_funnel ORDER BY merchant_id, source, hour", 11),
                    ("SELECT scope, last_event_at, events FROM freshness ORDER BY scope", 3),
                ] {
                    let (a, b) = (try left.rows(sql, []), try right.rows(sql, []))
                    let first = zip(a, b).first { $0 != $1 }
                    #expect(a.count == b.count && first == nil, "\(sql): \(first as Any)")
                    #expect(a.allSatisfy { $0.columns.count == columns }, "\(sql)")
                }
            }
        }
    }
}
