internal import CRabbitMQ
internal import SessionPipeline

/// Going on in a stream, and what becomes of it meanwhile.
extension ConsumerLoop {
    /// Where a stream is read from. What was `next` or `last` at the first time is not any more after a connection was lost:
    /// then reading goes on at the first message that came, or at that time.
    func consumeArguments() -> [(String, Argument)] {
        guard queue.kind == .stream else { return [] }
        let start: Argument
        if let committed {
            start = .integer(committed.offset)
        } else if let firstOffset {
            start = .integer(firstOffset)
        } else if isAnotherStream {
            start = .text("first")
        } else {
            let since = attachedAt.map { Argument.timestamp(UInt64(clamping: $0 - Self.clockSkew)) }
            switch queue.streamStart {
            case .first: start = .text("first")
            case .last: start = since ?? .text("last")
            case .next: start = since ?? .text("next")
            case .offset(let offset): start = .integer(offset)
            case .time(let seconds): start = .timestamp(UInt64(clamping: seconds))
            }
        }
        return [("x-stream-offset", start)]
    }

    /// A batch is in the store, and with it how far the stream was read.
    mutating func commit(_ batch: DeliveryBatch) {
        guard let place = batch.lastPlace, let epoch = batch.range?.epoch, epoch > lastEpochOfAnother,
            place.offset >= committed?.offset ?? place.offset
        else { return }
        committed = place
    }

    /// Whether a message was not committed yet. The one at which reading goes on was.
    mutating func isNew(_ delivery: Delivery, _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let anchor, let offset = delivery.streamOffset else { return true }
        let verdict = anchor.verdict(of: offset) {
            DeliveryBatch.fingerprint(bytes, size: delivery.size)
        }
        switch verdict {
        case .known: passOver(delivery)
        case .found:
            self.anchor = nil
            passOver(delivery)
        case .behind:
            self.anchor = nil
            return true
        case .another: readFromItsBeginning("has another message at offset \(offset)")
        }
        return false
    }

    /// The stream ends before the place at which reading was to go on: it may never come to it, or long after now.
    mutating func heedMissingAnchor() {
        guard let anchor, machine.isTakingDeliveries, anchor.isOverdue(monotonicNow()) else { return }
        readFromItsBeginning("has no message at offset \(anchor.place.offset)")
    }

    private mutating func readFromItsBeginning(_ what: String) {
        anchor = nil
        committed = nil
        firstOffset = nil
        isAnotherStream = true
        lastEpochOfAnother = ledger.epoch
        handle(
            .streamIsAnother(
                "stream \(queue.name) \(what), where reading was to go on: it was deleted and made anew, or the store is not the "
                    + "one it was read into; reading it from its beginning, what is stored already is known again"
            ))
    }

    /// The broker counts it against the prefetch until it is acknowledged.
    private mutating func passOver(_ delivery: Delivery) {
        let range = DeliveryRange(epoch: ledger.epoch, first: delivery.tag, last: delivery.tag)
        guard let tag = ledger.settled(range), let connection, let channel else { return }
        do throws(AMQPFailure) {
            try connection.acknowledge(upTo: tag, channel)
            consumer.publish { $0.acknowledged += 1 }
        } catch {
            fail(error)
        }
    }

    /// What a stream drops by its own limits of age or size before it was read is gone: this is the only place where it shows.
    mutating func heedGap(_ offset: Int64?) {
        guard let asked = askedOffset, let offset else { return }
        askedOffset = nil
        guard offset - asked > Self.ownOffsets else { return }
        consumer.say(
            ConsumerStateMachine.Notice(
                .error, "stream_gap",
                "stream \(queue.name) was to go on at offset \(asked), and the first message that came has \(offset): up to "
                    + "\(offset - asked) messages were dropped by the stream (x-max-age, x-max-length-bytes) before they were "
                    + "read; replay them from an archive, and keep more in the stream"))
    }

    /// Where a stream is read as if it were a queue, its messages from before are never delivered, and a stored offset would have
    /// a right start go on behind them. A message that was moved from a stream to a queue may bear an offset as well.
    mutating func leaveOffset(of delivery: inout Delivery) {
        guard delivery.streamOffset != nil else { return }
        delivery.streamOffset = nil
        if hasSaidStream { return }
        hasSaidStream = true
        consumer.say(
            ConsumerStateMachine.Notice(
                .error, "wrong_queue_type",
                "messages of \(queue.name) have stream offsets: if it is a stream, start with --queue-type stream, else what it "
                    + "held before is not read"))
    }
}
