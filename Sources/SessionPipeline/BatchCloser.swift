public import SessionCore

/// When the batch that is being filled is full: at a number of messages, at a number of bytes, or at an age.
public struct BatchCloser: Equatable, Sendable {
    /// What closes a batch.
    public struct Limits: Equatable, Sendable {
        /// A batch with so many messages is closed.
        public var messages: Int
        /// A batch with so many bytes is closed.
        public var bytes: Int
        /// A batch whose first message came so long ago is closed.
        public var age: Microseconds

        /// Limits; the age's default is 100 ms.
        public init(messages: Int = 2000, bytes: Int = 8 << 20, age: Microseconds = 100_000) {
            precondition(messages > 0 && bytes > 0 && age >= 0, "a batch must have room for a message")
            self.messages = messages
            self.bytes = bytes
            self.age = age
        }
    }

    /// What closes a batch.
    public let limits: Limits
    /// Messages in the batch.
    public private(set) var messages = 0
    /// Their bytes.
    public private(set) var bytes = 0
    /// When the batch closes by its age; nil while it is empty.
    public private(set) var deadline: Instant?

    /// For an empty batch.
    public init(limits: Limits) { self.limits = limits }

    /// Notes a message.
    public mutating func add(byteCount: Int, now: Instant) {
        if deadline == nil { deadline = now + limits.age }
        messages += 1
        bytes += byteCount
    }

    /// Whether the batch is to be closed.
    public func isDue(now: Instant) -> Bool {
        guard let deadline else { return false }
        return messages >= limits.messages || bytes >= limits.bytes || now >= deadline
    }

    /// Begins an empty batch.
    public mutating func reset() {
        messages = 0
        bytes = 0
        deadline = nil
    }
}
