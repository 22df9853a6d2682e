internal import CRabbitMQ
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
    private var filling = DeliveryBatch()
    private var closer: BatchCloser
    private var closed: [DeliveryBatch] = []
    private var inHand = 0
    private var spare: [DeliveryBatch] = []

    // The delivery being read.
    private var delivery: Delivery?
    private var body: [UInt8] = []

    private var committedOffset: Int64?
    private var lastLook: Int64 = 0
    private var isFinished = false

    private var queue: QueueSettings { consumer.configuration.queue }

    /// Microseconds between two looks at the queue's depth: while deliveries come, and while none are there.
    private static let lookEvery: (busy: Int64, idle: Int64) = (15_000_000, 1_000_000)

    init(_ consumer: AMQPConsumer) {
        self.consumer = consumer
        machine = ConsumerStateMachine(brokerCount: consumer.configuration.brokers.count)
        closer = BatchCloser(limits: consumer.configuration.batch)
    }

    mutating func run() {
        handle(.started)
        while !isFinished {
            for command in consumer.takeCommands() { obey(command) }
            if isFinished { break }
            let now = monotonicNow()
            if let deadline = machine.deadline, now >= deadline { handle(.timePassed) }
            let hasMore = readFrames()
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
    private func patience(_ now: Int64) -> Int64 {
        // Heartbeats are sent by calls into the library, every half of the time agreed upon.
        var until = now + 250_000
        if let deadline = machine.deadline { until = min(until, deadline) }
        if let deadline = closer.deadline, closed.isEmpty { until = min(until, max(deadline, now + 1000)) }
        return max(until - now, 0)
    }

    private mutating func obey(_ command: AMQPConsumer.Command) {
        switch command {
        case .settled(let batch):
            inHand -= 1
            let before = ledger.lastAcknowledged
            if let range = batch.range, let tag = ledger.settled(range), let connection, let channel {
                do throws(AMQPFailure) {
                    try connection.acknowledge(upTo: tag, channel)
                    consumer.configuration.onAcknowledged?()
                    consumer.publish { $0.acknowledged += Int(tag - before) }
                } catch {
                    fail(error)
                }
            }
            if let last = batch.offsets?.upperBound { committedOffset = max(committedOffset ?? last, last) }
            recycle(batch)
        case .abandoned(let batch):
            inHand -= 1
            recycle(batch)
        case .storeFailed(let reason): handle(.storeFailed(reason))
        case .storeReady(let offset):
            if let offset { committedOffset = max(committedOffset ?? offset, offset) }
            handle(.storeRecovered)
        case .stop: handle(.stopRequested)
        }
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

    private mutating func perform(_ action: ConsumerStateMachine.Action) -> ConsumerStateMachine.Event? {
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
            ledger.close()
        case .report(let notice):
            let trouble = notice.severity == .info ? nil : notice.text
            consumer.publish { $0.trouble = trouble }
            consumer.say(notice)
        case .finish: isFinished = true
        }
        return nil
    }

    private mutating func connect(_ broker: Int) -> ConsumerStateMachine.Event {
        let address = consumer.configuration.brokers[broker]
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

    private mutating func openChannel(_ epoch: UInt64) -> ConsumerStateMachine.Event {
        guard let connection else { return .connectionLost("there is none") }
        let number = UInt16(1 + epoch % 1000)
        do throws(AMQPFailure) {
            try connection.openChannel(number)
            if let topology = queue.topology { try connection.declare(queue, topology, number) }
            let depth = try connection.depth(of: queue.name, number)
            try connection.setPrefetch(queue.prefetch, number)
            ledger.open(epoch: epoch)
            channel = number
            try connection.consume(queue.name, consumeArguments(), number)
            lastLook = monotonicNow()
            consumer.publish {
                $0.queueDepth = depth
                $0.queueLooks += 1
                $0.channels += 1
            }
            return .consuming
        } catch {
            return event(of: error, number)
        }
    }

    private func consumeArguments() -> [(String, Argument)] {
        guard queue.kind == .stream else { return [] }
        let start: Argument
        if let committedOffset {
            start = .integer(committedOffset + 1)
        } else {
            switch queue.streamStart {
            case .first: start = .text("first")
            case .last: start = .text("last")
            case .next: start = .text("next")
            case .offset(let offset): start = .integer(offset)
            case .time(let seconds): start = .timestamp(UInt64(clamping: seconds))
            }
        }
        return [("x-stream-offset", start)]
    }

    private mutating func event(of failure: AMQPFailure, _ channel: UInt16) -> ConsumerStateMachine.Event {
        switch failure {
        case .channelClosed(let code, let text):
            connection?.answerChannelClose(channel)
            self.channel = nil
            return .channelClosed(code: code, text: text)
        case .connectionClosed(let code, let text):
            connection?.answerConnectionClose()
            return .connectionClosed(code: code, text: text)
        case .library, .unroutable: return .connectionLost("\(failure)")
        }
    }

    private mutating func fail(_ failure: AMQPFailure) { handle(event(of: failure, channel ?? 1)) }

    // MARK: Frames

    /// Reads what has come, not waiting for more.
    /// - Returns: Whether there may be more at once.
    private mutating func readFrames() -> Bool {
        var frame = crmq_frame()
        for _ in 0..<2000 {
            guard let connection else { return false }
            connection.next(0, &frame)
            if frame.kind == CRMQ_NOTHING {
                connection.releaseBuffers()
                lookAtQueue()
                // A call that waits for a reply puts what comes before it aside.
                return self.connection?.hasBufferedFrames ?? false
            }
            take(frame)
        }
        connection?.releaseBuffers()
        return true
    }

    private mutating func take(_ frame: crmq_frame) {
        switch frame.kind {
        case CRMQ_FAILED:
            handle(.connectionLost(AMQPFailure.text(frame.status)))
            return
        case CRMQ_CONNECTION_CLOSE:
            let text = frame.text
            connection?.answerConnectionClose()
            handle(.connectionClosed(code: frame.code, text: text))
            return
        case CRMQ_BLOCKED:
            handle(.blocked(frame.text))
            return
        case CRMQ_UNBLOCKED:
            handle(.unblocked)
            return
        default: break
        }
        // What follows belongs to a channel; one that was left may have frames on their way still.
        guard frame.channel == channel else { return }
        switch frame.kind {
        case CRMQ_CHANNEL_CLOSE:
            let text = frame.text
            connection?.answerChannelClose(frame.channel)
            channel = nil
            handle(.channelClosed(code: frame.code, text: text))
        case CRMQ_CANCEL: handle(.consumerCancelled)
        case CRMQ_DELIVER: delivery = Delivery(tag: frame.tag, isRedelivered: frame.flag != 0)
        case CRMQ_HEADER:
            delivery?.read(frame)
            body.removeAll(keepingCapacity: true)
            if delivery?.size == 0 { finish(UnsafeRawBufferPointer(start: nil, count: 0)) }
        case CRMQ_BODY: takeBody(UnsafeRawBufferPointer(start: frame.bytes, count: frame.length))
        default: break
        }
    }

    private mutating func takeBody(_ piece: UnsafeRawBufferPointer) {
        guard let size = delivery?.size else { return }
        delivery?.received += piece.count
        if piece.count == size {
            finish(piece.prefix(size > Delivery.longestMessage ? Delivery.keptOfLonger : size).rebased)
            return
        }
        let kept = size > Delivery.longestMessage ? Delivery.keptOfLonger : size
        body.append(contentsOf: piece.prefix(max(kept - body.count, 0)))
        if let received = delivery?.received, received >= size {
            body.withUnsafeBytes { finish($0) }
        }
    }

    /// A delivery is complete.
    private mutating func finish(_ bytes: UnsafeRawBufferPointer) {
        guard let delivery else { return }
        self.delivery = nil
        guard ledger.delivered(delivery.tag) else {
            // What lies in the gap would be acknowledged unseen: begin anew with what is unacknowledged.
            handle(.connectionLost("delivery \(delivery.tag) is not the one expected"))
            return
        }
        let now = monotonicNow()
        consumer.publish {
            $0.deliveries += 1
            $0.lastDelivery = now
            if delivery.isRedelivered { $0.redeliveries += 1 }
        }
        guard machine.isTakingDeliveries else { return }
        filling.append(delivery, bytes, origin: queue.name, epoch: ledger.epoch)
        closer.add(byteCount: bytes.count, now: now)
        if closer.messages >= closer.limits.messages || closer.bytes >= closer.limits.bytes { closeBatch() }
    }

    private mutating func lookAtQueue() {
        guard machine.isTakingDeliveries, let connection, let channel else { return }
        let now = monotonicNow()
        let pause = ledger.unacknowledgedCount == 0 ? Self.lookEvery.idle : Self.lookEvery.busy
        guard now - lastLook >= pause else { return }
        lastLook = now
        do throws(AMQPFailure) {
            let depth = try connection.depth(of: queue.name, channel)
            consumer.publish {
                $0.queueDepth = depth
                $0.queueLooks += 1
            }
        } catch {
            fail(error)
        }
    }

    // MARK: Batches

    private mutating func closeBatch() {
        closed.append(filling)
        filling = spare.popLast() ?? DeliveryBatch()
        closer.reset()
    }

    private mutating func handOverBatches() {
        if closed.isEmpty, closer.isDue(now: monotonicNow()) { closeBatch() }
        while let batch = closed.first, consumer.handOver.tryPut(batch) {
            closed.removeFirst()
            inHand += 1
        }
    }

    private mutating func dropUnfinishedBatch() {
        for batch in closed { recycle(batch) }
        closed.removeAll()
        filling.removeAll()
        closer.reset()
        delivery = nil
    }

    private mutating func recycle(_ batch: DeliveryBatch) {
        batch.removeAll()
        if spare.count < 4 { spare.append(batch) }
    }

    private func publishStatus() {
        consumer.publish { status in
            status.state = machine.state
            status.isConnected = connection != nil
            status.isConsuming = machine.isTakingDeliveries
            status.unacknowledged = ledger.unacknowledgedCount
            status.isBlocked = machine.isBlocked
            status.lastTurn = monotonicNow()
        }
    }
}

extension Slice<UnsafeRawBufferPointer> {
    fileprivate var rebased: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: self) }
}
