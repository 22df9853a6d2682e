internal import CRabbitMQ
internal import Glibc
internal import MessageBatches
internal import SessionPipeline

/// What the connection's thread does: events to the state machine, its actions to the library.
struct ConsumerLoop {
    let consumer: AMQPConsumer
    var machine: ConsumerStateMachine
    var ledger = AcknowledgementLedger()
    var connection: AMQPConnection?
    /// The number of the open channel. Each channel has another, so that frames of the last one that are still
    /// buffered are not taken for the new one's.
    var channel: UInt16?

    // Batches, from the one being filled to those at the engine.
    var filling = DeliveryBatch()
    var closer: BatchCloser
    var closed: [DeliveryBatch] = []
    var inHand = 0
    var inHandBytes = 0
    var closedBytes = 0
    /// How many may be unacknowledged.
    var window: PrefetchWindow
    var spare: [DeliveryBatch] = []

    // The delivery being read.
    var delivery: Delivery?
    var body: [UInt8] = []

    // Where a stream is read.
    var committed: StreamPlace?
    /// Until it is known whether the stream is still the one that was committed.
    var anchor: StreamAnchor?
    /// Whether it was found to be another: then nothing that the settings say of where to begin is meant of it.
    var isAnotherStream = false
    /// Batches of this channel and earlier ones are of another stream.
    var lastEpochOfAnother: UInt64 = 0
    /// The first that came of a stream.
    var firstOffset: Int64?
    /// When it was attached to first, in seconds since the epoch.
    var attachedAt: Int64?
    /// Where the stream was asked to go on, until something of it has come.
    var askedOffset: Int64?
    /// Whether it was said that messages of what is read as a queue have offsets.
    var hasSaidStream = false
    /// Offsets between two messages that a stream may use for itself.
    static let ownOffsets: Int64 = 100
    /// What the broker's clock may be behind this machine's, in seconds.
    static let clockSkew: Int64 = 60
    var lastLook: Int64 = 0
    /// Since when the broker owes the queue's depth, or since the last frame that came before it; nil: it does not.
    var owedSince: Int64?
    var isFinished = false

    var queue: QueueSettings { consumer.configuration.queue }
    /// Asked for each delivery.
    let partitionKey: QueueSettings.PartitionKey?

    /// Microseconds between two looks at the queue's depth: while deliveries come, and while none are there.
    static let lookEvery: (busy: Int64, idle: Int64) = (15_000_000, 1_000_000)
    /// Microseconds without an answer and without another frame after which the connection is given up, before heartbeats do.
    /// Doubled each time: a message whose headers are nested as deeply as a frame allows costs the broker some seconds, many
    /// where it has much else to do, and would come again for ever.
    var longestSilence: Int64 = 15_000_000

    init(_ consumer: AMQPConsumer) {
        self.consumer = consumer
        machine = ConsumerStateMachine(brokerCount: consumer.configuration.brokers.count)
        closer = BatchCloser(limits: consumer.configuration.batch)
        let queue = consumer.configuration.queue
        partitionKey = queue.partitionKey
        // Of a queue's consumers only one is active where partitions are shared, so that a second one would bring nothing.
        window = PrefetchWindow(
            full: queue.prefetch, grows: queue.kind == .quorum && partitionKey == nil)
    }

    mutating func run() {
        handle(.started)
        while !isFinished {
            for command in consumer.takeCommands() { obey(command) }
            if isFinished { break }
            let now = monotonicNow()
            if let deadline = machine.deadline, now >= deadline { handle(.timePassed) }
            let hasMore = readFrames()
            if !hasMore { heedMissingAnchor() }
            handOverBatches()
            if case .draining = machine.state, inHand == 0 { handle(.drained) }
            publishStatus()
            if isFinished { break }
            if hasMore { continue }
            consumer.wait(
                descriptor: connection?.descriptor, microseconds: patience(monotonicNow()))
        }
        publishStatus()
        consumer.handOver.close()
    }

    /// How long nothing is to be done unless something comes.
    func patience(_ now: Int64) -> Int64 {
        // Heartbeats are sent by calls into the library, every half of the time agreed upon.
        var until = now + 250_000
        if let deadline = machine.deadline { until = min(until, deadline) }
        if let deadline = closer.deadline, closed.isEmpty { until = min(until, max(deadline, now + 1000)) }
        return max(until - now, 0)
    }

