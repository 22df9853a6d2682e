internal import CRabbitMQ

/// What a connection came to an end by, or a call that waits for the broker.
enum AMQPFailure: Error, CustomStringConvertible {
    /// The broker closed the channel: what was asked for is not there, or not allowed.
    case channelClosed(code: UInt16, text: String)
    /// The broker closed the connection.
    case connectionClosed(code: UInt16, text: String)
    /// The broker knows no queue for a message that was published (`basic.return`).
    case unroutable(String)
    /// A file that the address names cannot be read.
    case unreadable(String)
    /// The library failed: the network, a time-out, a broken frame. Only a new connection helps.
    case library(status: Int32, during: String)

    var description: String {
        switch self {
        case .channelClosed(let code, let text): "the broker closed the channel: \(code) \(text)"
        case .connectionClosed(let code, let text): "the broker closed the connection: \(code) \(text)"
        case .unreadable(let text): text
        case .unroutable(let text): "no queue for a message: \(text)"
        case .library(let status, let during): "\(during): \(Self.text(status))"
        }
    }

    static func text(_ status: Int32) -> String {
        amqp_error_string2(status).map { String(cString: $0) } ?? "librabbitmq status \(status)"
    }
}

/// The constants of librabbitmq that matter here, as what its functions return.
enum AMQPStatus {
    static let ok = Int32(AMQP_STATUS_OK.rawValue)
}
