/// Messages on their way in, in one buffer, each with the place it came from.
///
/// A source (an archive, a queue) fills a batch, the decoder reads it, the store keeps the payloads; then
/// the batch is reused. It is handed from thread to thread and never shared, which is what makes the
/// `@unchecked Sendable` true.
public final class MessageBatch: @unchecked Sendable {
    /// One message: a line of an archive, or the body of a delivery.
    public struct Message: Sendable, BitwiseCopyable {
        /// Where its bytes start in the batch's buffer.
        public var offset: Int
        /// How many of its bytes are in the buffer.
        public var length: Int
        /// How long it was; larger than `length` where a message beyond the limit was cut.
        public var originalLength: Int
        /// Which of the batch's `origins` it came from.
        public var origin: Int
        /// Where in its origin: the line number (from 1) of a file, the offset of a stream.
        public var position: Int64

        /// Whether bytes are missing because the message was longer than the limit.
        public var isCut: Bool { originalLength > length }
    }

    /// Bytes behind the last message that may be read (not relied upon), as simdjson demands.
    public static let padding = 64

    /// The messages, in the order they came.
    public private(set) var messages: [Message] = []
    /// Files, queues: the places that messages came from.
    public private(set) var origins: [String] = []
    /// The number of bytes in use.
    public private(set) var byteCount = 0
    /// The buffer. Valid until the next append; at least ``padding`` bytes follow the last one in use.
    public private(set) var bytes: UnsafeMutableRawPointer

    private var capacity: Int

    /// An empty batch with room for so many bytes.
    public init(capacity: Int = 1 << 20) {
        self.capacity = max(capacity, 4096)
        bytes = .allocate(byteCount: self.capacity + Self.padding, alignment: 64)
        bytes.initializeMemory(as: UInt8.self, repeating: 0, count: self.capacity + Self.padding)
    }

    deinit { bytes.deallocate() }

    /// Whether there is no message in it.
    public var isEmpty: Bool { messages.isEmpty }

    /// Appends a message, copying its bytes.
    /// - Parameters:
    ///   - message: The bytes (of a cut message: those that are kept).
    ///   - originalLength: The whole length, where `message` is only its beginning.
    ///   - origin: A name, e.g. a file's path. Cheap when it is the same as the message's before.
    ///   - position: The line number or stream offset.
    public func append(
        _ message: UnsafeRawBufferPointer, originalLength: Int? = nil, origin: String, position: Int64
    ) {
        if origins.last != origin { origins.append(origin) }
        let start = appendScratch(message)
        messages.append(
            Message(
                offset: start, length: message.count, originalLength: originalLength ?? message.count,
                origin: origins.count - 1, position: position))
    }

    /// Appends bytes that belong to no message of their own (an unescaped string), and says where they start.
    public func appendScratch(_ scratch: UnsafeRawBufferPointer) -> Int {
        reserve(byteCount + scratch.count)
        let start = byteCount
        if let base = scratch.baseAddress, scratch.count > 0 {
            (bytes + start).copyMemory(from: base, byteCount: scratch.count)
        }
        byteCount += scratch.count
        return start
    }

    /// The bytes of a message. Valid until the next append.
    public func bytes(of message: Message) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: bytes + message.offset, count: message.length)
    }

    /// Empties the batch and keeps its memory, unless a giant message made it larger than `limit` bytes.
    public func removeAll(keepingAtMost limit: Int = 1 << 26) {
        messages.removeAll(keepingCapacity: true)
        origins.removeAll(keepingCapacity: true)
        byteCount = 0
        if capacity > limit {
            bytes.deallocate()
            capacity = 1 << 20
            bytes = .allocate(byteCount: capacity + Self.padding, alignment: 64)
            bytes.initializeMemory(as: UInt8.self, repeating: 0, count: capacity + Self.padding)
        }
    }

    private func reserve(_ wanted: Int) {
        guard wanted > capacity else { return }
        var larger = capacity
        while larger < wanted { larger *= 2 }
        let moved = UnsafeMutableRawPointer.allocate(byteCount: larger + Self.padding, alignment: 64)
        moved.initializeMemory(as: UInt8.self, repeating: 0, count: larger + Self.padding)
        moved.copyMemory(from: bytes, byteCount: byteCount)
        bytes.deallocate()
        bytes = moved
        capacity = larger
    }
}
