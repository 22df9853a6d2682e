internal import HTTPServer
internal import SessionStore

/// What goes wrong, as it is told.
extension SessionAPI {
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

    static func wrongMethod(_ allowed: String) -> Problem {
        Problem(
            kind: .methodNotAllowed, title: "Wrong method", detail: "This address takes \(allowed) only.",
            hint: "See /openapi.json.", headers: [("Allow", allowed)])
    }
}
