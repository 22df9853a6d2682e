internal import CRabbitMQ
internal import Glibc
internal import SessionPipeline

/// Publishes messages, each confirmed by the broker (rabbitmq.com/docs/confirms).
///
/// What is not confirmed when a connection ends is published again on the next: a message may arrive twice, none is
/// lost. One thread uses it.
public final class AMQPPublisher {
    /// All that is fixed.
    public struct Configuration {
        /// Tried in order.
        public var brokers: [AMQPAddress]
        /// How they are reached now, where that may change. Asked for each attempt: a new password, or another user, is used as
        /// soon as a connection is made. Others than ``brokers`` are not heeded.
        public var currentBrokers: (@Sendable () -> [AMQPAddress])?
        /// Which queue is meant; without a topology it must be there.
        public var queue: QueueSettings
        /// Where to publish; the empty text is the default exchange, which routes by the queue's name.
        public var exchange: String
        /// The routing key, of messages that have none of their own.
        public var routingKey: String
        /// A message's own key, from its body; nothing where it has none. Nil: all have the same.
        public var keyOf: ((UnsafeRawBufferPointer) -> [UInt8])?
        /// The header that the key is in as well, for an exchange that hashes that.
        public var keyHeader: String?
        /// How many messages may be unconfirmed.
        public var window: Int
        /// Seconds to try for a new connection when one was lost.
        public var patience: Int
        /// How the connection is called in the broker's lists.
        public var connectionName: String
        /// The program's version, for the same lists.
        public var version: String

        /// All parts.
        public init(
            brokers: [AMQPAddress], queue: QueueSettings, exchange: String, routingKey: String,
            window: Int = 2000, patience: Int = 300, connectionName: String, version: String
        ) {
            self.brokers = brokers
            self.queue = queue
            self.exchange = exchange
            self.routingKey = routingKey
            self.window = window
            self.patience = patience
            self.connectionName = connectionName
            self.version = version
        }
    }

    /// What became of the messages so far.
    public struct Counts: Equatable, Sendable {
        /// Handed over for publishing.
        public var accepted = 0
        /// Confirmed by the broker.
        public var confirmed = 0
        /// Written again after a lost connection or a refusal.
        public var repeated = 0
        /// Connections opened after the first.
        public var reconnects = 0
        /// Whether the broker takes nothing for now (an alarm).
        public var isBlocked = false
    }

    /// Why publishing had to end.
    public struct Failure: Error, CustomStringConvertible, Sendable {
        /// What happened and what to do.
        public let description: String
    }

    /// What became of the messages so far.
    public private(set) var counts = Counts()

    private let configuration: Configuration
    private let texts = Texts()
    private let exchange: amqp_bytes_t
    private let routingKey: amqp_bytes_t
    private let keyHeader: amqp_bytes_t
    private var connection: AMQPConnection?
    private var window = ConfirmWindow()
    private var sinceLook = 0
    private static let channel: UInt16 = 1

    /// Connects. The brokers are tried once each: who begins wants to know at once that none is there.
    public init(_ configuration: Configuration) throws {
        self.configuration = configuration
        exchange = texts.bytes(configuration.exchange)
        routingKey = texts.bytes(configuration.routingKey)
        keyHeader = texts.bytes(configuration.keyHeader ?? "")
        try connect()
    }

    deinit { texts.free() }

    // MARK: Publishing

    /// Publishes one message; waits while too many are unconfirmed or the broker is blocked.
    public func publish(_ body: UnsafeRawBufferPointer) throws {
        while counts.isBlocked || window.count >= configuration.window { try service(microseconds: 50_000) }
        window.append(Array(body))
        counts.accepted += 1
        do throws(AMQPFailure) {
            try write(body)
            sinceLook += 1
        } catch {
            try recover(error)
        }
        if sinceLook >= 64 { try service(microseconds: 0) }
    }

    /// Reads what the broker says for so long, and keeps the heartbeat.
    public func service(microseconds: Int64) throws {
        sinceLook = 0
        var frame = crmq_frame()
        // Once something has come, whatever else is there is read, and not waited for.
        var patience = microseconds
        repeat {
            guard let connection else { return }
            connection.next(patience, &frame)
            patience = 0
            if frame.kind == CRMQ_NOTHING { break }
            do throws(AMQPFailure) {
                try take(frame)
            } catch {
                try recover(error)
            }
        } while frame.kind != CRMQ_NOTHING
        connection?.releaseBuffers()
    }

    /// Waits until everything is confirmed, then closes the connection.
    public func finish() throws {
        while window.count > 0 { try service(microseconds: 50_000) }
        connection?.close()
        connection = nil
        guard counts.confirmed == counts.accepted else {
            throw Failure(
                description:
                    "of \(counts.accepted) messages only \(counts.confirmed) were confirmed; publish again: "
                    + "repetitions change nothing")
        }
    }

    private func write(_ body: [UInt8]) throws(AMQPFailure) {
        try body.span.bytes.withUnsafeBytes { bytes throws(AMQPFailure) in try write(bytes) }
    }

    private func write(_ body: UnsafeRawBufferPointer) throws(AMQPFailure) {
        let key = configuration.keyOf?(body) ?? []
        if key.isEmpty { return try write(body, key: routingKey) }
        try key.span.bytes.withUnsafeBytes { bytes throws(AMQPFailure) in
            try write(
                body,
                key: amqp_bytes_t(
                    len: bytes.count, bytes: UnsafeMutableRawPointer(mutating: bytes.baseAddress)))
        }
    }

