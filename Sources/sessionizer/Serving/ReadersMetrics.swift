import SessionAPI
import Synchronization
import Telemetry

/// What is asked of the API and the page: how much, with what success, and how long it takes.
final class ReadersMetrics: Sendable {
    private let all: Metrics
    private let requests: [Metrics.Handle]
    private let durations = Mutex<[String: Metrics.Handle]>([:])

    /// Of an answer an aim is 0.1 s, and a question may take 10 s.
    private static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    init(_ all: Metrics) {
        self.all = all
        // Of statuses by their first digit: as few series as there can be, each there from the start.
        requests = (1...5).map { digit in
            all.counter(
                "sessionizer_http_requests_total",
                "Requests to the API and the page that were answered or refused, by their status; not those of probes.",
                ["code": "\(digit)xx"])
        }
    }

    /// Of an answer.
    func note(_ observation: SessionAPI.Observation) {
        let duration = duration(observation.route)
        all.change { change in
            change.add(requests[Self.place(of: observation.status)], 1)
            change.observe(duration, CollectionOfOne(Double(observation.micros) / 1e6))
        }
    }

    /// Of what was answered though nothing was asked of the store: the server has too much to do, or no store yet.
    func noteRefusal(_ status: Int) { all.add(requests[Self.place(of: status)]) }

    private static func place(of status: Int) -> Int { min(max(status / 100, 1), 5) - 1 }

    /// Made with a route's first request: of seventy routes few are asked for.
    private func duration(_ route: String) -> Metrics.Handle {
        durations.withLock { durations in
            if let known = durations[route] { return known }
            let made = all.histogram(
                "sessionizer_http_request_duration_seconds",
                "From a request to its answer, or to the beginning of one that is streamed, by the route's template.",
                bounds: Self.bounds, ["route": route])
            durations[route] = made
            return made
        }
    }
}
