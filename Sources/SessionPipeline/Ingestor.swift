public import EventDecoding
internal import MessageBatches
public import SessionCore
public import SessionStore

/// Takes decoded batches through the engine into the store, one transaction each.
public final class Ingestor {
    /// What is fixed for a run.
    public struct Settings: Sendable {
        /// Session ids, robots' and pilots' stretches of time that stay in memory between batches.
        public var maxResidentEntities: Int
        /// The name under which batches and rejects are recorded: `archive`, `amqp`.
        public var transport: String

        /// Both.
        public init(maxResidentEntities: Int = 60_000, transport: String = "archive") {
            self.maxResidentEntities = maxResidentEntities
            self.transport = transport
        }
    }

    /// Where the messages went so far.
    public private(set) var totals = IngestTotals()

    private let engine: Engine
    private let symbols: SymbolTable
    private let store: any SessionStoring
    private let settings: Settings
    private var events: [Event] = []

    /// Over an engine and a store that share a table of symbols.
    public init(engine: Engine, symbols: SymbolTable, store: any SessionStoring, settings: Settings) {
        self.engine = engine
        self.symbols = symbols
        self.store = store
        self.settings = settings
    }

    /// Applies a batch and commits it. When it throws, nothing of the batch is stored, and it may be tried again.
    /// - Parameter clock: Now, in microseconds since the epoch; asked at the beginning and before the commit.
    public func ingest(_ decoded: DecodedBatch, clock: () -> Instant) throws {
        let startedAt = clock()
        EventDecoder.events(of: decoded, symbols: symbols, into: &events)
        let batch = decoded.batch
        do {
            try store.begin()
            let retired = takeRetired(decoded, at: startedAt)
            if store.wantsExpectations { try store.prefetch(engine.expectation(of: events)) }
            let changes = try engine.apply(events, bytes: batch.bytes, source: store)
            var rejected = decoded.rejections.map { rejection in
                let message = batch.messages[rejection.message]
                return RejectedMessage(
                    receivedAt: startedAt, transport: settings.transport,
                    origin: "\(batch.origins[message.origin]):\(message.position)",
                    reason: rejection.reason.rawValue, detail: rejection.detail,
                    body: Array(batch.bytes(of: message)))
            }
            rejected += retired
            let record = BatchRecord(
                transport: settings.transport, origin: batch.origins.first ?? "",
                received: batch.messages.count, accepted: changes.accepted.count,
                duplicates: changes.duplicateCount, rejected: rejected.count, skipped: decoded.skippedCount,
                firstOffset: nil, lastOffset: nil, startedAt: startedAt, committedAt: clock())
            try store.commit(changes, bytes: batch.bytes, rejected: rejected, batch: record)
            totals.received += batch.messages.count
            totals.accepted += changes.accepted.count
            totals.duplicates += changes.duplicateCount
            totals.unequalTwins += changes.unequalTwinCount
            totals.skipped += decoded.skippedCount
            for rejection in decoded.rejections { totals.rejected[rejection.reason, default: 0] += 1 }
            if !retired.isEmpty { totals.rejected[.beforeRetention, default: 0] += retired.count }
            totals.batches += 1
        } catch {
            store.rollback()
            engine.forgetEverything()
            throw error
        }
        engine.evict(limit: settings.maxResidentEntities)
    }
    /// Takes the events out whose time the store has dropped.
    private func takeRetired(_ decoded: DecodedBatch, at now: Instant) -> [RejectedMessage] {
        var retired: [RejectedMessage] = []
        let bytes = UnsafeRawPointer(decoded.batch.bytes)
        events.removeAll { event in
            guard store.isRetired(event.time) else { return false }
            retired.append(
                RejectedMessage(
                    receivedAt: now, transport: settings.transport, origin: decoded.batch.origins.first ?? "",
                    reason: RejectReason.beforeRetention.rawValue,
                    detail: "the events of its month were dropped; it may have been counted before",
                    body: Array(
                        UnsafeRawBufferPointer(
                            start: bytes + event.payload.offset, count: event.payload.length))))
            return true
        }
        return retired
    }
}
