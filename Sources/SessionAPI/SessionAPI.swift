public import HTTPServer
public import SessionStore
internal import Synchronization

/// Answers questions about a store over HTTP, and hands out the page that asks them.
///
/// Pure but for the store, the clock and the audit, which it is given: a request comes in, an answer goes out.
public final class SessionAPI: Sendable {
    /// What a request may cost.
    public struct Limits: Sendable {
        /// Events in the story of a delivery, unless `limit` says otherwise.
        public var deliveryEvents = 5000
        /// Days that a range may span.
        public var rangeDays = 92
        /// Seconds that the questions of one request may take.
        public var statementSeconds = 2.0
        /// Listeners to changes, in all.
        public var streams = 256
        /// Listeners of one reader.
        public var streamsOfReader = 8
        /// Requests that wait to be answered; for `status`.
        public var requests = 256

        /// The defaults.
        public init() {}
    }

    /// What it needs from outside.
    public struct Surroundings: Sendable {
        /// The program's version.
        public var version: String
        /// What it takes for now.
        public var clock: APIClock
        /// The wall's clock, in microseconds since 1970.
        public var wall: @Sendable () -> Int64
        /// Names of events that the catalogue has; nil where it is not known.
        public var knownEvents: Set<String>?
        /// Tells who asks; nil: nobody is asked, and everybody may see all.
        public var access: (any AccessChecking)?
        /// Keeps who asked what; nil: nobody does.
        public var audit: (any AuditKeeping)?
        /// Hosts that a request may name (`Host`), beside addresses and `localhost`.
        public var hosts: Set<String> = []
        /// Whether it is reached over TLS.
        public var isSecure = false
        /// Makes gzip of bytes.
        public var compress: @Sendable ([UInt8]) -> [UInt8]
        /// Is told of each answered request: what the service's log and metrics need.
        public var observe: @Sendable (Observation) -> Void

        /// Only what has no default.
        public init(
            version: String, clock: APIClock, wall: @escaping @Sendable () -> Int64,
            compress: @escaping @Sendable ([UInt8]) -> [UInt8],
            observe: @escaping @Sendable (Observation) -> Void = { _ in }
        ) {
            self.version = version
            self.clock = clock
            self.wall = wall
            self.compress = compress
            self.observe = observe
        }
    }

    /// An answered request, for log and metrics: no ids, no filters (docs/api.md, "Privacy").
    public struct Observation: Sendable {
        /// The route's template; `page` or `unknown`.
        public var route: String
        /// The request's method.
        public var method: String
        /// The answer's status.
        public var status: Int
        /// How long it took, in microseconds.
        public var micros: Int64
        /// The request's id.
        public var requestID: String
        /// What went wrong, where it is the service's fault or a token's.
        public var fault: String?
    }

    let store: any AskableStore
    let limits: Limits
    let rules: StoreRules
    let streams: Streams
    let comparisons: Comparisons
    let aside: AskedAside
    let surroundings: Surroundings
    let cookies: SignInCookies
    /// Makes ETags unguessable, and different after each start.
    private let seed = UInt64.random(in: .min ... .max)

    var version: String { surroundings.version }
    var clock: APIClock { surroundings.clock }
    var access: (any AccessChecking)? { surroundings.access }
    var audit: (any AuditKeeping)? { surroundings.audit }
    var knownEvents: Set<String>? { surroundings.knownEvents }

    /// Reads the rules that the store was made under.
    public init(store: any AskableStore, limits: Limits = Limits(), surroundings: Surroundings) throws {
        self.store = store
        self.limits = limits
        self.surroundings = surroundings
        rules = try store.ask(within: 10) { try StoreRules($0) }
        streams = Streams(all: limits.streams, reader: limits.streamsOfReader, clock: surroundings.wall)
        aside = AskedAside()
        comparisons = Comparisons(clock: surroundings.wall)
        cookies = SignInCookies(isSecure: surroundings.isSecure)
    }

    /// The answer to a request; nil where the path is none of this service's.
    public func answer(_ request: HTTPRequest) -> HTTPResponse? {
        let startedAt = surroundings.wall()
        let requestID = Self.requestID(request)
        var observation = Observation(
            route: "unknown", method: request.method, status: 0, micros: 0, requestID: requestID)
        let isAPI = request.segments.starts(with: ["analytics", "v1"])
        var response: HTTPResponse
        do {
            let data = isAPI ? nil : try PageData.find(request)
            try checkOrigin(request, isAPI: isAPI || data != nil)
            if isAPI {
                response = try api(request, requestID, &observation)
            } else if let data {
                response = try answer(
                    request, data.route, data.objects, data.form, requestID, &observation)
            } else if let page = PageFiles.answer(request) {
                observation.route = "page"
                guard request.method == "GET" || request.method == "HEAD" else {
                    throw Self.wrongMethod("GET, HEAD")
                }
                response = page
            } else {
                return nil
            }
        } catch {
            let problem = Self.problem(error)
            if problem.kind.status >= 500, problem.kind != .tooManyStreams {
                observation.fault = problem.detail
            }
            response = problem.answer(path: String(request.path.prefix(1000)), requestID: requestID)
        }
        response.headers.append(("X-Request-Id", requestID))
        response.headers += PageFiles.securityHeaders
        if surroundings.isSecure {
            response.headers.append(("Strict-Transport-Security", "max-age=31536000"))
        }
        response = compressed(response, request)
        observation.status = response.status
        observation.micros = surroundings.wall() - startedAt
        surroundings.observe(observation)
        return response
    }

