public import SessionStore

/// One way in which a row of a store is not what was expected.
public struct TableDifference: Equatable, Sendable {
    /// What is wrong with the row.
    public enum Kind: String, Equatable, Sendable {
        /// It was expected and is not there.
        case missing
        /// It is there and was not expected.
        case unexpected
        /// It is there, and a column says something else.
        case changed
    }

    /// What is wrong.
    public var kind: Kind
    /// The row, by its key: names and values.
    public var key: [(column: String, value: TableValue)]
    /// The column of a changed row.
    public var column: String?
    /// What was expected there.
    public var expected: TableValue
    /// What is there.
    public var found: TableValue

    /// By all parts.
    public static func == (left: TableDifference, right: TableDifference) -> Bool {
        left.kind == right.kind && left.column == right.column && left.expected == right.expected
            && left.found == right.found && left.key.map(\.column) == right.key.map(\.column)
            && left.key.map(\.value) == right.key.map(\.value)
    }
}

/// What the comparison of a table came to.
public struct TableOutcome: Equatable, Sendable {
    /// The table.
    public var name: String
    /// How many rows were expected.
    public var expectedRows = 0
    /// How many are there.
    public var foundRows = 0
    /// How many rows are missing, unexpected or changed.
    public var differingRows = 0
    /// The first differences.
    public var differences: [TableDifference] = []
}

/// Compares the tables of two stores row by row, in bounded memory: slice by slice, each slice whole.
public struct StoreComparison {
    let expected: any TableReading
    let found: any TableReading
    let limit: Int

    /// - Parameters:
    ///   - expected: The store that is right.
    ///   - found: The store that is judged.
    ///   - limit: How many differences of a table are told; all are counted.
    public init(expected: any TableReading, found: any TableReading, limit: Int = 10) {
        self.expected = expected
        self.found = found
        self.limit = limit
    }

    /// Compares one table.
    /// - Parameter progress: Hears how many rows were compared, now and then.
    public func compare(_ table: ComparedTable, progress: (Int) -> Void = { _ in }) throws -> TableOutcome {
        var outcome = TableOutcome(name: table.name)
        switch table.slice {
        case .texts(let column, let source, let step):
            var after: String?
            while true {
                let last = try bound(column, of: source, after: after, step: step)
                try compare(table, column, after.map { .text($0) }, last.map { .text($0) }, &outcome)
                progress(outcome.expectedRows)
                guard let last else { break }
                after = last
            }
        case .hours(let rows):
            var after: Int64?
            for last in try hourBounds(rows) {
                try compare(table, "hour", after.map { .integer($0) }, .integer(last), &outcome)
                progress(outcome.expectedRows)
                after = last
            }
            try compare(table, "hour", after.map { .integer($0) }, nil, &outcome)
        case .whole:
            try compare(table, "hour", nil, nil, &outcome)
            progress(outcome.expectedRows)
        }
        return outcome
    }

    /// The value with which a slice ends; nil where no more follow.
    private func bound(_ column: String, of source: String, after: String?, step: Int) throws -> String? {
        let from = after == nil ? "" : "WHERE \(column) > ?1"
        return try expected.rows(
            "SELECT \(column) AS bound FROM \(source) \(from) ORDER BY \(column) LIMIT 1 OFFSET \(step)",
            after.map { [.text($0)] } ?? []
        ).first?.text("bound")
    }

    /// Hours after which at least so many events have gone by.
    private func hourBounds(_ rows: Int) throws -> [Int64] {
        var bounds: [Int64] = []
        var count = 0
        for row in try expected.rows("SELECT hour, count(*) AS n FROM events GROUP BY hour ORDER BY hour", [])
        {
            count += Int(row.integer("n") ?? 0)
            if count >= rows, let hour = row.integer("hour") {
                bounds.append(hour)
                count = 0
            }
        }
        return bounds
    }

