import EngineUnderTest
@testable import PostgresStore
import ReferenceModel
import Testing

/// Rows of many bytes: PostgreSQL takes no value of a gigabyte, and each column of a statement's rows is one.
@Suite struct LargeRowsTests {
    /// Each with a message of a kilobyte, and a message that is none.
    private let lines = (0..<40).flatMap { number in
        let text = String(repeating: "x", count: 1000)
        return [
            #"{"event":"delivery.failed","timestamp":"2026-03-10T08:00:00Z","delivery_id":"D\#(number)","error":{"code":"LOST","message":"\#(number) \#(text)"}}"#,
            #"{"event":"x\#(number)","\#(text)":1}"#,
        ]
    }

    @Test func areWrittenInParts() throws {
        var statements: [Int] = []
        for bytes in [1 << 20, 4096] {
            let fresh = try FreshStore(.postgres)
            var postgres: PostgresStore?
            let store = try StoreUnderTest(place: fresh.place, maxResident: 1000) { store in
                postgres = store as? PostgresStore
                postgres?.bytesAtOnce = bytes
                return store
            }
            defer { store.close() }
            let before = try #require(postgres).connection.statementCount
            try store.ingest(lines)
            statements.append(try #require(postgres).connection.statementCount - before)
            #expect(try store.differences(from: referenceTables(lines: lines)) == [])
            #expect(try store.count("sessions") == 40 && store.count("rejected_events") == 40)
        }
        // A few rows a statement, not all.
        #expect(statements[1] - statements[0] > 16, "\(statements)")
    }
}
