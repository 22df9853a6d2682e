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

    /// What messages are split over partitions by.
    public enum PartitionKey: Equatable, Sendable {
        /// Their routing key.
        case routingKey
        /// This header, a text (`hash-header` of the exchange).
        case header(String)

        var header: String? {
            switch self {
            case .routingKey: nil
            case .header(let name): name
            }
        }
    }

    /// What `--declare` makes where it is missing.
    public struct Topology: Equatable, Sendable {
        /// An exchange (topic, durable) that the queue is bound to; nil: the default one, by the queue's name.
        public var exchange: String?
        /// What of the exchange's goes to the queue.
        public var bindingKey: String
        /// All queues that share the messages by their partition key, this one among them: then the exchange is one that
        /// hashes (`x-consistent-hash`), each queue has an equal part, and of a queue's consumers one is active.
        public var partitions: [String]
        /// What partitions' names begin with; their common dead letter queue is called after it.
        public var stem: String?

        /// All parts.
        public init(
            exchange: String? = nil, bindingKey: String = "#", partitions: [String] = [], stem: String? = nil
        ) {
            self.exchange = exchange
            self.bindingKey = bindingKey
            self.partitions = partitions
            self.stem = stem
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
    /// By what its messages came to this queue and to none of its siblings; nil: it has none.
    public var partitionKey: PartitionKey?
    /// What to make; nil: only look whether the queue is there.
    public var topology: Topology?

    /// All parts.
    public init(
        name: String, kind: Kind = .quorum, prefetch: Int = 10_000, streamStart: StreamStart = .first,
        partitionKey: PartitionKey? = nil, topology: Topology? = nil
    ) {
        precondition((1...65535).contains(prefetch), "a prefetch fits 16 bits, and 0 would mean no limit")
        self.name = name
        self.kind = kind
        self.prefetch = prefetch
        self.streamStart = streamStart
        self.partitionKey = partitionKey
        self.topology = topology
    }

    /// Where the broker puts what it gives up on (a delivery limit, a length limit): with ``Topology`` only.
    public var deadLetterQueue: String { "\(topology?.stem ?? name).dead" }
}
