internal import HTTPServer
internal import TextForms

/// A query parameter that a route takes.
struct ParameterRule: Sendable {
    enum Form: Sendable {
        case text(maxLength: Int, mayBeEmpty: Bool)
        case whole(ClosedRange<Int64>)
        case instant
        case day
        case flag
        case word([String])
    }

    var name: String
    var form: Form
    var isList = false
    var isRequired = false

    static func id(_ name: String, isList: Bool = false) -> ParameterRule {
        ParameterRule(name: name, form: .text(maxLength: 300, mayBeEmpty: false), isList: isList)
    }
    static func text(_ name: String, max: Int, mayBeEmpty: Bool = true, isRequired: Bool = false)
        -> ParameterRule
    {
        ParameterRule(name: name, form: .text(maxLength: max, mayBeEmpty: mayBeEmpty), isRequired: isRequired)
    }
    static func whole(_ name: String, _ range: ClosedRange<Int64>) -> ParameterRule {
        ParameterRule(name: name, form: .whole(range))
    }
    static func instant(_ name: String, isRequired: Bool = false) -> ParameterRule {
        ParameterRule(name: name, form: .instant, isRequired: isRequired)
    }
    static func flag(_ name: String) -> ParameterRule { ParameterRule(name: name, form: .flag) }
    static func word(_ name: String, _ words: [String], isList: Bool = false, isRequired: Bool = false)
        -> ParameterRule
    {
        ParameterRule(name: name, form: .word(words), isList: isList, isRequired: isRequired)
    }

    /// `from` and `to`.
    static let range = [instant("from"), instant("to")]
    /// `limit` and `cursor`.
    static let page = [whole("limit", 1...500), text("cursor", max: 500, mayBeEmpty: false)]

    /// What is wrong with a value; nil where nothing is.
    func complaint(_ value: String) -> String? {
        switch form {
        case .text(let maxLength, let mayBeEmpty):
            if value.isEmpty, !mayBeEmpty { return "is empty; leave it out, or give a value" }
            if value.unicodeScalars.count > maxLength {
                return "is longer than \(maxLength) characters"
            }
            return value.utf8.contains(0) ? "holds a NUL character" : nil
        case .whole(let range):
            if let number = Int64(value), range.contains(number), !value.hasPrefix("+") { return nil }
            return "expected a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .instant:
            return InstantFormat.parse(value) == nil
                ? "expected an instant with an offset, e.g. 2026-11-02T08:15:41Z (a + in an address is written %2B)"
                : nil
        case .day: return InstantFormat.parseDay(value) == nil ? "expected a day, e.g. 2026-11-02" : nil
        case .flag: return value == "true" || value == "false" ? nil : "expected true or false"
        case .word(let words):
            return words.contains(value) ? nil : "expected one of \(words.joined(separator: ", "))"
        }
    }
}

/// A request's query, checked against what its route takes.
struct Parameters: Sendable {
    private var values: [String: [String]] = [:]
    /// Of which route: a cursor belongs to it.
    private let operation: String

    /// None.
    init() { operation = "" }

    init(
        _ query: [(name: String, value: String)], rules: [ParameterRule], of operation: String
    ) throws(Problem) {
        self.operation = operation
        var errors: [(parameter: String, problem: String)] = []
        for (name, value) in query {
            guard let rule = rules.first(where: { $0.name == name }) else {
                let known = rules.map(\.name).joined(separator: ", ")
                errors.append(
                    (
                        String(name.prefix(100)),
                        rules.isEmpty ? "this route takes none" : "unknown; known: \(known)"
                    ))
                continue
            }
            if let complaint = rule.complaint(value) {
                errors.append((name, complaint))
            } else if !rule.isList, values[name] != nil {
                errors.append((name, "is given twice"))
            } else if values[name, default: []].count >= 20 {
                errors.append((name, "at most 20 of them"))
            } else {
                values[name, default: []].append(value)
            }
            if errors.count >= 20 { break }
        }
        for rule in rules where rule.isRequired && values[rule.name] == nil {
            if !errors.contains(where: { $0.parameter == rule.name }) {
                errors.append((rule.name, "is missing"))
            }
        }
        if !errors.isEmpty { throw Self.problem(errors) }
    }

    static func problem(_ errors: [(parameter: String, problem: String)]) -> Problem {
        Problem(
            kind: .unusableParameter, title: "Unusable parameters",
            detail: errors.map { "`\($0.parameter)`: \($0.problem)" }.joined(separator: "; "),
            hint: "See /openapi.json for what this route takes.", errors: errors)
    }

    /// Puts a value in place of what was given.
    mutating func set(_ name: String, _ value: String) { values[name] = [value] }
    mutating func remove(_ name: String) { values[name] = nil }

    func text(_ name: String) -> String? { values[name]?.first }
    func list(_ name: String) -> [String] { values[name] ?? [] }
    func whole(_ name: String) -> Int64? { text(name).flatMap { Int64($0) } }
    func instant(_ name: String) -> Int64? { text(name).flatMap(InstantFormat.parse) }
    func day(_ name: String) -> Int64? { text(name).flatMap(InstantFormat.parseDay) }
    func flag(_ name: String) -> Bool { text(name) == "true" }

    /// All but the cursor, in a fixed order: what a cursor belongs to.
    var filters: String {
        operation + "?"
            + values.filter { $0.key != "cursor" && $0.key != "limit" }.sorted { $0.key < $1.key }
            .map { "\($0.key)=\($0.value.sorted().joined(separator: ","))" }.joined(separator: "&")
    }
}

/// Where a page ended: the sort keys of its last row, and the filters they belong to.
struct Cursor {
    var keys: [String]

    /// - Throws: Where it is none, or belongs to other filters.
    init(_ text: String, filters: String, keys count: Int) throws(Problem) {
        let parts = Base64.url.decoded(text).map {
            String(decoding: $0, as: UTF8.self).split(separator: "\u{1F}", omittingEmptySubsequences: false)
                .map(
                    String.init)
        }
        guard let parts, parts.count == count + 1, parts[0] == Self.seal(parts.dropFirst(), filters) else {
            throw Problem(
                kind: .badRequest, title: "Unusable cursor",
                detail:
                    "The cursor is none of this service's, not whole, or of another list or other filters.",
                hint: "Take `next` of the page before, with the same filters; or leave `cursor` out.")
        }
        keys = Array(parts.dropFirst())
    }

    /// The text of a cursor.
    static func text(_ keys: [String], filters: String) -> String {
        Base64.url.encoded(Array(([seal(keys[...], filters)] + keys).joined(separator: "\u{1F}").utf8))
    }

    /// Changes with the list, its filters and the place in it: half a cursor would go on at another place.
    private static func seal(_ keys: ArraySlice<String>, _ filters: String) -> String {
        String(Fingerprint.value(of: (keys + [filters]).joined(separator: "\u{1F}").utf8), radix: 36)
    }
}
