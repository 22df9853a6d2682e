internal import HTTPServer

/// What went wrong, as RFC 9457 tells it, with what to do about it.
struct Problem: Error {
    /// The last word of `type`.
    var kind: Kind
    var title: String
    var detail: String
    var hint: String?
    var errors: [(parameter: String, problem: String)] = []
    var near: [String] = []
    /// Sessions to choose from, as JSON.
    var choices: [UInt8]?
    var headers: [(name: String, value: String)] = []

    /// What `type` names, and its status.
    enum Kind: String {
        case badRequest = "bad-request"
        case unauthenticated, forbidden
        case notFound = "not-found"
        case methodNotAllowed = "method-not-allowed"
        case tooLarge = "too-large"
        case unusableParameter = "unusable-parameter"
        case severalSessions = "several-sessions"
        case tooManyStreams = "too-many-streams"
        case busy
        case tooSlow = "too-slow"
        case storeUnavailable = "store-unavailable"
        case `internal`

        var status: Int {
            switch self {
            case .badRequest: 400
            case .unauthenticated: 401
            case .forbidden: 403
            case .notFound: 404
            case .methodNotAllowed: 405
            case .tooLarge: 413
            case .unusableParameter: 422
            case .severalSessions: 300
            case .tooManyStreams, .busy, .tooSlow, .storeUnavailable: 503
            case .internal: 500
            }
        }
    }

    static func unknown(_ what: String, _ id: String, hint: String? = nil, near: [String] = []) -> Problem {
        let kinds =
            what == "session" ? "delivery, demand, trip, quote or offer" : what
        return Problem(
            kind: .notFound, title: "No such \(what == "session" ? "delivery" : what)",
            detail: "No \(kinds) is known as \(id.prefix(100)).",
            hint: hint ?? "Check the id; `search?q=` finds ids by a part of them.", near: near)
    }

    /// The answer that tells it.
    func answer(path: String, requestID: String) -> HTTPResponse {
        var out = JSONWriter()
        out.object { out in
            out.text("type", "/problems/\(kind.rawValue)")
            out.text("title", title)
            out.integer("status", kind.status)
            out.text("detail", detail)
            out.text("instance", path)
            if let hint { out.text("hint", hint) }
            out.text("request_id", requestID)
            if !errors.isEmpty {
                out.array("errors") { out in
                    for error in errors {
                        out.object(nil) { out in
                            out.text("parameter", error.parameter)
                            out.text("problem", error.problem)
                        }
                    }
                }
            }
            if !near.isEmpty { out.texts("near", near) }
            if let choices { out.raw("choices", String(decoding: choices, as: UTF8.self)) }
        }
        return HTTPResponse(
            status: kind.status,
            headers: [("Content-Type", "application/problem+json"), ("Cache-Control", "no-store")] + headers,
            body: .bytes(out.bytes))
    }
}
