public import EventDecoding
internal import MessageBatches
public import SessionCore
public import SessionStore

/// What a source knows of a batch beside its messages.
public struct BatchDetails {
    /// Whether a message's position tells it apart: a line's number, an offset. A message of a queue has none.
    public var hasPositions: Bool
    /// First and last offset of a stream's messages; stored with the batch.
    public var offsets: ClosedRange<Int64>?
    /// Where a stream is gone on with once the batch is committed; stored with it.
    public var lastPlace: StreamPlace?
    /// What its messages were split over partitions by; none where they were not.
    public var partitionKeys: [String]
    /// Which of them a message has, by its index in the batch.
    public var partitionKey: (Int) -> Int
    /// A message's headers as a JSON object, by its index in the batch; kept where it is rejected.
    public var headers: (Int) -> String?

    /// The defaults are those of an archive.
    public init(
        hasPositions: Bool = true, offsets: ClosedRange<Int64>? = nil, lastPlace: StreamPlace? = nil,
        partitionKeys: [String] = [],
        partitionKey: @escaping (Int) -> Int = { _ in 0 }, headers: @escaping (Int) -> String? = { _ in nil }
    ) {
        self.hasPositions = hasPositions
        self.offsets = offsets
        self.lastPlace = lastPlace
        self.partitionKeys = partitionKeys
        self.partitionKey = partitionKey
        self.headers = headers
    }
}

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

    /// Where a batch is, for whoever wants to know exactly (tests that kill the program there).
    public enum Mark: String, CaseIterable, Sendable {
        /// The transaction has begun and the engine has applied the batch; nothing is written.
        case applied
        /// The transaction is committed; its source has not been told.
        case committed
    }

    /// What came of a batch that was committed.
    public struct Committed {
        /// Its row in `ingestion_batches`.
        public var record: BatchRecord
        /// What it changed.
        public var changes: Changes
        /// What could not be read.
        public var rejections: [Rejection]
        /// How many were refused because the events of their time were dropped for their age.
        public var retiredCount: Int
        /// Whether another partition had written last what its partition keys stand for.
        public var hasMovedKeys: Bool
        /// Whether no other partition wrote meanwhile.
        public var wasAlone: Bool
        /// Robots, pilots and sessions that belonged to another partition key until now.
        public var crossing: [NamedEntity]
        /// How long writing and committing took.
        public var commitTime: Microseconds
    }

    /// Where the messages went so far.
    public private(set) var totals = IngestTotals()
    /// Told after each commit.
    public var onCommit: ((Committed) -> Void)?
    /// Told where a batch is.
    public var onMark: ((Mark) -> Void)?

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
    /// - Parameters:
    ///   - details: What the source knows of the batch beside its messages.
    ///   - clock: Now, in microseconds since the epoch; asked at the beginning, before and after the commit.
    public func ingest(
        _ decoded: DecodedBatch, _ details: BatchDetails = BatchDetails(), clock: () -> Instant
    ) throws {
        let startedAt = clock()
        let batch = decoded.batch
        do {
            let (opening, retired, changes) = try apply(decoded, details, at: startedAt)
            onMark?(.applied)
            var rejected = decoded.rejections.map {
                reject($0.message, $0.reason, $0.detail, batch, details, at: startedAt)
            }
            rejected += retired
            let record = BatchRecord(
                transport: settings.transport, origin: batch.origins.first ?? "",
                received: batch.messages.count, accepted: changes.accepted.count,
                duplicates: changes.duplicateCount, rejected: rejected.count, skipped: decoded.skippedCount,
                firstOffset: details.offsets?.lowerBound, lastOffset: details.offsets?.upperBound,
                lastFingerprint: details.lastPlace?.fingerprint,
                startedAt: startedAt, committedAt: clock())
            try store.commit(changes, bytes: batch.bytes, rejected: rejected, batch: record)
            // Sessions of other partitions came to memory: they are theirs again.
            if opening.isAlone { engine.forgetEverything() }
            onMark?(.committed)
            totals.received += batch.messages.count
            totals.accepted += changes.accepted.count
            totals.duplicates += changes.duplicateCount
            totals.unequalTwins += changes.unequalTwinCount
            totals.overLinkedIDs += Int(changes.overLinkedIDs)
            totals.skipped += decoded.skippedCount
            for rejection in decoded.rejections { totals.rejected[rejection.reason, default: 0] += 1 }
            if !retired.isEmpty { totals.rejected[.beforeRetention, default: 0] += retired.count }
            totals.batches += 1
            onCommit?(
                Committed(
                    record: record, changes: changes, rejections: decoded.rejections,
                    retiredCount: retired.count, hasMovedKeys: opening.hasMovedKeys,
                    wasAlone: opening.isAlone, crossing: opening.crossing,
                    commitTime: clock() - record.committedAt))
        } catch {
            store.rollback()
            engine.forgetEverything()
            throw error
        }
        engine.evict(limit: settings.maxResidentEntities)
    }

    /// Begins a batch and takes its events through the engine. What has to do with other partitions' entities is begun anew,
    /// alone.
    private func apply(
        _ decoded: DecodedBatch, _ details: BatchDetails, at startedAt: Instant
    ) throws -> (Opening, retired: [RejectedMessage], Changes) {
        let bytes = decoded.batch.bytes
        engine.notesTouched = !details.partitionKeys.isEmpty
        var isAlone = false
        while true {
            if let opening = try open(decoded, details, alone: isAlone) {
                let retired = takeRetired(decoded, details, at: startedAt)
                if store.wantsExpectations {
                    try engine.expect(events, bytes: bytes, source: store) {
                        try store.prefetch($0, bytes: bytes)
                    }
                }
                let changes = try engine.apply(events, bytes: bytes, source: store)
                if try store.mayCommit(engine.touched, of: details.partitionKeys) {
                    return (opening, retired, changes)
                }
                engine.forgetEverything()
            }
            store.rollback()
            isAlone = true
        }
    }

    /// What is known of a batch once its transaction has begun.
    private struct Opening {
        var hasMovedKeys = false
        var isAlone = false
        var crossing: [NamedEntity] = []
    }

    /// Begins a batch and makes its events.
    /// - Returns: Nil where it joins sessions of other partitions, or names whom they name: then it is to be begun anew, alone.
    private func open(_ decoded: DecodedBatch, _ details: BatchDetails, alone: Bool) throws -> Opening? {
        var opening = Opening(isAlone: alone)
        switch try store.begin(alone: alone) {
        case .current: break
        case .joinsAreOld: engine.forgetJoins()
        case .old: engine.forgetEverything()
        }
        if !details.partitionKeys.isEmpty, try !store.claim(details.partitionKeys) {
            opening.hasMovedKeys = true
            engine.forgetEverything()
        }
        EventDecoder.events(of: decoded, symbols: symbols, into: &events)
        if details.partitionKeys.isEmpty { return opening }
        let names = BatchNames(
            of: events, symbols, partitionKeys: details.partitionKeys,
            keyOfEvent: { details.partitionKey(decoded.message(ofEvent: $0)) })
        switch try store.register(names.all, joining: names.joining, since: names.earliestJoining) {
        case .registered(let new, let crossing):
            engine.forgetLanes(ofMerchants: names.merchants(among: new))
            opening.crossing = crossing
            return opening
        case .needsExclusiveWrite: return nil
        }
    }

    /// The row of `rejected_events` of a message, by its index in the batch.
    private func reject(
        _ index: Int, _ reason: RejectReason, _ detail: String, _ batch: MessageBatch,
        _ details: BatchDetails,
        at now: Instant
    ) -> RejectedMessage {
        let message = batch.messages[index]
        let origin = batch.origins[message.origin]
        return RejectedMessage(
            receivedAt: now, transport: settings.transport,
            origin: details.hasPositions ? "\(origin):\(message.position)" : origin,
            reason: reason.rawValue, detail: detail, headers: details.headers(index),
            body: Array(batch.bytes(of: message)))
    }

    /// Takes the events out whose time the store has dropped.
    private func takeRetired(
        _ decoded: DecodedBatch, _ details: BatchDetails, at now: Instant
    ) -> [RejectedMessage] {
        guard events.contains(where: { store.isRetired($0.time) }) else { return [] }
        var retired: [RejectedMessage] = []
        var kept: [Event] = []
        for (index, event) in events.enumerated() {
            guard store.isRetired(event.time) else {
                kept.append(event)
                continue
            }
            retired.append(
                reject(
                    decoded.message(ofEvent: index), .beforeRetention,
                    "the events of its month were dropped; it may have been counted before",
                    decoded.batch, details, at: now))
        }
        events = kept
        return retired
    }
}
