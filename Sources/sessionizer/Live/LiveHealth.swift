import AMQPSource
import HTTPServer
import SessionPipeline
import SessionStory
import Synchronization
import Telemetry

/// What of the live service works, for people and for Kubernetes: live, ready and caught up are three things.
///
/// - Live: the program itself works. Nothing outside of it counts: where it did, a broker that is down would have
///   every replica restarted for nothing.
/// - Ready: the store takes batches and the broker delivers.
/// - Caught up: what was published is in the tables, but for the last moments.
final class LiveHealth: Sendable {
    struct Part {
        var name: String
        var isWell: Bool
        var text: String
    }

    private struct StoreTrouble {
        var text: String
        /// The store is there, and only a lock or another transaction is in the way.
        var isBusy: Bool
        var shown: String { isBusy ? "busy: \(text)" : text }
    }

    private struct EngineState {
        /// By partition, or ``whole``: what works for one is no comfort to another.
        var storeTroubles: [Int: StoreTrouble] = [
            whole: StoreTrouble(text: "not opened yet", isBusy: false)
        ]
        var isStopping = false
        /// One that is away goes before one that is busy.
        var storeTrouble: StoreTrouble? {
            storeTroubles.min { ($0.value.isBusy ? 1 : 0, $0.key) < ($1.value.isBusy ? 1 : 0, $1.key) }?.value
        }
        var lastPublishLag: Double?
        /// Which writer is at a batch, by partition.
        var turns = TurnWatch()
        /// Which writers have a batch that is neither committed nor given back, also while they wait to try it again.
        var holding: Set<Int> = []
    }

    private let state = Mutex(EngineState())
    private let consumers: LiveConsumers
    private let metrics: LiveMetrics
    private let isStream: Bool

    /// Of the store as such, and of who has it to himself.
    static let whole = -1

    /// Seconds behind the publishers with which the service still counts as caught up.
    static let caughtUpSeconds = 5.0
    /// After so many microseconds without any message none is on its way.
    private static let stillness: Int64 = 5_000_000
    /// The connection's thread looks around four times a second; the longest it may wait inside the library is a
    /// few time-outs of ten seconds for each broker.
    private static let longestTurn: Int64 = 300_000_000
    /// Each statement of a batch has its time-out, and a batch that is tried again begins anew; by this time the broker has
    /// given its messages to another consumer (its acknowledgement time-out, 30 minutes by default).
    private static let longestBatch: Int64 = 1_800_000_000

    init(consumers: LiveConsumers, metrics: LiveMetrics, isStream: Bool) {
        self.consumers = consumers
        self.metrics = metrics
        self.isStream = isStream
    }

    /// A writer got through, or has ended.
    func storeWorks(_ part: Int = whole) { state.withLock { $0.storeTroubles[part] = nil } }
    /// A writer did not.
    func storeFails(_ reason: String, isBusy: Bool, _ part: Int = whole) {
        state.withLock { $0.storeTroubles[part] = StoreTrouble(text: reason, isBusy: isBusy) }
    }
    /// A writer begins with a batch, or tries it again.
    func batchBegins(_ part: Int) { state.withLock { $0.turns.begins(part, now: monotonicNow()) } }
    /// It is committed, or has failed.
    func batchEnds(_ part: Int) { state.withLock { $0.turns.ends(part) } }
    /// A writer has taken a batch, or is done with it.
    func holds(_ holds: Bool, _ part: Int) {
        state.withLock { state in
            if holds { state.holding.insert(part) } else { state.holding.remove(part) }
        }
    }
    /// Whether there is a batch that is neither committed nor given back.
    var holdsBatch: Bool { state.withLock { !$0.holding.isEmpty } }
    func stops() { state.withLock { $0.isStopping = true } }
    func committed(publishLag: Double?) { state.withLock { $0.lastPublishLag = publishLag } }

    // MARK: Judging

    func liveness(_ now: Int64 = monotonicNow()) -> [Part] {
        let status = consumers.status
        let age = status.lastTurn == 0 ? 0 : now - status.lastTurn
        let batch = state.withLock { $0.turns.longest(now) } ?? 0
        return [
            Part(
                name: "consumer_thread", isWell: age < Self.longestTurn,
                text: age < Self.longestTurn ? "turns" : "has not looked around for \(age / 1_000_000) s"),
            Part(
                name: "engine_thread", isWell: batch < Self.longestBatch,
                text: batch < Self.longestBatch ? "turns" : "has been at a batch for \(batch / 1_000_000) s"),
        ]
    }

