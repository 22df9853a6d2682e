internal import CRabbitMQ
internal import Glibc

/// One connection of librabbitmq, which is not thread-safe: everything is called by the one thread that made it.
///
/// After an error that is not a closed channel the state of the library is unusable (its issue 646): let go of it
/// and make another.
final class AMQPConnection {
    let address: AMQPAddress
    /// For `poll`.
    let descriptor: Int32

    private let state: amqp_connection_state_t
    private var isLetGo = false

    /// Seconds that connecting may take.
    static let patience = 10
    /// Seconds that a call that waits for the broker may take. A quorum queue without a leader (its node just began)
    /// answers no consumer: the sooner that is given up, the sooner the next attempt meets one.
    static let answerPatience = 5

    /// librabbitmq would begin and end OpenSSL for itself, under the feet of other users of it in the process.
    private static let isOpenSSLLeftAlone: Bool = {
        amqp_set_initialize_ssl_library(0)
        return true
    }()

    init(_ address: AMQPAddress, name: String, version: String) throws(AMQPFailure) {
        self.address = address
        guard let state = amqp_new_connection() else {
            throw .library(status: Int32(AMQP_STATUS_NO_MEMORY.rawValue), during: "connecting")
        }
        do throws(AMQPFailure) {
            try Self.openSocket(state, address)
            var patience = timeval(tv_sec: Self.patience, tv_usec: 0)
            try Self.check(amqp_set_handshake_timeout(state, &patience), "setting a time-out")
            var answerPatience = timeval(tv_sec: Self.answerPatience, tv_usec: 0)
            try Self.check(amqp_set_rpc_timeout(state, &answerPatience), "setting a time-out")
            descriptor = amqp_get_sockfd(state)
            // A peer that takes no bytes is given up after as long as one that sends no heartbeats.
            _ = crmq_watch_socket(descriptor, Int32(max(2 * address.heartbeat, 5)))
            var answer = crmq_frame()
            crmq_login(
                state, address.virtualHost, Int32(address.heartbeat), address.user, address.password, name,
                version, &answer)
            try Self.check(answer, "logging in")
        } catch {
            amqp_destroy_connection(state)
            throw error
        }
        self.state = state
    }

    deinit { letGo() }

