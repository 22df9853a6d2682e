public import SessionCore

/// What is recorded of a batch beside its events: a row of `ingestion_batches`.
public struct BatchRecord: Equatable, Sendable {
    /// The `transport` column.
    public var transport: String
    /// The `origin` column.
    public var origin: String
    /// The `received` column.
    public var received: Int
    /// The `accepted` column.
    public var accepted: Int
    /// The `duplicates` column.
    public var duplicates: Int
    /// The `rejected` column.
    public var rejected: Int
    /// The `skipped` column.
    public var skipped: Int
    /// Of a stream; nil elsewhere.
    public var firstOffset: Int64?
    /// The `last_offset` column.
    public var lastOffset: Int64?
    /// What tells the message at the last offset from others; kept with how far the stream was read, not in the row.
    public var lastFingerprint: String?
    /// The `started_at` column.
    public var startedAt: Instant
    /// The `committed_at` column.
    public var committedAt: Instant

    /// All columns but the key.
    public init(
        transport: String, origin: String, received: Int, accepted: Int, duplicates: Int, rejected: Int,
        skipped: Int, firstOffset: Int64?, lastOffset: Int64?, lastFingerprint: String? = nil,
        startedAt: Instant, committedAt: Instant
    ) {
        self.transport = transport
        self.origin = origin
        self.received = received
        self.accepted = accepted
        self.duplicates = duplicates
        self.rejected = rejected
        self.skipped = skipped
        self.firstOffset = firstOffset
        self.lastOffset = lastOffset
        self.lastFingerprint = lastFingerprint
        self.startedAt = startedAt
        self.committedAt = committedAt
    }
}

/// A message that could not become an event: a row of `rejected_events`.
public struct RejectedMessage: Equatable, Sendable {
    /// The `received_at` column.
    public var receivedAt: Instant
    /// The `transport` column.
    public var transport: String
    /// The file and line, or the queue, it came from.
    public var origin: String
    /// The `reason` column.
    public var reason: String
    /// The `detail` column.
    public var detail: String
    /// The `headers` column: a JSON object, of a message that had any.
    public var headers: String?
    /// The `body` column.
    public var body: [UInt8]

    /// All columns.
    public init(
        receivedAt: Instant, transport: String, origin: String, reason: String, detail: String,
        headers: String? = nil, body: [UInt8]
    ) {
        self.receivedAt = receivedAt
        self.transport = transport
        self.origin = origin
        self.reason = reason
        self.detail = detail
        self.headers = headers
        self.body = body
    }
}

/// How far what a store holds has come: the table `freshness`.
public struct StoredFreshness: Equatable, Sendable {
    /// So far ahead of the clock, in microseconds, an event is still taken for a new one. One further ahead says nothing of how
    /// far the events have come: a single wrong clock would hide that no more come.
    public static let tolerance: Microseconds = 60_000_000

    /// The newest time of an event that was not ahead of the clock; nil where none is stored.
    public var lastEvent: Instant?
    /// When a batch was committed last.
    public var lastCommit: Instant

    /// Both.
    public init(lastEvent: Instant?, lastCommit: Instant) {
        self.lastEvent = lastEvent
        self.lastCommit = lastCommit
    }

    /// The newest time of some events: of all, and of those that are not ahead of a clock.
    public static func newest(of events: [Event], at now: Instant) -> (of: Instant?, past: Instant?) {
        let times = events.lazy.map(\.time)
        return (times.max(), times.filter { $0 <= now + tolerance }.max())
    }
}

/// A store of facts and of the tables derived from them.
public protocol SessionStoring: AnyObject, EntitySource {
    /// Begins the one transaction of a batch: what the engine reads while it applies the batch, and what
    /// ``commit(_:bytes:rejected:batch:)`` writes.
    /// - Parameter alone: Whether no other partition's writer may have a batch begun until this one has ended.
    /// - Returns: How much of what is in memory is still so; the rest is to be forgotten before the batch is applied.
    func begin(alone: Bool) throws -> StoreMemory

    /// Takes the keys that the messages of the batch that was begun were split over partitions by, until its end: nobody
    /// else writes meanwhile what belongs to them. Each is named once.
    /// - Returns: Whether no other partition has written anything of theirs since this writer did. Where it is false, what
    ///   is in memory is no copy of the store any more, and is to be forgotten before the batch is applied.
    func claim(_ partitionKeys: [String]) throws -> Bool

    /// Tells whom the events of the batch that was begun name, where its messages were split over partitions.
    ///
    /// Robots, pilots and deliveries of one market have one partition key, as a rule; merchants trade in several. An event that
    /// names nobody but a merchant joins sessions of all of them, which other partitions' writers have in memory. And who is
    /// named under another key than before is in the memory of whose key that was.
    /// - Parameters:
    ///   - named: Each once.
    ///   - merchants: By whom events join, because they name nobody else.
    ///   - earliest: When the first of these events happened.
    func register(_ named: [NamedEntity], joining merchants: [String], since earliest: Instant) throws
        -> NamingOutcome

