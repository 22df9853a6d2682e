import SessionPipeline
import SessionStore
import SessionStory
import StoreComparison

/// What a comparison came to: a certificate, or the differences.
struct VerifyReport {
    let store: String
    let files: Int
    let totals: IngestTotals
    let outcomes: [TableOutcome]
    let problems: [String]
    /// What of the archive retention has dropped from the store.
    let retired: RetiredEvents

    var isSame: Bool { outcomes.allSatisfy { $0.differingRows == 0 } }

    private var differing: Int { outcomes.reduce(0) { $0 + $1.differingRows } }
    private var rows: Int { outcomes.reduce(0) { $0 + $1.expectedRows } }

    /// What the differences have in common, where something can be said.
    private var explanation: String? {
        guard !isSame, let events = outcomes.first(where: { $0.name == "events" }) else { return nil }
        let others = outcomes.filter { $0.differingRows > 0 }.map(\.name)
        if others == ["rejected_events"] {
            return
                "the events are the same, and all that is derived from them: only what could not become an event differs"
        }
        if events.differingRows == 0 {
            return "the events are the same: what differs was changed in the store, or derived wrongly"
        }
        let (there, here) = (events.foundRows, events.expectedRows)
        if there == here {
            return
                "the store holds as many events as the archive, of which \(events.differingRows) rows differ: others, or "
                + "changed in the store; what is derived from them differs too"
        }
        if there > here {
            return
                "the store holds \(there - here) events more than the archive: what is derived from them differs too"
        }
        let fewer = "the store holds \(here - there) events fewer than the archive"
        guard retired.events > 0 else { return fewer + ": what is derived from them differs too" }
        let rest =
            retired.events == events.differingRows && retired.events == here - there
            ? "no other event is missing" : "what is derived from the others differs too"
        return
            "\(fewer): retention has dropped \(retired.events) of them with the months "
            + "\(retired.months.joined(separator: ", ")); \(rest)"
    }

    func text() -> String {
        var lines = ["\(store), compared with a replay of \(files) files (\(totals.accepted) events)"]
        func row(_ name: String, _ expected: String, _ found: String, _ differ: String) -> String {
            func right(_ text: String) -> String {
                String(repeating: " ", count: max(1, 14 - text.count)) + text
            }
            return "  \(name)" + String(repeating: " ", count: max(1, 20 - name.count)) + right(expected)
                + right(found) + right(differ)
        }
        lines.append(row("table", "expected", "there", "differ"))
        for outcome in outcomes {
            lines.append(
                row(
                    outcome.name, "\(outcome.expectedRows)", "\(outcome.foundRows)",
                    "\(outcome.differingRows)"
                ))
        }
        for outcome in outcomes where outcome.differingRows > 0 {
            lines.append("\(outcome.name): \(outcome.differingRows) rows differ")
            for difference in outcome.differences { lines.append("  " + Self.text(difference)) }
            let told = Set(outcome.differences.map { $0.key.map { Self.text($0.value) } }).count
            if told < outcome.differingRows {
                lines.append("  … and \(outcome.differingRows - told) rows more (--limit tells more of them)")
            }
        }
        if let explanation { lines.append(explanation) }
        lines.append(
            isSame
                ? "certificate: \(outcomes.count) tables, \(rows) rows, differences: none"
                : "\(differing) rows differ")
        return lines.joined(separator: "\n")
    }

    private static func text(_ difference: TableDifference) -> String {
        let key = difference.key.map { "\($0.column)=\(text($0.value, of: $0.column))" }.joined(
            separator: " ")
        switch difference.kind {
        case .missing: return "\(key): missing"
        case .unexpected: return "\(key): not expected"
        case .changed:
            let column = difference.column ?? ""
            return
                "\(key): \(column) is \(text(difference.found, of: column)), expected "
                + text(difference.expected, of: column)
        }
    }

    private static func text(_ value: TableValue, of column: String = "") -> String {
        switch value {
        case .null: "NULL"
        case .integer(let number):
            column.hasSuffix("_at") || column == "hour" ? InstantText.iso(number) : "\(number)"
        case .real(let number): "\(number)"
        case .text(let text): text
        }
    }

    func json() -> String {
        var out = JSONText()
        out.object { out in
            out.string("store", store)
            out.integer("files", Int64(files))
            out.integer("accepted", Int64(totals.accepted))
            out.flag("same", isSame)
            out.integer("differing_rows", Int64(differing))
            out.string("explanation", explanation)
            out.array("tables") { out in
                for outcome in outcomes {
                    out.object { out in
                        out.string("table", outcome.name)
                        out.integer("expected_rows", Int64(outcome.expectedRows))
                        out.integer("found_rows", Int64(outcome.foundRows))
                        out.integer("differing_rows", Int64(outcome.differingRows))
                        out.array("differences") { out in
                            for difference in outcome.differences { Self.write(difference, &out) }
                        }
                    }
                }
            }
            out.array("problems") { out in for problem in problems { out.string(nil, problem) } }
        }
        return out.text
    }

    private static func write(_ difference: TableDifference, _ out: inout JSONText) {
        out.object { out in
            out.string("kind", difference.kind.rawValue)
            out.object("key") { out in for part in difference.key { write(part.column, part.value, &out) } }
            guard difference.kind == .changed else { return }
            out.string("column", difference.column)
            write("expected", difference.expected, &out)
            write("found", difference.found, &out)
        }
    }

    private static func write(_ name: String, _ value: TableValue, _ out: inout JSONText) {
        switch value {
        case .null: out.string(name, nil)
        case .integer(let number): out.integer(name, number)
        case .real(let number): out.number(name, number)
        case .text(let text): out.string(name, text)
        }
    }
}
