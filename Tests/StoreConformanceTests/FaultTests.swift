import EngineUnderTest
import PrivateServers
import ReferenceModel
import SessionStore
import Testing

/// A batch is stored once and whole, or not at all, whatever happens in between.
@Suite struct FaultTests {
    private let before = referenceTables(lines: Batches.first)
    private let after = referenceTables(lines: Batches.first + Batches.second)

    /// A failure in any table takes back what was written to those before it, and the same batch then goes in.
    @Test(arguments: StoreKind.allCases, Batches.written)
    func aBatchThatIsStoppedLeavesNothing(kind: StoreKind, table: String) throws {
        let fresh = try FreshStore(kind)
        let store = try StoreUnderTest(place: fresh.place, maxResident: 1000)
        defer { store.close() }
        try store.ingest(Batches.first)
        try fresh.block(table)
        #expect(throws: StoreError.self) { try store.ingest(Batches.second) }
        #expect(try store.differences(from: before) == [])
        #expect(try store.count("rejected_events") == 0)
        #expect(try store.count("ingestion_batches") == 1)
        #expect(try store.count("events") == 6)
        try fresh.unblock(table)
        try store.ingest(Batches.second)
        #expect(try store.differences(from: after) == [])
        #expect(try store.count("rejected_events") == 1)
        #expect(try store.count("ingestion_batches") == 2)
        #expect(try store.one("SELECT events FROM freshness WHERE scope = 'all'")?.integer("events") == 14)
    }

    /// A store as it looks when its transaction is rolled back while the engine still asks.
    @Test(arguments: StoreKind.allCases, [1, 3, 7])
    func aFailureWhileReadingLeavesNothing(kind: StoreKind, question: Int) throws {
        let fresh = try FreshStore(kind)
        var faulty: FaultyStore?
        let store = try StoreUnderTest(place: fresh.place, maxResident: 0) { real in
            let made = FaultyStore(real)
            faulty = made
            return made
        }
        defer { store.close() }
        try store.ingest(Batches.first)
        var asked = 0
        faulty?.beforeReading = {
            asked += 1
            if asked == question { throw StoreError(.failed, "stopped by the test") }
        }
        #expect(throws: StoreError.self) { try store.ingest(Batches.second) }
        #expect(asked == question)
        #expect(try store.differences(from: before) == [])
        faulty?.beforeReading = {}
        try store.ingest(Batches.second)
        #expect(try store.differences(from: after) == [])
        #expect(try store.count("ingestion_batches") == 2)
    }

    /// What is committed though the program hears of a failure is repeated, and counts as duplicates.
    @Test(arguments: StoreKind.allCases)
    func aCommitWithoutAnAnswerIsRepeatedHarmlessly(kind: StoreKind) throws {
        let fresh = try FreshStore(kind)
        var faulty: FaultyStore?
        let store = try StoreUnderTest(place: fresh.place, maxResident: 1000) { real in
            let made = FaultyStore(real)
            faulty = made
            return made
        }
        defer { store.close() }
        try store.ingest(Batches.first)
        faulty?.afterCommit = {
            faulty?.afterCommit = {}
            throw StoreError(.unavailable, "the answer was lost")
        }
        var failures = 0
        try store.ingestPatiently(Batches.second) { _ in failures += 1 }
        #expect(failures == 1)
        #expect(try store.differences(from: after) == [])
        #expect(try store.count("rejected_events") == 1)
        let batch = try store.one("SELECT * FROM ingestion_batches ORDER BY batch_id DESC")
        #expect(batch?.integer("accepted") == 0)
        #expect(batch?.integer("duplicates") == 8)
        #expect(batch?.integer("rejected") == 1)
    }

    /// What no waiting helps against is not tried again, and patience has an end.
    @Test func onlyWhatMayPassIsTriedAgain() throws {
        let fresh = try FreshStore(.sqlite)
        var faulty: FaultyStore?
        let store = try StoreUnderTest(place: fresh.place, maxResident: 0) { real in
            let made = FaultyStore(real)
            faulty = made
            return made
        }
        defer { store.close() }
        for (kind, tries) in [(StoreError.Kind.damaged, 0), (.full, 0), (.unavailable, 4), (.conflict, 4)] {
            faulty?.beforeCommit = { throw StoreError(kind, "stopped by the test") }
            var failures = 0
            #expect(throws: StoreError.self) {
                // 0.375 s, 0.75 s, 1.5 s, and what is left.
                try store.ingestPatiently(Batches.first, patience: 3_000_000) { _ in failures += 1 }
            }
            #expect(failures == tries, "\(kind)")
        }
        faulty?.beforeCommit = {}
        try store.ingest(Batches.first)
        #expect(try store.differences(from: before) == [])
    }
}
