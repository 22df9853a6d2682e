import EngineUnderTest
import PostgresStore
import PrivateServers
import ReferenceModel
import SeededRandomness
import SessionStore
import Testing

/// An exchange that routes a key's messages to another queue from some moment on: RabbitMQ's consistent-hash exchange
/// does so when a node comes back and recovers its queues in another order.
@Suite struct MovedKeyTests {
    /// Two partitions get batches of the same deliveries by turns at random, each with what it has in memory.
    @Test(arguments: 0..<UInt64(10)) func batchesComeByEitherQueue(part: UInt64) throws {
        let seed = 770_000_000 + part
        var generator = WorldGenerator(seed: seed)
        let lines = generator.lines(count: 60)
        var random = Randomness(state: seed)
        let fresh = try FreshStore(.postgres)
        let writers = try fresh.fences(2).map {
            try StoreUnderTest(place: .partition(url: fresh.url, $0), maxResident: 1000)
        }
        defer { for writer in writers { writer.close() } }
        for start in stride(from: 0, to: lines.count, by: 5) {
            let batch = Array(lines[start..<min(start + 5, lines.count)])
            try writers[Int(random.next() % 2)].ingest(batch, partitionKeys: ["market"])
        }
        let differences = try writers[0].differences(from: referenceTables(lines: lines))
        #expect(differences.isEmpty, "seed \(seed): \(differences.joined(separator: "\n"))")
    }

    /// Partitions' writers share a store with each other, not with one that has it for himself: a replay beside them would
    /// write from what it remembers, and so would they.
    @Test func nobodyHasAStoreForHimselfBesidePartitions() throws {
        let fresh = try FreshStore(.postgres)
        let both = try fresh.fences(2)
        let partitions = try both.map {
            try StoreUnderTest(place: .partition(url: fresh.url, $0), maxResident: 1000)
        }
        // Ten seconds, then it is told.
        let error = #expect(throws: StoreError.self) {
            try StoreUnderTest(place: .postgres(url: fresh.url), maxResident: 1000)
        }
        #expect(error?.kind == .busy)
        for partition in partitions { partition.close() }
        let alone = try StoreUnderTest(place: .postgres(url: fresh.url), maxResident: 1000)
        defer { alone.close() }
        let refused = #expect(throws: StoreError.self) {
            try StoreUnderTest(place: .partition(url: fresh.url, both[0]), maxResident: 1000)
        }
        #expect(refused?.kind == .busy)
    }

    /// Who keeps its keys keeps its memory; who gets another's reads the store again, once.
    @Test func onlyWhatMovedIsForgotten() throws {
        let fresh = try FreshStore(.postgres)
        var spies: [FaultyStore] = []
        let writers = try fresh.fences(2).map { fence in
            try StoreUnderTest(place: .partition(url: fresh.url, fence), maxResident: 1000) { store in
                let spy = FaultyStore(store)
                spies.append(spy)
                return spy
            }
        }
        defer { for writer in writers { writer.close() } }
        var minute = 0
        func ingest(_ writer: Int, _ keys: [String]) throws -> Bool? {
            minute += 1
            try writers[writer].ingest(
                [
                    #"{"event":"robot.heartbeat","timestamp":"2026-11-02T10:\#(minute + 10):00Z","robot_id":"R"}"#
                ], partitionKeys: keys)
            return spies[writer].claims.last
        }
        #expect(try ingest(0, ["a", "b"]) == true)
        #expect(try ingest(1, ["", "c", "ü"]) == true)
        #expect(try ingest(0, ["a", "b"]) == true)
        #expect(try ingest(0, ["b", "d"]) == true)
        // What comes to nothing takes nothing.
        spies[1].beforeCommit = { throw StoreError(.conflict, "as if") }
        #expect(throws: StoreError.self) { try ingest(1, ["a"]) }
        #expect(spies[1].claims.last == false)
        spies[1].beforeCommit = {}
        #expect(try ingest(0, ["a"]) == true)
        #expect(try ingest(1, ["a", "c"]) == false)
        #expect(try ingest(1, ["a", "c"]) == true)
        #expect(try ingest(0, ["a", "b"]) == false)
        #expect(try ingest(0, ["a", "b"]) == true)
        // An é and an e with an accent are two keys.
        #expect(try ingest(0, ["\u{E9}"]) == true)
        #expect(try ingest(1, ["e\u{301}"]) == true)
        #expect(try ingest(0, ["\u{E9}", "e\u{301}"]) == false)
        try PrivatePostgres.shared().sql(
            "DELETE FROM partition_keys WHERE partition_key IN (U&'\\00E9', U&'e\\0301')",
            in: #require(fresh.database))
        let rows = try PrivatePostgres.shared().sql(
            "SELECT partition_key, queue_partition, moves FROM partition_keys ORDER BY 1",
            in: try #require(fresh.database))
        #expect(rows == "|1|0\na|0|2\nb|0|0\nc|1|0\nd|0|0\nü|1|0")
    }
}

extension FreshStore {
    /// Leases of so many partitions, which are all there are.
    func fences(_ count: Int) throws -> [PostgresLeases.Fence] {
        let leases = try PostgresLeases(
            PostgresStore.Settings(url: url), replica: "a", partitions: count, seconds: 600)
        defer { leases.close() }
        return try (0..<count).map { try #require(try leases.take($0)) }
    }
}
