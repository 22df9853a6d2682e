import EngineUnderTest
import PrivateServers
import ReferenceModel
import Testing

/// A store of before `known_robots` and its like, and of before `robot_zones`, has them afterwards of what is in it.
@Suite struct KnownMigrationTests {
    @Test(arguments: StoreKind.allCases) func whatIsInItIsKnown(kind: StoreKind) throws {
        let fresh = try FreshStore(kind)
        // R9 and P9 are named by no event of their own.
        let all =
            Batches.first + Batches.second
            + lines("2026-03-10T09:30:00Z robot.telemetry delivery_id=D1 robot_id=R9 pilot_id=P9")
        let store = try StoreUnderTest(place: fresh.place, maxResident: 100)
        try store.ingest(all)
        store.close()
        try fresh.forgetKnown()
        let again = try StoreUnderTest(place: fresh.place, maxResident: 100)
        defer { again.close() }
        #expect(try again.count("known_robots") == 3)
        #expect(try again.differences(from: referenceTables(lines: all)) == [])
        // And one more, by the program that found them there.
        let more = lines("2026-03-10T09:31:00Z robot.telemetry delivery_id=D1 robot_id=R10 zone_id=Z1")
        try again.ingest(more)
        #expect(try again.differences(from: referenceTables(lines: all + more)) == [])
    }
}

extension FreshStore {
    /// As it was before the migrations that made them.
    func forgetKnown() throws {
        try sql(
            "DROP TABLE known_robots; DROP TABLE known_pilots; DROP TABLE known_merchants; DROP TABLE robot_zones; "
                + "DROP TABLE zone_hours; DROP TABLE IF EXISTS partition_entities; DROP TABLE IF EXISTS partition_joins; "
                + "DROP INDEX IF EXISTS robot_hours_downtime; CREATE INDEX IF NOT EXISTS robot_hours_hour ON robot_hours (hour); "
                + "ALTER TABLE freshness DROP COLUMN last_past_event_at; "
                + "ALTER TABLE source_offsets DROP COLUMN last_fingerprint; "
                + "DELETE FROM schema_migrations WHERE name LIKE '%_past_events' OR name LIKE '%_known' OR name LIKE '%_zone%' OR name LIKE '%_entities' "
                + "OR name LIKE '%_homes' OR name LIKE '%_downtime_of_hours' OR name LIKE '%_stream_places'"
        )
    }
}