    /// Compares the rows of a slice: those above one bound, up to and with the other.
    private func compare(
        _ table: ComparedTable, _ column: String, _ above: TableValue?, _ upTo: TableValue?,
        _ outcome: inout TableOutcome
    ) throws {
        var conditions: [String] = []
        var parameters: [TableValue] = []
        for (sign, bound) in [(">", above), ("<=", upTo)] {
            guard let bound else { continue }
            parameters.append(bound)
            conditions.append("\(column) \(sign) ?\(parameters.count)")
        }
        let sql =
            "SELECT \((table.key + table.columns).joined(separator: ", ")) FROM \(table.name)"
            + (conditions.isEmpty ? "" : " WHERE \(conditions.joined(separator: " AND "))")
        let wanted = try sorted(expected.rows(sql, parameters), table)
        let there = try sorted(found.rows(sql, parameters), table)
        outcome.expectedRows += wanted.count
        outcome.foundRows += there.count
        var (left, right) = (0, 0)
        while left < wanted.count || right < there.count {
            if right == there.count
                || (left < wanted.count && Self.precedes(wanted[left].key, there[right].key))
            {
                note(&outcome, .missing, wanted[left].row, table)
                left += 1
            } else if left == wanted.count || Self.precedes(there[right].key, wanted[left].key) {
                note(&outcome, .unexpected, there[right].row, table)
                right += 1
            } else {
                compare(wanted[left].row, there[right].row, table, &outcome)
                left += 1
                right += 1
            }
        }
    }

    private func compare(
        _ wanted: TableRow, _ there: TableRow, _ table: ComparedTable, _ outcome: inout TableOutcome
    ) {
        var differs = false
        for (index, column) in table.columns.enumerated() {
            let (a, b) = (wanted.values[table.key.count + index], there.values[table.key.count + index])
            if Self.same(a, b) { continue }
            differs = true
            if outcome.differences.count < limit {
                outcome.differences.append(
                    TableDifference(
                        kind: .changed, key: key(wanted, table), column: column, expected: a, found: b))
            }
        }
        if differs { outcome.differingRows += 1 }
    }

    private func note(
        _ outcome: inout TableOutcome, _ kind: TableDifference.Kind, _ row: TableRow, _ table: ComparedTable
    ) {
        outcome.differingRows += 1
        if outcome.differences.count < limit {
            outcome.differences.append(
                TableDifference(kind: kind, key: key(row, table), column: nil, expected: .null, found: .null))
        }
    }

    private func key(_ row: TableRow, _ table: ComparedTable) -> [(column: String, value: TableValue)] {
        Array(zip(table.key, row.values.prefix(table.key.count))).map { (column: $0.0, value: $0.1) }
    }

    private func sorted(_ rows: [TableRow], _ table: ComparedTable) throws -> [(key: String, row: TableRow)] {
        var keyed: [(key: String, row: TableRow)] = []
        keyed.reserveCapacity(rows.count)
        for row in rows {
            // An hour in which nothing is left need not have a row.
            if table.name.hasSuffix("_hourly") || ["fleet_hours", "zone_hours"].contains(table.name),
                row.values.dropFirst(table.key.count).allSatisfy(Self.isZero)
            {
                continue
            }
            keyed.append((row.values.prefix(table.key.count).map(Self.text).joined(separator: "\u{1F}"), row))
        }
        keyed.sort { Self.precedes($0.key, $1.key) }
        return keyed
    }

    private static func text(_ value: TableValue) -> String {
        switch value {
        case .null: "\u{1E}"
        case .integer(let number): "\(number)"
        case .real(let number): "\(number)"
        case .text(let text): text
        }
    }

    /// By bytes: Swift takes texts for the same that no store does.
    private static func precedes(_ a: String, _ b: String) -> Bool {
        a.utf8.lexicographicallyPrecedes(b.utf8)
    }

    private static func isZero(_ value: TableValue) -> Bool {
        switch value {
        case .integer(let number): number == 0
        case .real(let number): number == 0
        case .null, .text: false
        }
    }

    /// Numbers are the same to half a microsecond: seconds are microseconds, divided.
    private static func same(_ a: TableValue, _ b: TableValue) -> Bool {
        switch (a, b) {
        case (.real(let x), .real(let y)): abs(x - y) < 5e-7
        case (.integer(let x), .real(let y)), (.real(let y), .integer(let x)): abs(Double(x) - y) < 5e-7
        case (.null, _), (_, .null), (.text, _), (_, .text), (.integer, .integer): a == b
        }
    }
}
