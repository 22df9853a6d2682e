internal import HTTPServer
internal import SessionStore
internal import Synchronization

/// What a page shows, as data: the page's own address with `.json` or `.csv` after it.
///
/// Such an address is another name of an API route and nothing more: the same roles and merchants, the same audit, the same
/// problems. A `.json` or `.csv` that is written out ends an address, a percent-encoded dot (`%2Ejson`) is part of an id:
/// the page of a delivery that is called `a.json` is `/deliveries/a%2Ejson`, its data `/deliveries/a.json.json`.
enum PageData {
    /// How it is written.
    enum Form: String {
        case json, csv
    }

    /// By the pages' paths: the operations that they stand for.
    static let table: [(path: String, json: String, csv: String?)] = [
        ("home", "home", nil), ("search", "search", nil), ("sessions", "sessions", nil),
        ("deliveries/{id}", "delivery", "sessionEvents"), ("demands/{id}", "delivery", "sessionEvents"),
        ("trips/{id}", "delivery", "sessionEvents"), ("robots", "robots", nil),
        ("robots/{id}", "robot", "robotStates"), ("pilots/{id}", "pilot", nil),
        ("events/{id}", "explain", nil), ("fleet", "utilization", "utilization"),
        ("downtime", "downtimeIntervals", nil), ("quality", "quality", nil), ("orphans", "orphans", nil),
        ("rejected", "rejected", nil), ("audit", "audit", nil),
    ]

    /// What a request's address names; nil where it is no page's with such an ending.
    /// - Throws: ``Problem`` where the page has no table to be had as CSV.
    static func find(_ request: HTTPRequest) throws(Problem) -> (route: Route, objects: [String], form: Form)?
    {
        let path = request.target.utf8.prefix { $0 != UInt8(ascii: "?") }
        var segments = path.split(separator: UInt8(ascii: "/"))
        guard let last = segments.popLast() else { return nil }
        let text = String(decoding: last, as: UTF8.self)
        guard let form = [Form.json, .csv].first(where: { text.hasSuffix(".\($0.rawValue)") }) else {
            return nil
        }
        segments.append(last.dropLast(form.rawValue.utf8.count + 1))
        let given = segments.map { PercentCoding.decoded($0, plusIsBlank: false) }
        for (page, json, csv) in table {
            guard let objects = objects(of: given, as: page) else { continue }
            switch form {
            case .json: return (Route.named(json), objects, form)
            case .csv:
                if let csv { return (Route.named(csv), objects, form) }
                throw Problem(
                    kind: .notFound, title: "No such table",
                    detail: "This page has no table to be had as CSV.",
                    hint: "The same address with .json has its data; /openapi.json lists what there is.")
            }
        }
        return nil
    }

    private static func objects(of given: [String], as page: String) -> [String]? {
        let parts = page.split(separator: "/")
        guard parts.count == given.count, parts.first.map(String.init) == given.first else { return nil }
        return parts.count == 2 ? [given[1]] : []
    }
}

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
                    .plain(call.rules.stateClass(state.state)), .text(state.reason),
                    .plain(state.endedAt.map { "\(Double($0 - state.startedAt) / 1e6)" } ?? ""),
                ]
            }
            return (cells, states.count < 2000 ? nil : states.last.map { ["\($0.startedAt)"] })
        }
    }

    /// The fleet's hours.
    static let utilization = CSVForm(
        parameters: Fleet.utilizationRules.filter { $0.name != WeekBefore.rule.name } + [.flag("raw")]
    ) { call in
        let told = try Fleet.Supply(call.range().wholeHours, call)
        let header = [
            "at", "key", "usable_seconds", "downtime_seconds", "off_duty_seconds", "other_seconds",
            "on_delivery_seconds", "deliveries_completed", "error_count",
        ]
        let cells = told.rows.map { key, usage -> [CSVWriter.Cell] in
            let seconds = [usage.usable, usage.downtime, usage.offDuty, usage.other, usage.onDelivery]
            return [.plain(key.at.map(InstantFormat.text) ?? ""), .text(key.name)]
                + seconds.map { .plain("\($0)") } + [.plain("\(usage.completed)"), .plain("\(usage.errors)")]
        }
        return paged("utilization", header, call) { _, _ in (cells, nil) }
    }

    /// Pages of rows until there is no next one, each asked of the store when there is room for it.
    private static func paged(
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
