import EngineUnderTest
import Foundation
import ReferenceModel
import SeededRandomness
import SessionAPI
import Testing

/// What the API answers and the page shows is what the reference model works out from the same lines: another program, which
/// shares no code with the engine, the store or the API.
@Suite struct ReferenceTests {
    private let worlds = UInt64(ProcessInfo.processInfo.environment["WORLDS"] ?? "6") ?? 6

    /// It is about figures, not about how fast they come: a busy machine must not make it fail.
    private var patient: SessionAPI.Limits {
        var limits = SessionAPI.Limits()
        limits.statementSeconds = 120
        return limits
    }

    /// Small worlds that are built to collide. `WORLDS=100 swift test` tries more.
    @Test(arguments: 0..<3) func aRandomWorld(part: UInt64) throws {
        for world in 0..<worlds {
            let seed = 700_000_000 + part * 1_000_000 + world
            var random = Randomness(state: seed)
            var generator = WorldGenerator(seed: seed)
            var lines = generator.lines(count: Int.random(in: 30...120, using: &random))
            let figures = ReferenceFigures(lines: lines)
            lines.shuffle(using: &random)
            let folder = try Folder()
            let store = try StoreUnderTest(path: folder.path("world.db"), maxResident: 20)
            for start in stride(from: 0, to: lines.count, by: 25) {
                try store.ingest(Array(lines[start..<min(start + 25, lines.count)]))
            }
            store.close()
            let answers = ReferenceAnswers(
                try ServiceUnderTest(store: folder.path("world.db"), folder: folder, limits: patient), figures
            )
            try compareAll(answers, sessions: figures.sessions.keys.sorted())
            #expect(answers.differences.isEmpty, "seed \(seed): \(shown(answers))")
            #expect(answers.compared > 100, "seed \(seed)")
            if !answers.differences.isEmpty { return }
        }
    }

    /// A simulated day: every figure of the fleet, and sixty deliveries.
    @Test func aSimulatedDay() throws {
        let day = try SimulatedStore.shared.get()
        let service = try ServiceUnderTest(store: day.path, folder: day.folder, limits: patient)
        let figures = ReferenceFigures(lines: try SimulatedStore.events().lines)
        let answers = ReferenceAnswers(service, figures)
        let seed = UInt64.random(in: 0..<1_000_000)
        var random = Randomness(state: seed)
        let sample = figures.sessions.keys.sorted().shuffled(using: &random).prefix(60)
        try compareAll(answers, sessions: Array(sample))
        #expect(answers.differences.isEmpty, "sample \(seed): \(shown(answers))")
        #expect(answers.compared > 10_000)
        #expect(figures.rest.orphans.count > 20 && figures.sessions.count > 250)
    }

    private func compareAll(_ answers: ReferenceAnswers, sessions: [String]) throws {
        let figures = answers.figures
        try answers.compareList()
        for id in sessions { try answers.compareSession(id) }
        let robots = Set(figures.states.keys).union(
            figures.windows.filter { $0.kind == "robot" }.map(\.entity))
        for robot in robots.sorted() { try answers.compareRobot(robot) }
        let pilots = Set(figures.windows.filter { $0.kind == "pilot" }.map(\.entity))
        for pilot in pilots.sorted() { try answers.comparePilot(pilot) }
        try answers.compareUtilization()
        try answers.compareHourRows(
            robots: Array(robots.sorted().prefix(3)), pageSize: sessions.count > 50 ? 400 : 3)
        try answers.compareDowntime()
        try answers.compareReliability()
        try answers.compareFunnel()
        try answers.compareMerchants()
        try answers.compareOrphans()
        try answers.compareHome()
        let messages = try answers.get("quality?\(answers.rangeQuery)")["messages"] as? [[String: Any]] ?? []
        func sum(_ name: String) -> String {
            "\(messages.reduce(0) { $0 + (($1[name] as? NSNumber)?.intValue ?? 0) })"
        }
        for (name, expected) in [
            ("received", figures.tables.received), ("accepted", figures.tables.accepted),
            ("duplicates", figures.tables.duplicates), ("skipped", figures.tables.skipped),
            ("rejected", figures.tables.rejected.values.reduce(0, +)),
        ] {
            answers.expect(sum(name), "\(expected)", "messages \(name)")
        }
    }

    private func shown(_ answers: ReferenceAnswers) -> String {
        "\(answers.differences.count) differ of \(answers.compared); "
            + answers.differences.prefix(12).joined(separator: "; ")
    }
}
