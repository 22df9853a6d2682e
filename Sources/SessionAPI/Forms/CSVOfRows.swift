internal import SessionStore
internal import Synchronization

/// Tables of the rows that a route answers as JSON: the same filters, the same order, the same words, read from that very
/// answer page by page.
extension CSVForm {
    static let sessions = rows(
        "sessions", Sessions.listRules, Sessions.list,
        [
            "session_id", "kind", "delivery_id", "demand_ids", "trip_ids", "merchant_id", "source", "zone_id",
            "outcome", "failure_code", "failure_message", "first_error_code", "outcome_reason",
            "first_event_at", "last_event_at",
            "closed_at",
        ] + Sessions.milestones.map { "milestones.\($0)" } + Sessions.durations.map { "durations.\($0)" } + [
            "robot_id", "pilot_id", "robot_ids", "pilot_ids", "reassignment_count", "pilot_handoff_count",
            "attempt_count", "attempt_failed_count", "rescue_count", "error_count", "event_count",
            "anomaly_count", "robot_seconds", "pilot_seconds", "open_seconds",
        ])

    static let robots = rows(
        "robots", Robots.listRules, Robots.list,
        [
            "robot_id", "state", "class", "reason", "since", "seconds", "last_heard_at", "silent_seconds",
            "sessions", "zone_id",
        ])

    static let pilot = rows(
        "pilot", Robots.dayRules, Pilots.one, in: "sessions",
        [
            "session_id", "delivery_id", "outcome", "failure_code", "merchant_id", "started_at", "ended_at",
            "expires_at", "opened_by", "end_reason", "inferred",
        ])

    private static let stateColumns = [
        "robot_id", "started_at", "ended_at", "state", "class", "reason", "seconds", "seconds_in_range",
    ]

    static let intervals = rows("downtime", Fleet.intervalRules, Fleet.intervals, stateColumns)

    static let fleetStates = rows("states", HourRows.stateRules, HourRows.states, stateColumns)

    static let fleetWindows = rows(
        "windows", HourRows.rules, HourRows.windows,
        [
            "robot_id", "session_id", "delivery_id", "outcome", "failure_code", "merchant_id", "started_at",
            "ended_at", "opened_by", "end_reason", "inferred", "seconds_in_range", "seconds_counted",
        ])

    static let fleetErrors = rows(
        "errors", HourRows.rules, HourRows.errors,
        ["event_id", "occurred_at", "event", "robot_id", "error_code", "error_message", "sessions"])

    static let failures = rows(
        "failures", Failure.rules, Failure.list,
        ["robot_id", "failed_at", "state", "reason", "repaired_at", "repair_seconds"])

    static let reliability = rows(
        "reliability", ParameterRule.range, Fleet.reliability,
        [
            "robot_id", "operating_seconds", "failures", "mtbf_seconds", "repairs", "mttr_seconds",
            "deliveries_completed", "interventions", "deliveries_per_intervention", "few",
        ])

    static let quality = rows(
        "quality", ParameterRule.range, Quality.answer, in: "checks",
        ["check", "status", "count", "sentence", "matters", "href", "sql", "command"])

    static let orphans = rows(
        "orphans", Events.orphanRules, Events.orphans,
        [
            "event_id", "occurred_at", "event", "robot_id", "pilot_id", "error_code", "error_message",
            "why_not",
        ])

    static let rejected = rows(
        "rejected", Quality.rejectedRules, Quality.rejected,
        ["received_at", "transport", "origin", "reason", "detail", "body"])

    static let audit = rows(
        "audit", Service.auditRules, Service.audit,
        [
            "audit_id", "at", "who", "role", "route", "object", "filters", "status", "rows", "request_id",
            "address",
        ])

