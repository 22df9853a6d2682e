internal import CRabbitMQ
public import MessageBatches
public import SessionPipeline

/// Deliveries that become one transaction, and are acknowledged by its commit.
///
/// Filled by the consumer's thread, handed over whole, given back with ``AMQPConsumer/settle(_:)``; never shared,
/// which is what makes the `@unchecked Sendable` true.
public final class DeliveryBatch: @unchecked Sendable {
    /// The messages. The origin is the queue. The position is the offset in a stream; in a queue, where a message
    /// has no place of its own that outlives its channel, it is 0.
    public let messages = MessageBatch(capacity: 1 << 18)
    /// The deliveries' tags. Nothing while the batch is empty.
    public private(set) var range: DeliveryRange?
    /// First and last offset of a stream's messages.
    public private(set) var offsets: ClosedRange<Int64>?
    /// When each message was published (header `timestamp_in_ms`, else property `timestamp`), in microseconds since
    /// the epoch; 0 where it is not said.
    public private(set) var publishedAt: [Int64] = []
    /// How many were delivered before.
    public private(set) var redeliveredCount = 0
    /// Which partition keys the messages have, where their queue is one of several that share them by that key.
    public var partitionKeys: [String] {
        let texts = keys.map { key in
            // A text of PostgreSQL's holds no NUL.
            String(decoding: key.map { $0 == 0 ? UInt8(ascii: " ") : $0 }, as: UTF8.self)
        }
        return Set(texts).sorted()
    }

    /// Bytes of bodies and headers, as long as the batch is held by anybody.
    private(set) var byteCount = 0

    private var headers: [UInt8] = []
    private var headerEnds: [Int] = []
    private var keys: Set<[UInt8]> = []
    /// As a rule messages of one key follow each other.
    private var lastKey: [UInt8]?

    init() {}

    /// A message's headers as a JSON object; nil where it has none.
    public func headers(ofMessage index: Int) -> String? {
        let start = index == 0 ? 0 : headerEnds[index - 1]
        let end = headerEnds[index]
        return start == end ? nil : String(decoding: headers[start..<end], as: UTF8.self)
    }

    func append(
        _ delivery: Delivery, _ bytes: UnsafeRawBufferPointer, origin: String, epoch: UInt64, hasKey: Bool
    ) {
        messages.append(
            bytes, originalLength: delivery.size, origin: origin, position: delivery.streamOffset ?? 0)
        publishedAt.append(delivery.publishedAt)
        headers.append(contentsOf: delivery.headers)
        headerEnds.append(headers.count)
        byteCount += bytes.count + delivery.headers.count
        if delivery.isRedelivered { redeliveredCount += 1 }
        if let offset = delivery.streamOffset {
            offsets = min(offsets?.lowerBound ?? offset, offset)...max(offsets?.upperBound ?? offset, offset)
        }
        range = DeliveryRange(epoch: epoch, first: range?.first ?? delivery.tag, last: delivery.tag)
        if hasKey, lastKey != delivery.partitionKey {
            keys.insert(delivery.partitionKey)
            lastKey = delivery.partitionKey
        }
    }

    func removeAll() {
        messages.removeAll()
        range = nil
        offsets = nil
        publishedAt.removeAll(keepingCapacity: true)
        redeliveredCount = 0
        byteCount = 0
        headers.removeAll(keepingCapacity: true)
        headerEnds.removeAll(keepingCapacity: true)
        keys.removeAll(keepingCapacity: true)
        lastKey = nil
    }
}

/// A delivery that is being read, frame by frame: method, header, then the body in pieces.
struct Delivery {
    var tag: UInt64 = 0
    var isRedelivered = false
    /// The body's whole length.
    var size = 0
    /// How much of the body has come.
    var received = 0
    var streamOffset: Int64?
    var publishedAt: Int64 = 0
    /// As JSON.
    var headers: [UInt8] = []
    /// What it was routed to its partition by; empty where nothing is.
    var partitionKey: [UInt8] = []

    /// A longer message is cut: it is rejected as too large, and its beginning is kept with the reason.
    static let longestMessage = 1 << 20
    /// How much of a longer message is kept.
    static let keptOfLonger = 1 << 16

    /// Reads what the header frame says.
    /// - Parameter partitionHeader: The header that says which partition it is for, where one does.
    mutating func read(_ frame: crmq_frame, partitionHeader: String?) {
        size = Int(clamping: frame.body_size)
        headers.removeAll(keepingCapacity: true)
        guard let properties = frame.properties else { return }
        if crmq_has(properties, UInt32(AMQP_BASIC_TIMESTAMP_FLAG)) != 0 {
            publishedAt =
                Int64(clamping: properties.pointee.timestamp).multipliedReportingOverflow(by: 1_000_000)
                .partialValue
        }
        for index in 0..<crmq_header_count(properties) {
            var integer: Int64 = 0
            var real = 0.0
            var text = amqp_bytes_t()
            let kind = crmq_header_value(properties, index, &integer, &real, &text)
            if kind == 0 { continue }
            let key = UnsafeRawBufferPointer(crmq_header_key(properties, index))
            if kind == 1, key.elementsEqual("x-stream-offset".utf8) { streamOffset = integer }
            if kind == 1, key.elementsEqual("timestamp_in_ms".utf8), integer > 0, integer < 1 << 50 {
                publishedAt = integer * 1000
            }
            if kind == 2, let partitionHeader, key.elementsEqual(partitionHeader.utf8) {
                partitionKey = Array(UnsafeRawBufferPointer(text))
            }
            headers.append(UInt8(ascii: headers.isEmpty ? "{" : ","))
            appendText(key)
            headers.append(UInt8(ascii: ":"))
            switch kind {
            case 1: headers.append(contentsOf: String(integer).utf8)
            case 2: appendText(UnsafeRawBufferPointer(text))
            case 3: headers.append(contentsOf: (integer == 0 ? "false" : "true").utf8)
            default: headers.append(contentsOf: (real.isFinite ? String(real) : "null").utf8)
            }
        }
        if !headers.isEmpty { headers.append(UInt8(ascii: "}")) }
    }

    /// A JSON string. Bytes that are no UTF-8 are replaced when it is made a `String`.
    private mutating func appendText(_ text: UnsafeRawBufferPointer) {
        headers.append(UInt8(ascii: "\""))
        for byte in text.prefix(1024) {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): headers += [UInt8(ascii: "\\"), byte]
            case 0..<32: headers.append(UInt8(ascii: " "))
            default: headers.append(byte)
            }
        }
        headers.append(UInt8(ascii: "\""))
    }
}

extension UnsafeRawBufferPointer {
    init(_ bytes: amqp_bytes_t) { self.init(start: bytes.bytes, count: bytes.bytes == nil ? 0 : bytes.len) }
}
