internal import CRabbitMQ
internal import SessionPipeline

/// Frames to deliveries, deliveries to batches.
extension ConsumerLoop {
    /// Reads what has come, not waiting for more.
    /// - Returns: Whether there may be more at once.
    mutating func readFrames() -> Bool {
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

    mutating func take(_ frame: crmq_frame) {
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
        // The answer waits behind what was on its way, be it one message of many frames.
        if owedSince != nil { owedSince = monotonicNow() }
        switch frame.kind {
        case CRMQ_CHANNEL_CLOSE:
            let text = frame.text
            connection?.answerChannelClose(frame.channel)
            channel = nil
            handle(.channelClosed(code: frame.code, text: text))
        case CRMQ_CANCEL: handle(.consumerCancelled)
        case CRMQ_DELIVER:
            var begun = Delivery(tag: frame.tag, isRedelivered: frame.flag != 0)
            switch partitionKey {
            case .routingKey?:
                begun.partitionKey = Array(UnsafeRawBufferPointer(start: frame.bytes, count: frame.length))
            // Its header may bring one.
            case .header?: begun.partitionKey = []
            case nil: break
            }
            delivery = begun
        case CRMQ_HEADER:
            let partitionHeader = partitionKey?.header
            delivery?.read(frame, partitionHeader: partitionHeader)
            body.removeAll(keepingCapacity: true)
            if delivery?.size == 0 { finish(UnsafeRawBufferPointer(start: nil, count: 0)) }
        case CRMQ_BODY: takeBody(UnsafeRawBufferPointer(start: frame.bytes, count: frame.length))
        case CRMQ_DEPTH: takeDepth(Int(frame.ready))
        default: break
        }
    }

    mutating func takeBody(_ piece: UnsafeRawBufferPointer) {
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
    mutating func finish(_ bytes: UnsafeRawBufferPointer) {
        guard var delivery else { return }
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
        if queue.kind == .stream {
            guard isNew(delivery, bytes) else { return }
            heedGap(delivery.streamOffset)
        } else {
            leaveOffset(of: &delivery)
        }
        if firstOffset == nil { firstOffset = delivery.streamOffset }
        filling.append(delivery, bytes, origin: queue.name, epoch: ledger.epoch)
        closer.add(byteCount: bytes.count, now: now)
        // Half of the prefetch at most: one batch fills while another is committed, and none waits for what cannot come.
        let most = min(closer.limits.messages, max(window.size / 2, 1))
        if closer.messages >= most || closer.bytes >= closer.limits.bytes { closeBatch() }
        if heldBytes > consumer.configuration.maxHeldBytes { holdLess() }
    }

    var heldBytes: Int { inHandBytes + closedBytes + filling.byteCount }

    /// Messages are so large that a full prefetch would not fit: a channel with a smaller one.
    mutating func holdLess() {
        guard ledger.unacknowledgedCount > 1 else { return }
        let limit = consumer.configuration.maxHeldBytes
        let fitting = ledger.unacknowledgedCount * (limit / 2) / heldBytes
        window.limit(to: min(fitting, window.size / 2))
        handle(
            .tooMuchHeld(
                "more than \(limit) bytes are held in \(ledger.unacknowledgedCount) messages; going on with a prefetch "
                    + "of \(window.full) until the program is restarted"))
    }

    mutating func lookAtQueue() {
        guard machine.isTakingDeliveries, let connection, let channel else { return }
        let now = monotonicNow()
        if let owedSince {
            if now - owedSince > longestSilence {
                let seconds = longestSilence / 1_000_000
                longestSilence *= 2
                handle(.connectionLost("looking for queue \(queue.name): no answer in \(seconds) s"))
            }
            return
        }
        let pause = ledger.unacknowledgedCount == 0 ? Self.lookEvery.idle : Self.lookEvery.busy
        guard now - lastLook >= pause else { return }
        lastLook = now
        do throws(AMQPFailure) {
            try connection.askDepth(of: queue.name, channel)
            owedSince = now
        } catch {
            fail(error)
        }
    }

    /// The broker has told how many messages are ready.
    mutating func takeDepth(_ depth: Int) {
        owedSince = nil
        consumer.publish {
            $0.queueDepth = depth
            $0.queueLooks += 1
        }
    }

    // MARK: Batches

    mutating func closeBatch() {
        filling.close()
        closed.append(filling)
        closedBytes += filling.byteCount
        filling = spare.popLast() ?? DeliveryBatch()
        closer.reset()
    }

    mutating func handOverBatches() {
        if closed.isEmpty, closer.isDue(now: monotonicNow()) { closeBatch() }
        while let batch = closed.first, consumer.handOver.tryPut(batch) {
            closed.removeFirst()
            closedBytes -= batch.byteCount
            inHand += 1
            inHandBytes += batch.byteCount
        }
    }

    /// A delivery of which only a part has come is not part of it: its other frames are still to come on this
    /// channel, and have to be read as what they are.
    mutating func dropUnfinishedBatch() {
        for batch in closed { recycle(batch) }
        closed.removeAll()
        closedBytes = 0
        filling.removeAll()
        closer.reset()
    }

    mutating func recycle(_ batch: DeliveryBatch) {
        batch.removeAll()
        if spare.count < 4 { spare.append(batch) }
    }

    func publishStatus() {
        consumer.publish { status in
            status.state = machine.state
            status.isConnected = connection != nil
            status.isConsuming = machine.isTakingDeliveries
            status.heldBytes = heldBytes
            status.prefetch = window.size
            status.unacknowledged = ledger.unacknowledgedCount
            status.isBlocked = machine.isBlocked
            status.lastTurn = monotonicNow()
        }
    }
}

extension Slice<UnsafeRawBufferPointer> {
    fileprivate var rebased: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: self) }
}
