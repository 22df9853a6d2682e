import SessionPipeline
import Testing

/// Each row: an event, where the machine is then, and what is to be done (reports by their code).
@Suite struct ConsumerStateMachineTests {
    typealias Machine = ConsumerStateMachine
    typealias Row = (event: Machine.Event, at: Int64, state: Machine.State, actions: [String])

    private func name(_ action: Machine.Action) -> String {
        switch action {
        case .connect(let broker): "connect \(broker)"
        case .openChannel(let epoch): "open \(epoch)"
        case .closeChannel: "close channel"
        case .disconnect(let politely): politely ? "disconnect" : "drop"
        case .dropUnfinishedBatch: "drop batch"
        case .forgetDeliveries: "forget"
        case .report(let notice): "say \(notice.code)"
        case .finish: "finish"
        }
    }

    private func run(
        brokers: Int = 1, storeIsDown: Bool = false, _ rows: [Row],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        var machine = Machine(
            brokerCount: brokers, storeIsDown: storeIsDown,
            connectionBackOff: .init(base: 100, limit: 1000), channelBackOff: .init(base: 10, limit: 100))
        for (index, row) in rows.enumerated() {
            let actions = machine.handle(row.event, now: row.at, random: 0).map(name)
            #expect(machine.state == row.state, "row \(index): \(row.event)", sourceLocation: sourceLocation)
            #expect(actions == row.actions, "row \(index): \(row.event)", sourceLocation: sourceLocation)
        }
    }

    private let toConsuming: [Row] = [
        (.started, 0, .connecting(broker: 0), ["connect 0"]),
        (.connected, 1, .declaring(broker: 0, epoch: 1), ["open 1"]),
        (.consuming, 2, .consuming(broker: 0, epoch: 1, since: 2), ["say consuming"]),
    ]

    @Test func stopsInOrder() {
        run(
            toConsuming + [
                (.stopRequested, 3, .draining(broker: 0, epoch: 1), ["drop batch"]),
                (.stopRequested, 4, .draining(broker: 0, epoch: 1), []),
                (.storeFailed("x"), 4, .draining(broker: 0, epoch: 1), ["say store_down"]),
                (.drained, 5, .closed, ["close channel", "disconnect", "finish"]),
                (.connectionLost("x"), 6, .closed, []),
            ])
    }

    @Test func leavesTheChannelWhenTooMuchIsHeld() {
        run(
            toConsuming + [
                (
                    .tooMuchHeld("x"), 3, .connected(broker: 0, retryAt: 8),
                    ["forget", "close channel", "say too_much_held"]
                ),
                (.timePassed, 8, .declaring(broker: 0, epoch: 2), ["open 2"]),
                (.tooMuchHeld("x"), 9, .declaring(broker: 0, epoch: 2), []),
            ])
    }

    @Test func leavesTheChannelOfAStreamThatIsAnother() {
        run(
            toConsuming + [
                (
                    .streamIsAnother("x"), 3, .connected(broker: 0, retryAt: 8),
                    ["forget", "close channel", "say stream_remade"]
                ),
                (.timePassed, 8, .declaring(broker: 0, epoch: 2), ["open 2"]),
            ])
    }

    @Test func triesEachBrokerThenWaits() {
        run(
            brokers: 2,
            [
                (.started, 0, .connecting(broker: 0), ["connect 0"]),
                (.connectingFailed("x"), 0, .connecting(broker: 1), ["say connecting_failed", "connect 1"]),
                (
                    .connectingFailed("x"), 0, .disconnected(retryAt: 50, broker: 0),
                    ["say connecting_failed"]
                ),
                (.timePassed, 49, .disconnected(retryAt: 50, broker: 0), []),
                (.timePassed, 50, .connecting(broker: 0), ["connect 0"]),
                (.connectingFailed("x"), 60, .connecting(broker: 1), ["say connecting_failed", "connect 1"]),
                (.connected, 70, .declaring(broker: 1, epoch: 1), ["open 1"]),
                (.consuming, 70, .consuming(broker: 1, epoch: 1, since: 70), ["say consuming"]),
                (
                    .connectionClosed(code: 320, text: "CONNECTION_FORCED"), 80,
                    .disconnected(retryAt: 180, broker: 0), ["forget", "say connection_closed", "drop"]
                ),
            ])
    }

    @Test func doesNotConsumeBeforeTheStoreIsThere() {
        run(
            storeIsDown: true,
            [
                (.started, 0, .connecting(broker: 0), ["connect 0"]),
                (.connected, 1, .connected(broker: 0, retryAt: nil), []),
                (.timePassed, 99, .connected(broker: 0, retryAt: nil), []),
                (.storeRecovered, 100, .declaring(broker: 0, epoch: 1), ["say store_up", "open 1"]),
            ])
    }

    @Test func holdsWhileTheStoreIsDown() {
        run(
            toConsuming + [
                (.storeFailed("x"), 3, .paused(broker: 0, epoch: 1, since: 2), ["say store_down"]),
                (.storeFailed("x"), 4, .paused(broker: 0, epoch: 1, since: 2), []),
                (.storeRecovered, 5, .consuming(broker: 0, epoch: 1, since: 2), ["say store_up"]),
            ])
    }

    /// A lock that is waited for in vain is no store that is away.
    @Test func tellsABusyStoreFromOneThatIsDown() {
        let paused = Machine.State.paused(broker: 0, epoch: 1, since: 2)
        run(
            toConsuming + [
                (.storeFailed("x", isBusy: true), 3, paused, ["say store_busy"]),
                (.storeFailed("y", isBusy: true), 4, paused, []),
                (.storeFailed("x"), 5, paused, ["say store_down"]),
                (.storeFailed("x"), 6, paused, []),
                (.storeRecovered, 7, .consuming(broker: 0, epoch: 1, since: 2), ["say store_up"]),
                (.storeFailed("x", isBusy: true), 8, paused, ["say store_busy"]),
            ])
    }