    mutating func obey(_ command: AMQPConsumer.Command) {
        switch command {
        case .settled(let batch):
            inHand -= 1
            inHandBytes -= batch.byteCount
            let before = ledger.lastAcknowledged
            if let range = batch.range, let tag = ledger.settled(range), let connection, let channel {
                do throws(AMQPFailure) {
                    try connection.acknowledge(upTo: tag, channel)
                    consumer.configuration.onAcknowledged?()
                    let count = Int(tag - before)
                    consumer.publish { $0.acknowledged += count }
                    try widen(count, connection, channel)
                } catch {
                    fail(error)
                }
            }
            commit(batch)
            recycle(batch)
        case .abandoned(let batch):
            inHand -= 1
            inHandBytes -= batch.byteCount
            recycle(batch)
        case .storeFailed(let reason, let isBusy): handle(.storeFailed(reason, isBusy: isBusy))
        case .storeReady(let place):
            if let place, committed == nil, !isAnotherStream { committed = place }
            handle(.storeRecovered)
        case .stop: handle(.stopRequested)
        }
    }

    /// The broker may deliver more once what it delivered first is committed.
    mutating func widen(_ settled: Int, _ connection: AMQPConnection, _ channel: UInt16) throws(AMQPFailure) {
        let more = window.settled(settled, isDrained: ledger.unacknowledgedCount == 0)
        guard let more, machine.isTakingDeliveries else { return }
        try connection.consumeMore(queue.name, more, tag: "up-to-\(window.size)", channel)
    }

    // MARK: State machine

    mutating func handle(_ first: ConsumerStateMachine.Event) {
        var events = [first]
        while !events.isEmpty {
            let event = events.removeFirst()
            let actions = machine.handle(event, now: monotonicNow(), random: Double.random(in: 0..<1))
            for action in actions {
                if let next = perform(action) { events.append(next) }
            }
        }
    }

    mutating func perform(_ action: ConsumerStateMachine.Action) -> ConsumerStateMachine.Event? {
        switch action {
        case .connect(let broker): return connect(broker)
        case .openChannel(let epoch): return openChannel(epoch)
        case .closeChannel:
            if let open = connection, let channel {
                do throws(AMQPFailure) {
                    try open.closeChannel(channel)
                } catch {
                    // Nothing more can be said on it.
                    open.letGo()
                    connection = nil
                }
            }
            channel = nil
        case .disconnect(let politely):
            if politely { connection?.close() } else { connection?.letGo() }
            connection = nil
            channel = nil
        case .dropUnfinishedBatch: dropUnfinishedBatch()
        case .forgetDeliveries:
            dropUnfinishedBatch()
            delivery = nil
            ledger.close()
        case .report(let notice):
            let trouble = notice.severity == .info ? nil : notice.text
            consumer.publish { $0.trouble = trouble }
            consumer.say(notice)
        case .finish: isFinished = true
        }
        return nil
    }

    mutating func connect(_ broker: Int) -> ConsumerStateMachine.Event {
        let configuration = consumer.configuration
        let address = configuration.brokers.reached(configuration.currentBrokers)[broker]
        // An attempt may take long, and there may be several in a row.
        if consumer.isStopping { return .connectingFailed("\(address.shown): not tried, the program ends") }
        consumer.publish { $0.broker = address.shown }
        do throws(AMQPFailure) {
            connection = try AMQPConnection(
                address, name: consumer.configuration.connectionName,
                version: consumer.configuration.version)
            consumer.publish { $0.connections += 1 }
            return .connected
        } catch {
            return .connectingFailed("\(address.shown): \(error)")
        }
    }

    mutating func openChannel(_ epoch: UInt64) -> ConsumerStateMachine.Event {
        guard let connection else { return .connectionLost("there is none") }
        let number = connection.channelNumber(epoch: epoch)
        do throws(AMQPFailure) {
            try connection.openChannel(number)
            if let topology = queue.topology { try connection.declare(queue, topology, number) }
            let depth = try connection.depth(of: queue.name, number)
            try connection.setPrefetch(window.size, number)
            ledger.open(epoch: epoch)
            channel = number
            let arguments = consumeArguments()
            askedOffset = queue.kind == .stream ? committed.map { $0.offset + 1 } : nil
            anchor =
                queue.kind == .stream ? committed.map { StreamAnchor($0, attachedAt: monotonicNow()) } : nil
            if queue.kind == .stream, attachedAt == nil { attachedAt = Int64(time(nil)) }
            try connection.consume(queue.name, arguments, number)
            lastLook = monotonicNow()
            takeDepth(depth)
            consumer.publish { $0.channels += 1 }
            return .consuming
        } catch {
            return event(of: error, number)
        }
    }

    mutating func event(of failure: AMQPFailure, _ channel: UInt16) -> ConsumerStateMachine.Event {
        switch failure {
        case .channelClosed(let code, let text):
            connection?.answerChannelClose(channel)
            self.channel = nil
            return .channelClosed(code: code, text: text)
        case .connectionClosed(let code, let text):
            connection?.answerConnectionClose()
            return .connectionClosed(code: code, text: text)
        case .library, .unroutable, .unreadable: return .connectionLost("\(failure)")
        }
    }

    mutating func fail(_ failure: AMQPFailure) { handle(event(of: failure, channel ?? 1)) }
}
