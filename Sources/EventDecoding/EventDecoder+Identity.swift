internal import CSimdJSON
internal import MessageBatches
public import SessionCore

/// Identity (semantics section 1): stored, so the bytes that are hashed must never change.
extension EventDecoder {
    /// The identity of an event that has an `event_id`.
    public static func identity(ofEventID text: UnsafeRawBufferPointer) -> EventIdentity {
        let hash = csj_hash(text.baseAddress, text.count)
        return EventIdentity(high: hash.high, low: hash.low)
    }

    /// What stands in `events.event_id` for an event that has none: `fp-` and its fingerprint.
    public static func fingerprintText(_ identity: EventIdentity) -> String {
        func hex(_ value: UInt64) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        return "fp-" + hex(identity.high) + hex(identity.low)
    }

    func identity(_ record: EventRecord, _ batch: MessageBatch) -> EventIdentity {
        let base = UnsafeRawPointer(batch.bytes)
        func text(_ span: Span32) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(start: base + Int(span.offset), count: Int(span.length))
        }
        let id = record.fields[Int(CSJ_FIELD_EVENT_ID.rawValue)]
        if id.isPresent { return Self.identity(ofEventID: text(id)) }
        canonical.removeAll(keepingCapacity: true)
        withUnsafeBytes(of: record.time.littleEndian) { canonical.append(contentsOf: $0) }
        for raw in 0..<23 {
            let span = record.fields[raw]
            // Each field by number and length, so that no two events have the same bytes; absent ones not at all.
            guard span.isPresent else { continue }
            canonical.append(UInt8(raw))
            withUnsafeBytes(of: span.length.littleEndian) { canonical.append(contentsOf: $0) }
            canonical.append(contentsOf: text(span))
        }
        let hash = canonical.withUnsafeBytes { csj_hash($0.baseAddress, $0.count) }
        return EventIdentity(high: hash.high, low: hash.low)
    }

    /// Whether a text means "not there" (semantics section 1), for the fields where that is so.
    static func isPlaceholder(_ text: UnsafeRawBufferPointer, for name: csj_field) -> Bool {
        if text.isEmpty { return true }
        if name == CSJ_FIELD_EVENT || name == CSJ_FIELD_STATE || name == CSJ_FIELD_FROM_STATE
            || name == CSJ_FIELD_TO_STATE || name == CSJ_FIELD_ERROR || name == CSJ_FIELD_ERROR_CODE
            || name == CSJ_FIELD_ERROR_MESSAGE
        {
            return false
        }
        func isBlank(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
        var low = 0
        var high = text.count
        while low < high, isBlank(text[low]) { low += 1 }
        while low < high, isBlank(text[high - 1]) { high -= 1 }
        if low == high { return true }
        guard high - low <= 9 else { return false }
        let word = text[low..<high]
        func `is`(_ other: StaticString) -> Bool {
            guard other.utf8CodeUnitCount == word.count else { return false }
            for (index, byte) in word.enumerated() {
                let lower = (65...90).contains(byte) ? byte + 32 : byte
                if lower != other.utf8Start[index] { return false }
            }
            return true
        }
        switch word.count {
        case 3: return `is`("n/a")
        case 4: return `is`("null") || `is`("none")
        case 7: return `is`("unknown")
        case 9: return `is`("undefined")
        default: return false
        }
    }
}
