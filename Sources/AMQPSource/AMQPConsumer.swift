internal import CRabbitMQ
internal import Dispatch
internal import Glibc
internal import MessageBatches
public import SessionPipeline
internal import Synchronization

/// Takes deliveries from a queue in batches, and acknowledges a batch when it was committed.
///
/// One thread of its own owns the connection (``run()``) and is always inside the library or waiting for a socket,
/// so heartbeats go out however slow the store is. The engine's thread takes batches and gives them back. What is in
/// memory is bounded by the prefetch: nothing is acknowledged, so nothing more is sent, before batches settle.
public final class AMQPConsumer: Sendable {
    /// All that is fixed.
    public struct Configuration: Sendable {
        /// Tried in order.
        public var brokers: [AMQPAddress]
        /// How they are reached now, where that may change. Asked for each attempt: a new password, or another user, is used as
        /// soon as a connection is made. Others than ``brokers`` are not heeded.
        public var currentBrokers: (@Sendable () -> [AMQPAddress])?
        /// What is read.
        public var queue: QueueSettings
        /// When a batch is handed over.
        public var batch: BatchCloser.Limits
        /// How the connection is called in the broker's lists.
        public var connectionName: String
        /// The program's version, for the same lists.
        public var version: String
        /// Bytes of messages that may be held: where messages are so large that the prefetch comes to more, the
        /// channel is given up once and the prefetch made smaller.
        public var maxHeldBytes = 256 << 20
        /// Told when an acknowledgement was written, by the connection's thread.
        public var onAcknowledged: (@Sendable () -> Void)?

        /// All parts.
        public init(
            brokers: [AMQPAddress], queue: QueueSettings, batch: BatchCloser.Limits = .init(),
            connectionName: String, version: String
        ) {
            precondition(!brokers.isEmpty, "there must be a broker to connect to")
            self.brokers = brokers
            self.queue = queue
            self.batch = batch
            self.connectionName = connectionName
            self.version = version
        }
    }

    /// What there is to see from outside.
    public struct Status: Sendable {
        /// Where the state machine is.
        public var state = ConsumerStateMachine.State.idle
        /// Whether batches come: the broker has agreed to deliver.
        public var isConsuming = false
        /// Whether there is a connection to a broker.
        public var isConnected = false
        /// The last thing that went wrong, until it consumes again.
        public var trouble: String?
        /// The broker of the connection, or of the last attempt.
        public var broker = ""
        /// Delivered, not acknowledged.
        public var unacknowledged = 0
        /// Bytes of deliveries in memory.
        public var heldBytes = 0
        /// How many deliveries may be unacknowledged now.
        public var prefetch = 0
        /// Messages ready in the queue when it was last looked at; nil before.
        public var queueDepth: Int?
        /// How often it was looked at.
        public var queueLooks = 0
        /// Deliveries so far.
        public var deliveries = 0
        /// Those of them that had been delivered before.
        public var redeliveries = 0
        /// Acknowledged so far.
        public var acknowledged = 0
        /// Connections that were opened.
        public var connections = 0
        /// Channels that were opened.
        public var channels = 0
        /// Whether the broker takes no publishing.
        public var isBlocked = false
        /// Since when it consumes, microseconds of the monotonic clock; nil while it does not.
        public var consumingSince: Int64? {
            switch state {
            case .consuming(_, _, let since), .paused(_, _, let since): since
            case .idle, .disconnected, .connecting, .connected, .declaring, .draining, .closed: nil
            }
        }
        /// When a delivery came last, microseconds of the monotonic clock; 0 before the first.
        public var lastDelivery: Int64 = 0
        /// When the thread last looked around, microseconds of the monotonic clock.
        public var lastTurn: Int64 = 0

        /// Before anything has happened.
        public init() {}
    }

    enum Command: Sendable {
        case settled(DeliveryBatch)
        case abandoned(DeliveryBatch)
        case storeFailed(String, isBusy: Bool)
        case storeReady(committed: StreamPlace?)
        case stop
    }

