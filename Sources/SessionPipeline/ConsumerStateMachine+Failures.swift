internal import SessionCore

/// What ends a channel, a connection, or the whole.
extension ConsumerStateMachine {
    /// Channel errors by what they mean; the codes are those of AMQP 0-9-1, section 1.3 ("Constants").
    mutating func channelClosed(
        _ code: UInt16, _ text: String, _ now: Instant, _ random: Double
    ) -> [Action] {
        let since: Instant
        let broker: Int
        switch state {
        case .declaring(let at, _): (broker, since) = (at, now)
        case .consuming(let at, _, let began), .paused(let at, _, let began): (broker, since) = (at, began)
        case .draining:
            // Nothing can be acknowledged any more: what was committed is delivered again, and is a duplicate then.
            state = .closed
            let notice = Notice(.warning, "channel_closed", "the broker closed the channel: \(code) \(text)")
            return [.forgetDeliveries, .report(notice), .disconnect(politely: true), .finish]
        case .idle, .disconnected, .connecting, .connected, .closed: return []
        }
        return reopen(broker, since, Self.notice(code, text), now, random)
    }

    mutating func cancelled(_ now: Instant, _ random: Double) -> [Action] {
        let notice = Notice(
            .error, "consumer_cancelled",
            "the broker cancelled the consumer: the queue was deleted, or its node is going; trying again")
        return leaveChannel(notice, now, random)
    }

    /// A prefetch counts messages, not bytes: messages that are too large for it are given back once.
    mutating func tooMuchHeld(_ text: String, _ now: Instant, _ random: Double) -> [Action] {
        leaveChannel(Notice(.warning, "too_much_held", text), now, random)
    }

    mutating func streamIsAnother(_ text: String, _ now: Instant, _ random: Double) -> [Action] {
        leaveChannel(Notice(.error, "stream_remade", text), now, random)
    }

    private mutating func leaveChannel(_ notice: Notice, _ now: Instant, _ random: Double) -> [Action] {
        switch state {
        case .consuming(let broker, _, let since), .paused(let broker, _, let since):
            let actions = reopen(broker, since, notice, now, random)
            // The channel itself is still open: close it, so that what it holds goes back.
            return [.forgetDeliveries, .closeChannel] + actions.dropFirst()
        case .draining:
            return [.report(notice)]
        case .idle, .disconnected, .connecting, .connected, .declaring, .closed: return []
        }
    }

    /// A channel is gone: the next one, at once where it had lasted, else after a wait.
    private mutating func reopen(
        _ broker: Int, _ since: Instant, _ notice: Notice, _ now: Instant, _ random: Double
    ) -> [Action] {
        if now - since >= Self.steadyTime { channelBackOff.reset() }
        let wait = channelBackOff.next(random: random)
        state = .connected(broker: broker, retryAt: storeIsDown ? nil : now + wait)
        return [.forgetDeliveries, .report(notice)]
    }

    mutating func disconnected(_ notice: Notice, _ now: Instant, _ random: Double) -> [Action] {
        let broker: Int
        switch state {
        case .connected(let at, _), .declaring(let at, _): broker = at
        case .consuming(let at, _, let since), .paused(let at, _, let since):
            broker = at
            if now - since >= Self.steadyTime { connectionBackOff.reset() }
        case .draining:
            state = .closed
            return [.forgetDeliveries, .report(notice), .disconnect(politely: false), .finish]
        case .connecting: return connectingFailed(notice.text, now, random)
        case .idle, .disconnected, .closed: return []
        }
        let wait = connectionBackOff.next(random: random)
        state = .disconnected(retryAt: now + wait, broker: (broker + 1) % brokerCount)
        return [.forgetDeliveries, .report(notice), .disconnect(politely: false)]
    }

    mutating func storeFailed(_ text: String, isBusy: Bool) -> [Action] {
        storeIsDown = true
        if case .consuming(let broker, let epoch, let since) = state {
            state = .paused(broker: broker, epoch: epoch, since: since)
        }
        let code = isBusy ? "store_busy" : "store_down"
        // Each once, until batches are taken again.
        if storeTrouble == code { return [] }
        storeTrouble = code
        return [.report(Notice(isBusy ? .warning : .error, code, "holding: \(text)"))]
    }

    mutating func storeRecovered() -> [Action] {
        guard storeIsDown else { return [] }
        storeIsDown = false
        storeTrouble = nil
        let notice = Action.report(Notice(.info, "store_up", "the store takes batches"))
        switch state {
        case .paused(let broker, let epoch, let since):
            state = .consuming(broker: broker, epoch: epoch, since: since)
            return [notice]
        case .connected(let broker, nil): return [notice] + openChannel(broker)
        case .connected, .idle, .disconnected, .connecting, .declaring, .consuming, .draining, .closed:
            return [notice]
        }
    }

    mutating func stopRequested() -> [Action] {
        switch state {
        case .consuming(let broker, let epoch, _), .paused(let broker, let epoch, _):
            state = .draining(broker: broker, epoch: epoch)
            return [.dropUnfinishedBatch]
        case .idle, .disconnected:
            state = .closed
            return [.finish]
        case .connecting:
            state = .closed
            return [.disconnect(politely: false), .finish]
        case .connected, .declaring:
            state = .closed
            return [.disconnect(politely: true), .finish]
        case .draining, .closed: return []
        }
    }

    private static func notice(_ code: UInt16, _ text: String) -> Notice {
        switch code {
        case 403:
            Notice(
                .error, "access_refused",
                "the broker refuses access: \(text); grant the user `read` on the queue (and `configure`, `write` "
                    + "with --declare)")
        case 404 where text.contains("is down or inaccessible"):
            // RabbitMQ answers so, too, when it has lost a stream: killed within a second of the first one that it ever had.
            Notice(
                .error, "queue_down",
                "the queue is known, but what holds it does not answer: \(text); bring that broker node back, or delete "
                    + "the queue and publish again; trying again")
        case 404:
            Notice(
                .error, "not_found",
                "there is no such queue: \(text); create it, or start with --declare; trying again")
        case 405: Notice(.error, "resource_locked", "another connection owns the queue exclusively: \(text)")
        case 406:
            Notice(
                .warning, "precondition_failed",
                text.contains("inequivalent arg")
                    ? "it is there already, made otherwise: \(text); start without --declare, or delete it; trying again"
                    : "the broker closed the channel: \(text); opening another")
        default: Notice(.error, "channel_closed", "the broker closed the channel: \(code) \(text)")
        }
    }
}
