/// Which queue is read, and how.
public struct QueueSettings: Equatable, Sendable {
    /// What kind of queue it is (`x-queue-type`). A stream is read differently, so it has to be said.
    public enum Kind: String, CaseIterable, Sendable { case quorum, classic, stream }

    /// Where to begin in a stream (`x-stream-offset`) of which nothing was committed yet.
    public enum StreamStart: Equatable, Sendable {
        /// The oldest message there is.
        case first
        /// The last chunk of messages.
        case last
        /// What is published from now on.
        case next
        /// This offset, itself included.
        case offset(Int64)
        /// The chunk of messages that was written at this time (seconds since the epoch), or the next one.
        case time(Int64)
    }

    /// What `--declare` makes where it is missing.
    public struct Topology: Equatable, Sendable {
        /// An exchange (topic, durable) that the queue is bound to; nil: the default one, by the queue's name.
        public var exchange: String?
        /// What of the exchange's goes to the queue.
        public var bindingKey: String

        /// Both.
        public init(exchange: String? = nil, bindingKey: String = "#") {
            self.exchange = exchange
            self.bindingKey = bindingKey
        }
    }

    /// Its name.
    public var name: String
    /// What kind it is.
    public var kind: Kind
    /// How many deliveries may be unacknowledged (`basic.qos`).
    public var prefetch: Int
    /// Where to begin in a stream.
    public var streamStart: StreamStart
    /// What to make; nil: only look whether the queue is there.
    public var topology: Topology?

    /// All parts.
    public init(
        name: String, kind: Kind = .quorum, prefetch: Int = 4000, streamStart: StreamStart = .first,
        topology: Topology? = nil
    ) {
        precondition((1...65535).contains(prefetch), "a prefetch fits 16 bits, and 0 would mean no limit")
        self.name = name
        self.kind = kind
        self.prefetch = prefetch
        self.streamStart = streamStart
        self.topology = topology
    }

    /// Where the broker puts what it gives up on (a delivery limit, a length limit): with ``Topology`` only.
    public var deadLetterQueue: String { "\(name).dead" }
}
