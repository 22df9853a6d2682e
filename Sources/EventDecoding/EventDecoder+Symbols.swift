internal import CSimdJSON
internal import SessionCore

/// The second step: bytes to symbols.
extension EventDecoder {
    static func event(
        _ record: EventRecord, _ base: UnsafeRawPointer, _ symbols: SymbolTable, _ scratch: inout [UInt8]
    ) -> Event {
        func span(_ name: csj_field) -> Span32 { record.fields[Int(name.rawValue)] }
        func text(_ span: Span32) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(start: base + Int(span.offset), count: Int(span.length))
        }
        func symbol(_ name: csj_field) -> Symbol {
            let span = span(name)
            return span.isPresent ? symbols.intern(text(span)) : .absent
        }
        func session(_ name: csj_field, _ prefix: StaticString) -> Symbol {
            let span = span(name)
            guard span.isPresent else { return .absent }
            let length = prefix.utf8CodeUnitCount + Int(span.length)
            if scratch.count < length { scratch = [UInt8](repeating: 0, count: length * 2) }
            return scratch.withUnsafeMutableBytes { buffer in
                guard let start = buffer.baseAddress else { return .absent }
                start.copyMemory(from: prefix.utf8Start, byteCount: prefix.utf8CodeUnitCount)
                (start + prefix.utf8CodeUnitCount).copyMemory(
                    from: base + Int(span.offset), byteCount: Int(span.length))
                return symbols.intern(UnsafeRawBufferPointer(start: start, count: length))
            }
        }
        var event = Event()
        event.time = record.time
        event.identity = record.identity
        event.payload = ByteRange(offset: Int(record.payload.offset), length: Int(record.payload.length))
        let id = span(CSJ_FIELD_EVENT_ID)
        if id.isPresent {
            event.eventID = ByteRange(offset: Int(id.offset), length: Int(id.length))
            event.key = EventKey(eventID: text(id), symbols: symbols)
        } else {
            event.key = EventKey(fingerprint: record.identity)
        }
        event.name = symbol(CSJ_FIELD_EVENT)
        event.delivery = session(CSJ_FIELD_DELIVERY, "delivery:")
        event.demand = session(CSJ_FIELD_DEMAND, "demand:")
        event.trip = session(CSJ_FIELD_TRIP, "trip:")
        event.quote = session(CSJ_FIELD_QUOTE, "quote:")
        event.offer = session(CSJ_FIELD_OFFER, "offer:")
        event.robot = symbol(CSJ_FIELD_ROBOT)
        event.pilot = symbol(CSJ_FIELD_PILOT)
        event.merchant = symbol(CSJ_FIELD_MERCHANT)
        event.zone = symbol(CSJ_FIELD_ZONE)
        event.parkingLot = symbol(CSJ_FIELD_PARKING_LOT)
        event.source = symbol(CSJ_FIELD_SOURCE)
        event.state = symbol(CSJ_FIELD_STATE)
        event.fromState = symbol(CSJ_FIELD_FROM_STATE)
        event.toState = symbol(CSJ_FIELD_TO_STATE)
        event.reason = symbol(CSJ_FIELD_REASON)
        event.errorCode = symbol(CSJ_FIELD_ERROR_CODE)
        event.errorMessage = symbol(CSJ_FIELD_ERROR_MESSAGE)
        if !event.errorCode.isPresent, !event.errorMessage.isPresent {
            event.errorCode = symbol(CSJ_FIELD_ERROR)
        }
        return event
    }
}
