internal import CSimdJSON
internal import MessageBatches
public import SessionCore

/// The second step: bytes to symbols.
extension EventDecoder {
    /// Makes symbols of what was scanned; replaces what was in `events`.
    public static func events(of decoded: DecodedBatch, symbols: SymbolTable, into events: inout [Event]) {
        events.removeAll(keepingCapacity: true)
        events.reserveCapacity(decoded.records.count)
        let base = UnsafeRawPointer(decoded.batch.bytes)
        decoded.records.withUnsafeBufferPointer { records in
            for index in records.indices { events.append(event(records[index], base, symbols)) }
        }
    }

    /// A text of more bytes than this, other than an error's message, stands for itself by its beginning and a hash: an
    /// index of a store holds keys of at most 2.7 kB, and some have three texts.
    public static let maxTextLength = 800

    /// What stands for a text that is too long: as much of its beginning as fits, `~`, and 32 hexadecimal digits.
    static func shortened(_ text: UnsafeRawBufferPointer) -> [UInt8] {
        var end = maxTextLength - 33
        // Not in the middle of a character.
        while end > 0, text[end] & 0xC0 == 0x80 { end -= 1 }
        return Array(text[..<end]) + [0x7E] + Array(hexadecimal(identity(ofEventID: text)).utf8)
    }

    @inline(__always)
    private static func event(
        _ record: csj_record, _ base: UnsafeRawPointer, _ symbols: SymbolTable
    ) -> Event {
        func symbol(_ span: csj_span) -> Symbol {
            if span.length == 0 { return .absent }
            if span.length > maxTextLength {
                return shortened(span.bytes(at: base)).withUnsafeBytes { symbols.intern($0) }
            }
            return symbols.intern(span.bytes(at: base))
        }
        func session(_ kind: StaticString, _ span: csj_span) -> Symbol {
            if span.length == 0 { return .absent }
            if span.length > maxTextLength {
                return shortened(span.bytes(at: base)).withUnsafeBytes { symbols.intern(kind, $0) }
            }
            return symbols.intern(kind, span.bytes(at: base))
        }
        var event = Event()
        event.time = record.time
        event.identity = EventIdentity(high: record.identity_high, low: record.identity_low)
        event.payload = record.payload.range
        if record.event_id.length > 0 {
            event.eventID = record.event_id.range
            event.key = EventKey(eventID: record.event_id.bytes(at: base), symbols: symbols)
        } else {
            event.key = EventKey(fingerprint: event.identity)
        }
        event.name = symbol(record.event)
        event.delivery = session("delivery:", record.delivery)
        event.demand = session("demand:", record.demand)
        event.trip = session("trip:", record.trip)
        event.quote = session("quote:", record.quote)
        event.offer = session("offer:", record.offer)
        event.robot = symbol(record.robot)
        event.pilot = symbol(record.pilot)
        event.merchant = symbol(record.merchant)
        event.zone = symbol(record.zone)
        event.parkingLot = symbol(record.parking_lot)
        event.source = symbol(record.source)
        event.state = symbol(record.state)
        event.fromState = symbol(record.from_state)
        event.toState = symbol(record.to_state)
        event.reason = symbol(record.reason)
        event.rejectionReason = symbol(record.rejection_reason)
        event.errorCode = symbol(record.error_code)
        event.errorMessage =
            record.error_message.length == 0 ? .absent : symbols.intern(record.error_message.bytes(at: base))
        return event
    }
}
