import EventDecoding
import MessageBatches
import SessionCore
import Testing

/// Messages that nobody sends by mistake.
@Suite struct HostileTests {
    @Test func aHundredThousandLevelsCostNoStack() {
        for (open, close) in [("[", "]"), (#"{"a":"#, "}"), (#"[{"a":"#, "}]")] {
            let deep =
                String(repeating: open, count: 100_000) + "1" + String(repeating: close, count: 100_000)
            for text in [deep, json("\"x\":" + deep), String(repeating: open, count: 100_000)] {
                let decoded = Decoded(text)
                #expect(decoded.verdict == "malformed_json")
                #expect(decoded.detail.contains("at most 512 levels of nesting"), "\(decoded.detail)")
            }
        }
    }

    @Test func hugeNumbersAreTheirText() {
        let digits = String(repeating: "9", count: 380)
        for number in [digits, "-" + digits, "0." + digits, "1e" + digits, "-1.\(digits)E-\(digits)"] {
            let decoded = Decoded(json("\"robot_id\":\(number),\"x\":\(number)"))
            #expect(decoded.text(\.robot) == number)
        }
    }

    /// A store's index has no room for them; they stay different all the same.
    @Test func textsThatAreTooLongStandForThemselvesByAHash() throws {
        let long = String(repeating: "9", count: 100_000)
        let (one, other) = (Decoded(json("\"robot_id\":\(long)")), Decoded(json("\"robot_id\":\(long)8")))
        let text = try #require(one.text(\.robot))
        #expect(text.utf8.count == EventDecoder.maxTextLength)
        #expect(text.hasPrefix("9999") && text != other.text(\.robot))
        #expect(Decoded(json("\"robot_id\":\(long)")).text(\.robot) == text)
    }

    @Test func aMessageBeyondTheLimitIsNotEvenRead() {
        // Not JSON and not UTF-8: had it been looked at, it would have another name.
        let giant = [UInt8](repeating: 0xFF, count: 100_000_000)
        let decoded = Decoded([giant, Array(json("").utf8)])
        #expect(decoded.reason == .tooLarge)
        #expect(decoded.detail == "100000000 bytes; an event has at most 1048576")
        #expect(decoded.events.count == 1)
        // Nothing of it was copied by the decoder.
        #expect(decoded.batch.byteCount == giant.count + json("").utf8.count)
    }

    @Test(arguments: ["\u{0}", "\u{1}", "\u{1B}", "\u{B}", "\u{FEFF}", "\u{2028}", "\u{A0}"])
    func onlyFourBlanksAreBlank(_ stray: String) {
        for text in [
            stray + json(""), json("") + stray, "{\(stray)}", "[1\(stray)]", "[\(stray)1]",
            "{\"a\"\(stray):1}",
        ] {
            #expect(Decoded(text).verdict == "malformed_json", "\(text.debugDescription)")
        }
    }

    @Test func lineEndsAndBlanksAreAllowedBetweenTokens() {
        let text = " \r\n\t{ \r\n\"event\" :\t\"a\" ,\r\n\"timestamp\" : \"2026-03-01T09:30:00Z\" }\r\n"
        let decoded = Decoded(text)
        #expect(decoded.text(\.name) == "a")
        #expect(decoded.event.map { decoded.text($0.payload).hasSuffix("}") } == true)
    }

    @Test(
        arguments: [
            (#"{"event\u0000":"b","":"c","event":"a"}"#, "a"), (#"{"":"x","\u0065vent":"a"}"#, "a"),
            (#"{"\u0065\u0076\u0065\u006E\u0074":"a"}"#, "a"), (#"{"event":"b","ev\u0065nt":"a"}"#, "a"),
            (#"{"Event":"b","event ":"c"," event":"d"}"#, nil), (#"{"\/event":"b"}"#, nil),
        ] as [(String, String?)])
    func keysThatSpellEvent(_ text: String, _ name: String?) {
        let stamped = text.dropLast() + #","timestamp":"2026-03-01T09:30:00Z"}"#
        let decoded = Decoded(String(stamped))
        #expect(decoded.text(\.name) == name)
        #expect(decoded.verdict == (name == nil ? "skipped" : "event"))
    }

    @Test func wrongTypesInEveryFieldAreNotThere() {
        let keys = DecoderTests.identifiers.map(\.0) + DecoderTests.texts.map(\.0) + ["event_id", "message"]
        for key in keys {
            for value in [
                "true", "false", "null", "[]", "{}", "[[[]]]", #"[{"event":"b"}]"#,
                #"{"code":[],"message":{}}"#,
            ] {
                let decoded = Decoded(json("\"\(key)\":\(value)"))
                #expect(decoded.verdict == "event", "\(key) \(value)")
                #expect(decoded.event?.identity == Decoded(json("")).event?.identity, "\(key) \(value)")
            }
        }
    }

    @Test func unescapedTextsMayMoveTheBufferOfAnEventWithoutAnID() throws {
        // What is hashed must be read after the buffer moved, not where it was.
        let wanted = try #require(Decoded(json(#""robot_id":"R","reason":"a\nb","pilot_id":"P""#)).event)
        for _ in 0..<50 {
            let decoded = DecodedBatch(batch: MessageBatch(capacity: 1))
            let text = json(
                #""robot_id":"R","x":"\#(String(repeating: "x", count: 3900))","reason":"a\u000ab","#
                    + #""pilot_id":"P""#)
            Array(text.utf8).withUnsafeBytes { decoded.batch.append($0, origin: "t", position: 1) }
            let before = decoded.batch.bytes
            while decoded.batch.byteCount < 4096 {
                Array(" ".utf8).withUnsafeBytes { _ = decoded.batch.appendScratch($0) }
            }
            EventDecoder().scan(decoded)
            var events: [Event] = []
            EventDecoder.events(of: decoded, symbols: SymbolTable(), into: &events)
            #expect(decoded.batch.bytes != before)
            #expect(events.first?.identity == wanted.identity)
        }
    }
}
