internal import SessionStore

extension StoreComparison {
    /// Compares what could not become an event: each reason and body once, however and from where it came, as another
    /// transport is another by right.
    ///
    /// - Parameter leftOut: the reasons that lie in when a message came, so that an archive of it can't show them.
    public func compareRejected(leavingOut leftOut: [String]) throws -> TableOutcome {
        let wanted = try rejected(expected, leftOut)
        let there = try rejected(found, leftOut)
        var outcome = TableOutcome(
            name: "rejected_events", expectedRows: wanted.count, foundRows: there.count)
        note(&outcome, .missing, wanted, notIn: there)
        note(&outcome, .unexpected, there, notIn: wanted)
        return outcome
    }

    private struct Rejected: Hashable {
        var reason: String
        var bytes: Int64
        /// Of all bytes. Bodies are not kept here: there may be very many, of up to a megabyte.
        var hash: Int
    }

    /// A few bodies at once, of which one may be long.
    private static let page = 200

    private func rejected(_ store: any TableReading, _ leftOut: [String]) throws -> [Rejected: String] {
        let others = leftOut.indices.map { "reason <> ?\($0 + 1)" }
        let place = store.flavour.arrival
        var all: [Rejected: String] = [:]
        var after = Int64.min
        while true {
            let rows = try store.rows(
                """
                SELECT \(place) AS place, reason, length(body) AS bytes, \(store.flavour.hexadecimal("body")) AS body,
                  \(store.flavour.beginning("body", bytes: 60)) AS beginning
                FROM rejected_events
                WHERE \((["\(place) > ?\(leftOut.count + 1)"] + others).joined(separator: " AND "))
                ORDER BY \(place) LIMIT \(Self.page)
                """, leftOut.map { .text($0) } + [.integer(after)])
            for row in rows {
                var hasher = Hasher()
                hasher.combine(row.text("body"))
                let one = Rejected(
                    reason: row.text("reason") ?? "", bytes: row.integer("bytes") ?? 0,
                    hash: hasher.finalize())
                all[one] = row.text("beginning") ?? ""
                after = row.integer("place") ?? .max
            }
            if rows.count < Self.page { return all }
        }
    }

    private func note(
        _ outcome: inout TableOutcome, _ kind: TableDifference.Kind, _ some: [Rejected: String],
        notIn others: [Rejected: String]
    ) {
        let alone = some.filter { others[$0.key] == nil }
            .sorted { ($0.key.reason, $0.value, $0.key.bytes) < ($1.key.reason, $1.value, $1.key.bytes) }
        outcome.differingRows += alone.count
        for (one, beginning) in alone.prefix(max(limit - outcome.differences.count, 0)) {
            outcome.differences.append(
                TableDifference(
                    kind: kind,
                    key: [
                        ("reason", .text(one.reason)), ("bytes", .integer(one.bytes)),
                        ("beginning", .text(beginning)),
                    ], column: nil, expected: .null, found: .null))
        }
    }
}
