internal import SessionCore
internal import SessionStore
internal import Synchronization

/// A route's answer as a table: RFC 4180, piece by piece.
struct CSVForm: Sendable {
    /// What it takes: `raw` leaves out what keeps spreadsheets from calculating.
    let parameters: [ParameterRule]
    let answer: @Sendable (Call) throws -> Answer

    /// A session's events with the columns of the export.
    static let events = CSVForm(
        parameters: [.word("via", ["direct", "robot", "pilot", "merchant"], isList: true), .id("entity")]
            + ParameterRule.range + [.flag("raw")]
    ) { call in
        let (row, _) = try Sessions.find(call.objects[0], call)
        return paged("events", Export.header, call) { call, after in
            let found = try Story.page(of: row.text("session_id") ?? "", after: after, size: 2000, call)
            return (found.rows.map { Export.cells(row, $0) }, found.next)
        }
    }

    /// A robot's states.
    static let states = CSVForm(
        parameters: [ParameterRule(name: "day", form: .day)] + ParameterRule.range + [.flag("raw")]
    ) { call in
        try Robots.expectKnown(call.objects[0], call)
        let given = call.parameters
        let day = given.day("day")
        if day != nil, given.instant("from") != nil || given.instant("to") != nil {
            throw Parameters.problem([("day", "stands instead of `from` and `to`, not beside them")])
        }
        let (from, to) = (
            day ?? given.instant("from"), day.map { $0 + InstantFormat.day } ?? given.instant("to")
        )
        let header = ["robot_id", "started_at", "ended_at", "state", "class", "reason", "seconds"]
        return paged("states", header, call) { call, after in
            let states = try Robots.statePage(
                call.objects[0], from: from, to: to, after: after.flatMap { Int64($0[0]) }, size: 2000, call)
            let cells = states.map { state -> [CSVWriter.Cell] in
                [
                    .text(state.robot), .plain(InstantFormat.text(state.startedAt)),
                    .plain(state.endedAt.map(InstantFormat.text) ?? ""), .text(state.state),
                    .plain(call.rules.stateClass(state.state).rawValue), .text(state.reason),
                    .plain(state.endedAt.map { "\(Double($0 - state.startedAt) / 1e6)" } ?? ""),
                ]
            }
            return (cells, states.count < 2000 ? nil : states.last.map { ["\($0.startedAt)"] })
        }
    }

    /// The fleet's hours.
    static let utilization = CSVForm(
        parameters: Fleet.utilizationRules.filter {
            ![WeekBefore.rule.name, Fleet.worst.name].contains($0.name)
        } + [.flag("raw")]
    ) { call in
        let told = try Fleet.Supply(call.hourRange(), call)
        let header = [
            "at", "key", "usable_seconds", "downtime_seconds", "off_duty_seconds", "other_seconds",
            "on_delivery_seconds", "deliveries_completed", "error_count",
        ]
        let cells = told.rows.map { key, usage -> [CSVWriter.Cell] in
            let seconds = [usage.usable, usage.downtime, usage.offDuty, usage.other, usage.onDelivery]
            return [.plain(key.at.map(InstantFormat.text) ?? ""), .text(key.name?.text)]
                + seconds.map { .plain("\($0)") } + [.plain("\(usage.completed)"), .plain("\(usage.errors)")]
        }
        return paged("utilization", header, call) { _, _ in (cells, nil) }
    }

    /// Pages of rows until there is no next one, each asked of the store when there is room for it.
    static func paged(
        _ name: String, _ header: [String], _ call: Call,
        _ read: @escaping @Sendable (Call, [String]?) throws -> (rows: [[CSVWriter.Cell]], next: [String]?)
    ) -> Answer {
        let pages = Mutex(Pages(question: Question(call), header: header, read: read))
        return .csv(name: "\(name).csv") { try pages.withLock { try $0.next() } }
    }

    private struct Pages {
        let question: Question
        let header: [String]
        let read: @Sendable (Call, [String]?) throws -> (rows: [[CSVWriter.Cell]], next: [String]?)
        var after: [String]?
        var isBegun = false
        var isDone = false

        mutating func next() throws -> CSVPiece? {
            if isDone { return nil }
            var csv = CSVWriter(guardsFormulas: !question.parameters.flag("raw"))
            if !isBegun { csv.row(header.map { .plain($0) }) }
            isBegun = true
            let (rows, next) = try question.api.store.ask(within: question.api.limits.statementSeconds) {
                try read(Call(question, store: $0), after)
            }
            for row in rows { csv.row(row) }
            after = next
            isDone = next == nil
            return CSVPiece(bytes: csv.bytes, rows: rows.count)
        }
    }
}