    private func write(_ body: UnsafeRawBufferPointer, key: amqp_bytes_t) throws(AMQPFailure) {
        guard let connection else { return }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        try connection.publish(
            body, exchange: exchange, routingKey: key, header: (keyHeader, key),
            nowMilliseconds: Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000, Self.channel)
    }

    private func take(_ frame: crmq_frame) throws(AMQPFailure) {
        switch frame.kind {
        case CRMQ_ACK: counts.confirmed += window.settle(frame.tag, isMultiple: frame.flag != 0).count
        case CRMQ_NACK:
            // The broker could not take it: once more, at the end.
            // All of them are in the window before the first is written: a connection that ends meanwhile loses none.
            let refused = window.settle(frame.tag, isMultiple: frame.flag != 0)
            for body in refused { window.append(body) }
            // A queue that is full refuses again at once.
            if !refused.isEmpty { usleep(20_000) }
            for body in refused {
                counts.repeated += 1
                try write(body)
            }
        case CRMQ_RETURN: throw .unroutable("\(frame.code) \(frame.text)")
        case CRMQ_BLOCKED: counts.isBlocked = true
        case CRMQ_UNBLOCKED: counts.isBlocked = false
        case CRMQ_CHANNEL_CLOSE: throw .channelClosed(code: frame.code, text: frame.text)
        case CRMQ_CONNECTION_CLOSE: throw .connectionClosed(code: frame.code, text: frame.text)
        case CRMQ_FAILED: throw .library(status: frame.status, during: "publishing")
        default: break
        }
    }

    // MARK: Connecting

    private func connect() throws {
        var problems: [String] = []
        for address in configuration.brokers.reached(configuration.currentBrokers) {
            do throws(AMQPFailure) {
                try open(address)
                return
            } catch {
                connection?.letGo()
                connection = nil
                if case .channelClosed = error { throw Failure(description: "\(address.shown): \(error)") }
                problems.append("\(address.shown): \(error)")
            }
        }
        throw Failure(description: problems.joined(separator: "; "))
    }

    private func open(_ address: AMQPAddress) throws(AMQPFailure) {
        let made = try AMQPConnection(
            address, name: configuration.connectionName, version: configuration.version)
        connection = made
        try made.openChannel(Self.channel)
        if let topology = configuration.queue.topology {
            try made.declare(configuration.queue, topology, Self.channel)
        } else if configuration.exchange.isEmpty {
            // Better than publishing to nowhere: the broker says what is missing.
            _ = try made.depth(of: configuration.queue.name, Self.channel)
        }
        try made.confirmPublishing(Self.channel)
        counts.isBlocked = false
    }

    /// A connection is gone: another, and what was not confirmed once more.
    private func recover(_ failure: AMQPFailure) throws {
        connection?.letGo()
        connection = nil
        switch failure {
        case .unroutable(let text):
            throw Failure(
                description: "a message could not be routed: \(text); is a queue bound to exchange "
                    + "\(configuration.exchange) for key \(configuration.routingKey)?")
        case .channelClosed, .unreadable: throw Failure(description: "\(failure)")
        case .connectionClosed, .library: break
        }
        var backOff = BackOff()
        let until = monotonicNow() + Int64(configuration.patience) * 1_000_000
        while true {
            usleep(UInt32(backOff.next(random: .random(in: 0..<1))))
            do {
                try connect()
                counts.reconnects += 1
                try republish()
                return
            } catch let error as Failure {
                if monotonicNow() > until {
                    throw Failure(
                        description: "\(failure); then for \(configuration.patience) s: \(error.description)")
                }
            } catch let error as AMQPFailure {
                connection?.letGo()
                connection = nil
                if monotonicNow() > until { throw Failure(description: "\(error)") }
            }
        }
    }

    private func republish() throws {
        for body in window.restart() {
            counts.repeated += 1
            try write(body)
        }
    }
}

/// Messages that were published on a channel and are not confirmed. Their tags count up from 1 on each channel.
struct ConfirmWindow {
    /// By tag, from `firstTag` on; nil: confirmed, but one before it is not.
    private var bodies: [[UInt8]?] = []
    private var firstTag: UInt64 = 1
    /// How many are unconfirmed.
    private(set) var count = 0

    mutating func append(_ body: [UInt8]) {
        bodies.append(body)
        count += 1
    }

    /// Settles one message, or all up to it; tags of a channel before, or settled ones, are passed over.
    mutating func settle(_ tag: UInt64, isMultiple: Bool) -> [[UInt8]] {
        guard tag >= firstTag, tag - firstTag < UInt64(bodies.count) else { return [] }
        let last = Int(tag - firstTag)
        var settled: [[UInt8]] = []
        for index in (isMultiple ? 0 : last)...last {
            if let body = bodies[index] { settled.append(body) }
            bodies[index] = nil
        }
        count -= settled.count
        let done = bodies.prefix { $0 == nil }.count
        // Not one by one: each removal moves what is behind.
        if done > 256 || done == bodies.count {
            bodies.removeFirst(done)
            firstTag += UInt64(done)
        }
        return settled
    }

    /// Begins a new channel.
    /// - Returns: What is to be published on it again, first.
    mutating func restart() -> [[UInt8]] {
        let left = bodies.compactMap { $0 }
        bodies = left
        firstTag = 1
        return left
    }
}
