/// What a look at a broker found. Nothing is consumed, made or changed by looking.
public struct AMQPInspection: Equatable, Sendable {
    /// A queue, as far as the user may see it.
    public struct Queue: Equatable, Sendable {
        /// Its name.
        public var name: String
        /// Messages ready in it; nil where it is not there.
        public var ready: Int?
        /// What kind it is, as the broker calls it; nil where that could not be seen.
        public var kind: String?
        /// Whether the user may read it; nil where that could not be seen.
        public var mayRead: Bool?
        /// Whether the user may make it, or declare it as it is; nil where that could not be seen.
        public var mayConfigure: Bool?
        /// Why something could not be seen: the broker's words.
        public var obstacle: String?
    }

    /// The queues, in the order asked for.
    public private(set) var queues: [Queue] = []
    /// Whether the exchange that was asked for is there; nil where none was.
    public private(set) var hasExchange: Bool?

    /// Why a broker could not be looked at.
    public struct Failure: Error, CustomStringConvertible, Sendable {
        /// What was tried and what came of it; no password.
        public let description: String
    }

    private static let channel: UInt16 = 1

    /// Connects, logs in, and looks.
    /// - Parameters:
    ///   - kind: What kind the queues should be.
    ///   - exchange: An exchange that should be there.
    /// - Throws: ``Failure`` where no connection can be made or it is lost on the way.
    public init(
        _ address: AMQPAddress, queues names: [String], kind: QueueSettings.Kind, exchange: String?,
        connectionName: String, version: String
    ) throws(Failure) {
        do throws(AMQPFailure) {
            let connection = try AMQPConnection(address, name: connectionName, version: version)
            defer { connection.close() }
            for name in names { queues.append(try Self.look(at: name, kind, connection)) }
            if let exchange {
                let refusal = try Self.ask(connection) { connection, channel throws(AMQPFailure) in
                    try connection.expectExchange(exchange, channel)
                }
                hasExchange = refusal == nil
            }
        } catch {
            throw Failure(description: "\(error)")
        }
    }

    private static func look(
        at name: String, _ kind: QueueSettings.Kind, _ connection: AMQPConnection
    ) throws(AMQPFailure) -> Queue {
        var queue = Queue(name: name)
        let absence = try ask(connection) { connection, channel throws(AMQPFailure) in
            queue.ready = try connection.depth(of: name, channel)
        }
        if let absence {
            queue.obstacle = absence.text
            // Rights are looked at before arguments.
            queue.mayConfigure = try declaring(name, impossible(kind), connection).map { $0.code != 403 }
            return queue
        }
        // A consumer whose priority is no number is refused after its rights were checked and before it is one. Should
        // a broker take it all the same, it has one message at most, and gives it back at once.
        let refusal = try ask(connection) { connection, channel throws(AMQPFailure) in
            try connection.setPrefetch(1, channel)
            try connection.consume(name, [("x-priority", .text("none"))], channel)
        }
        switch refusal?.code {
        case nil, 406: queue.mayRead = true
        case 403: queue.mayRead = false
        default: queue.obstacle = refusal?.text
        }
        switch try kindSeen(of: name, kind, connection) {
        case .success(let seen):
            queue.kind = seen
            queue.mayConfigure = true
        case .failure(let refusal):
            queue.obstacle = queue.obstacle ?? refusal.text
            queue.mayConfigure = refusal.code != 403
        }
        return queue
    }

    /// The broker closes the channel over what it does not take, and says why.
    struct Refusal: Error, Equatable {
        var code: UInt16
        var text: String
    }

    /// Asks on a channel of its own.
    /// - Returns: Why the broker closed it; nil where it did not.
    private static func ask(
        _ connection: AMQPConnection,
        _ body: (AMQPConnection, UInt16) throws(AMQPFailure) -> Void
    ) throws(AMQPFailure) -> Refusal? {
        try connection.openChannel(channel)
        do throws(AMQPFailure) {
            try body(connection, channel)
        } catch {
            guard case .channelClosed(let code, let text) = error else { throw error }
            connection.answerChannelClose(channel)
            return Refusal(code: code, text: text)
        }
        try connection.closeChannel(channel)
        return nil
    }

