import Foundation

@testable import ReferenceModel

/// Asks a service and holds what it says against the reference's figures; keeps what differs.
final class ReferenceAnswers {
    let service: ServiceUnderTest
    let figures: ReferenceFigures
    private(set) var differences: [String] = []
    /// How many figures were held against each other.
    private(set) var compared = 0

    init(_ service: ServiceUnderTest, _ figures: ReferenceFigures) {
        self.service = service
        self.figures = figures
    }

    // MARK: - Asking

    func get(_ path: String) throws -> [String: Any] {
        let reply = try service.get(path)
        if reply.status != 200 { differences.append("\(path): status \(reply.status), \(reply.text)") }
        return reply.json
    }

    /// All rows of a list, page by page.
    func all(_ path: String, pageSize: Int = 500) throws -> [[String: Any]] {
        var (rows, cursor): ([[String: Any]], String?) = ([], "")
        while let next = cursor {
            let more = next.isEmpty ? "" : "&cursor=\(Self.encoded(next))"
            let answer = try get("\(path)\(path.contains("?") ? "&" : "?")limit=\(pageSize)\(more)")
            rows += answer["rows"] as? [[String: Any]] ?? []
            cursor = answer["next"] as? String
        }
        return rows
    }

    static func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain = (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
            let digits = String(byte, radix: 16, uppercase: true)
            return isPlain
                ? String(UnicodeScalar(byte)) : "%" + String(repeating: "0", count: 2 - digits.count) + digits
        }.joined()
    }

    /// An instant as a parameter.
    static func text(_ at: Int64) -> String {
        let seconds = at.quotientAndRemainder(dividingBy: 1_000_000)
        let whole = seconds.remainder < 0 ? seconds.quotient - 1 : seconds.quotient
        let date = Date(timeIntervalSince1970: Double(whole))
        let style = Date.ISO8601FormatStyle(timeZone: .gmt)
        let text = date.formatted(style).dropLast()
        let micros = String(at - whole * 1_000_000)
        return "\(text).\(String(repeating: "0", count: 6 - micros.count))\(micros)Z"
    }

    var rangeQuery: String {
        "from=\(Self.text(figures.range.from))&to=\(Self.text(figures.range.to))"
    }

    // MARK: - Holding against

    /// A value of an answer in the reference's form; instants by their name's ending.
    static func shown(_ value: Any?, _ name: String) -> String {
        switch value {
        case nil, is NSNull: return "-"
        case let text as String:
            return name.hasSuffix("_at") || name == "at" || name == "hour"
                ? instant(text).map { "\($0)" } ?? text : text
        case let list as [Any]: return "[" + list.map { shown($0, "") }.joined(separator: ",") + "]"
        case let number as NSNumber:
            return name == "inferred"
                ? "\(number.boolValue)" : ReferenceValue.shown(number.doubleValue)
        case .some(let other): return "\(other)"
        }
    }

    func expect(_ told: String, _ expected: String, _ what: @autoclosure () -> String) {
        compared += 1
        if told != expected { differences.append("\(what()): is \(told), expected \(expected)") }
    }

    /// A figure within a microsecond: sums of many seconds are rounded on the way.
    func expect(_ told: Any?, _ expected: Double, _ what: @autoclosure () -> String) {
        compared += 1
        guard let number = (told as? NSNumber)?.doubleValue, abs(number - expected) < 2e-6 else {
            differences.append("\(what()): is \(Self.shown(told, "")), expected \(expected)")
            return
        }
    }

    /// Two tables with the same keys and values; what differs is told row by row, at most three of a kind.
    func expect(_ told: [String: String], _ expected: [String: String], _ what: String) {
        compared += expected.count
        if told == expected { return }
        let keys = Set(told.keys).union(expected.keys).filter { told[$0] != expected[$0] }.sorted()
        for key in keys.prefix(3) {
            differences.append(
                "\(what), \(key): is \(told[key] ?? "missing"), expected \(expected[key] ?? "not there")")
        }
    }

    /// Rows of an answer by key.
    func keyed(_ rows: [[String: Any]], key: [String], _ columns: [String]) -> [String: String] {
        var found: [String: String] = [:]
        for row in rows {
            let name = key.map { Self.shown(row[$0] is NSNull ? "" : row[$0], $0) }.joined(separator: "|")
            if found[name] != nil { differences.append("\(name) is told twice") }
            found[name] = columns.map { Self.shown(row[$0], $0) }.joined(separator: " ")
        }
        return found
    }

    /// Rows of the reference as text.
    func texts(_ rows: [String: [ReferenceValue]]) -> [String: String] {
        rows.mapValues { $0.map(\.shown).joined(separator: " ") }
    }
}
