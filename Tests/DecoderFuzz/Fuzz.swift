import EventDecoding
import MessageBatches
import PlainJSON
import SessionCore

/// What libFuzzer calls with each input. A broken promise traps, and libFuzzer keeps the input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: start, count: count)
    let fresh = read(input, EventDecoder())
    let used = read(input, Shared.decoder)
    guard fresh == used else { fatalError("a used decoder says something else: \(fresh) \(used)") }
    guard fresh.events.count + fresh.reasons.count + fresh.skipped == 1 else {
        fatalError("not in exactly one bin: \(fresh)")
    }
    let isRefused = fresh.reasons == [.malformedJSON] || fresh.reasons == [.invalidUTF8]
    if count <= EventDecoder.maxMessageLength {
        guard isRefused != PlainJSON.isValid(Array(input)) else {
            fatalError("the plain reader disagrees: \(fresh)")
        }
    } else {
        guard fresh.reasons == [.tooLarge] else { fatalError("too large, but \(fresh)") }
    }
    if let event = fresh.events.first { checkStored(event, fresh) }
    return 0
}

private enum Shared {
    // One thread: libFuzzer calls from its main thread alone.
    nonisolated(unsafe) static let decoder = EventDecoder()
}

private struct Reading: Equatable {
    var events: [Event] = []
    var reasons: [RejectReason] = []
    var details: [String] = []
    var skipped = 0
    var texts: [String] = []
    var payload: [UInt8] = []

    static func == (a: Reading, b: Reading) -> Bool {
        a.reasons == b.reasons && a.details == b.details && a.skipped == b.skipped && a.texts == b.texts
            && a.payload == b.payload && a.events.map(\.identity) == b.events.map(\.identity)
            && a.events.map(\.time) == b.events.map(\.time)
    }
}

private func read(_ input: UnsafeRawBufferPointer, _ decoder: EventDecoder) -> Reading {
    // A small batch, so that unescaped texts move it.
    let decoded = DecodedBatch(batch: MessageBatch(capacity: 1))
    let symbols = SymbolTable()
    decoded.batch.append(input, origin: "fuzz", position: 1)
    decoder.scan(decoded)
    var reading = Reading()
    EventDecoder.events(of: decoded, symbols: symbols, into: &reading.events)
    reading.reasons = decoded.rejections.map(\.reason)
    reading.details = decoded.rejections.map(\.detail)
    reading.skipped = decoded.skippedCount
    for event in reading.events {
        guard event.payload.offset >= 0, event.payload.length > 0,
            event.payload.offset + event.payload.length <= decoded.batch.byteCount,
            event.eventID.offset + event.eventID.length <= decoded.batch.byteCount
        else { fatalError("a range outside of the batch: \(event)") }
        reading.texts = event.allSymbols.map { symbols.text($0) }
        reading.payload = Array(
            UnsafeRawBufferPointer(
                start: decoded.batch.bytes + event.payload.offset, count: event.payload.length))
        guard event.name.isPresent else { fatalError("an event without a name") }
    }
    return reading
}

/// The payload is what the store keeps: read again it must be the same event.
private func checkStored(_ event: Event, _ reading: Reading) {
    let symbols = SymbolTable()
    let again = reading.payload.withUnsafeBytes {
        Shared.decoder.storedEvent(payload: $0, symbols: symbols)
    }
    guard let again, again.identity == event.identity, again.time == event.time,
        again.allSymbols.map({ symbols.text($0) }) == reading.texts
    else { fatalError("the stored payload is another event: \(reading)") }
    guard PlainJSON.isValid(reading.payload) else { fatalError("a payload that is no JSON: \(reading)") }
}

extension Event {
    fileprivate var allSymbols: [Symbol] {
        [
            name, delivery, demand, trip, quote, offer, robot, pilot, merchant, zone, parkingLot, source,
            state,
            fromState, toState, reason, rejectionReason, errorCode, errorMessage,
        ]
    }
}