    /// Asks, when the batch that was begun has been applied and before it is committed, whether it may be written beside those
    /// of other partitions: whether all that it had to do with belongs to its own partition keys. One that was begun alone may.
    /// - Parameters:
    ///   - touched: What the batch had to do with.
    ///   - partitionKeys: The batch's.
    func mayCommit(_ touched: TouchedEntities, of partitionKeys: [String]) throws -> Bool

    /// Whether ``prefetch(_:bytes:)`` is worth the while: where each question costs a way to a server and back.
    var wantsExpectations: Bool { get }

    /// Reads at once what the batch that was begun will ask for.
    /// - Parameter bytes: What the events' ranges refer to.
    func prefetch(_ expectation: Expectation, bytes: UnsafeRawPointer) throws

    /// Ends a batch that came to nothing. Does nothing where none was begun.
    func rollback()

    /// Writes a batch and ends its transaction: its new events, the changed rows, the rejects, its own row.
    /// When it throws, nothing of it is stored, and the transaction has ended.
    ///
    /// Where the batch's record has a `lastOffset`, that is from then on the ``committedPlace(transport:origin:)``
    /// of its transport and origin, by the same transaction: what is stored and where reading goes on never differ.
    /// (The last one written, not the highest: a stream that was rewound goes on from where the rewinding got to.)
    /// - Parameter bytes: What the events' ranges refer to.
    func commit(
        _ changes: Changes, bytes: UnsafeRawPointer, rejected: [RejectedMessage], batch: BatchRecord) throws

    /// The last offset of a stream that was stored; nil where none was.
    func committedPlace(transport: String, origin: String) throws -> (offset: Int64, fingerprint: String?)?

    /// How far what came by a transport has come; where nothing has come by it yet, how far everything has. nil where
    /// the store is empty.
    func freshness(ofTransport transport: String) throws -> StoredFreshness?

    /// Whether the events of this time were dropped because of their age. Such an event cannot be told from one that was
    /// stored before: it is refused, or it would count twice.
    func isRetired(_ instant: Instant) -> Bool

    /// How often a connection to a server that was lost was made anew.
    var reconnections: Int { get }

    /// Lets go of the store.
    func close()
}

extension SessionStoring {
    /// There is one writer, and nothing is split.
    public func claim(_ partitionKeys: [String]) throws -> Bool { true }
    /// There is one writer, and nothing is split.
    public func register(_ named: [NamedEntity], joining merchants: [String], since earliest: Instant) throws
        -> NamingOutcome
    { .registered(new: [], crossing: []) }
    /// There is one writer, and nothing is split.
    public func mayCommit(_ touched: TouchedEntities, of partitionKeys: [String]) throws -> Bool { true }
    /// A question costs next to nothing.
    public var wantsExpectations: Bool { false }
    /// Not worth the while.
    public func prefetch(_ expectation: Expectation, bytes: UnsafeRawPointer) throws {}
    /// Nothing is dropped.
    public func isRetired(_ instant: Instant) -> Bool { false }

    /// None: there is no server.
    public var reconnections: Int { 0 }
}

/// Something a store could not do.
public struct StoreError: Error, CustomStringConvertible, Sendable {
    /// What it is about, for a program to decide by.
    public enum Kind: String, CaseIterable, Sendable {
        /// It is not there, or may not be opened.
        case cannotOpen = "cannot_open"
        /// Another writer holds it.
        case busy
        /// Its disk is full.
        case full
        /// What is stored is not what this program stored.
        case damaged
        /// It was made under other rules.
        case otherRules = "other_rules"
        /// It was made by a newer version of this program.
        case newerSchema = "newer_schema"
        /// Its tables are missing or older than this program, and may not be made.
        case needsMigration = "needs_migration"
        /// The connection was refused or lost, or the server is starting or stopping. Of a commit the outcome is
        /// unknown.
        case unavailable
        /// Another transaction, a lock or a time-out stood in the way; nothing of the batch is stored.
        case conflict
        /// Another replica has taken over what this writer was working on: nothing of it may be written any more.
        case fenced
        /// The role may not do this.
        case denied
        /// Anything else; trying again will not help.
        case failed

        /// Whether the same may succeed later without anybody changing anything.
        public var isTransient: Bool {
            switch self {
            case .busy, .full, .unavailable, .conflict: true
            case .cannotOpen, .damaged, .otherRules, .newerSchema, .needsMigration, .fenced, .denied, .failed:
                false
            }
        }

        /// Whether this program and the store do not go together: what either of them is has to change first.
        public var isMismatch: Bool {
            switch self {
            case .otherRules, .newerSchema, .damaged: true
            case .cannotOpen, .busy, .full, .needsMigration, .unavailable, .conflict, .fenced, .denied,
                .failed:
                false
            }
        }
    }

    /// What it is about.
    public let kind: Kind
    /// What went wrong and where.
    public let message: String
    /// What to do about it.
    public let hint: String?

    /// All parts.
    public init(_ kind: Kind, _ message: String, hint: String? = nil) {
        self.kind = kind
        self.message = message
        self.hint = hint
    }

    /// Both, for people.
    public var description: String { hint.map { "\(message)\n  hint: \($0)" } ?? message }
}
