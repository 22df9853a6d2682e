internal import SessionStore
internal import Synchronization

/// The joined events of a time window as CSV (RFC 4180), session by session: nothing is held in memory or in the store
/// while it runs. Events are of the window, not sessions: an incident's are there whenever its delivery began. Only where
/// `range_of=sessions` asks for it are they all events of the sessions that began in the window, as the list of these has them.
enum Export {
    static let rules: [ParameterRule] =
        ParameterRule.range + [
            .word("range_of", ["events", "sessions"]),
            .id("merchant"), .id("robot"), .word("outcome", Sessions.outcomes), .id("error"), .flag("raw"),
            .whole("limit", 1...1_000_000),
        ]

    static let header = [
        "session_id", "delivery_id", "outcome", "merchant_id", "occurred_at", "event", "via", "via_id",
        "robot_id",
        "pilot_id", "error_code", "error_message", "from_state", "to_state", "reason", "event_id",
    ]

    static func answer(_ call: Call) throws -> Answer {
        var range = try call.range()
        // Up to now where no end is asked for, and an archive's now is its last event, which is among them.
        if call.parameters.text("from") == nil, call.parameters.text("to") == nil { range.to += 1 }
        let limit = Int(call.parameters.whole("limit") ?? 100_000)
        let work = Mutex(Work(call: call, range: range, limit: limit))
        let day = { (instant: Int64) in InstantFormat.text(instant).prefix(10) }
        return .csv(name: "incidents_\(day(range.from))_\(day(range.to - 1)).csv") {
            try work.withLock { try $0.next() }
        }
    }

    /// A joined event as a row under ``header``.
    static func cells(_ session: AnswerRow, _ row: AnswerRow) -> [CSVWriter.Cell] {
        let id = session.text("session_id") ?? ""
        let event = StoryEvent(row, session: id, windows: [])
        return [
            .text(id), .text(session.text("delivery_id")), .plain(session.text("outcome") ?? ""),
            .text(session.text("merchant_id")), .plain(InstantFormat.text(event.at)), .text(event.name),
            .plain(event.via), .text(event.entity), .text(row.text("robot_id")),
            .text(row.text("pilot_id")), .text(event.fields.errorCode), .text(event.fields.errorMessage),
            .text(event.fields.fromState), .text(event.fields.toState), .text(event.fields.reason),
            .text(event.id),
        ]
    }

    private struct Work {
        private let question: Question
        private let range: TimeRange
        private let limit: Int
        private var rows = 0
        private var after: (at: Int64, id: String)?
        private var places: ArraySlice<(from: Int64, to: Int64)>?
        private var isBegun = false
        private var isDone = false

        init(call: Call, range: TimeRange, limit: Int) {
            question = Question(call)
            self.range = range
            self.limit = limit
        }

        mutating func next() throws -> CSVPiece? {
            let before = rows
            var csv = CSVWriter(guardsFormulas: !question.parameters.flag("raw"))
            if !isBegun {
                isBegun = true
                csv.row(Export.header.map { .plain($0) })
                return CSVPiece(bytes: csv.bytes, rows: 0)
            }
            let question = question
            // Sessions around the window may have no event in it: on to the next of them.
            while !isDone, csv.bytes.isEmpty {
                try question.api.store.ask(within: question.api.limits.statementSeconds) { store in
                    try write(Call(question, store: store), &csv)
                }
            }
            return csv.bytes.isEmpty ? nil : CSVPiece(bytes: csv.bytes, rows: rows - before)
        }

        /// Where the first events of sessions lie that may reach into the range: from an hour before it on, and in the hours
        /// in which sessions began that lasted longer.
        private func findPlaces(_ call: Call) throws -> [(from: Int64, to: Int64)] {
            let hour = InstantFormat.hour
            let start = InstantFormat.floor(range.from, to: hour)
            let long = try call.rows(
                """
                SELECT DISTINCT first_hour FROM session_spans
                WHERE last_hour >= \(call.at(1)) AND first_hour < \(call.at(2)) ORDER BY first_hour
                """, [.integer(start), .integer(start - hour)]
            ).compactMap { $0.integer("first_hour") }
            var places: [(from: Int64, to: Int64)] = []
            for begin in long + [start - hour] {
                let end = begin == start - hour ? range.to : begin + hour
                if let last = places.last, last.to == begin {
                    places[places.count - 1].to = end
                } else {
                    places.append((begin, end))
                }
            }
            return places
        }

