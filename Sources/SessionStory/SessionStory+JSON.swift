internal import SessionStore

extension SessionStory {
    /// For machines.
    public func json() -> String {
        var out = JSONText()
        out.object { out in
            out.raw("session", Self.json(row))
            out.array("windows") { out in for window in windows { out.raw(nil, Self.json(window)) } }
            out.array("events") { out in
                for event in events {
                    var text = Self.json(event)
                    text.removeLast()
                    var because = JSONText()
                    because.string(nil, reason(for: event))
                    out.raw(nil, text + ",\"because\":" + because.text + "}")
                }
            }
        }
        return out.text
    }

    /// Columns of `sessions` that are no part of the contract: what the engine reads back.
    private static let internalColumns: Set<String> = ["robot_micros", "pilot_micros", "first_direct_at"]

    /// A row as an object: instants in RFC 3339, arrays and payloads as they are.
    static func json(_ row: TableRow) -> String {
        var out = JSONText()
        out.object { out in
            for (column, value) in zip(row.columns, row.values) where !internalColumns.contains(column) {
                switch value {
                case .null: out.string(column, nil)
                case .integer(let number):
                    if column.hasSuffix("_at") || column == "hour" {
                        out.string(column, InstantText.iso(number))
                    } else if column == "inferred" {
                        out.flag(column, number != 0)
                    } else {
                        out.integer(column, number)
                    }
                case .real(let number): out.number(column, number)
                case .text(let text):
                    if column.hasSuffix("_ids") || column == "payload" {
                        out.raw(column, text)
                    } else {
                        out.string(column, text)
                    }
                }
            }
        }
        return out.text
    }
}