    /// An argument with which no queue can be made: a declaration that bears it makes nothing, also where the queue is
    /// deleted meanwhile. RabbitMQ compares the kind before it, or does not compare it.
    private static let impossible = (key: "x-max-age", value: Argument.text("1x"))

    private static func impossible(_ kind: QueueSettings.Kind) -> [(String, Argument)] {
        [("x-queue-type", .text(kind.rawValue)), impossible]
    }

    private static func declaring(
        _ name: String, _ arguments: [(String, Argument)], _ connection: AMQPConnection
    ) throws(AMQPFailure) -> Refusal? {
        try ask(connection) { connection, channel throws(AMQPFailure) in
            let texts = Texts()
            defer { texts.free() }
            try connection.declareQueue(name, arguments, channel, texts)
        }
    }

    /// A passive declaration does not tell the kind; another of a queue that is there is refused over the first argument
    /// that differs, with its value. What differs before the kind is taken over, until the kind's turn comes. Needs the
    /// right to configure.
    private static func kindSeen(
        of name: String, _ kind: QueueSettings.Kind, _ connection: AMQPConnection
    ) throws(AMQPFailure) -> Result<String, Refusal> {
        var arguments = impossible(kind)
        for _ in 0..<16 {
            let refusal = try declaring(name, arguments, connection)
            // RabbitMQ 3.10 does not compare every argument: the kind it does, and it was not another.
            guard let refusal else { return .success(kind.rawValue) }
            guard refusal.code == 406, let difference = Difference(refusal.text) else {
                return .failure(refusal)
            }
            if difference.key == impossible.key { return .success(kind.rawValue) }
            // A classic queue may have been made without saying so.
            if difference.key == "x-queue-type" { return .success(difference.text ?? "classic") }
            guard let value = difference.value, !arguments.contains(where: { $0.0 == difference.key }) else {
                return .failure(refusal)
            }
            arguments.append((difference.key, value))
        }
        return .failure(Refusal(code: 0, text: "the broker did not tell the queue's kind"))
    }

    /// What RabbitMQ says of an argument that differs: `inequivalent arg 'K' for queue 'q' in vhost '/': received … but
    /// current is the value 'V' of type 'T'` (or `is none`, or, of the kind, `is 'V'`).
    struct Difference {
        let key: String
        /// The queue's own value; nil where it has none.
        let text: String?
        private let type: String?

        init?(_ words: String) {
            guard let start = words.range(of: "inequivalent arg '"),
                let end = words[start...].firstIndex(of: "'"),
                let current = words.range(of: "but current is ")
            else { return nil }
            key = String(words[start..<end])
            guard key.hasPrefix("x-") else { return nil }
            let quoted = words[current...].split(separator: "'", omittingEmptySubsequences: false).map(
                String.init)
            text = quoted.count >= 3 ? quoted[1] : nil
            type = quoted.count >= 5 ? quoted[3] : nil
        }

        /// The same value as an argument; nil where its type is not known here.
        var value: Argument? {
            guard let text else { return nil }
            switch type {
            case "longstr": return .text(text)
            case "bool": return text == "true" || text == "false" ? .flag(text == "true") : nil
            case "byte", "short", "signedint", "long", "unsignedbyte", "unsignedshort", "unsignedint":
                return Int64(text).map { .integer($0) }
            default: return nil
            }
        }
    }
}

extension String {
    /// Where a text that stands in this one ends.
    fileprivate func range(of part: String) -> String.Index? {
        var rest = self[...]
        while !rest.isEmpty {
            if rest.hasPrefix(part) { return rest.index(rest.startIndex, offsetBy: part.count) }
            rest = rest.dropFirst()
        }
        return nil
    }
}
