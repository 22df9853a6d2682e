import EngineUnderTest
import Foundation
import ReferenceModel
import SeededRandomness
import SessionCore
import SessionPipeline
import Testing

/// The promise: every table is a function of the set of events, whatever the order, repetition, batches,
/// evictions and restarts. The reference says what the tables are.
@Suite struct SetSemanticsTests {
    private let worlds = UInt64(ProcessInfo.processInfo.environment["WORLDS"] ?? "25") ?? 25

    /// `WORLDS=1000 swift test` tries more; each part has seeds of its own.
    @Test(arguments: 0..<8)
    func tablesAreAFunctionOfTheSet(part: UInt64) throws {
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

    /// Robots that fall silent, and windows of other lengths than the usual.
    @Test(arguments: 0..<4)
    func soTheyAreWithSilenceWatched(part: UInt64) throws {
        for world in 0..<worlds {
            let seed = 100_000_000 + part * 1_000_000 + world
            var random = Randomness(state: seed)
            var generator = WorldGenerator(seed: seed)
            var lines = generator.lines(count: Int.random(in: 5...60, using: &random))
            let second: Int64 = 1_000_000
            var rules = Rules()
            rules.maxSilence = [second, 180 * second, 3600 * second, 90_000 * second].randomElement(
                using: &random)
            rules.maxWindow =
                [second, 1500 * second, 21_600 * second].randomElement(using: &random) ?? second
            let expected = referenceTables(
                lines: lines,
                rules: ReferenceRules(maxWindow: rules.maxWindow, maxSilence: rules.maxSilence))
            lines.shuffle(using: &random)
            if try !matches(expected, lines, rules, seed: seed, random: &random) { return }
        }
    }

    /// Two robots that tell states, zones and pilots again and again over days: what is late concerns a stretch between others.
    @Test(arguments: 0..<4)
    func soTheyAreForRobotsOverDays(part: UInt64) throws {
        for world in 0..<worlds {
            let seed = 400_000_000 + part * 1_000_000 + world
            var random = Randomness(state: seed)
            var lines = robotLines(random: &random)
            let expected = referenceTables(lines: lines)
            // Mostly in order, as events come, or not at all.
            if Bool.random(using: &random) {
                lines.shuffle(using: &random)
            } else {
                let late = Int.random(in: 1...10, using: &random)
                for index in lines.indices where Int.random(in: 0..<late, using: &random) == 0 {
                    lines.swapAt(index, Int.random(in: lines.indices, using: &random))
                }
            }
            if try !matches(expected, lines, Rules(), seed: seed, random: &random) { return }
        }
    }

    /// Facts of two robots at few instants, so that some fall together.
    private func robotLines(random: inout Randomness) -> [String] {
        let days = Int.random(in: 1...6, using: &random)
        let instants = (0..<Int.random(in: 5...60, using: &random)).map { _ in
            (Int.random(in: 0..<days, using: &random), Int.random(in: 0..<24, using: &random))
        }
        let count = Int.random(in: 10...90, using: &random)
        // Of five events so many tell a zone.
        let zones = Int.random(in: 0...5, using: &random)
        return (0..<count).map { number -> (String, String) in
            guard let (day, hour) = instants.randomElement(using: &random) else { return ("", "") }
            let time = "2026-03-1\(day)T\(hour < 10 ? "0" : "")\(hour):\(10 + number % 2):00Z"
            let (robot, pilot) = (
                Int.random(in: 1...2, using: &random), Int.random(in: 1...2, using: &random)
            )
            func state() -> String { ["idle", "fault", "charging"].randomElement(using: &random) ?? "idle" }
            let (name, rest): (String, String)
            switch Int.random(in: 0..<10, using: &random) {
            case 0: (name, rest) = ("pilot.assigned", #""robot_id":"R\#(robot)","pilot_id":"P\#(pilot)""#)
            case 1:
                (name, rest) = ("pilot.assignment_ended", #""robot_id":"R\#(robot)","pilot_id":"P\#(pilot)""#)
            case 2: (name, rest) = ("pilot.assignment_ended", #""robot_id":"R\#(robot)""#)
            case 3: (name, rest) = ("pilot.shift_ended", #""pilot_id":"P\#(pilot)""#)
            case 4: (name, rest) = ("robot.error", #""robot_id":"R\#(robot)","error":"E""#)
            case 5:
                (name, rest) = (
                    "robot.state_changed",
                    #""robot_id":"R\#(robot)","from_state":"\#(state())","to_state":"\#(state())""#
                )
            case 6:
                (name, rest) = (
                    "robot.state_changed",
                    #""robot_id":"R\#(robot)","to_state":"\#(state())","reason":"r\#(pilot)""#
                )
            default:
                (name, rest) = ("robot.state_changed", #""robot_id":"R\#(robot)","to_state":"\#(state())""#)
            }
            let zone =
                Int.random(in: 0..<5, using: &random) < zones
                ? #","zone_id":"Z\#(Int.random(in: 1...3, using: &random))""# : ""
            let key = #""event":"\#(name)","timestamp":"\#(time)","event_id":"e\#(number)""#
            return (time, "{\(key),\(rest)\(zone)}")
        }.sorted { $0.0 < $1.0 }.map(\.1)
    }

    /// Ids on both sides of the most an id may link to, over one step and over two.
    @Test(arguments: 0..<2)
    func soTheyAreBeyondTheMostAnIdMayLinkTo(part: UInt64) throws {
        for world in 0..<max(1, worlds / 5) {
            let seed = 200_000_000 + part * 1_000_000 + world
            var random = Randomness(state: seed)
            var lines = overLinkedLines(random: &random)
            let expected = referenceTables(lines: lines)
            lines.shuffle(using: &random)
            if try !matches(expected, lines, Rules(), seed: seed, random: &random) { return }
        }
    }

    /// A trip of 30 to 35 demands or deliveries, offers of that trip, demands that reach deliveries of their own.
    private func overLinkedLines(random: inout Randomness) -> [String] {
        var lines: [String] = []
        func add(_ name: String, _ ids: [String: String]) {
            let number = lines.count
            let fields = ids.sorted { $0.key < $1.key }.map { #""\#($0.key)_id":"\#($0.value)""# }
            let minute = Int.random(in: 10...59, using: &random)
            lines.append(
                #"{"event":"\#(name)","timestamp":"2026-03-10T1\#(number % 2):\#(minute):00Z","event_id":"e\#(number)","#
                    + fields.joined(separator: ",") + "}")
        }
        for number in 1...Int.random(in: 30...35, using: &random) {
            if Bool.random(using: &random) {
                add("trip.assigned", ["trip": "T1", "delivery": "D\(number)", "robot": "R\(number % 3)"])
            } else {
                add("trip.created", ["trip": "T1", "demand": "M\(number)"])
                if Int.random(in: 0..<3, using: &random) > 0 {
                    // Some demands share a delivery, so that fewer targets come out than links went in.
                    let delivery = Int.random(in: number...min(number + 1, 35), using: &random)
                    add("demand.created", ["demand": "M\(number)", "delivery": "D\(delivery)"])
                }
            }
        }
        for offer in 1...3 {
            add(
                "offer.received", ["offer": "O\(offer)", "trip": "T\(Int.random(in: 1...2, using: &random))"])
            if Bool.random(using: &random) {
                add("offer.accepted", ["offer": "O\(offer)", "delivery": "D\(90 + offer)"])
            }
        }
        add("trip.started", ["trip": "T1", "pilot": "P1"])
        add("robot.error", ["robot": "R1"])
        add("pilot.assigned", ["trip": "T1", "pilot": "P1"])
        add("trip.created", ["trip": "T2", "delivery": "D1"])
        return lines
    }

    private func matches(
        _ expected: ReferenceTables, _ lines: [String], _ rules: Rules, seed: UInt64,
        random: inout Randomness
    ) throws -> Bool {
        let folder = try TemporaryFolder()
        let store = try StoreUnderTest(
            path: folder.file("world.db"), maxResident: Bool.random(using: &random) ? 0 : 1000,
            rules: rules, stateMargin: [0, 3_600_000_000, 21_600_000_000].randomElement(using: &random) ?? 0)
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
        if let broken = try store.brokenConservation() { Issue.record("seed \(seed), \(broken)") }
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
