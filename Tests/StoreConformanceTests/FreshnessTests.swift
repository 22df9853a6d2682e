import EngineUnderTest
import SessionStore
import Testing

/// How far the events have come is not told by a clock that is ahead.
@Suite struct FreshnessTests {
    private static let noon: Int64 = 1_793_620_800_000_000
    private static let minute: Int64 = 60_000_000

    private static func heard(_ robot: String, _ time: String) -> [String] {
        [#"{"event":"robot.heartbeat","timestamp":"2026-11-\#(time)Z","robot_id":"\#(robot)"}"#]
    }

    /// What the table tells of all: the newest event, and the newest that was not ahead.
    private func newest(_ fresh: FreshStore) throws -> [Int64?] {
        try fresh.place.withReader { reader in
            let row = try reader.rows("SELECT * FROM freshness WHERE scope = 'all'", []).first
            return [row?.integer("last_event_at"), row?.integer("last_past_event_at")]
        }
    }

    @Test(arguments: StoreKind.allCases) func aClockThatIsAheadIsLeftOut(kind: StoreKind) throws {
        let fresh = try FreshStore(kind)
        let (noon, minute) = (Self.noon, Self.minute)
        let ahead = noon + 23 * 60 * minute
        let store = try StoreUnderTest(place: fresh.place, maxResident: 100)
        // Nothing but one that is ahead: nobody knows better.
        try store.ingest(Self.heard("RB", "03T11:00:00"), at: noon)
        #expect(try newest(fresh) == [ahead, nil])
        try store.ingest(Self.heard("RA", "02T11:59:00"), at: noon)
        #expect(try newest(fresh) == [ahead, noon - minute])
        // An older one changes nothing; clocks that differ a little are no wrong ones.
        try store.ingest(Self.heard("RA", "02T11:58:00"), at: noon)
        #expect(try newest(fresh) == [ahead, noon - minute])
        try store.ingest(Self.heard("RA", "02T12:00:50"), at: noon)
        #expect(try newest(fresh) == [ahead, noon + 50_000_000])
        store.close()
        // So it is told to whoever goes on.
        var opened: (any SessionStoring)?
        let again = try StoreUnderTest(place: fresh.place, maxResident: 100) { store in
            opened = store
            return store
        }
        defer { again.close() }
        #expect(try opened?.freshness(ofTransport: "nobody's")?.lastEvent == noon + 50_000_000)
    }

    /// A store of before it was told: the newest before the hour of the last commit, where the newest of all is ahead.
    @Test(arguments: StoreKind.allCases) func aStoreOfBefore(kind: StoreKind) throws {
        for (times, expected) in [
            (["02T10:10:00", "02T09:50:00"], Self.noon - 110 * Self.minute),
            (["02T10:10:00", "02T09:50:00", "03T11:00:00"], Self.noon - 110 * Self.minute),
        ] {
            let fresh = try FreshStore(kind)
            let store = try StoreUnderTest(place: fresh.place, maxResident: 100)
            try store.ingest(times.flatMap { Self.heard("RA", $0) }, at: Self.noon)
            store.close()
            try fresh.sql(
                "ALTER TABLE freshness DROP COLUMN last_past_event_at; "
                    + "ALTER TABLE source_offsets DROP COLUMN last_fingerprint; "
                    + "DELETE FROM schema_migrations WHERE name LIKE '%_past_events' OR name LIKE '%_stream_places'"
            )
            try StoreUnderTest(place: fresh.place, maxResident: 100).close()
            #expect(try newest(fresh).last == expected)
        }
    }
}
