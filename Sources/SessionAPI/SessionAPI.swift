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
        /// Seconds that a request waits for an answer that no index makes quick, before it is asked aside.
        public var momentSeconds = 0.03
        /// Rows of the fleet's figures by robot or zone: the hours of a thousand robots in a quarter of a year are two millions,
        /// which nobody reads and which would all be held at once.
        public var fleetRows = 200_000
        /// Listeners to changes, in all.
        public var streams = 256
        /// Listeners of one reader.
        public var streamsOfReader = 8
        /// What answers that are kept may take in memory, in bytes (``KeptAnswers``).
        public var keptBytes = 16 << 20
        /// Requests that wait to be answered; for `status`.
        public var requests = 512

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
        /// Microseconds since some instant, by a clock that nobody sets: for how long something took or is good for.
        public var elapsed: @Sendable () -> Int64
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
            elapsed: @escaping @Sendable () -> Int64,
            compress: @escaping @Sendable ([UInt8]) -> [UInt8],
            observe: @escaping @Sendable (Observation) -> Void = { _ in }
        ) {
            self.version = version
            self.clock = clock
            self.wall = wall
            self.elapsed = elapsed
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
    let kept: KeptAnswers
    let surroundings: Surroundings
    let cookies: SignInCookies
    /// Makes ETags unguessable, and different after each start.
    let seed = UInt64.random(in: .min ... .max)

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
        streams = Streams(all: limits.streams, reader: limits.streamsOfReader, clock: surroundings.elapsed)
        aside = AskedAside()
        kept = KeptAnswers(mostBytes: limits.keptBytes)
        comparisons = Comparisons(clock: surroundings.elapsed)
        cookies = SignInCookies(isSecure: surroundings.isSecure)
    }

    /// The answer to a request, whatever its path.
    public func answer(_ request: HTTPRequest) -> HTTPResponse {
        let startedAt = surroundings.elapsed()
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
            } else if let missing = PageFiles.missing(request) {
                response = missing
            } else {
                throw Problem(
                    kind: .notFound, title: "No such address", detail: "There is nothing at this address.",
                    hint: "/openapi.json lists what there is.")
            }
        } catch {
            let problem = Self.problem(error)
            if problem.kind.status >= 500, problem.kind != .tooManyStreams {
                observation.fault = problem.detail
            }
            response = problem.answer(path: String(request.path.prefix(1000)), requestID: requestID)
        }
        response = compressed(
            Self.signed(response, requestID: requestID, isSecure: surroundings.isSecure), request)
        observation.status = response.status
        observation.micros = surroundings.elapsed() - startedAt
        surroundings.observe(observation)
        return response
    }

    /// The answer where the server itself refuses a request.
    public func refusal(_ status: Int) -> HTTPResponse {
        Self.refusal(status, isSecure: surroundings.isSecure)
    }

    /// The same, where no store is open.
    public static func refusal(_ status: Int, isSecure: Bool) -> HTTPResponse {
        let problem =
            switch status {
            case 413:
                Problem(
                    kind: .tooLarge, title: "Too large", detail: "The request's body is too long.",
                    hint: "No route takes a body.")
            default:
                Problem(
                    kind: .busy, title: "Busy", detail: "Too many requests wait to be answered.",
                    hint: "Try again in two seconds.", headers: [("Retry-After", "2")])
            }
        return refusal(problem, isSecure: isSecure)
    }

    /// The answer where the store is not open yet.
    public static func notOpenYet(_ request: HTTPRequest, isSecure: Bool) -> HTTPResponse {
        refusal(
            Problem(
                kind: .storeUnavailable, title: "The store is not open yet",
                detail: "The service is there, its store not yet.",
                hint: "Try again in two seconds; /readyz says what is missing.",
                headers: [("Retry-After", "2")]), of: request, isSecure: isSecure)
    }

    /// The answer where questions are not answered at all.
    public static func notOffered(_ request: HTTPRequest, isSecure: Bool) -> HTTPResponse {
        refusal(
            Problem(
                kind: .notFound, title: "Not offered here",
                detail: "Only /livez, /readyz, /healthz and /metrics are answered here.",
                hint: "Serve with --tokens or --jwks, or on 127.0.0.1."), of: request, isSecure: isSecure)
    }

    /// - Parameter request: Nil where none was read.
    private static func refusal(
        _ problem: Problem, of request: HTTPRequest? = nil, isSecure: Bool
    ) -> HTTPResponse {
        let requestID = request.map(requestID) ?? freshID()
        let path = String(request?.path.prefix(1000) ?? "")
        return signed(
            problem.answer(path: path, requestID: requestID), requestID: requestID, isSecure: isSecure)
    }

    /// With the headers that each answer has.
    private static func signed(_ response: HTTPResponse, requestID: String, isSecure: Bool) -> HTTPResponse {
        var response = response
        response.headers.append(("X-Request-Id", requestID))
        response.headers += PageFiles.securityHeaders
        if isSecure { response.headers.append(("Strict-Transport-Security", "max-age=31536000")) }
        return response
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
}
