import EngineUnderTest
import PrivateServers
import SessionStore
import Testing

/// A store of before `events.error_code` gets the codes of the events that are there.
@Suite struct ErrorCodeMigrationTests {
    @Test(arguments: StoreKind.allCases) func eventsThatAreThereGetTheirCode(kind: StoreKind) throws {
        let fresh = try FreshStore(kind)
        let bodies = [
            #""error":{"code":"LID","message":"x"}"#, #""error":"BARE""#, #""error":4711"#,
            #""error":{"code":17}"#, #""error":{"message":"no code"}"#, #""error":{"code":null}"#,
            #""error":true"#,
            #""error":[1]"#, #""error":{"code":"n/a"}"#, #""error":{"code":""}"#,
            #""note":"an \"error\" in words""#,
            #""error":{"code":"ü\u00e9"}"#, #""note":"none""#,
        ]
        let lines = bodies.enumerated().map { number, body in
            #"{"event":"robot.note","timestamp":"2026-11-02T10:00:\#(10 + number)Z","event_id":"e\#(10 + number)","robot_id":"R",\#(body)}"#
        }
        func codes() throws -> [TableValue] {
            try fresh.place.withReader {
                try $0.rows("SELECT error_code FROM events ORDER BY event_id", []).map { $0.values[0] }
            }
        }
        let store = try StoreUnderTest(place: fresh.place, maxResident: 100)
        _ = try store.ingest(lines)
        store.close()
        let written = try codes()
        #expect(
            written.count == bodies.count && written.contains(.text("4711")) && written[1] == .text("BARE"))
        #expect(written.filter { $0 == .null }.count == 7)
        // As it was before.
        try fresh.forgetKnown()
        try fresh.sql(
            "DROP INDEX IF EXISTS sessions_closed; DROP INDEX IF EXISTS events_error_code; ALTER TABLE events DROP COLUMN error_code; "
                + "DELETE FROM schema_migrations WHERE name LIKE '%_error_codes'")
        let again = try StoreUnderTest(place: fresh.place, maxResident: 100)
        again.close()
        #expect(try codes() == written)
    }
}
