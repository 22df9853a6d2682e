import Foundation
import ReferenceModel
import SessionPipeline
import Testing

/// The promise: every table is a function of the set of events, whatever the order, repetition, batches,
/// evictions and restarts. The reference says what the tables are.
@Suite struct SetSemanticsTests {
    @Test(arguments: 0..<8)
    func tablesAreAFunctionOfTheSet(part: UInt64) throws {
        let folder = try TemporaryFolder()
        let worlds = UInt64(ProcessInfo.processInfo.environment["WORLDS"] ?? "60") ?? 60
        for world in 0..<worlds {
            let seed = part * 1_000_000 + world
            var random = SplitMix64(seed: seed ^ 0xABCDEF)
            let events = World.events(seed: seed)
            var lines = events.map(\.line)
            for line in lines where Int.random(in: 0..<5, using: &random) == 0 { lines.append(line) }
            lines.shuffle(using: &random)
            let expected = ReferenceTables(events).tables

            let store = try StoreUnderTest(
                path: folder.file("\(seed).db"), maxResident: Bool.random(using: &random) ? 0 : 1000)
            var rest = lines[...]
            var received = 0
            while !rest.isEmpty {
                let size = Int.random(in: 1...max(1, lines.count / 2), using: &random)
                let totals = try store.ingest(Array(rest.prefix(size)))
                received = totals.received
                #expect(totals.isBalanced, "seed \(seed)")
                rest = rest.dropFirst(size)
                if Int.random(in: 0..<4, using: &random) == 0 { try store.restart() }
            }
            #expect(received > 0)
            let actual = try store.tables()
            for table in Set(expected.keys).union(actual.keys).sorted() {
                let (want, have) = (expected[table] ?? [:], actual[table] ?? [:])
                if want == have { continue }
                let keys = Set(want.keys).union(have.keys).filter { want[$0] != have[$0] }.sorted()
                let shown = keys.prefix(4).map {
                    "\($0)\n   is  \(have[$0] ?? "missing")\n   not \(want[$0] ?? "missing")"
                }
                Issue.record(
                    "seed \(seed), \(table):\n\(shown.joined(separator: "\n"))\n\(lines.joined(separator: "\n"))"
                )
                return
            }
        }
    }
}

/// A folder that is gone when the test is.
final class TemporaryFolder {
    private let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "sessionizer-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func file(_ name: String) -> String { url.appendingPathComponent(name).path }
}
