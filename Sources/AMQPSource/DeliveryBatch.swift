internal import CRabbitMQ
public import MessageBatches
public import SessionPipeline
internal import TextForms

/// Deliveries that become one transaction, and are acknowledged by its commit.
///
/// Filled by the consumer's thread, handed over whole, given back with ``AMQPConsumer/settle(_:)``; never shared,
/// which is what makes the `@unchecked Sendable` true.
public final class DeliveryBatch: @unchecked Sendable {
    /// The messages. The origin is the queue. The position is the offset in a stream; in a queue, where a message
    /// has no place of its own that outlives its channel, it is 0. It begins small: where batches of few messages are asked for,
    /// a whole prefetch of them may be held.
    public let messages = MessageBatch(capacity: 1 << 12)
    /// The deliveries' tags. Nothing while the batch is empty.
    public private(set) var range: DeliveryRange?
    /// First and last offset of a stream's messages.
    public private(set) var offsets: ClosedRange<Int64>?
    /// Where reading a stream goes on once it is committed; known when the batch is closed.
    public private(set) var lastPlace: StreamPlace?

    /// What tells a message from another at the same offset of another stream: of a very long one its length and its beginning.
    static func fingerprint(_ body: UnsafeRawBufferPointer, size: Int) -> String {
        let value = Fingerprint.value(of: body, from: Fingerprint.value(of: "\(size) ".utf8))
        return String(value, radix: 16)
    }

    /// When each message was published (header `timestamp_in_ms`, else property `timestamp`), in microseconds since
    /// the epoch; 0 where it is not said.
    public private(set) var publishedAt: [Int64] = []
    /// How many were delivered before.
    public private(set) var redeliveredCount = 0
    /// Which partition keys the messages have, each once, where their queue is one of several that share them by that key.
    public private(set) var partitionKeys: [String] = []

    /// Bytes of bodies and headers, as long as the batch is held by anybody.
    private(set) var byteCount = 0

    private var headers: [UInt8] = []
    private var headerEnds: [Int] = []
    /// The places of ``partitionKeys``, by their bytes: two texts may be equal that differ in these.
    private var keyPlaces: [[UInt8]: Int] = [:]
    private var keyOfMessage: [Int] = []
    /// As a rule messages of one key follow each other.
    private var lastKey: (bytes: [UInt8], place: Int)?

    init() {}

    /// A message's headers as a JSON object; nil where it has none.
    public func headers(ofMessage index: Int) -> String? {
        let start = index == 0 ? 0 : headerEnds[index - 1]
        let end = headerEnds[index]
        return start == end ? nil : String(decoding: headers[start..<end], as: UTF8.self)
    }

    /// Which of ``partitionKeys`` a message has.
    public func partitionKey(ofMessage index: Int) -> Int { keyOfMessage[index] }

    func append(_ delivery: Delivery, _ bytes: UnsafeRawBufferPointer, origin: String, epoch: UInt64) {
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
        if let key = delivery.partitionKey { keyOfMessage.append(place(of: key)) }
    }

    /// Nothing more comes into it.
    func close() {
        guard let offset = offsets?.upperBound, let last = messages.messages.last else { return }
        let fingerprint = Self.fingerprint(messages.bytes(of: last), size: last.originalLength)
        lastPlace = StreamPlace(offset: offset, fingerprint: fingerprint)
    }

    private func place(of key: [UInt8]) -> Int {
        if let lastKey, lastKey.bytes == key { return lastKey.place }
        // A text of PostgreSQL's holds no NUL.
        let text = String(decoding: key.map { $0 == 0 ? UInt8(ascii: " ") : $0 }, as: UTF8.self)
        let bytes = Array(text.utf8)
        let place = keyPlaces[bytes] ?? partitionKeys.count
        if place == partitionKeys.count {
            partitionKeys.append(text)
            keyPlaces[bytes] = place
        }
        lastKey = (key, place)
        return place
    }

    /// Empties it; what a batch of usual size takes is kept, for the next: a batch is closed at 8 MiB, and a buffer that
    /// doubles may be twice as long as what is in it.
    func removeAll() {
        messages.removeAll(keepingAtMost: 1 << 24)
        range = nil
        offsets = nil
        lastPlace = nil
        publishedAt.removeAll(keepingCapacity: true)
        redeliveredCount = 0
        byteCount = 0
        headers.removeAll(keepingCapacity: true)
        headerEnds.removeAll(keepingCapacity: true)
        partitionKeys.removeAll(keepingCapacity: true)
        keyPlaces.removeAll(keepingCapacity: true)
        keyOfMessage.removeAll(keepingCapacity: true)
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
    /// What it was routed to its partition by, empty where that is missing; nil where messages are not split.
    var partitionKey: [UInt8]?

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
        let table = crmq_headers(properties)
        var text = HeaderText()
        // First: they are short, and headers that are too long are not to hide them.
        text.add(properties)
        var field = crmq_field()
        for index in 0..<Int(table.num_entries) {
            guard let entry = table.entries?.advanced(by: index) else { break }
            crmq_read_field(crmq_entry_value(entry), &field)
            let key = UnsafeRawBufferPointer(entry.pointee.key)
            if let integer = Self.integer(field) {
                if key.elementsEqual("x-stream-offset".utf8) { streamOffset = integer }
                if key.elementsEqual("timestamp_in_ms".utf8), integer > 0, integer < 1 << 50 {
                    publishedAt = integer * 1000
                }
            }
            if let partitionHeader, field.what == CRMQ_FIELD_TEXT || field.what == CRMQ_FIELD_BYTES,
                key.elementsEqual(partitionHeader.utf8)
            {
                partitionKey = Array(UnsafeRawBufferPointer(field.text))
            }
            text.add(key: key, field)
        }
        text.end()
        headers = text.bytes
    }

    private static func integer(_ field: crmq_field) -> Int64? {
        switch field.what {
        case CRMQ_FIELD_INTEGER: field.integer
        case CRMQ_FIELD_NATURAL, CRMQ_FIELD_TIMESTAMP: Int64(exactly: field.natural)
        default: nil
        }
    }
}

extension UnsafeRawBufferPointer {
    init(_ bytes: amqp_bytes_t) { self.init(start: bytes.bytes, count: bytes.bytes == nil ? 0 : bytes.len) }
}
