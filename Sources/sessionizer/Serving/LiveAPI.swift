import Dispatch
import HTTPServer
import SessionAPI
import SessionPipeline
import Synchronization
import Telemetry

/// The API and the page of the live service: there as soon as the store is, with connections of its own, so that nobody
/// who reads holds up what is written.
final class LiveAPI: Sendable {
    private let offer: OfferedAPI?
    private let metrics: ReadersMetrics
    private let api = Mutex<SessionAPI?>(nil)

    /// - Parameter offer: Nil where nobody may ask: only probes and metrics are answered then.
    init(_ offer: OfferedAPI?, _ metrics: ReadersMetrics) {
        self.offer = offer
        self.metrics = metrics
    }

    /// Opens it as soon as that can be done, on a thread of its own.
    func begin(_ log: Log, _ stop: StopFlag) {
        guard let offer else { return }
        DispatchQueue(label: "sessionizer.api").async { [self] in
            var backOff = BackOff()
            while !stop.isSet {
                do {
                    let opened = try offer.open(metrics)
                    api.withLock { $0 = opened }
                    return log.write(.info, "api_open", "the page and /analytics/v1 answer")
                } catch {
                    log.write(.debug, "api_not_open", "\(error); trying again")
                    stop.wait(microseconds: backOff.next(random: .random(in: 0..<1)))
                }
            }
        }
    }

    func answer(_ request: HTTPRequest) -> HTTPResponse {
        if let api = api.withLock({ $0 }) {
            return api.answer(request)
        }
        guard let offer else { return SessionAPI.notOffered(request, isSecure: false) }
        let answer = SessionAPI.notOpenYet(request, isSecure: offer.isSecure)
        metrics.noteRefusal(answer.status)
        return answer
    }
}