    /// All that is fixed.
    public let configuration: Configuration
    let handOver = HandOver<DeliveryBatch>(capacity: 1)
    private let report: @Sendable (ConsumerStateMachine.Notice) -> Void
    private let commands = Mutex<[Command]>([])
    private let shared = Mutex(Status())
    private let stopping = Atomic<Bool>(false)
    /// A pipe that wakes the connection's thread: its reading and its writing end.
    private let bell: (reading: Int32, writing: Int32)

    /// - Parameter report: Called by the consumer's thread with what people should know.
    public init(
        _ configuration: Configuration, report: @escaping @Sendable (ConsumerStateMachine.Notice) -> Void
    ) {
        self.configuration = configuration
        self.report = report
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "no descriptor is left for waking a thread")
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        bell = (ends[0], ends[1])
    }

    deinit {
        close(bell.reading)
        close(bell.writing)
    }

    /// What there is to see.
    public var status: Status { shared.withLock { $0 } }

    // MARK: The engine's side

    /// Waits for a batch; nil when the consumer has stopped.
    public func take() -> DeliveryBatch? {
        let batch = handOver.take()
        if batch != nil { ring() }
        return batch
    }

    /// Says that a batch was committed: it is acknowledged, and its memory used again.
    public func settle(_ batch: DeliveryBatch) { send(.settled(batch)) }

    /// Says that a batch will not be committed: it goes back to the queue when the channel closes.
    public func abandon(_ batch: DeliveryBatch) { send(.abandoned(batch)) }

    /// Says that the store takes nothing for now.
    /// - Parameter isBusy: Whether it is there, and only a lock or another transaction is in the way.
    public func storeFailed(_ reason: String, isBusy: Bool) { send(.storeFailed(reason, isBusy: isBusy)) }

    /// Says that the store takes batches. Nothing is consumed before the first time.
    /// - Parameter committed: How far the stream has come in the store, where it is a stream.
    public func storeReady(committed: StreamPlace? = nil) {
        send(.storeReady(committed: committed))
    }

    /// Asks for the end: batches that were handed over are waited for, then acknowledged.
    public func stop() {
        stopping.store(true, ordering: .relaxed)
        send(.stop)
    }

    /// Whether the end was asked for, even where the command has not been come to.
    var isStopping: Bool { stopping.load(ordering: .relaxed) }

    private func send(_ command: Command) {
        commands.withLock { $0.append(command) }
        ring()
    }

    private func ring() {
        // A full pipe is as good as one more byte in it.
        var one: UInt8 = 1
        _ = write(bell.writing, &one, 1)
    }

    // MARK: The connection's thread

    /// Consumes until ``stop()``. Blocks: see ``begin(onEnd:)``.
    public func run() {
        var loop = ConsumerLoop(self)
        loop.run()
    }

    func takeCommands() -> [Command] {
        commands.withLock { waiting in
            let all = waiting
            waiting.removeAll()
            return all
        }
    }

    func say(_ notice: ConsumerStateMachine.Notice) { report(notice) }

    func publish(_ change: (inout Status) -> Void) { shared.withLock { change(&$0) } }

    /// Waits for a command, for bytes of the broker, or for a time in microseconds.
    func wait(descriptor: Int32?, microseconds: Int64) {
        var waiting = [pollfd(fd: bell.reading, events: Int16(POLLIN), revents: 0)]
        if let descriptor { waiting.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)) }
        guard poll(&waiting, nfds_t(waiting.count), Int32(clamping: (microseconds + 999) / 1000)) > 0,
            waiting[0].revents != 0
        else { return }
        var rung = [UInt8](repeating: 0, count: 64)
        while read(bell.reading, &rung, rung.count) == rung.count {}
    }
}

/// Microseconds of a clock that does not jump.
public func monotonicNow() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000
}