        private mutating func write(_ call: Call, _ csv: inout CSVWriter) throws {
            let given = call.parameters
            let isOfSessions = given.text("range_of") == "sessions"
            if places == nil { places = isOfSessions ? [(range.from, range.to)] : try findPlaces(call)[...] }
            guard let place = places?.first else {
                isDone = true
                return
            }
            var query = SessionQuery(call)
            if isOfSessions {
                query.either("s.kind", Sessions.listedKinds)
            } else {
                query.require("s.last_event_at >= %", instant: range.from)
            }
            query.require("s.first_event_at >= %", instant: place.from)
            query.require("s.first_event_at < %", instant: place.to)
            if let merchant = given.text("merchant") { query.require("s.merchant_id = %", .text(merchant)) }
            if let robot = given.text("robot") { query.served(by: "robot", [robot]) }
            if let outcome = given.text("outcome") { query.require("s.outcome = %", .text(outcome)) }
            if let error = given.text("error") { try query.had(errors: [error]) }
            if let after { query.after(after.at, after.id) }
            let sessions = try query.page(size: 50, order: "s.first_event_at, s.session_id")
            if sessions.isEmpty { places?.removeFirst() }
            for session in sessions where !isDone {
                after = (session.integer("first_event_at") ?? 0, session.text("session_id") ?? "")
                try write(session, call, &csv)
            }
        }

        private mutating func write(_ session: AnswerRow, _ call: Call, _ csv: inout CSVWriter) throws {
            let id = session.text("session_id") ?? ""
            var parameters: [TableValue] = [.text(id), .integer(Int64(limit - rows + 1))]
            var within = ""
            if call.parameters.text("range_of") != "sessions" {
                within = " AND s.occurred_at >= \(call.at(3)) AND s.occurred_at < \(call.at(4))"
                parameters += [.integer(range.from), .integer(range.to)]
            }
            let events = try call.rows(
                "\(StoryEvent.select)\(within) ORDER BY \(StoryEvent.order) LIMIT ?2",
                parameters)
            for row in events {
                if rows == limit {
                    csv.comment(
                        "cut after \(limit) rows: shorten the range or raise `limit`")
                    isDone = true
                    return
                }
                rows += 1
                csv.row(Export.cells(session, row))
            }
        }
    }
}

/// Writes RFC 4180: CRLF, quotes where they are needed.
struct CSVWriter {
    /// A cell.
    enum Cell {
        /// What the program made itself: an instant, a word of a list.
        case plain(String)
        /// What somebody else wrote. Nil: empty.
        case text(String?)
    }

    private(set) var bytes: [UInt8] = []
    let guardsFormulas: Bool

    init(guardsFormulas: Bool) { self.guardsFormulas = guardsFormulas }

    mutating func row(_ cells: [Cell]) {
        for (index, cell) in cells.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            switch cell {
            case .plain(let text): append(text, isQuoted: false)
            case .text(let text): append(guarded: text ?? "")
            }
        }
        bytes.append(contentsOf: [13, 10])
    }

    mutating func comment(_ text: String) {
        append("# \(text)", isQuoted: false)
        bytes.append(contentsOf: [13, 10])
    }

    /// Spreadsheets take what begins so for a formula; the wide forms too (OWASP, "CSV Injection").
    private static let dangerous: Set<Unicode.Scalar> = [
        "=", "+", "-", "@", "\t", "\r", "\n", "\u{FF1D}", "\u{FF0B}", "\u{FF0D}", "\u{FF20}",
    ]

    private mutating func append(guarded text: String) {
        if guardsFormulas, let first = text.unicodeScalars.first, Self.dangerous.contains(first) {
            append("'" + text, isQuoted: true)
        } else {
            append(text, isQuoted: false)
        }
    }

    private mutating func append(_ text: String, isQuoted: Bool) {
        let quotes = isQuoted || text.utf8.contains { $0 == 34 || $0 == 44 || $0 == 13 || $0 == 10 }
        if !quotes { return bytes.append(contentsOf: text.utf8.filter { $0 != 0 }) }
        bytes.append(34)
        for byte in text.utf8 where byte != 0 {
            if byte == 34 { bytes.append(34) }
            bytes.append(byte)
        }
        bytes.append(34)
    }
}
