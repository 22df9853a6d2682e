public import SessionCore

/// What a consumer does next. Events go in, actions come out; it knows no sockets, and time and randomness are
/// arguments.
///
/// A state holds only what is legal in it: no channel's epoch without a channel, no broker without a connection.
public struct ConsumerStateMachine: Sendable {
    /// Where it is.
    public enum State: Equatable, Sendable {
        /// Not started.
        case idle
        /// Without a connection; the next attempt is at an instant, with a broker.
        case disconnected(retryAt: Instant, broker: Int)
        /// A connection is being opened.
        case connecting(broker: Int)
        /// Connected without a channel, so that the broker holds nothing for this consumer. With an instant: the
        /// channel failed and is tried again then. Without: the store is down.
        case connected(broker: Int, retryAt: Instant?)
        /// A channel is being opened, what it needs looked up, and consuming asked for.
        case declaring(broker: Int, epoch: UInt64)
        /// Deliveries come.
        case consuming(broker: Int, epoch: UInt64, since: Instant)
        /// The store is down: deliveries up to the prefetch are held, none is acknowledged, the heartbeat goes on.
        case paused(broker: Int, epoch: UInt64, since: Instant)
        /// The batches in hand are finished and acknowledged; nothing new is taken.
        case draining(broker: Int, epoch: UInt64)
        /// Done.
        case closed
    }

    /// What happened.
    public enum Event: Equatable, Sendable {
        /// The program began.
        case started
        /// Time has passed; see ``ConsumerStateMachine/deadline``.
        case timePassed
        /// The connection is open.
        case connected
        /// A broker could not be connected to.
        case connectingFailed(String)
        /// The queue is there and the broker has agreed to deliver.
        case consuming
        /// The broker closed the channel (AMQP 0-9-1 `channel.close`).
        case channelClosed(code: UInt16, text: String)
        /// The broker closed the connection (`connection.close`).
        case connectionClosed(code: UInt16, text: String)
        /// The connection is gone without a word: end of file, missed heartbeats.
        case connectionLost(String)
        /// The broker cancelled the consumer (`basic.cancel`): its queue was deleted, or its node is going.
        case consumerCancelled
        /// What is held has more bytes than are allowed; the next channel gets a smaller prefetch.
        case tooMuchHeld(String)
        /// The stream is not the one that was read: the next channel reads it from its beginning.
        case streamIsAnother(String)
        /// The broker takes no publishing for now (`connection.blocked`).
        case blocked(String)
        /// It does again.
        case unblocked
        /// A batch could not be committed. Busy: the store is there, but a lock or another transaction is in the way.
        case storeFailed(String, isBusy: Bool = false)
        /// Batches can be committed (again).
        case storeRecovered
        /// The program is to end.
        case stopRequested
        /// Every batch that was handed over is settled, or given up.
        case drained
    }

    /// What is to be done.
    public enum Action: Equatable, Sendable {
        /// Open a connection to one of the brokers.
        case connect(broker: Int)
        /// Open a channel, look up what is needed, consume.
        case openChannel(epoch: UInt64)
        /// Close the channel; what it has not acknowledged goes back to the queue.
        case closeChannel
        /// End the connection: with a proper close, or by letting go of the socket.
        case disconnect(politely: Bool)
        /// Throw away the batch that is being filled.
        case dropUnfinishedBatch
        /// Forget the channel's tags, and the batch that is being filled.
        case forgetDeliveries
        /// Tell people.
        case report(Notice)
        /// End the loop.
        case finish
    }

    /// Something for people to know.
    public struct Notice: Equatable, Sendable {
        /// Every code there is.
        public static let codes = [
            "access_refused", "blocked", "channel_closed", "connecting_failed", "connection_closed",
            "connection_lost", "consumer_cancelled", "consuming", "not_found", "precondition_failed",
            "queue_down",
            "resource_locked", "store_busy", "store_down", "store_up", "stream_gap", "stream_remade",
            "too_much_held",
            "unblocked", "wrong_queue_type",
        ]

        /// How bad it is.
        public enum Severity: Sendable { case info, warning, error }
        /// How bad it is.
        public var severity: Severity
        /// A stable name, for searching and counting.
        public var code: String
        /// What happened and what follows.
        public var text: String

        /// All parts.
        public init(_ severity: Severity, _ code: String, _ text: String) {
            self.severity = severity
            self.code = code
            self.text = text
        }
    }

    /// Where it is.
    public internal(set) var state: State = .idle
    /// Whether batches cannot be committed. It begins so: the store has not been opened yet.
    public internal(set) var storeIsDown: Bool
    /// The code of the notice that last said that it takes nothing; nil since it does.
    var storeTrouble: String?
    /// Whether the broker says that it takes no publishing.
    public private(set) var isBlocked = false
    /// How many channels were opened.
    public private(set) var lastEpoch: UInt64 = 0

    let brokerCount: Int
    var connectionBackOff: BackOff
    var channelBackOff: BackOff

    /// A channel or connection that lasted so long was no failed attempt: the next is made without a longer wait.
    public static let steadyTime: Microseconds = 10_000_000

