public import MessageBatches
internal import SessionCore

/// A batch whose messages were read: events still in bytes, rejects, and the number of skipped objects.
///
/// Filled on one thread, turned into symbols on another; handed over whole, never shared.
public final class DecodedBatch: @unchecked Sendable {
    /// The messages, and the bytes of everything here.
    public let batch: MessageBatch
    /// Messages that could not become events.
    public internal(set) var rejections: [Rejection] = []
    /// Objects that are no events.
    public internal(set) var skippedCount = 0
    /// How many events it holds.
    public var eventCount: Int { records.count }

    var records: [EventRecord] = []

    /// For a batch, which it keeps.
    public init(batch: MessageBatch) { self.batch = batch }

    /// Empties both.
    public func removeAll() {
        batch.removeAll()
        rejections.removeAll(keepingCapacity: true)
        records.removeAll(keepingCapacity: true)
        skippedCount = 0
    }
}

/// An event in bytes: where in the batch's buffer its fields stand.
struct EventRecord: BitwiseCopyable {
    var time: Instant = 0
    var identity = EventIdentity(high: 0, low: 0)
    var payload = Span32()
    var fields = InlineArray<23, Span32>(repeating: Span32())
}

/// A stretch of a batch's buffer, half the size of a ``ByteRange``.
struct Span32: BitwiseCopyable {
    var offset: UInt32 = 0
    var length: UInt32 = 0

    var isPresent: Bool { length > 0 }
}