    /// The answer where the server itself refuses a request, or nobody else has the path.
    public func refusal(_ status: Int, path: String = "") -> HTTPResponse {
        let problem =
            switch status {
            case 404:
                Problem(
                    kind: .notFound, title: "No such address", detail: "There is nothing at this address.",
                    hint: "/openapi.json lists what there is.")
            case 413:
                Problem(
                    kind: .tooLarge, title: "Too large", detail: "The request's body is too long.",
                    hint: "No route takes a body.")
            default:
                Problem(
                    kind: .busy, title: "Busy", detail: "Too many requests wait to be answered.",
                    hint: "Try again in two seconds.", headers: [("Retry-After", "2")])
            }
        return problem.answer(path: path, requestID: Self.freshID())
    }

    // MARK: - One request

    private func api(_ request: HTTPRequest, _ requestID: String, _ observation: inout Observation) throws
        -> HTTPResponse
    {
        let path = request.segments.dropFirst(2)
        if path == ["sign-in"] || path == ["sign-out"] {
            observation.route = path.first ?? ""
            guard request.method == "POST" else { throw Self.wrongMethod("POST") }
            return path == ["sign-in"] ? try signIn(request) : cookies.signOut(request)
        }
        guard let (route, objects) = Route.find(path) else {
            throw Problem(
                kind: .notFound, title: "No such route", detail: "There is no such route.",
                hint: "/openapi.json lists all routes.")
        }
        return try answer(request, route, objects, .json, requestID, &observation)
    }

    private func answer(
        _ request: HTTPRequest, _ route: Route, _ objects: [String], _ form: PageData.Form,
        _ requestID: String, _ observation: inout Observation
    ) throws -> HTTPResponse {
        observation.route = route.template
        guard request.method == "GET" || request.method == "HEAD" else { throw Self.wrongMethod("GET, HEAD") }
        let reader = try reader(of: request)
        var entry = AuditEntry(
            at: surroundings.wall(), who: reader.name, role: reader.role.rawValue, route: route.template,
            object: objects.first.map { String($0.prefix(300)) }, filters: Self.filters(of: request),
            status: 0, rows: 0,
            requestID: requestID, address: request.address)
        do {
            guard route.admits(reader) else { throw Self.forbidden(route, reader) }
            for object in objects where object.unicodeScalars.count > 300 || object.utf8.contains(0) {
                throw Parameters.problem([("id", "is longer than 300 characters, or holds a NUL character")])
            }
            let csv = form == .csv ? route.csv : nil
            let parameters = try Parameters(request.query, rules: csv?.parameters ?? route.parameters)
            let (response, rows, streamed) = try store.ask(within: limits.statementSeconds) { conversation in
                try respond(
                    to: request, csv?.answer ?? route.answer,
                    of: route, isRevalidated: route.isRevalidated && csv == nil, isKept: route.isKept,
                    objects, parameters, reader,
                    conversation)
            }
            entry.status = response.status
            entry.rows = request.method == "HEAD" && streamed != nil ? 0 : rows
            try keep(entry, of: route)
            if request.method != "HEAD" { streamed?.begin(entry) }
            return response
        } catch {
            entry.status = Self.problem(error).kind.status
            if entry.status != 500 { try keep(entry, of: route) }
            throw error
        }
    }