    private static func openSocket(
        _ state: amqp_connection_state_t, _ address: AMQPAddress
    ) throws(AMQPFailure) {
        let socket: OpaquePointer?
        if let tls = address.tls {
            _ = isOpenSSLLeftAlone
            // The library says no more of them than "a SSL error occurred".
            for (name, path) in [
                ("cacertfile", tls.authority), ("certfile", tls.certificate), ("keyfile", tls.key),
            ] {
                guard let path, access(path, R_OK) != 0 else { continue }
                throw .unreadable("\(name) \(path): \(String(cString: strerror(errno)))")
            }
            socket = amqp_ssl_socket_new(state)
            guard let socket else {
                throw .library(status: Int32(AMQP_STATUS_NO_MEMORY.rawValue), during: "connecting")
            }
            try check(
                amqp_ssl_socket_set_cacert(socket, tls.authority), "reading cacertfile \(tls.authority)")
            if let certificate = tls.certificate, let key = tls.key {
                try check(
                    amqp_ssl_socket_set_key(socket, certificate, key), "reading \(certificate) and \(key)")
            }
            amqp_ssl_socket_set_verify_peer(socket, 1)
            amqp_ssl_socket_set_verify_hostname(socket, 1)
            try check(
                amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST),
                "setting TLS versions")
        } else {
            socket = amqp_tcp_socket_new(state)
        }
        var patience = timeval(tv_sec: Self.patience, tv_usec: 0)
        try check(
            amqp_socket_open_noblock(socket, address.host, Int32(address.port), &patience),
            "connecting to \(address.shown)")
    }

    // MARK: Channels

    /// Another number for each channel of a consumer, as far as there are some: at most so many channels as the broker
    /// agreed to (`channel_max`), which closes the connection at a higher number (530).
    func channelNumber(epoch: UInt64) -> UInt16 {
        Self.channelNumber(epoch: epoch, most: Int(amqp_get_channel_max(state)))
    }

    /// - Parameter most: 0: no limit but the protocol's.
    static func channelNumber(epoch: UInt64, most: Int) -> UInt16 {
        UInt16(1 + epoch % UInt64(most > 0 ? min(most, 1000) : 1000))
    }

    func openChannel(_ channel: UInt16) throws(AMQPFailure) {
        _ = amqp_channel_open(state, channel)
        try checkReply("opening a channel")
    }

    /// Closes a channel; what was delivered on it and not acknowledged goes back to the queue.
    func closeChannel(_ channel: UInt16) throws(AMQPFailure) {
        var answer = crmq_frame()
        crmq_explain(amqp_channel_close(state, channel, AMQP_REPLY_SUCCESS), &answer)
        try Self.check(answer, "closing a channel")
    }

    /// Tells the broker that its closing of a channel was understood; the number may be used again then.
    func answerChannelClose(_ channel: UInt16) { _ = crmq_answer_channel_close(state, channel) }

    func answerConnectionClose() { _ = crmq_answer_connection_close(state) }

    /// How many messages are ready in a queue, which must be there.
    func depth(of queue: String, _ channel: UInt16) throws(AMQPFailure) -> Int {
        let texts = Texts()
        defer { texts.free() }
        let reply = amqp_queue_declare(
            state, channel, texts.bytes(queue), 1, 0, 0, 0, amqp_table_t(num_entries: 0, entries: nil))
        try checkReply("looking for queue \(queue)")
        return Int(reply?.pointee.message_count ?? 0)
    }

    /// The same without waiting: the answer comes as a frame, behind all deliveries that are on their way.
    ///
    /// A call that waits puts aside what comes before its answer; where that takes longer than it waits, all of it is lost
    /// with the connection.
    func askDepth(of queue: String, _ channel: UInt16) throws(AMQPFailure) {
        let texts = Texts()
        defer { texts.free() }
        try Self.check(crmq_ask_depth(state, channel, texts.bytes(queue)), "looking for queue \(queue)")
    }

    /// Makes a queue, its dead letter queue, and what routes to it; nothing changes where they are there already.
    func declare(_ queue: QueueSettings, _ topology: QueueSettings.Topology, _ channel: UInt16)
        throws(AMQPFailure)
    {
        let texts = Texts()
        defer { texts.free() }
        let isShared = !topology.partitions.isEmpty
        var arguments: [(String, Argument)] = [("x-queue-type", .text(queue.kind.rawValue))]
        if queue.kind != .stream {
            try declareQueue(queue.deadLetterQueue, arguments, channel, texts)
            arguments += [
                ("x-dead-letter-exchange", .text("")),
                ("x-dead-letter-routing-key", .text(queue.deadLetterQueue)),
            ]
            // Leases say who reads a partition; this holds back who has not heard of it yet.
            if isShared { arguments.append(("x-single-active-consumer", .flag(true))) }
        }
        // All partitions: what is hashed to a queue that is not there yet would go elsewhere.
        let names = isShared ? topology.partitions : [queue.name]
        for name in names { try declareQueue(name, arguments, channel, texts) }
        guard let exchange = topology.exchange else { return }
        let nothing = amqp_table_t(num_entries: 0, entries: nil)
        let hashed = queue.partitionKey?.header.map { texts.table([("hash-header", .text($0))]) }
        _ = amqp_exchange_declare(
            state, channel, texts.bytes(exchange), texts.bytes(isShared ? "x-consistent-hash" : "topic"), 0,
            1, 0, 0, hashed ?? nothing)
        try checkReply("declaring exchange \(exchange)")
        for name in names {
            // To an exchange that hashes, a binding key is a weight.
            _ = amqp_queue_bind(
                state, channel, texts.bytes(name), texts.bytes(exchange),
                texts.bytes(isShared ? "1" : topology.bindingKey), nothing)
            try checkReply("binding queue \(name) to exchange \(exchange)")
        }
    }

    /// Makes a queue; nothing changes where it is there with the same arguments.
    func declareQueue(
        _ name: String, _ arguments: [(String, Argument)], _ channel: UInt16, _ texts: Texts
    ) throws(AMQPFailure) {
        _ = amqp_queue_declare(state, channel, texts.bytes(name), 0, 1, 0, 0, texts.table(arguments))
        try checkReply("declaring queue \(name)")
    }

    /// Throws where an exchange is not there; makes nothing.
    func expectExchange(_ name: String, _ channel: UInt16) throws(AMQPFailure) {
        let texts = Texts()
        defer { texts.free() }
        // Of a passive declaration only the name counts.
        _ = amqp_exchange_declare(
            state, channel, texts.bytes(name), texts.bytes("direct"), 1, 1, 0, 0,
            amqp_table_t(num_entries: 0, entries: nil))
        try checkReply("looking for exchange \(name)")
    }

    func setPrefetch(_ count: Int, _ channel: UInt16) throws(AMQPFailure) {
        _ = amqp_basic_qos(state, channel, 0, UInt16(count), 0)
        try checkReply("setting the prefetch")
    }

    func consume(_ queue: String, _ arguments: [(String, Argument)], _ channel: UInt16) throws(AMQPFailure) {
        let texts = Texts()
        defer { texts.free() }
        let broker = amqp_bytes_t(len: 0, bytes: nil)
        _ = amqp_basic_consume(
            state, channel, texts.bytes(queue), broker, 0, 0, 0, texts.table(arguments))
        try checkReply("consuming from queue \(queue)")
    }

    /// Lets the broker deliver so many more: one more consumer on the same channel, which is never cancelled. To change the
    /// first one's prefetch it would have to be, and what it holds would count as delivered once more.
    /// - Parameter tag: Of no other consumer of the channel.
    func consumeMore(_ queue: String, _ count: Int, tag: String, _ channel: UInt16) throws(AMQPFailure) {
        let texts = Texts()
        defer { texts.free() }
        try Self.check(
            crmq_consume_more(state, channel, texts.bytes(queue), texts.bytes(tag), UInt16(count)),
            "consuming more from queue \(queue)")
    }

    /// Acknowledges every delivery up to a tag. That it returns says only that the bytes were written.
    func acknowledge(upTo tag: UInt64, _ channel: UInt16) throws(AMQPFailure) {
        try Self.check(amqp_basic_ack(state, channel, tag, 1), "acknowledging")
    }

    // MARK: Publishing

    func confirmPublishing(_ channel: UInt16) throws(AMQPFailure) {
        _ = amqp_confirm_select(state, channel)
        try checkReply("asking for publisher confirms")
    }

    /// Publishes one message, persistent and mandatory. That it returns says only that the bytes were written.
    /// - Parameter header: One more header, where its name is not empty.
    func publish(
        _ body: UnsafeRawBufferPointer, exchange: amqp_bytes_t, routingKey: amqp_bytes_t,
        header: (name: amqp_bytes_t, value: amqp_bytes_t), nowMilliseconds: Int64, _ channel: UInt16
    ) throws(AMQPFailure) {
        try Self.check(
            crmq_publish(
                state, channel, exchange, routingKey, header.name, header.value, nowMilliseconds,
                body.baseAddress, body.count),
            "publishing")
    }

    // MARK: Frames

    /// The next frame, waiting so many microseconds for it; services heartbeats. Its pointers are valid until
    /// ``releaseBuffers()``.
    func next(_ timeout: Int64, _ frame: inout crmq_frame) { crmq_next(state, timeout, &frame) }

    /// Whether frames are there without reading from the socket.
    var hasBufferedFrames: Bool { amqp_frames_enqueued(state) != 0 || amqp_data_in_buffer(state) != 0 }

    /// Gives back the memory of frames that were handled: without it, it grows for ever (its issue 211).
    func releaseBuffers() { amqp_maybe_release_buffers(state) }

    // MARK: The end

    /// Closes the connection properly, then lets go of it.
    func close() {
        if isLetGo { return }
        _ = amqp_connection_close(state, AMQP_REPLY_SUCCESS)
        letGo()
    }

    /// Lets go of the socket without a word; the broker notices.
    func letGo() {
        if isLetGo { return }
        isLetGo = true
        amqp_destroy_connection(state)
    }

    private func checkReply(_ during: String) throws(AMQPFailure) {
        var answer = crmq_frame()
        crmq_last_reply(state, &answer)
        try Self.check(answer, during)
    }

    private static func check(_ status: Int32, _ during: String) throws(AMQPFailure) {
        if status != AMQPStatus.ok { throw .library(status: status, during: during) }
    }

    private static func check(_ answer: crmq_frame, _ during: String) throws(AMQPFailure) {
        switch answer.kind {
        case CRMQ_NOTHING: return
        case CRMQ_CHANNEL_CLOSE: throw .channelClosed(code: answer.code, text: answer.text)
        case CRMQ_CONNECTION_CLOSE: throw .connectionClosed(code: answer.code, text: answer.text)
        default: throw .library(status: answer.status, during: during)
        }
    }
}