    /// - Parameters:
    ///   - list: The key of the answer under which the rows stand.
    ///   - columns: Keys of a row; `a.b` is the key `b` of the object `a`.
    private static func rows(
        _ name: String, _ rules: [ParameterRule], _ answer: @escaping @Sendable (Call) throws -> Answer,
        in list: String = "rows", _ columns: [String]
    ) -> CSVForm {
        let isPaged = rules.contains { $0.name == "cursor" }
        let own = rules.filter { !["limit", "cursor"].contains($0.name) }
        return CSVForm(parameters: own + [.flag("raw"), .whole("limit", 1...1_000_000)]) { call in
            let limit = Int(call.parameters.whole("limit") ?? 100_000)
            // Where it is none, that is told now and not in the middle of a table.
            let first = try page(call, answer, list, columns, isPaged: isPaged, after: nil)
            let work = Mutex(Work(question: Question(call), left: limit, limit: limit, page: first))
            let header = columns.map { column in column.split(separator: ".").last.map(String.init) ?? column
            }
            return .csv(name: "\(name).csv") {
                try work.withLock { work in
                    try work.next(header) { call, after in
                        try page(call, answer, list, columns, isPaged: isPaged, after: after)
                    }
                }
            }
        }
    }

    private struct Page {
        var rows: [[CSVWriter.Cell]]
        var next: String?
    }

    private struct Work {
        let question: Question
        var left: Int
        let limit: Int
        /// Read and not yet written.
        var page: Page?
        var next: String?
        var isBegun = false

        init(question: Question, left: Int, limit: Int, page: Page) {
            self.question = question
            self.left = left
            self.limit = limit
            self.page = page
        }

        mutating func next(_ header: [String], _ read: (Call, String) throws -> Page) throws -> CSVPiece? {
            var csv = CSVWriter(guardsFormulas: !question.parameters.flag("raw"))
            if !isBegun { csv.row(header.map { .plain($0) }) }
            isBegun = true
            if page == nil, let next {
                page = try question.api.store.ask(within: question.api.limits.statementSeconds) {
                    try read(Call(question, store: $0), next)
                }
            }
            guard let page else { return nil }
            self.page = nil
            next = page.next
            let rows = page.rows.prefix(left)
            for row in rows { csv.row(row) }
            left -= rows.count
            if rows.count < page.rows.count || left == 0 && next != nil {
                csv.comment("cut after \(limit) rows: use more filters or raise `limit`")
                next = nil
            }
            return CSVPiece(bytes: csv.bytes, rows: rows.count)
        }
    }

    private static func page(
        _ call: Call, _ answer: (Call) throws -> Answer, _ list: String, _ columns: [String], isPaged: Bool,
        after: String?
    ) throws -> Page {
        var question = Question(call)
        if isPaged {
            question.parameters.set("limit", "500")
            if let after { question.parameters.set("cursor", after) }
        } else {
            question.parameters.remove("limit")
        }
        guard case .json(let out, _, _) = try answer(Call(question, store: call.store)) else {
            preconditionFailure("a route with rows answers as JSON")
        }
        var found = Page(rows: [], next: nil)
        out.bytes.withUnsafeBufferPointer { bytes in
            var reader = JSONReader(bytes: bytes)
            reader.forEachKey { key, reader in
                if key == list {
                    reader.forEachElement { found.rows.append(cells(&$0, columns)) }
                } else if key == "next" {
                    found.next = reader.text()
                } else {
                    reader.skip()
                }
            }
        }
        return found
    }

    private static func cells(_ reader: inout JSONReader, _ columns: [String]) -> [CSVWriter.Cell] {
        var cells = [CSVWriter.Cell](repeating: .plain(""), count: columns.count)
        func read(_ reader: inout JSONReader, under stem: String) {
            reader.forEachKey { key, reader in
                if reader.isObject { return read(&reader, under: stem + key + ".") }
                guard let place = columns.firstIndex(of: stem + key) else { return reader.skip() }
                cells[place] = reader.cell()
            }
        }
        read(&reader, under: "")
        return cells
    }
}

extension JSONReader {
    /// A value as a cell: a text as text, a number or a flag as it stands, a list as JSON, nothing for null.
    fileprivate mutating func cell() -> CSVWriter.Cell {
        switch kind {
        case .text: return .text(text())
        case .list: return .text(raw())
        case .other: return .plain(raw())
        case .null:
            skip()
            return .plain("")
        }
    }
}
