import EngineUnderTest
@testable import PostgresStore
import ReferenceModel
import SessionStore
import Testing

/// Months are made ahead and dropped beside the batches, once an hour.
@Suite struct UpkeepTests {
    /// A batch that has been committed is stored, whatever becomes of that: it is said, and tried again.
    @Test func aBatchDoesNotDependOnIt() throws {
        let fresh = try FreshStore(.postgres)
        var told: [StoreError] = []
        var postgres: PostgresStore?
        let store = try StoreUnderTest(
            place: .postgres(url: fresh.url, retentionDays: 400), maxResident: 1000
        ) { store in
            postgres = store as? PostgresStore
            postgres?.upkeepFailed = { told.append($0) }
            return store
        }
        defer { store.close() }
        try fresh.sql("ALTER FUNCTION sessionizer.retire_months RENAME TO gone")
        try store.ingest(Batches.first)
        #expect(told.count == 1 && told.first?.kind.isTransient == false, "\(told)")
        // Not with every batch: once an hour.
        try store.ingest(Batches.second)
        #expect(told.count == 1)
        #expect(try store.count("ingestion_batches") == 2)
        postgres?.lastLookAhead = .min
        try store.ingest(Batches.first)
        #expect(told.count == 2)
        try fresh.sql("ALTER FUNCTION sessionizer.gone RENAME TO retire_months")
        postgres?.lastLookAhead = .min
        try store.ingest(Batches.first)
        #expect(told.count == 2)
        #expect(try store.differences(from: referenceTables(lines: Batches.first + Batches.second)) == [])
    }
}
