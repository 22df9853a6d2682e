internal import CSimdJSON
internal import MessageBatches
public import SessionCore

/// Bytes to events: JSON through simdjson, RFC 3339, normalisation, identity (semantics section 1).
///
/// Two steps, so that they can run on two threads: ``scan(_:now:)`` reads the messages, and
/// ``events(of:symbols:into:)`` makes symbols of them. One thread at a time each.
public final class EventDecoder {
    /// A message longer than this is rejected as `too_large`, in bytes.
    public static let maxMessageLength = 1 << 20
    /// An event further ahead of the clock than this is rejected where a clock is given.
    public static let maxAhead: Microseconds = 24 * 3_600_000_000

    private let parser: OpaquePointer
    private var message = csj_message()
    var canonical: [UInt8] = []

    /// A decoder with buffers of its own.
    public init() {
        guard let parser = csj_parser_create() else { preconditionFailure("out of memory") }
        self.parser = parser
    }

    deinit { csj_parser_destroy(parser) }

    /// Reads every message of a batch: each becomes an event, a rejection, or is skipped.
    /// - Parameter now: The clock, where events from the future are to be refused (live only).
    public func scan(_ decoded: DecodedBatch, now: Instant? = nil) {
        let batch = decoded.batch
        for index in batch.messages.indices {
            switch read(batch, batch.messages[index], now) {
            case .event(let record): decoded.records.append(record)
            case .skipped: decoded.skippedCount += 1
            case .rejected(let reason, let detail):
                decoded.rejections.append(Rejection(message: index, reason: reason, detail: detail))
            }
        }
    }

    /// Makes symbols of what was scanned.
    public static func events(of decoded: DecodedBatch, symbols: SymbolTable, into events: inout [Event]) {
        events.removeAll(keepingCapacity: true)
        events.reserveCapacity(decoded.records.count)
        let base = UnsafeRawPointer(decoded.batch.bytes)
        var scratch = [UInt8](repeating: 0, count: 256)
        for record in decoded.records {
            events.append(event(record, base, symbols, &scratch))
        }
    }

    /// Reads a stored payload again; nil if it is no event (then it was not stored by this program).
    public func storedEvent(payload: UnsafeRawBufferPointer, symbols: SymbolTable) -> Event? {
        let batch = storedBatch
        batch.removeAll()
        batch.append(payload, origin: "store", position: 0)
        guard case .event(let record) = read(batch, batch.messages[0], nil) else { return nil }
        return Self.event(record, UnsafeRawPointer(batch.bytes), symbols, &storedScratch)
    }

    private let storedBatch = MessageBatch(capacity: 1 << 16)
    private var storedScratch = [UInt8](repeating: 0, count: 256)

    private enum Result {
        case event(EventRecord)
        case skipped
        case rejected(RejectReason, String)
    }

    private func read(_ batch: MessageBatch, _ message: MessageBatch.Message, _ now: Instant?) -> Result {
        if message.isCut || message.length > Self.maxMessageLength {
            return .rejected(
                .tooLarge, "\(message.originalLength) bytes; an event has at most \(Self.maxMessageLength)")
        }
        var payload = Span32(offset: UInt32(message.offset), length: UInt32(message.length))
        trim(&payload, batch)
        if let rejection = parse(batch, payload) { return rejection }
        let event = CSJ_FIELD_EVENT
        if type(event) == CSJ_ABSENT || type(event) == CSJ_NULL, type(CSJ_FIELD_MESSAGE) == CSJ_STRING {
            let text = field(CSJ_FIELD_MESSAGE)
            var inner = keep(text, batch)
            trim(&inner, batch)
            // What is no JSON object inside is a plain log line: an object without `event`.
            if parse(batch, inner) != nil { return .skipped }
            payload = inner
        }
        guard type(event) == CSJ_STRING, !field(event).isEmpty else { return .skipped }
        return record(batch, payload, now)
    }