    /// After half an hour of holding the broker closes the channel. Another is opened when the store is back, not
    /// before: each that ends counts against every message it held.
    @Test func anAcknowledgementTimeOutWhileHoldingIsSurvivedOnce() {
        let halfAnHour: Int64 = 1_800_000_000
        run(
            toConsuming + [
                (.storeFailed("x"), 3, .paused(broker: 0, epoch: 1, since: 2), ["say store_down"]),
                (
                    .channelClosed(code: 406, text: "delivery acknowledgement timed out"), halfAnHour,
                    .connected(broker: 0, retryAt: nil), ["forget", "say precondition_failed"]
                ),
                (
                    .connectionLost("x"), halfAnHour + 1,
                    .disconnected(retryAt: halfAnHour + 51, broker: 0),
                    ["forget", "say connection_lost", "drop"]
                ),
                (.timePassed, halfAnHour + 51, .connecting(broker: 0), ["connect 0"]),
                (.connected, halfAnHour + 52, .connected(broker: 0, retryAt: nil), []),
                (
                    .storeRecovered, halfAnHour + 53, .declaring(broker: 0, epoch: 2),
                    ["say store_up", "open 2"]
                ),
            ])
    }

    @Test(arguments: [
        (UInt16(403), "x", "access_refused"), (404, "NOT_FOUND - no queue 'q' in vhost '/'", "not_found"),
        (
            404, "NOT_FOUND - home node 'n' of durable queue 'q' in vhost '/' is down or inaccessible",
            "queue_down"
        ),
        (405, "x", "resource_locked"), (406, "x", "precondition_failed"), (541, "x", "channel_closed"),
    ])
    func aChannelThatFailsIsTriedAgainEachTimeLater(code: UInt16, text: String, report: String) {
        run([
            (.started, 0, .connecting(broker: 0), ["connect 0"]),
            (.connected, 1, .declaring(broker: 0, epoch: 1), ["open 1"]),
            (
                .channelClosed(code: code, text: text), 10, .connected(broker: 0, retryAt: 15),
                ["forget", "say \(report)"]
            ),
            (.timePassed, 15, .declaring(broker: 0, epoch: 2), ["open 2"]),
            (
                .channelClosed(code: code, text: text), 20, .connected(broker: 0, retryAt: 30),
                ["forget", "say \(report)"]
            ),
            (.timePassed, 30, .declaring(broker: 0, epoch: 3), ["open 3"]),
            (.consuming, 31, .consuming(broker: 0, epoch: 3, since: 31), ["say consuming"]),
            (
                // It lasted: the waits begin anew.
                .channelClosed(code: code, text: text), 31 + Machine.steadyTime,
                .connected(broker: 0, retryAt: 31 + Machine.steadyTime + 5), ["forget", "say \(report)"]
            ),
        ])
    }

    @Test func aCancelledConsumerOpensAnotherChannel() {
        run(
            toConsuming + [
                (
                    .consumerCancelled, 10, .connected(broker: 0, retryAt: 15),
                    ["forget", "close channel", "say consumer_cancelled"]
                ),
                (.timePassed, 15, .declaring(broker: 0, epoch: 2), ["open 2"]),
                (
                    .connectionClosed(code: 530, text: "NOT_ALLOWED"), 16,
                    .disconnected(retryAt: 66, broker: 0), ["forget", "say connection_closed", "drop"]
                ),
            ])
    }

    @Test func beingBlockedChangesNothingButIsTold() {
        run(
            toConsuming + [
                (.blocked("low on memory"), 3, .consuming(broker: 0, epoch: 1, since: 2), ["say blocked"]),
                (.unblocked, 4, .consuming(broker: 0, epoch: 1, since: 2), ["say unblocked"]),
            ])
    }

    @Test func stopsFromWhereverItIs() {
        run([(.stopRequested, 0, .closed, ["finish"])])
        run([
            (.started, 0, .connecting(broker: 0), ["connect 0"]),
            (.connectingFailed("x"), 0, .disconnected(retryAt: 50, broker: 0), ["say connecting_failed"]),
            (.stopRequested, 0, .closed, ["finish"]),
        ])
        run(
            storeIsDown: true,
            [
                (.started, 0, .connecting(broker: 0), ["connect 0"]),
                (.connected, 1, .connected(broker: 0, retryAt: nil), []),
                (.stopRequested, 2, .closed, ["disconnect", "finish"]),
            ])
        run(
            toConsuming + [
                (.stopRequested, 3, .draining(broker: 0, epoch: 1), ["drop batch"]),
                (.connectionLost("x"), 4, .closed, ["forget", "say connection_lost", "drop", "finish"]),
            ])
    }

    /// What does not belong to a state changes nothing in it.
    @Test func strayEventsChangeNothing() {
        let stray: [Machine.Event] = [
            .started, .connected, .consuming, .channelClosed(code: 404, text: "x"), .consumerCancelled,
            .connectingFailed("x"), .drained, .timePassed,
        ]
        var machine = Machine(brokerCount: 1, storeIsDown: false)
        _ = machine.handle(.stopRequested, now: 0, random: 0)
        for event in stray + [.connectionLost("x"), .stopRequested] {
            let actions = machine.handle(event, now: 9, random: 0)
            #expect(actions == [], "\(event)")
            #expect(machine.state == .closed)
        }
    }
}