    func readiness() -> [Part] {
        let state = state.withLock { $0 }
        let status = consumers.status
        let isIdle = consumers.isIdle
        var broker =
            status.isConnected
            ? "connected to \(status.broker)" : isIdle ? "not needed: no partition is held" : "not connected"
        if let trouble = status.trouble { broker += "; \(trouble)" }
        if status.isBlocked { broker += "; it takes no publishing" }
        let queue: String
        let shares = consumers.partitions.map { ", partitions \($0)" } ?? ""
        if isIdle {
            queue = "other replicas read it\(shares)"
        } else if status.isConsuming {
            queue = "deliveries come\(shares)"
        } else if state.storeTrouble != nil {
            queue = "waits for the store"
        } else {
            queue = "no deliveries; \(status.trouble ?? "not there yet")"
        }
        return [
            Part(
                name: "store", isWell: state.storeTrouble == nil,
                text: state.storeTrouble?.shown ?? "takes batches"),
            Part(name: "broker", isWell: status.isConnected || isIdle, text: broker),
            Part(name: "queue", isWell: status.isConsuming || isIdle, text: queue),
            Part(
                name: "running", isWell: !state.isStopping,
                text: state.isStopping ? "finishes the batch in hand and ends" : "yes"),
        ]
    }

    func freshness(_ now: Int64 = monotonicNow()) -> Part {
        let status = consumers.status
        func part(_ isWell: Bool, _ text: String) -> Part {
            Part(name: "caught_up", isWell: isWell, text: text)
        }
        if consumers.isIdle { return part(true, "no partition is held here") }
        guard status.isConsuming, state.withLock({ $0.storeTrouble == nil }) else {
            return part(false, "the store or the queue is missing")
        }
        if status.unacknowledged == 0 {
            if isStream {
                // What a stream holds tells nothing of what is left of it.
                if let since = status.consumingSince, now - max(since, status.lastDelivery) > Self.stillness {
                    return part(
                        true, "nothing has come of the stream for a while, all that came is committed")
                }
            } else if let depth = status.queueDepth {
                if depth == 0 { return part(true, "the queue is empty, all that came is committed") }
                let last = max(status.consumingSince ?? now, status.lastDelivery)
                if now - last > Self.stillness {
                    return part(
                        false,
                        "\(depth) messages are ready in the queue and none has come for \((now - last) / 1_000_000) s: "
                            + "another consumer has them, or it is a stream (--queue-type stream)")
                }
            }
        }
        if let time = state.withLock({ $0.turns.longest(now) }), time > Self.stillness {
            return part(false, "a batch has been in hand for \(time / 1_000_000) s")
        }
        guard let lag = state.withLock({ $0.lastPublishLag }) else {
            return part(
                false, "\(status.queueDepth.map(String.init) ?? "?") messages were ready in the queue")
        }
        return part(
            lag <= Self.caughtUpSeconds, "the last batch was committed \(Int(lag)) s after its publishing")
    }

    // MARK: Answering

    /// The answers to probes and scrapes, by their paths. All is known here already: none asks the store or the broker.
    var probes: [String: HTTPServer.Handler] {
        [
            "/livez": { _ in Self.probe(self.liveness()) },
            "/readyz": { _ in Self.probe(self.readiness()) },
            "/healthz": { _ in self.summary() },
            "/metrics": { _ in self.figures() },
        ]
    }

    private func figures() -> HTTPResponse {
        let trouble = state.withLock { $0.storeTrouble }
        return .text(
            metrics.render(
                consumers.status, isStoreUp: trouble?.isBusy ?? true, isStoreBusy: trouble?.isBusy ?? false),
            type: Metrics.contentType)
    }

    /// As Kubernetes' own probes answer: the status for machines, a line for each part for people.
    private static func probe(_ parts: [Part]) -> HTTPResponse {
        var text = ""
        for part in parts { text += "[\(part.isWell ? "+" : "-")] \(part.name): \(part.text)\n" }
        return .text(text, status: parts.allSatisfy(\.isWell) ? 200 : 503)
    }

    private func summary() -> HTTPResponse {
        let live = liveness()
        let ready = readiness()
        let fresh = freshness()
        var out = JSONText()
        out.object { out in
            out.flag("live", live.allSatisfy(\.isWell))
            out.flag("ready", ready.allSatisfy(\.isWell))
            out.flag("caught_up", fresh.isWell)
            for part in live + ready + [fresh] { out.string(part.name + "_text", part.text) }
        }
        return .text(
            out.text + "\n", status: live.allSatisfy(\.isWell) ? 200 : 503,
            type: "application/json; charset=utf-8")
    }
}
