import Foundation
import ReferenceModel
import SessionPipeline
import Testing

/// The promise: every table is a function of the set of events, whatever the order, repetition, batches,
/// evictions and restarts. The reference says what the tables are.
@Suite struct SetSemanticsTests {
    /// `WORLDS=1000 swift test` tries more; each part has seeds of its own.
    @Test(arguments: 0..<8)
    func tablesAreAFunctionOfTheSet(part: UInt64) throws {
        let worlds = UInt64(ProcessInfo.processInfo.environment["WORLDS"] ?? "25") ?? 25
        for world in 0..<worlds {
            let seed = part * 1_000_000 + world
            var random = Randomness(state: seed ^ 0xABCDEF)
            var generator = WorldGenerator(seed: seed)
            // Lines of the same identity but other extras may differ, so the first that comes is the reference's too.
            var lines = generator.lines(count: Int.random(in: 5...80, using: &random))
            for line in lines where Int.random(in: 0..<8, using: &random) == 0 { lines.append(line) }
            let expected = referenceTables(lines: lines)
            lines.shuffle(using: &random)
            if try !matches(expected, lines, seed: seed, random: &random) { return }
        }
    }

    private func matches(
        _ expected: ReferenceTables, _ lines: [String], seed: UInt64, random: inout Randomness
    ) throws -> Bool {
        let folder = try TemporaryFolder()
        let store = try StoreUnderTest(
            path: folder.file("world.db"), maxResident: Bool.random(using: &random) ? 0 : 1000)
        var rest = lines[...]
        var sums = (received: 0, accepted: 0, duplicates: 0, skipped: 0, rejected: 0)
        func settle(_ totals: IngestTotals) {
            #expect(totals.isBalanced, "seed \(seed)")
            sums.received += totals.received
            sums.accepted += totals.accepted
            sums.duplicates += totals.duplicates
            sums.skipped += totals.skipped
            sums.rejected += totals.rejectedCount
        }
        var totals = IngestTotals()
        while !rest.isEmpty {
            let size = Int.random(in: 1...max(1, lines.count / 2), using: &random)
            totals = try store.ingest(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
            if Int.random(in: 0..<4, using: &random) == 0 {
                settle(totals)
                totals = IngestTotals()
                try store.restart()
            }
        }
        settle(totals)
        #expect(sums.received == expected.received, "seed \(seed)")
        #expect(sums.accepted == expected.accepted, "seed \(seed)")
        #expect(sums.duplicates == expected.duplicates, "seed \(seed)")
        #expect(sums.skipped == expected.skipped, "seed \(seed)")
        #expect(sums.rejected == expected.rejected.values.reduce(0, +), "seed \(seed)")
        for (name, columns) in expected.columns.sorted(by: { $0.key < $1.key }) {
            let want = (expected.tables[name] ?? [:]).mapValues { $0.map(Self.text) }
            let have = try store.table(name, columns: columns)
            if want == have { continue }
            var shown: [String] = []
            for key in Set(want.keys).union(have.keys).filter({ want[$0] != have[$0] }).sorted().prefix(4) {
                guard let wanted = want[key], let had = have[key] else {
                    shown.append("\(key): \(want[key] == nil ? "not expected" : "missing")")
                    continue
                }
                for (index, column) in columns.enumerated() where wanted[index] != had[index] {
                    shown.append("\(key): \(column) is \(had[index]), expected \(wanted[index])")
                }
            }
            Issue.record(
                """
                seed \(seed), \(name):
                \(shown.joined(separator: "\n"))
                \(lines.joined(separator: "\n"))
                """)
            return false
        }
        return true
    }

    private static func text(_ value: ReferenceValue) -> String {
        switch value {
        case .null: "-"
        case .text(let text): text
        case .integer(let number): "\(number)"
        case .number(let number): "\((number * 1e6).rounded() / 1e6)"
        case .list(let list): "[" + list.map { "\"\($0)\"" }.joined(separator: ",") + "]"
        case .flag(let flag): "\(flag)"
        }
    }
}

/// A repeatable source of randomness.
struct Randomness: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
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