extension crmq_frame {
    /// The text of a close, a return, a block.
    var text: String {
        String(decoding: UnsafeRawBufferPointer(start: bytes, count: length), as: UTF8.self)
    }
}

/// An argument of a declaration or a consumer.
enum Argument {
    case text(String)
    case integer(Int64)
    case timestamp(UInt64)
    case flag(Bool)
}

/// Texts and tables for calls of the library, which borrows them. They live until they are freed.
final class Texts {
    private var copies: [UnsafeMutablePointer<CChar>] = []
    private var tables: [UnsafeMutablePointer<amqp_table_entry_t>] = []

    func bytes(_ text: String) -> amqp_bytes_t {
        guard let copy = strdup(text) else { preconditionFailure("out of memory") }
        copies.append(copy)
        return amqp_bytes_t(len: strlen(copy), bytes: copy)
    }

    func table(_ arguments: [(String, Argument)]) -> amqp_table_t {
        if arguments.isEmpty { return amqp_table_t(num_entries: 0, entries: nil) }
        let entries = UnsafeMutablePointer<amqp_table_entry_t>.allocate(capacity: arguments.count)
        tables.append(entries)
        for (index, (key, value)) in arguments.enumerated() {
            switch value {
            case .text(let text): crmq_set_text(entries + index, bytes(key), bytes(text))
            case .integer(let number): crmq_set_integer(entries + index, bytes(key), number)
            case .timestamp(let seconds): crmq_set_timestamp(entries + index, bytes(key), seconds)
            case .flag(let flag): crmq_set_flag(entries + index, bytes(key), flag ? 1 : 0)
            }
        }
        return amqp_table_t(num_entries: Int32(arguments.count), entries: entries)
    }

    func free() {
        for copy in copies { Glibc.free(copy) }
        for table in tables { table.deallocate() }
        copies = []
        tables = []
    }
}