    /// For so many brokers, tried in order.
    ///
    /// The waits are at most five seconds long: an attempt costs a broker little, and an outage lasts as much longer
    /// than the broker's as the last wait.
    public init(
        brokerCount: Int, storeIsDown: Bool = true, connectionBackOff: BackOff = BackOff(limit: 5_000_000),
        channelBackOff: BackOff = BackOff(limit: 5_000_000)
    ) {
        precondition(brokerCount > 0, "there must be a broker to connect to")
        self.brokerCount = brokerCount
        self.storeIsDown = storeIsDown
        self.connectionBackOff = connectionBackOff
        self.channelBackOff = channelBackOff
    }

    /// When ``Event/timePassed`` is due; nil where nothing waits for time.
    public var deadline: Instant? {
        switch state {
        case .disconnected(let retryAt, _): retryAt
        case .connected(_, let retryAt): retryAt
        case .idle, .connecting, .declaring, .consuming, .paused, .draining, .closed: nil
        }
    }

    /// Whether deliveries go into batches. While the store is down they still do, up to the prefetch: what is left
    /// unread would block the broker's writing, which it ends by closing the connection.
    public var isTakingDeliveries: Bool {
        switch state {
        case .consuming, .paused: true
        case .idle, .disconnected, .connecting, .connected, .declaring, .draining, .closed: false
        }
    }

    /// Takes an event.
    /// - Parameters:
    ///   - now: Microseconds of a clock that does not jump.
    ///   - random: From 0 up to, not including, 1.
    /// - Returns: What to do, in order.
    public mutating func handle(_ event: Event, now: Instant, random: Double) -> [Action] {
        switch event {
        case .started:
            guard state == .idle else { return [] }
            return connect(0)
        case .timePassed: return timePassed(now)
        case .connected: return connected()
        case .connectingFailed(let text): return connectingFailed(text, now, random)
        case .consuming: return consuming(now)
        case .channelClosed(let code, let text): return channelClosed(code, text, now, random)
        case .consumerCancelled: return cancelled(now, random)
        case .tooMuchHeld(let text): return tooMuchHeld(text, now, random)
        case .streamIsAnother(let text): return streamIsAnother(text, now, random)
        case .connectionClosed(let code, let text):
            let notice = Notice(
                code == 320 ? .warning : .error, "connection_closed",
                "the broker closed the connection: \(code) \(text)")
            return disconnected(notice, now, random)
        case .connectionLost(let text):
            return disconnected(
                Notice(.warning, "connection_lost", "the connection is gone: \(text)"), now, random)
        case .blocked(let reason):
            isBlocked = true
            return [.report(Notice(.warning, "blocked", "the broker takes no publishing: \(reason)"))]
        case .unblocked:
            isBlocked = false
            return [.report(Notice(.info, "unblocked", "the broker takes publishing again"))]
        case .storeFailed(let text, let isBusy): return storeFailed(text, isBusy: isBusy)
        case .storeRecovered: return storeRecovered()
        case .stopRequested: return stopRequested()
        case .drained:
            guard case .draining = state else { return [] }
            state = .closed
            return [.closeChannel, .disconnect(politely: true), .finish]
        }
    }

    // MARK: Connecting

    private mutating func connect(_ broker: Int) -> [Action] {
        state = .connecting(broker: broker)
        return [.connect(broker: broker)]
    }

    private mutating func timePassed(_ now: Instant) -> [Action] {
        guard let deadline, now >= deadline else { return [] }
        switch state {
        case .disconnected(_, let broker): return connect(broker)
        case .connected(let broker, _): return openChannel(broker)
        case .idle, .connecting, .declaring, .consuming, .paused, .draining, .closed: return []
        }
    }

    private mutating func connected() -> [Action] {
        guard case .connecting(let broker) = state else { return [] }
        return openChannel(broker)
    }

    mutating func connectingFailed(_ text: String, _ now: Instant, _ random: Double) -> [Action] {
        guard case .connecting(let broker) = state else { return [] }
        let notice = Action.report(Notice(.warning, "connecting_failed", text))
        // The others first, each once; then a wait for all of them.
        if broker + 1 < brokerCount { return [notice] + connect(broker + 1) }
        state = .disconnected(retryAt: now + connectionBackOff.next(random: random), broker: 0)
        return [notice]
    }

    /// Opens a channel, unless the store is down: what is delivered and not acknowledged counts, on a quorum queue
    /// with a delivery limit, against innocent messages each time a channel ends.
    mutating func openChannel(_ broker: Int) -> [Action] {
        if storeIsDown {
            state = .connected(broker: broker, retryAt: nil)
            return []
        }
        lastEpoch += 1
        state = .declaring(broker: broker, epoch: lastEpoch)
        return [.openChannel(epoch: lastEpoch)]
    }

    private mutating func consuming(_ now: Instant) -> [Action] {
        guard case .declaring(let broker, let epoch) = state else { return [] }
        state =
            storeIsDown
            ? .paused(broker: broker, epoch: epoch, since: now)
            : .consuming(broker: broker, epoch: epoch, since: now)
        return [.report(Notice(.info, "consuming", "deliveries come"))]
    }
}
