import EventDecoding
import MessageBatches
import SessionCore

/// One message decoded, its symbols as texts.
struct Decoded {
    let symbols = SymbolTable()
    let decoded = DecodedBatch(batch: MessageBatch(capacity: 4096))
    private(set) var events: [Event] = []

    init(_ messages: [[UInt8]], decoder: EventDecoder = EventDecoder(), now: Instant? = nil) {
        for (index, message) in messages.enumerated() {
            message.withUnsafeBytes { batch.append($0, origin: "test", position: Int64(index) + 1) }
        }
        decoder.scan(decoded, now: now)
        EventDecoder.events(of: decoded, symbols: symbols, into: &events)
    }

    init(_ text: String, decoder: EventDecoder = EventDecoder(), now: Instant? = nil) {
        self.init([Array(text.utf8)], decoder: decoder, now: now)
    }

    var batch: MessageBatch { decoded.batch }
    var event: Event? { events.first }
    var reason: RejectReason? { decoded.rejections.first?.reason }
    var detail: String { decoded.rejections.first?.detail ?? "" }

    func text(_ field: KeyPath<Event, Symbol>) -> String? {
        guard let symbol = event?[keyPath: field], symbol.isPresent else { return nil }
        return symbols.text(symbol)
    }

    func text(_ range: ByteRange) -> String {
        let bytes = UnsafeRawBufferPointer(start: batch.bytes + range.offset, count: range.length)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What became of it, in a word.
    var verdict: String {
        if event != nil { return "event" }
        return reason?.rawValue ?? (decoded.skippedCount == 1 ? "skipped" : "nothing")
    }
}

/// An event's JSON with these fields besides its name and time.
func json(_ fields: String, event: String = "a.b", timestamp: String = "2026-03-01T09:30:00Z") -> String {
    #"{"event":"\#(event)","timestamp":"\#(timestamp)"\#(fields.isEmpty ? "" : "," + fields)}"#
}
