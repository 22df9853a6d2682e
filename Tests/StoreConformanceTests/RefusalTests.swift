import EngineUnderTest
import PrivateServers
import SessionCore
import SessionPipeline
import SessionStore
import Testing

/// Stores that are not to be written to.
@Suite struct RefusalTests {
    @Test(arguments: StoreKind.allCases)
    func otherRules(kind: StoreKind) throws {
        let fresh = try FreshStore(kind)
        let store = try StoreUnderTest(place: fresh.place, maxResident: 0)
        try store.ingest(Batches.first)
        store.close()
        var rules = Rules()
        rules.maxWindow = 3_600_000_000
        let error = #expect(throws: StoreError.self) {
            try StoreUnderTest(place: fresh.place, maxResident: 0, rules: rules)
        }
        #expect(error?.kind == .otherRules)
        #expect(error?.message.contains("max_window_seconds = 21600.0, now it is 3600.0") == true)
        let other = #expect(throws: StoreError.self) {
            try StoreUnderTest(place: fresh.place, maxResident: 0, catalogue: "another")
        }
        #expect(other?.kind == .otherRules)
        #expect(other?.message.contains("another event catalogue") == true)
        // Under its own rules it goes on.
        let again = try StoreUnderTest(place: fresh.place, maxResident: 0)
        defer { again.close() }
        #expect(try again.ingest(Batches.first).duplicates == 6)
    }

    @Test(arguments: StoreKind.allCases)
    func aStoreOfANewerVersion(kind: StoreKind) throws {
        let fresh = try FreshStore(kind)
        try StoreUnderTest(place: fresh.place, maxResident: 0).close()
        switch kind {
        case .sqlite: try fresh.sql("INSERT INTO schema_migrations VALUES (99, '0099_later', 0)")
        case .postgres:
            try fresh.sql("INSERT INTO schema_migrations VALUES (99, '0099_later', 'c', now())")
        }
        let error = #expect(throws: StoreError.self) {
            try StoreUnderTest(place: fresh.place, maxResident: 0)
        }
        #expect(error?.kind == .newerSchema)
    }
}
