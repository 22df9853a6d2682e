import EngineUnderTest
import Foundation
import ReferenceModel
import SeededRandomness
import SessionCore
import SessionPipeline
import Testing

/// Small random worlds, cut into batches anyhow, with little or nothing kept in memory between them and the program
/// ended now and then: the tables are those of the reference, in every store.
@Suite struct WorldTests {
    private let worlds = UInt64(ProcessInfo.processInfo.environment["WORLDS"] ?? "7") ?? 7

    /// `WORLDS=500 swift test --filter WorldTests` tries more; each part has seeds of its own.
    @Test(arguments: StoreKind.allCases, 0..<UInt64(4))
    func tablesAreAFunctionOfTheSet(kind: StoreKind, part: UInt64) throws {
        for world in 0..<worlds {
            let seed = 300_000_000 + part * 1_000_000 + world
            var random = Randomness(state: seed)
            var generator = WorldGenerator(seed: seed)
            var lines = generator.lines(count: Int.random(in: 5...80, using: &random))
            for line in lines where Int.random(in: 0..<8, using: &random) == 0 { lines.append(line) }
            var rules = Rules()
            // Every third world is watched for silence.
            rules.maxSilence = world % 3 == 2 ? 2400 * 1_000_000 : nil
            let expected = referenceTables(lines: lines, rules: ReferenceRules(maxSilence: rules.maxSilence))
            lines.shuffle(using: &random)

            let fresh = try FreshStore(kind)
            let limit = [0, 0, 3, 1000].randomElement(using: &random) ?? 0
            let store = try StoreUnderTest(
                place: fresh.place, maxResident: limit, rules: rules,
                stateMargin: [0, 21_600_000_000].randomElement(using: &random) ?? 0)
            defer { store.close() }
            var (received, accepted, duplicates) = (0, 0, 0)
            var rest = lines[...]
            while !rest.isEmpty {
                let size = Int.random(in: 1...max(1, lines.count / 3), using: &random)
                let before = store.totals
                let totals = try store.ingest(Array(rest.prefix(size)))
                received += totals.received - before.received
                accepted += totals.accepted - before.accepted
                duplicates += totals.duplicates - before.duplicates
                rest = rest.dropFirst(size)
                if Int.random(in: 0..<4, using: &random) == 0 { try store.restart() }
            }
            #expect(received == expected.received, "seed \(seed)")
            #expect(accepted == expected.accepted, "seed \(seed)")
            #expect(duplicates == expected.duplicates, "seed \(seed)")
            let differences = try store.differences(from: expected)
            guard differences.isEmpty else {
                Issue.record(
                    "seed \(seed): \(differences.joined(separator: "\n"))\n\(lines.joined(separator: "\n"))")
                return
            }
        }
    }
}
