internal import CSimdJSON
public import MessageBatches
public import SessionCore

/// A batch whose messages were read: events still in bytes, rejects, and the number of skipped objects.
///
/// Filled on one thread, turned into symbols on another; handed over whole, never shared, which is what makes
/// the `@unchecked Sendable` true.
public final class DecodedBatch: @unchecked Sendable {
    /// The messages, and the bytes of everything here.
    public let batch: MessageBatch
    /// Messages that could not become events, in the order they came.
    public internal(set) var rejections: [Rejection] = []
    /// Objects that are no events.
    public internal(set) var skippedCount = 0
    /// How many events it holds.
    public var eventCount: Int { records.count }

    /// Events in bytes: where in the batch's buffer their fields stand.
    var records: [csj_record] = []

    /// For a batch, which it keeps.
    public init(batch: MessageBatch) { self.batch = batch }

    /// When each event happened, in their order, with where its message begins in the batch's buffer.
    public var eventTimes: [(offset: Int, time: Instant)] {
        records.map { (batch.messages[Int($0.message)].offset, $0.time) }
    }

    /// The index of the message that an event is of. Its payload does not tell: what came in an envelope stands elsewhere.
    /// - Parameter index: The event's, in the order of ``EventDecoder/events(of:symbols:into:)``.
    public func message(ofEvent index: Int) -> Int { Int(records[index].message) }

    /// Empties both.
    public func removeAll() {
        batch.removeAll()
        rejections.removeAll(keepingCapacity: true)
        records.removeAll(keepingCapacity: true)
        skippedCount = 0
    }
}

extension csj_span {
    @inline(__always)
    func bytes(at base: UnsafeRawPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base + Int(offset), count: Int(length))
    }

    @inline(__always)
    var range: ByteRange { ByteRange(offset: Int(offset), length: Int(length)) }
}
