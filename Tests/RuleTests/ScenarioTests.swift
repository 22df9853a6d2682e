import ReferenceModel
import Testing

/// The rules as tables (`Scenarios.swift`), held against the reference and against the real store alike.
@Suite struct ScenarioTests {
    @Test(arguments: Scenario.all) func holds(_ scenario: Scenario) throws {
        let events = lines(scenario.events.joined(separator: "\n"))
        let tables = try tables(events)
        for line in scenario.expected { try expect(line, scenario, tables) }
        expectAll("window", of: scenario, are: windows(tables))
        expectAll("join", of: scenario, are: joins(tables))
    }

    /// Where one window (or join) is told, all are.
    private func expectAll(_ word: String, of scenario: Scenario, are rows: [String]) {
        let told = scenario.expected.filter { $0.hasPrefix(word + " ") }
        if told.isEmpty, !scenario.expected.contains("no \(word)s") { return }
        #expect(
            told.map { $0.split(separator: " ").dropFirst().joined(separator: " ") }.sorted()
                == rows.sorted(),
            "\(scenario)")
    }

    /// `TABLE KEY column=value …`, or `no TABLE KEY`.
    private func expect(_ line: String, _ scenario: Scenario, _ tables: ReferenceTables) throws {
        var words = line.split(separator: " ").map(String.init)
        if ["window", "join"].contains(words[0]) || ["no windows", "no joins"].contains(line) { return }
        let isAbsent = words[0] == "no"
        if isAbsent { words.removeFirst() }
        try #require(
            words.count > 1 && tables.columns[words[0]] != nil, "\(scenario): not understood: \(line)")
        let row = tables.storyRows(words[0])[words[1]]
        #expect((row == nil) == isAbsent, "\(scenario): \(line)")
        for word in words.dropFirst(2) {
            let pair = word.split(separator: "=", maxSplits: 1).map(String.init)
            #expect(row?[pair[0]] == pair[1], "\(scenario): \(line)")
        }
    }

    private func windows(_ tables: ReferenceTables) -> [String] {
        let own = tables.storyRows("assignment_windows").map { ($0.key.split(separator: "|"), $0.value) }
        return own.map { key, row in
            let end = row["ended_at"] == "-" ? "open till \(row["expires_at"] ?? "")" : row["ended_at"] ?? ""
            let reason = row["end_reason"] == "-" ? "" : " \(row["end_reason"] ?? "")"
            return key.joined(separator: " ") + " \(end)\(reason)"
                + (row["inferred"] == "yes" ? " inferred" : "")
        }
    }

    private func joins(_ tables: ReferenceTables) -> [String] {
        tables.storyRows("session_events").keys.compactMap { key in
            let parts = key.split(separator: "|", omittingEmptySubsequences: false)
            return parts[3] == "direct" ? nil : parts.joined(separator: " ")
        }
    }
}

/// Events, and what must come of them.
struct Scenario: CustomTestStringConvertible, CustomStringConvertible {
    var name: String
    var events: [String] = []
    var expected: [String] = []

    var description: String { name }
    var testDescription: String { name }

    /// From a text: `= name`, lines of events, lines of what is expected, beginning with `>`.
    static func read(_ text: String) -> [Scenario] {
        var all: [Scenario] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            let rest = words.dropFirst().joined(separator: " ")
            switch words.first {
            case nil: continue
            case "=": all.append(Scenario(name: rest))
            case ">": all[all.count - 1].expected.append(rest)
            case _: all[all.count - 1].events.append(String(line))
            }
        }
        return all
    }
}
