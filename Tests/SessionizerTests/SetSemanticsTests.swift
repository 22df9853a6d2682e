import EngineUnderTest
import Foundation
import ReferenceModel
import SessionCore
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
            // Every third world is watched for silence.
            let silence: Int64? = world % 3 == 2 ? 2400 * 1_000_000 : nil
            var random = Randomness(state: seed ^ 0xABCDEF)
            var generator = WorldGenerator(seed: seed)
            // Lines of the same identity but other extras may differ, so the first that comes is the reference's too.
            var lines = generator.lines(count: Int.random(in: 5...80, using: &random))
            for line in lines where Int.random(in: 0..<8, using: &random) == 0 { lines.append(line) }
            let expected = referenceTables(lines: lines, rules: ReferenceRules(maxSilence: silence))
            lines.shuffle(using: &random)
            var rules = Rules()
            rules.maxSilence = silence
            if try !matches(expected, lines, rules, seed: seed, random: &random) { return }
        }
    }

    private func matches(
        _ expected: ReferenceTables, _ lines: [String], _ rules: Rules, seed: UInt64,
        random: inout Randomness
    ) throws -> Bool {
        let folder = try TemporaryFolder()
        let store = try StoreUnderTest(
            path: folder.file("world.db"), maxResident: Bool.random(using: &random) ? 0 : 1000,
            rules: rules)
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
        let differences = try store.differences(from: expected)
        if !differences.isEmpty {
            Issue.record(
                """
                seed \(seed): \(differences.joined(separator: "\n"))
                \(lines.joined(separator: "\n"))
                """)
            return false
        }
        return true
    }
}
