// What must come out of an archive, by the reference model: event lines on standard input, one JSON object on standard
// output. For checks that are not written in Swift; no part of the product.

import ReferenceModel

/// JSON text, written by hand: the model has no library, and neither has this.
struct JSON {
    var text = ""

    static func quoted(_ value: String) -> String {
        var out = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            default:
                if scalar.value < 0x20 {
                    let digits = String(scalar.value, radix: 16)
                    out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                } else {
                    out.unicodeScalars.append(scalar)
                }
            }
        }
        return out + "\""
    }

    static func text(_ value: ReferenceValue) -> String {
        switch value {
        case .null: "null"
        case .text(let text): quoted(text)
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .list(let texts): "[" + texts.map(quoted).joined(separator: ",") + "]"
        case .flag(let flag): "\(flag)"
        }
    }

    static func object(_ members: some Sequence<(key: String, value: String)>) -> String {
        "{"
            + members.sorted { $0.key < $1.key }.map { quoted($0.key) + ":" + $0.value }.joined(
                separator: ",")
            + "}"
    }

    static func list(_ values: some Sequence<String>) -> String { "[" + values.joined(separator: ",") + "]" }
}

var lines: [String] = []
while let line = readLine() { lines.append(line) }
let result = referenceTables(lines: lines)
let rest = referenceRest(lines: lines)
let tables = result.tables.map { name, rows in
    (key: name, value: JSON.object(rows.map { (key: $0.key, value: JSON.list($0.value.map(JSON.text))) }))
}
let orphans = rest.orphans.map { orphan in
    JSON.list([
        orphan.eventID.map(JSON.quoted) ?? "null", "\(orphan.at)", JSON.quoted(orphan.robot),
        orphan.errorCode.map(JSON.quoted) ?? "null",
    ])
}
let errors = rest.sessionErrors.map { session, all in
    (key: session, value: JSON.list(all.map { JSON.list([JSON.quoted($0.lane), "\($0.at)"]) }))
}
print(
    JSON.object([
        (
            key: "columns",
            value: JSON.object(
                result.columns.map { (key: $0.key, value: JSON.list($0.value.map(JSON.quoted))) })
        ),
        (key: "tables", value: JSON.object(tables)), (key: "orphans", value: JSON.list(orphans)),
        (key: "last_event_at", value: rest.lastEventAt.map { "\($0)" } ?? "null"),
        (key: "session_errors", value: JSON.object(errors)),
        (key: "accepted", value: "\(result.accepted)"), (key: "received", value: "\(result.received)"),
        (key: "duplicates", value: "\(result.duplicates)"), (key: "skipped", value: "\(result.skipped)"),
    ]))
