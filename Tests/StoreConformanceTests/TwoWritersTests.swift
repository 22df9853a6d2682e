import Dispatch
import EngineUnderTest
import PrivateServers
import ReferenceModel
import SessionCore
import SessionStore
import Synchronization
import Testing

/// Two programs that write to one store by turns, each with a memory of its own: what one remembers is no copy of the
/// store once the other has been there, and the tables are those of the reference all the same.
@Suite struct TwoWritersTests {
    private func world(_ seed: UInt64) -> (lines: [String], expected: ReferenceTables) {
        var generator = WorldGenerator(seed: seed)
        let lines = generator.lines(count: 60)
        return (lines, referenceTables(lines: lines))
    }

    /// SQLite lets them take turns from batch to batch.
    @Test(arguments: 0..<UInt64(12)) func byTurnsInOneFile(part: UInt64) throws {
        let seed = 310_000_000 + part
        let (lines, expected) = world(seed)
        let fresh = try FreshStore(.sqlite)
        let writers = try (0..<2).map { _ in try StoreUnderTest(place: fresh.place, maxResident: 1000) }
        defer { for writer in writers { writer.close() } }
        for (index, line) in lines.enumerated() { try writers[index / 3 % 2].ingest([line]) }
        let differences = try writers[0].differences(from: expected)
        #expect(differences.isEmpty, "seed \(seed): \(differences.joined(separator: "\n"))")
    }

    /// A file that is not there yet is made once, and both write to it.
    @Test func whoMakeOneFileAtOnce() throws {
        let (lines, expected) = world(330_000_000)
        let failures = Mutex<[String]>([])
        for _ in 0..<20 {
            let fresh = try FreshStore(.sqlite)
            DispatchQueue.concurrentPerform(iterations: 4) { [place = fresh.place] writer in
                do {
                    let store = try StoreUnderTest(place: place, maxResident: 1000)
                    defer { store.close() }
                    let part = lines.indices.filter { $0 % 4 == writer }.map { lines[$0] }
                    try store.ingest(part)
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
            let store = try StoreUnderTest(place: fresh.place, maxResident: 1000)
            defer { store.close() }
            let differences = try store.differences(from: expected)
            #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))")
        }
        #expect(failures.withLock { $0 } == [])
    }

    /// One of two whose rules differ is refused, and the other's are the file's, all of them.
    @Test func whoMakeOneFileAtOnceUnderOtherRules() throws {
        for _ in 0..<20 {
            let fresh = try FreshStore(.sqlite)
            let made = Mutex<[Int]>([])
            DispatchQueue.concurrentPerform(iterations: 2) { [place = fresh.place] writer in
                var rules = Rules()
                rules.maxWindow = Int64(writer + 1) * 3_600_000_000
                rules.maxTargets = writer + 1
                if let store = try? StoreUnderTest(place: place, maxResident: 0, rules: rules) {
                    store.close()
                    made.withLock { $0.append(writer + 1) }
                }
            }
            let one = try #require(made.withLock { $0.count == 1 ? $0[0] : nil })
            let facts = try fresh.place.withReader {
                try $0.rows(
                    "SELECT value FROM meta WHERE key IN ('max_window_seconds', 'max_targets') ORDER BY key",
                    [])
            }
            #expect(facts.map { $0.text("value") } == ["\(one)", "\(Double(one) * 3600)"])
        }
    }

    /// PostgreSQL has one at a time; whose connection was cut is followed by another, and comes back later.
    @Test(arguments: 0..<UInt64(4)) func afterACutConnection(part: UInt64) throws {
        let seed = 320_000_000 + part
        let (lines, expected) = world(seed)
        let fresh = try FreshStore(.postgres)
        let database = try #require(fresh.database)
        let first = try StoreUnderTest(place: fresh.place, maxResident: 1000)
        defer { first.close() }
        for start in stride(from: 0, to: 40, by: 4) { try first.ingest(Array(lines[start..<start + 4])) }

        try PrivatePostgres.shared().sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(database)'")
        let second = try StoreUnderTest(place: fresh.place, maxResident: 1000)
        try second.ingest(Array(lines[40..<50]))
        second.close()

        for line in lines[50...] { _ = try first.ingestPatiently([line]) { _ in } }
        let differences = try first.differences(from: expected)
        #expect(differences.isEmpty, "seed \(seed): \(differences.joined(separator: "\n"))")
    }
}