    private func respond(
        to request: HTTPRequest, _ answer: (Call) throws -> Answer, of route: Route, isRevalidated: Bool,
        isKept: Bool, _ objects: [String], _ parameters: Parameters, _ reader: Reader,
        _ conversation: any StoreConversation
    ) throws -> (HTTPResponse, rows: Int?, StreamedRows?) {
        var asOf = try AsOf(conversation, clock: clock, wall: surroundings.wall())
        asOf.tellsEvents = reader.merchants == nil
        let call = Call(
            Question(
                request: request, objects: objects, parameters: parameters, reader: reader, api: self,
                asOf: asOf),
            store: conversation)
        let tag = tag(of: request, reader, asOf)
        var headers: [(name: String, value: String)] = [
            ("Cache-Control", isRevalidated && isKept ? "private, no-cache" : "no-store"),
            ("Vary", "Authorization, Cookie, Accept-Encoding"),
        ]
        if isRevalidated {
            let known = request.header("If-None-Match")?.split(separator: ",").map { $0.filter { $0 != " " } }
            headers.append(("ETag", tag))
            if known?.contains(tag) == true {
                return (HTTPResponse(status: 304, headers: headers, body: .bytes([])), 0, nil)
            }
        }
        switch try answer(call) {
        case .json(let out, let rows):
            headers.append(("Content-Type", "application/json"))
            return (HTTPResponse(status: 200, headers: headers, body: .bytes(out.bytes)), rows, nil)
        case .text(let text):
            headers.append(("Content-Type", "text/plain; charset=utf-8"))
            return (HTTPResponse(status: 200, headers: headers, body: .bytes(Array(text.utf8))), 1, nil)
        case .html(let document):
            headers.append(("Content-Type", "text/html; charset=utf-8"))
            return (HTTPResponse(status: 200, headers: headers, body: .bytes(Array(document.utf8))), 1, nil)
        case .csv(let name, let pieces):
            headers.append(("Content-Type", "text/csv; charset=utf-8; header=present"))
            headers.append(("Content-Disposition", "attachment; filename=\"\(name)\""))
            let streamed = StreamedRows(pieces) { entry in
                var entry = entry
                entry.at = self.surroundings.wall()
                try self.keep(entry, of: route)
            }
            return (
                HTTPResponse(status: 200, headers: headers, body: .fallibleStream { try streamed.next() }),
                nil, streamed
            )
        case .events(let pieces):
            headers.append(("Content-Type", "text/event-stream"))
            return (HTTPResponse(status: 200, headers: headers, body: .stream(pieces)), nil, nil)
        case .ready(let response): return (response, 0, nil)
        }
    }

    private func keep(_ entry: AuditEntry, of route: Route) throws {
        guard route.isAudited, let audit else { return }
        do {
            try audit.append(entry)
        } catch {
            // What cannot be recorded is not answered.
            throw QuestionFailure.unavailable("the audit cannot be written: \(error)")
        }
    }

    /// Changes with the store, the address, the reader's rights, and beside a live queue every five seconds.
    private func tag(of request: HTTPRequest, _ reader: Reader, _ asOf: AsOf) -> String {
        var hash = Fingerprint.value(of: asOf.version.utf8, from: seed)
        hash = Fingerprint.value(of: request.target.utf8, from: hash)
        let rights =
            "\(reader.name) \(reader.role.rawValue) \(reader.merchants?.joined(separator: ",") ?? "*")"
        hash = Fingerprint.value(of: rights.utf8, from: hash)
        switch clock {
        case .wall: hash = Fingerprint.value(of: "\(asOf.now / 5_000_000)".utf8, from: hash)
        case .lastEvent: break
        }
        return "W/\"\(String(hash, radix: 36))\""
    }

    // MARK: - Odds and ends

    static func problem(_ error: any Error) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case QuestionFailure.tooSlow(let seconds):
            return Problem(
                kind: .tooSlow, title: "Too slow",
                detail: "The store needed more than \(InstantFormat.length(seconds)) and was stopped.",
                hint: "Ask for a shorter range, or use more filters.", headers: [("Retry-After", "2")])
        case QuestionFailure.busy:
            return Problem(
                kind: .busy, title: "Busy", detail: "All connections to the store are in use.",
                hint: "Try again in two seconds.", headers: [("Retry-After", "2")])
        case QuestionFailure.unavailable(let text):
            return Problem(
                kind: .storeUnavailable, title: "The store does not answer", detail: text,
                hint: "It is tried anew with each request.", headers: [("Retry-After", "5")])
        default:
            return Problem(
                kind: .internal, title: "A fault of the service",
                detail: "The service could not answer this.",
                hint: "Report it with the request_id.")
        }
    }

    private static func wrongMethod(_ allowed: String) -> Problem {
        Problem(
            kind: .methodNotAllowed, title: "Wrong method", detail: "This address takes \(allowed) only.",
            hint: "See /openapi.json.", headers: [("Allow", allowed)])
    }

    private static func requestID(_ request: HTTPRequest) -> String {
        guard let given = request.header("X-Request-Id"), !given.isEmpty, given.utf8.count <= 64,
            given.utf8.allSatisfy({ byte in
                switch byte {
                case 48...57, 65...90, 97...122, 45, 95, 46: true
                default: false
                }
            })
        else { return freshID() }
        return given
    }

    private static func freshID() -> String {
        let hex = String(UInt64.random(in: .min ... .max), radix: 16)
        return String(repeating: "0", count: 16 - hex.count) + hex
    }

    private static func filters(of request: HTTPRequest) -> String {
        String((request.target.split(separator: "?", maxSplits: 1).dropFirst().first ?? "").prefix(1000))
    }

    private func compressed(_ response: HTTPResponse, _ request: HTTPRequest) -> HTTPResponse {
        guard case .bytes(let bytes) = response.body, bytes.count > 1000,
            request.header("Accept-Encoding")?.lowercased().contains("gzip") == true
        else { return response }
        var response = response
        response.body = .bytes(surroundings.compress(bytes))
        response.headers.append(("Content-Encoding", "gzip"))
        if !response.headers.contains(where: { $0.name == "Vary" }) {
            response.headers.append(("Vary", "Accept-Encoding"))
        }
        return response
    }
}
