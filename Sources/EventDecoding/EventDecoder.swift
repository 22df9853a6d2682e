internal import CSimdJSON
internal import MessageBatches
public import SessionCore
internal import TextForms

/// Bytes to events: JSON through simdjson, RFC 3339, normalisation, identity (semantics section 1).
///
/// Two steps, so that they can run on two threads: ``scan(_:now:)`` reads the messages, and
/// ``events(of:symbols:into:)`` makes symbols of them. One thread at a time each.
public final class EventDecoder {
    /// A message longer than this is rejected as `too_large`, in bytes.
    public static let maxMessageLength = 1 << 20
    /// An event further ahead of the clock than this is rejected where a clock is given.
    public static let maxAhead: Microseconds = 24 * 3_600_000_000

    private let scanner: OpaquePointer
    // For single stored payloads.
    private let stored = DecodedBatch(batch: MessageBatch(capacity: 1 << 16))
    private var storedEvents: [Event] = []

    /// A decoder with buffers of its own.
    public init() {
        guard let scanner = csj_scanner_create() else { preconditionFailure("out of memory") }
        self.scanner = scanner
    }

    deinit { csj_scanner_destroy(scanner) }

    /// Reads every message of a batch: each becomes an event, a rejection, or is skipped.
    ///
    /// Unescaped texts are appended to the batch, so its buffer may move.
    /// - Parameter now: The clock, where events from the future are to be refused (live only).
    public func scan(_ decoded: DecodedBatch, now: Instant? = nil) {
        let batch = decoded.batch
        let messages = batch.messages
        // Out of the object while in use: there, each access would be checked for exclusivity.
        var records: [csj_record] = []
        swap(&records, &decoded.records)
        defer { swap(&records, &decoded.records) }
        records.reserveCapacity(records.count + messages.count)
        let limit = now.map { $0.addingReportingOverflow(Self.maxAhead) }
        let latest = limit.map { $0.overflow ? .max : $0.partialValue } ?? .max
        var record = csj_record()
        for index in messages.indices {
            switch read(batch, messages[index], latest, &record) {
            case .event:
                record.message = UInt32(truncatingIfNeeded: index)
                records.append(record)
            case .skipped: decoded.skippedCount += 1
            case .rejected(let reason, let detail):
                decoded.rejections.append(Rejection(message: index, reason: reason, detail: detail))
            }
        }
    }

    /// Reads a stored payload again; nil if it is no event (then it was not stored by this program).
    public func storedEvent(payload: UnsafeRawBufferPointer, symbols: SymbolTable) -> Event? {
        stored.removeAll()
        stored.batch.append(payload, origin: "store", position: 0)
        scan(stored)
        Self.events(of: stored, symbols: symbols, into: &storedEvents)
        return storedEvents.first
    }

    /// The identity of an event that has an `event_id`. Stored, so the bytes that are hashed must never change.
    public static func identity(ofEventID text: UnsafeRawBufferPointer) -> EventIdentity {
        let hash = csj_hash(text.baseAddress, text.count)
        return EventIdentity(high: hash.high, low: hash.low)
    }

    /// Reads a `timestamp` (RFC 3339 with an offset); nil where it is none.
    public static func instant(_ text: String) -> Instant? {
        var text = text
        return text.withUTF8 { Timestamp.parse(UnsafeRawBufferPointer($0)) }
    }

    /// What stands in `events.event_id` for an event that has none: `fp-` and its fingerprint.
    public static func fingerprintText(_ identity: EventIdentity) -> String {
        "fp-" + hexadecimal(identity)
    }

    static func hexadecimal(_ identity: EventIdentity) -> String {
        func hex(_ value: UInt64) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        return hex(identity.high) + hex(identity.low)
    }

    private enum Outcome {
        case event
        case skipped
        case rejected(RejectReason, String)
    }

    @inline(__always)
    private func read(
        _ batch: MessageBatch, _ message: MessageBatch.Message, _ latest: Instant, _ record: inout csj_record
    ) -> Outcome {
        // Before a byte of it is looked at: a giant costs nothing.
        if message.isCut || message.length > Self.maxMessageLength {
            return .rejected(
                .tooLarge, "\(message.originalLength) bytes; an event has at most \(Self.maxMessageLength)")
        }
        let end = batch.byteCount
        precondition(end + 2 * message.length + 16 < Int(UInt32.max), "a batch has less than 4 GiB")
        var result = csj_result()
        let start = batch.bytes.assumingMemoryBound(to: UInt8.self) + message.offset
        let status = csj_scan(
            scanner, start, message.length, UInt32(truncatingIfNeeded: message.offset),
            UInt32(truncatingIfNeeded: end), &record, &result)
        switch status {
        case .CSJ_EVENT: break
        case .CSJ_SKIPPED: return .skipped
        case .CSJ_MALFORMED:
            return .rejected(.malformedJSON, Complaint.malformed(batch.bytes(of: message), result))
        case .CSJ_NOT_AN_OBJECT:
            return .rejected(.notAnObject, "JSON, but not an object; an event is a JSON object")
        case .CSJ_INVALID_UTF8:
            return .rejected(.invalidUTF8, Complaint.invalidUTF8(batch.bytes(of: message)))
        case .CSJ_OUT_OF_MEMORY: preconditionFailure("out of memory")
        }
        if result.scratch_length > 0 {
            // May move the buffer: from here on only spans count, no pointers.
            _ = batch.appendScratch(
                UnsafeRawBufferPointer(start: result.scratch, count: result.scratch_length))
        }
        let base = UnsafeRawPointer(batch.bytes)
        switch result.timestamp_kind {
        case .CSJ_TIMESTAMP_TEXT:
            let text = record.timestamp.bytes(at: base)
            guard let time = Timestamp.parse(text) else {
                return .rejected(.invalidTimestamp, Complaint.timestamp(Complaint.quoted(text)))
            }
            guard time <= latest else {
                return .rejected(
                    .timestampInFuture,
                    "`timestamp` is \(Complaint.quoted(text)); more than 24 h ahead of the clock")
            }
            record.time = time
        case .CSJ_TIMESTAMP_ABSENT: return .rejected(.missingTimestamp, Complaint.noTimestamp)
        case .CSJ_TIMESTAMP_OTHER: return .rejected(.invalidTimestamp, Complaint.timestamp("not a string"))
        }
        csj_identify(scanner, base, &record)
        return .event
    }
}
