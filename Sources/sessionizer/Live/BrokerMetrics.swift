import AMQPSource
import SessionPipeline
import Telemetry

/// What there is to say about the broker.
struct BrokerMetrics: Sendable {
    private let connected: Metrics.Handle
    private let consuming: Metrics.Handle
    private let blocked: Metrics.Handle
    private let depth: Metrics.Handle
    private let looks: Metrics.Handle
    private let unacknowledged: Metrics.Handle
    private let held: Metrics.Handle
    private let prefetch: Metrics.Handle
    private let connections: Metrics.Handle
    private let channels: Metrics.Handle
    private let deliveries: Metrics.Handle
    private let redeliveries: Metrics.Handle
    private let acknowledged: Metrics.Handle
    private let notices: [String: Metrics.Handle]

    init(_ all: Metrics) {
        connected = all.gauge("sessionizer_amqp_connected", "Whether there is a connection to a broker.")
        consuming = all.gauge("sessionizer_amqp_consuming", "Whether deliveries are taken.")
        blocked = all.gauge(
            "sessionizer_amqp_blocked", "Whether the broker says that it takes no publishing (an alarm).")
        depth = all.gauge(
            "sessionizer_queue_messages_ready",
            "Messages ready in the queue when it was last looked at; of a stream all that it holds.")
        looks = all.counter(
            "sessionizer_queue_looks_total", "How often the queue was looked at for its depth.")
        unacknowledged = all.gauge(
            "sessionizer_amqp_unacknowledged_messages", "Messages delivered and not acknowledged.")
        held = all.gauge("sessionizer_amqp_held_bytes", "Bytes of deliveries in memory.")
        prefetch = all.gauge(
            "sessionizer_amqp_prefetch_messages", "How many messages may be delivered and not acknowledged.")
        connections = all.counter("sessionizer_amqp_connections_total", "Connections opened.")
        channels = all.counter("sessionizer_amqp_channels_total", "Channels opened for consuming.")
        deliveries = all.counter("sessionizer_amqp_deliveries_total", "Messages delivered.")
        redeliveries = all.counter(
            "sessionizer_amqp_redeliveries_total", "Messages delivered that had been delivered before.")
        acknowledged = all.counter("sessionizer_amqp_acknowledged_total", "Messages acknowledged.")
        notices = Dictionary(
            uniqueKeysWithValues: ConsumerStateMachine.Notice.codes.map { code in
                (
                    code,
                    all.counter(
                        "sessionizer_amqp_notices_total", "What happened to the connection, by kind.",
                        ["code": code])
                )
            })
    }

    func noted(_ notice: ConsumerStateMachine.Notice, _ all: Metrics) {
        if let handle = notices[notice.code] { all.add(handle) }
    }

    func update(_ status: AMQPConsumer.Status, _ all: Metrics) {
        all.change { change in
            change.set(connected, status.isConnected ? 1 : 0)
            change.set(consuming, status.isConsuming ? 1 : 0)
            change.set(blocked, status.isBlocked ? 1 : 0)
            if let ready = status.queueDepth { change.set(depth, Double(ready)) }
            change.set(looks, Double(status.queueLooks))
            change.set(unacknowledged, Double(status.unacknowledged))
            change.set(held, Double(status.heldBytes))
            change.set(prefetch, Double(status.prefetch))
            change.set(connections, Double(status.connections))
            change.set(channels, Double(status.channels))
            change.set(deliveries, Double(status.deliveries))
            change.set(redeliveries, Double(status.redeliveries))
            change.set(acknowledged, Double(status.acknowledged))
        }
    }
}