    /// Reads a text into `message`; a rejection where it is no JSON object.
    private func parse(_ batch: MessageBatch, _ text: Span32) -> Result? {
        // Unescaped fields are appended to the batch while others still point into it: it must not move then.
        batch.reserveScratch(Int(text.length))
        let start = batch.bytes.assumingMemoryBound(to: UInt8.self) + Int(text.offset)
        let status = csj_parse(parser, start, Int(text.length), &message)
        if status == CSJ_OK { return nil }
        let problem = message.problem.map { String(cString: $0) } ?? "not JSON"
        let detail = "\(problem), at byte \(message.position + 1)"
        if status == CSJ_INVALID_UTF8 { return .rejected(.invalidUTF8, detail) }
        if status == CSJ_NOT_AN_OBJECT {
            return .rejected(.notAnObject, "\(problem); an event is a JSON object")
        }
        return .rejected(.malformedJSON, text.length == 0 ? "an empty text" : detail)
    }

    private func record(_ batch: MessageBatch, _ payload: Span32, _ now: Instant?) -> Result {
        let stamp = CSJ_FIELD_TIMESTAMP
        let kind = type(stamp)
        if kind == CSJ_ABSENT || kind == CSJ_NULL || (kind == CSJ_STRING && field(stamp).isEmpty) {
            return .rejected(
                .missingTimestamp, "no `timestamp`; expected RFC 3339, e.g. 2026-11-02T16:15:07.992Z")
        }
        guard kind == CSJ_STRING, let time = Timestamp.parse(field(stamp)) else {
            let shown = String(decoding: field(stamp).prefix(64), as: UTF8.self)
            return .rejected(
                .invalidTimestamp,
                "`timestamp` is \(shown.isEmpty ? "not a string" : "\"\(shown)\""); expected RFC 3339 with an "
                    + "offset, e.g. 2026-11-02T16:15:07.992Z")
        }
        if let now, time > now + Self.maxAhead {
            return .rejected(.timestampInFuture, "more than 24 h ahead of the clock")
        }
        var record = EventRecord()
        record.time = time
        record.payload = payload
        for raw in 0..<23 {
            let name = csj_field(UInt32(raw))
            guard isText(name), !Self.isPlaceholder(field(name), for: name) else { continue }
            record.fields[raw] = keep(field(name), batch)
        }
        record.identity = identity(record, batch)
        return .event(record)
    }

    /// Fields are strings or numbers; anything else is not there. A bare `error` is its code.
    private func isText(_ name: csj_field) -> Bool {
        if name == CSJ_FIELD_MESSAGE || name == CSJ_FIELD_TIMESTAMP { return false }
        return type(name) == CSJ_STRING || type(name) == CSJ_NUMBER
    }

    private func type(_ name: csj_field) -> csj_type {
        withUnsafeBytes(of: &message.types) { csj_type(UInt32($0[Int(name.rawValue)])) }
    }

    private func field(_ name: csj_field) -> UnsafeRawBufferPointer {
        withUnsafeBytes(of: &message.fields) { all in
            let text = all.load(
                fromByteOffset: Int(name.rawValue) * MemoryLayout<csj_text>.stride, as: csj_text.self)
            return UnsafeRawBufferPointer(start: text.bytes, count: text.length)
        }
    }

    /// Where a field's bytes stand in the batch: where they were read, or, unescaped, behind all messages.
    private func keep(_ text: UnsafeRawBufferPointer, _ batch: MessageBatch) -> Span32 {
        guard let start = text.baseAddress, text.count > 0 else { return Span32() }
        let offset = start - UnsafeRawPointer(batch.bytes)
        if offset >= 0, offset + text.count <= batch.byteCount {
            return Span32(offset: UInt32(offset), length: UInt32(text.count))
        }
        return Span32(offset: UInt32(batch.appendScratch(text)), length: UInt32(text.count))
    }

    private func trim(_ span: inout Span32, _ batch: MessageBatch) {
        let bytes = batch.bytes.assumingMemoryBound(to: UInt8.self)
        func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 10 || byte == 13 }
        while span.length > 0, isBlank(bytes[Int(span.offset)]) {
            span.offset += 1
            span.length -= 1
        }
        while span.length > 0, isBlank(bytes[Int(span.offset + span.length - 1)]) { span.length -= 1 }
    }
}
