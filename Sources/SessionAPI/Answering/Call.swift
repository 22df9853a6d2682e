internal import HTTPServer
internal import SessionStore

/// One request to one route, checked, with its connection to the store.
struct Call {
    let request: HTTPRequest
    /// The decoded parts of the path that the route leaves open.
    let objects: [String]
    let parameters: Parameters
    let reader: Reader
    let api: SessionAPI
    let store: any StoreConversation
    let asOf: AsOf

    init(_ question: Question, store: any StoreConversation) {
        request = question.request
        objects = question.objects
        parameters = question.parameters
        reader = question.reader
        api = question.api
        asOf = question.asOf
        self.store = store
    }

    /// The same with another "now".
    init(_ call: Call, clock: APIClock) throws {
        var asOf = try AsOf(call.store, clock: clock, wall: call.asOf.now)
        asOf.tellsEvents = call.asOf.tellsEvents
        self.init(
            Question(
                request: call.request, objects: call.objects, parameters: call.parameters,
                reader: call.reader,
                api: call.api, asOf: asOf), store: call.store)
    }

    var flavour: SQLFlavour { store.flavour }
    var rules: StoreRules { api.rules }

    func rows(_ sql: String, _ parameters: [TableValue] = []) throws -> [AnswerRow] {
        try store.rows(sql, parameters)
    }

    /// `?3` as an instant.
    func at(_ number: Int) -> String { flavour.instant("?\(number)") }

    /// `limit`, one more than a page: whether there is a next one.
    var pageSize: Int { Int(parameters.whole("limit") ?? 100) }

    func cursor(keys: Int) throws(Problem) -> Cursor? {
        guard let text = parameters.text("cursor") else { return nil }
        return try Cursor(text, filters: parameters.filters, keys: keys)
    }

    func next(_ keys: [String]?) -> String? { keys.map { Cursor.text($0, filters: parameters.filters) } }

    /// `from` and `to`, or the 24 hours before now.
    func range() throws(Problem) -> TimeRange {
        let to =
            parameters.instant("to") ?? parameters.instant("from").map { $0 + InstantFormat.day } ?? asOf.now
        let from = parameters.instant("from") ?? to - InstantFormat.day
        return try TimeRange(from: from, to: to, maxDays: api.limits.rangeDays)
    }

    /// The same by whole hours, `from` rounded down and `to` up. Without them: the 24 hours of the clock of which the last
    /// holds `now`, as home counts; rounding the 24 hours before now would make 25 of them.
    func hourRange() throws(Problem) -> TimeRange {
        if parameters.instant("from") != nil || parameters.instant("to") != nil {
            return try range().wholeHours
        }
        let to = InstantFormat.floor(asOf.now, to: InstantFormat.hour) + InstantFormat.hour
        return try TimeRange(from: to - InstantFormat.day, to: to, maxDays: api.limits.rangeDays)
    }

    /// `day`, or `from` and `to`, or the UTC day of an instant.
    func dayRange(defaultAt instant: Int64) throws(Problem) -> TimeRange {
        if let day = parameters.day("day") {
            if parameters.instant("from") != nil || parameters.instant("to") != nil {
                throw Parameters.problem([("day", "stands instead of `from` and `to`, not beside them")])
            }
            return try TimeRange(from: day, to: day + InstantFormat.day, maxDays: api.limits.rangeDays)
        }
        if parameters.instant("from") != nil || parameters.instant("to") != nil { return try range() }
        let day = InstantFormat.floor(instant, to: InstantFormat.day)
        return try TimeRange(from: day, to: day + InstantFormat.day, maxDays: api.limits.rangeDays)
    }

    /// A question that may take so long of the request's time: nil where it took longer.
    func asked<Answer>(within seconds: Double, _ body: (any StoreConversation) throws -> Answer) throws
        -> Answer?
    {
        try store.attempt(within: seconds) { try body(store) }
    }
}

/// What is left of a call when its connection has been given back: a streamed answer asks on, each time with another.
struct Question: Sendable {
    let request: HTTPRequest
    let objects: [String]
    var parameters: Parameters
    let reader: Reader
    let api: SessionAPI
    let asOf: AsOf

    init(_ call: Call) {
        request = call.request
        objects = call.objects
        parameters = call.parameters
        reader = call.reader
        api = call.api
        asOf = call.asOf
    }

    init(
        request: HTTPRequest, objects: [String], parameters: Parameters, reader: Reader, api: SessionAPI,
        asOf: AsOf
    ) {
        self.request = request
        self.objects = objects
        self.parameters = parameters
        self.reader = reader
        self.api = api
        self.asOf = asOf
    }
}

/// From an instant, included, to another, excluded.
struct TimeRange {
    var from: Int64
    var to: Int64

    init(from: Int64, to: Int64, maxDays: Int) throws(Problem) {
        if to <= from { throw Parameters.problem([("to", "is not after `from`")]) }
        if to - from > Int64(maxDays) * InstantFormat.day {
            throw Parameters.problem([
                ("to", "is more than \(maxDays) days after `from`; ask for less at once")
            ])
        }
        self.from = from
        self.to = to
    }

    /// By whole hours.
    var wholeHours: TimeRange {
        var range = self
        range.from = InstantFormat.floor(from, to: InstantFormat.hour)
        range.to = InstantFormat.floor(to + InstantFormat.hour - 1, to: InstantFormat.hour)
        return range
    }

    func write(_ out: inout JSONWriter) {
        out.object("range") { out in
            out.instant("from", from)
            out.instant("to", to)
        }
    }
}

/// What a route answers.
enum Answer {
    /// JSON, and of how many rows, for the audit. Passing: it lacks what takes longer than a moment, so that the same store
    /// answers otherwise later, and nobody may keep it.
    case json(JSONWriter, rows: Int, isPassing: Bool = false)
    case text(String)
    /// A whole document, everything in it escaped.
    case html(String)
    /// To be kept as a file, not shown.
    case file(name: String, type: String, [UInt8])
    /// Pieces of CSV until nil.
    case csv(name: String, pieces: @Sendable () throws -> CSVPiece?)
    case events(@Sendable () -> [UInt8]?)
    case ready(HTTPResponse)
}
