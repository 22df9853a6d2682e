import EngineUnderTest
@testable import ReferenceModel
import SessionCore
import Testing

/// The day every story begins on, at midnight.
let storyMidnight: Instant = 20522 * 24 * oneHour  // 2026-03-10

/// A set of events told as a table, one a row: a clock time (hours may pass 24), a name, and `key=value`
/// pairs, in which `robot=R1` is short for `robot_id=R1`.
func lines(_ story: String) -> [String] {
    story.split(separator: "\n").map { row in
        var words = row.split(separator: " ").map(String.init)
        let at = storyMidnight + clock(words.removeFirst())
        var members = [
            #""event":"\#(words.removeFirst())""#, #""timestamp":"\#(timestamp(at))""#,
        ]
        for word in words {
            let pair = word.split(separator: "=", maxSplits: 1).map(String.init)
            let plain = ["source", "state", "from_state", "to_state", "reason", "error", "event_id"]
            let key = plain.contains(pair[0]) ? pair[0] : pair[0] + "_id"
            members.append(#""\#(key)":"\#(pair[1])""#)
        }
        return "{" + members.joined(separator: ",") + "}"
    }
}

/// What the reference says of a story; the engine, with a store, must say the same: told in order, backwards, and
/// event by event with nothing left in memory between.
func tables(_ lines: [String], maxSilence: Int64? = nil) throws -> ReferenceTables {
    let expected = referenceTables(lines: lines, rules: ReferenceRules(maxSilence: maxSilence))
    var rules = Rules()
    rules.maxSilence = maxSilence
    let folder = try TemporaryFolder()
    for (name, batches) in [
        ("in order", [lines]), ("backwards", [lines.reversed()]), ("one by one", lines.map { [$0] }),
    ] {
        let store = try StoreUnderTest(path: folder.file("\(name).db"), maxResident: 0, rules: rules)
        for batch in batches { _ = try store.ingest(batch) }
        let differences = try store.differences(from: expected)
        #expect(differences.isEmpty, "\(name): \(differences.joined(separator: "\n"))")
    }
    return expected
}

/// `10:30` or `10:30:05` as microseconds.
private func clock(_ text: String) -> Int64 {
    let parts = text.split(separator: ":").compactMap { Int64($0) } + [0]
    return (parts[0] * 3600 + parts[1] * 60 + parts[2]) * oneSecond
}

private func two(_ number: Int64) -> String {
    number < 10 ? "0\(number)" : "\(number)"
}

private func timestamp(_ at: Instant) -> String {
    let seconds = (at - storyMidnight) / oneSecond
    let time = "\(two(seconds / 3600 % 24)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
    return "2026-03-\(10 + seconds / 86400)T\(time)Z"
}

/// An instant as a story tells it; `-` for none.
private func told(_ value: ReferenceValue) -> String {
    switch value {
    case .null:
        return "-"
    case .integer(let number) where number >= storyMidnight:
        let seconds = (number - storyMidnight) / oneSecond
        let text = "\(two(seconds / 3600)):\(two(seconds / 60 % 60))"
        return seconds % 60 == 0 ? text : "\(text):\(two(seconds % 60))"
    case .integer(let number): return "\(number)"
    case .number(let number): return "\(number)"
    case .text(let text): return text
    case .list(let texts): return "[\(texts.joined(separator: ","))]"
    case .flag(let flag): return flag ? "yes" : "no"
    }
}

extension ReferenceTables {
    /// A table's rows as `key: column column ...`, sorted, with instants as clock times; all columns or some.
    func rows(_ table: String, _ wanted: String...) -> [String] {
        let columns = self.columns[table] ?? []
        return (tables[table] ?? [:]).map { key, values in
            let parts = key.split(separator: "|", omittingEmptySubsequences: false).map { part in
                told(Int64(part).map { .integer($0) } ?? .text(String(part)))
            }
            let cells = zip(columns, values).filter { wanted.isEmpty || wanted.contains($0.0) }
            return parts.joined(separator: "|") + ": " + cells.map { told($0.1) }.joined(separator: " ")
        }.sorted()
    }

    /// A table as a story tells it: by key, the text of each column.
    func storyRows(_ table: String) -> [String: [String: String]] {
        let columns = self.columns[table] ?? []
        var rows: [String: [String: String]] = [:]
        for (key, values) in tables[table] ?? [:] {
            let parts = key.split(separator: "|", omittingEmptySubsequences: false).map { part in
                told(Int64(part).map { .integer($0) } ?? .text(String(part)))
            }
            rows[parts.joined(separator: "|")] = Dictionary(
                uniqueKeysWithValues: zip(columns, values.map { told($0) }))
        }
        return rows
    }
}
