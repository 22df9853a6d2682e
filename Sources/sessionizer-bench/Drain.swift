internal import AMQPSource
internal import Dispatch
internal import EventDecoding
internal import Glibc
internal import MessageBatches
internal import SessionPipeline
internal import Synchronization

/// What `sessionizer-bench drain` is asked for.
struct DrainOptions {
    /// The broker.
    var brokers: [AMQPAddress]
    /// A quorum queue that holds at least `count` messages.
    var queue: String
    /// After how many messages it ends.
    var count: Int
    /// How many deliveries may be unacknowledged; half of them are a batch, as in the service.
    var prefetch: Int
    /// Whether each message is also scanned as an event is, which the service's engine thread does.
    var decodes: Bool

    /// `URL QUEUE COUNT PREFETCH [decode]`; nil where that is not what was said.
    init?(_ words: [String]) throws {
        guard words.count == 4 || words.count == 5 && words[4] == "decode", let count = Int(words[2]),
            let prefetch = Int(words[3]), count > 0, (2...65_535).contains(prefetch)
        else { return nil }
        brokers = try AMQPAddress.list(words[0])
        queue = words[1]
        self.count = count
        self.prefetch = prefetch
        decodes = words.count == 5
    }
}

/// When the consumer's thread wrote its last acknowledgement, microseconds of the monotonic clock.
private final class LastAcknowledgement: Sendable {
    let time = Atomic<Int64>(0)
}

/// Empties a queue through the service's own consumer into a store that only counts: a batch settles as soon as its
/// messages were counted. The clock runs from before connecting to the last acknowledgement.
/// - Returns: Messages counted, events among them (0 where nothing is decoded), and seconds.
func drain(_ options: DrainOptions) -> (messages: Int, events: Int, seconds: Double) {
    let last = LastAcknowledgement()
    var configuration = AMQPConsumer.Configuration(
        brokers: options.brokers, queue: QueueSettings(name: options.queue, prefetch: options.prefetch),
        batch: BatchCloser.Limits(messages: options.prefetch / 2), connectionName: "sessionizer-bench",
        version: "bench")
    configuration.onAcknowledged = { last.time.store(monotonicNow(), ordering: .relaxed) }
    let startedAt = monotonicNow()
    let consumer = AMQPConsumer(configuration) { notice in
        if notice.severity != .info { fail(notice.text) }
    }
    let ended = DispatchSemaphore(value: 0)
    DispatchQueue(label: "sessionizer-bench.amqp").async {
        consumer.run()
        ended.signal()
    }
    consumer.storeReady()
    let decoder = EventDecoder()
    var decoded: [ObjectIdentifier: DecodedBatch] = [:]
    var (messages, events) = (0, 0)
    while messages < options.count, let batch = consumer.take() {
        messages += batch.messages.messages.count
        if options.decodes {
            let id = ObjectIdentifier(batch.messages)
            let read = decoded[id] ?? DecodedBatch(batch: batch.messages)
            decoded[id] = read
            decoder.scan(read)
            events += read.eventCount
            read.removeAll()
        }
        consumer.settle(batch)
    }
    consumer.stop()
    while let batch = consumer.take() { consumer.abandon(batch) }
    ended.wait()
    return (messages, events, Double(last.time.load(ordering: .relaxed) - startedAt) / 1e6)
}
