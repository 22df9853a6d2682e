import EventDecoding
import MessageBatches
import SessionCore
import Testing

@Suite struct DecoderTests {
    /// Ids, source and reasons: nothing is nothing in many ways.
    static let identifiers: [(String, any KeyPath<Event, Symbol> & Sendable, String)] = [
        ("delivery_id", \.delivery, "delivery:"), ("demand_id", \.demand, "demand:"),
        ("trip_id", \.trip, "trip:"), ("quote_id", \.quote, "quote:"), ("offer_id", \.offer, "offer:"),
        ("robot_id", \.robot, ""), ("pilot_id", \.pilot, ""), ("merchant_id", \.merchant, ""),
        ("zone_id", \.zone, ""), ("parking_lot_id", \.parkingLot, ""), ("source", \.source, ""),
        ("reason", \.reason, ""), ("rejection_reason", \.rejectionReason, ""),
    ]
    static let texts: [(String, any KeyPath<Event, Symbol> & Sendable)] = [
        ("state", \.state), ("from_state", \.fromState), ("to_state", \.toState), ("error", \.errorCode),
    ]
    static let placeholders = [
        #""""#, #"" ""#, #""\t\n""#, "null", #""null""#, #""NULL""#, #""undefined""#, #""Unknown""#,
        #""none""#,
        #""n/a""#, #""N/A""#, #"" None ""#, #""\u0020n\/a\u0009""#, "true", "false", "{}", "[]", #"["R1"]"#,
        #"{"id":"R1"}"#,
    ]

    @Test func identifiersAreTextsOrNumbers() {
        for (key, field, prefix) in Self.identifiers {
            for (value, text) in [
                (#""R-1""#, "R-1"), (#"" R-1 ""#, " R-1 "), ("17", "17"), ("-0", "-0"), ("1.50", "1.50"),
                ("1e999", "1e999"), (String(repeating: "9", count: 400), String(repeating: "9", count: 400)),
                (#""nullable""#, "nullable"), (#""none.""#, "none."), (#""Rö\u00e9\ud83d\ude00""#, "Röé😀"),
                (#""a\"b\\c\/d\b\f\n\r\t""#, "a\"b\\c/d\u{8}\u{c}\n\r\t"),
                (#""x\u0000y\ud800z""#, "x\u{FFFD}y\u{FFFD}z"),
                (#""\ude00\ud83d""#, "\u{FFFD}\u{FFFD}"), (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
            ] {
                #expect(Decoded(json("\"\(key)\":\(value)")).text(field) == prefix + text, "\(key) \(value)")
            }
            for value in Self.placeholders {
                let decoded = Decoded(json("\"\(key)\":\(value)"))
                #expect(decoded.event != nil && decoded.text(field) == nil, "\(key) \(value)")
            }
        }
    }

    @Test func statesAndErrorsKeepTheirWords() {
        for (key, field) in Self.texts {
            for (value, text) in [
                (#""unknown""#, "unknown"), (#""none""#, "none"), (#"" ""#, " "), ("7", "7"),
                (#""a\tb""#, "a\tb"),
            ] {
                #expect(Decoded(json("\"\(key)\":\(value)")).text(field) == text, "\(key) \(value)")
            }
            for value in [#""""#, "null", "true", "[1]", "{}"] {
                let decoded = Decoded(json("\"\(key)\":\(value)"))
                #expect(decoded.event != nil && decoded.text(field) == nil, "\(key) \(value)")
            }
        }
    }

    @Test(
        arguments: [
            (#""error":{"code":"E1","message":"m"}"#, "E1", "m"),
            (#""error":{"message":"m","x":{"code":"E2"},"code":5}"#, "5", "m"),
            (#""error":{"code":null,"message":""}"#, nil, nil),
            (#""error":{"c\u006fde":"E\u0031"}"#, "E1", nil),
            (#""error":{"code":"E1"},"error":{"message":"m"}"#, nil, "m"),
            (#""error":{"code":"E1","message":"m"},"error":"E2""#, "E2", nil),
            (#""error":"E1","error":null"#, nil, nil),
            (#""error":404"#, "404", nil),
            (#""code":"E1","message":"m""#, nil, nil),
        ] as [(String, String?, String?)])
    func errors(_ fields: String, _ code: String?, _ message: String?) {
        let decoded = Decoded(json(fields))
        #expect(decoded.event != nil)
        #expect(decoded.text(\.errorCode) == code)
        #expect(decoded.text(\.errorMessage) == message)
    }

    @Test func theLastOfTwoKeysCounts() {
        #expect(Decoded(json(#""robot_id":"a","robot_id":"b""#)).text(\.robot) == "b")
        #expect(Decoded(json(#""robot_id":"a","robot\u005fid":"b""#)).text(\.robot) == "b")
        #expect(Decoded(json(#""robot_id":"a","robot_id":null"#)).text(\.robot) == nil)
        #expect(Decoded(json(#""x":{"robot_id":"a"}"#)).text(\.robot) == nil)
    }

    @Test(arguments: [
        ("", "malformed_json"), ("   ", "malformed_json"), ("{}", "skipped"), (#"{"a":1}"#, "skipped"),
        (#"{"event":null,"timestamp":"x"}"#, "skipped"), (#"{"event":""}"#, "skipped"),
        (#"{"event":5}"#, "skipped"), (#"{"event":["a"]}"#, "skipped"), ("[]", "not_an_object"),
        ("[{\"event\":1}]", "not_an_object"), ("\"x\"", "not_an_object"), ("-1.5e+9", "not_an_object"),
        ("null", "not_an_object"), ("true", "not_an_object"), ("[1,", "malformed_json"),
        ("nul", "malformed_json"),
        ("\u{FEFF}{}", "malformed_json"), ("{}}", "malformed_json"), ("{} {}", "malformed_json"),
        ("{},", "malformed_json"), ("{,}", "malformed_json"), (#"{"a"}"#, "malformed_json"),
        (#"{"a":}"#, "malformed_json"), (#"{"a":1,}"#, "malformed_json"), (#"{"a" 1}"#, "malformed_json"),
        (#"{a:1}"#, "malformed_json"), (#"{'a':1}"#, "malformed_json"), (#"{1:1}"#, "malformed_json"),
        (#"{"a":[1,]}"#, "malformed_json"), (#"{"a":[1 2]}"#, "malformed_json"),
        (#"{"a":[}"#, "malformed_json"),
        (#"{"a":[1}}"#, "malformed_json"), (#"{"a":{]}"#, "malformed_json"),
        (#"{"a":{"b"}}"#, "malformed_json"),
        (#"{"a":01}"#, "malformed_json"), (#"{"a":+1}"#, "malformed_json"), (#"{"a":.5}"#, "malformed_json"),
        (#"{"a":1.}"#, "malformed_json"), (#"{"a":1e}"#, "malformed_json"), (#"{"a":1e+}"#, "malformed_json"),
        (#"{"a":-}"#, "malformed_json"), (#"{"a":0x10}"#, "malformed_json"),
        (#"{"a":NaN}"#, "malformed_json"),
        (#"{"a":Infinity}"#, "malformed_json"), (#"{"a":truee}"#, "malformed_json"),
        (#"{"a":True}"#, "malformed_json"), (#"{"a":nulL}"#, "malformed_json"),
        (#"{"a":true"b"}"#, "malformed_json"),
        (#"{"a":"b"c}"#, "malformed_json"), (#"{"a":"b""c"}"#, "malformed_json"),
        (#"{"a":1"b"}"#, "malformed_json"),
        (#"{"a":"\x"}"#, "malformed_json"), (#"{"a":"\u12g4"}"#, "malformed_json"),
        (#"{"a":"\u12"}"#, "malformed_json"), (#"{"\q":1}"#, "malformed_json"),
        (#"{"a":\"b"}"#, "malformed_json"),
        ("{\"a\":\"\u{1}\"}", "malformed_json"), ("{\"a\":\"x\ny\"}", "malformed_json"),
        ("{\"a\":\"x\ty\"}", "malformed_json"), ("{\"a\":1\u{c}}", "malformed_json"),
        ("{\"a\":\u{a0}1}", "malformed_json"), ("{\"a\":1\u{0}}", "malformed_json"),
        ("{\u{1a}}", "malformed_json"),
        (#"{"a":/* */1}"#, "malformed_json"), (#"{"a":"\ud800","b":[true,false,null,-0,1E5,{}]}"#, "skipped"),
        ("{\"a\":\"\u{7f}\"}", "skipped"), (#"{"a":1e999,"b":-0.0E-0}"#, "skipped"),
    ])
    func everyByteIsJSON(_ text: String, _ verdict: String) {
        let decoded = Decoded(text)
        #expect(decoded.verdict == verdict, "\(text): \(decoded.detail)")
        if verdict == "malformed_json" { #expect(decoded.detail.contains("expected"), "\(decoded.detail)") }
    }

    @Test func detailsSayWhere() {
        #expect(Decoded(#" {"a":1,}"#).detail == "'}' at byte 9; expected a key in quotes")
        #expect(Decoded(#"{"a":"\x"}"#).detail.hasPrefix(#"'\' at byte 7; expected one of"#))
        #expect(Decoded(#"{"a":1"#).detail == "the end at byte 7; expected ',' or '}'")
        #expect(
            Decoded("{\"a\":\"\t\"}").detail == "byte 0x09 at byte 7; expected control characters escaped")
        #expect(
            Decoded([Array("{\"a\":\"".utf8) + [0xC0, 0x80, 0x22, 0x7D]]).detail
                == "byte 0xC0 at byte 7; expected UTF-8")
        #expect(
            Decoded(json("", timestamp: "now")).detail.hasPrefix(#"`timestamp` is "now"; expected RFC 3339"#))
    }

    @Test func nestingHasALimit() {
        func nested(_ depth: Int, _ open: String, _ close: String) -> String {
            json(
                "\"x\":" + String(repeating: open, count: depth) + "1"
                    + String(repeating: close, count: depth))
        }
        #expect(Decoded(nested(511, "[", "]")).verdict == "event")
        #expect(Decoded(nested(512, "[", "]")).verdict == "malformed_json")
        #expect(Decoded(nested(511, #"{"a":"#, "}")).verdict == "event")
        #expect(Decoded(nested(512, #"{"a":"#, "}")).detail.contains("512 levels"))
        #expect(Decoded(String(repeating: "[", count: 1 << 20)).verdict == "malformed_json")
        #expect(
            Decoded(String(repeating: "[", count: 512) + String(repeating: "]", count: 512)).verdict
                == "not_an_object")
    }

    @Test func invalidUTF8() {
        for bytes: [UInt8] in [
            [0xFF], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0x80],
        ] {
            #expect(
                Decoded([Array(#"{"event":"a"#.utf8) + bytes + Array(#""}"#.utf8)]).verdict == "invalid_utf8")
            #expect(Decoded([Array(#"{"event":"a"#.utf8) + bytes]).verdict == "invalid_utf8")
        }
    }

    @Test func largeMessages() {
        let frame = json(#""x":"""#).utf8.count
        #expect(
            Decoded(json("\"x\":\"\(String(repeating: "a", count: (1 << 20) - frame))\"")).verdict == "event")
        #expect(
            Decoded(json("\"x\":\"\(String(repeating: "a", count: (1 << 20) - frame + 1))\"")).verdict
                == "too_large")
        let batch = MessageBatch()
        let decoded = DecodedBatch(batch: batch)
        Array(json("").utf8).withUnsafeBytes {
            batch.append($0, originalLength: 2 << 20, origin: "f", position: 1)
        }
        EventDecoder().scan(decoded)
        #expect(decoded.rejections.map(\.reason) == [.tooLarge])
    }

    @Test func envelopes() {
        let inner = json(#""robot_id":"R\t1","event_id":"e\u0031""#)
        let escaped = inner.reduce(into: "") { $0 += $1 == "\"" || $1 == "\\" ? "\\\($1)" : "\($1)" }
        for outer in [
            #"{"level":"info","message":"\#(escaped)"}"#, #"{"message":" \#(escaped) \n","event":null}"#,
            #"{"robot_id":"outer","timestamp":"x","message":"\#(escaped)","event_id":"outer"}"#,
        ] {
            let decoded = Decoded(outer)
            #expect(decoded.text(\.robot) == "R\t1")
            #expect(decoded.event.map { decoded.text($0.payload) } == inner)
            #expect(decoded.event.map { decoded.text($0.eventID) } == "e1")
            #expect(decoded.event?.identity == Decoded(inner).event?.identity)
        }
        for text in [
            #"{"message":"hello"}"#, #"{"message":"{broken"}"#, #"{"message":"[]"}"#, #"{"message":""}"#,
            #"{"message":"{}"}"#, #"{"message":{"event":"a"}}"#, #"{"event":5,"message":"\#(escaped)"}"#,
            #"{"message":"{\"message\":\"{}\"}"}"#,
        ] {
            #expect(Decoded(text).verdict == "skipped", "\(text)")
        }
        #expect(Decoded(#"{"message":"{\"event\":\"a\"}"}"#).verdict == "missing_timestamp")
        #expect(Decoded(#"{"message":"{\"event\":\"a\"}""#).verdict == "malformed_json")
    }

    @Test func payloadIsTheMessageWithoutBlanksAround() {
        let decoded = Decoded(" \t" + json("") + "\r\n")
        #expect(decoded.event.map { decoded.text($0.payload) } == json(""))
    }

    @Test func aBatchKeepsItsOrderAndPlaces() {
        let messages = [
            json(#""event_id":"1""#), "[]", "{}", json(#""event_id":"\u0032""#), "{", json(#""event_id":3"#),
        ]
        let decoded = Decoded(messages.map { Array($0.utf8) })
        #expect(decoded.events.map { decoded.text($0.eventID) } == ["1", "2", "3"])
        #expect(decoded.decoded.rejections.map(\.message) == [1, 4])
        #expect(decoded.decoded.skippedCount == 1)
    }

    @Test func scratchThatMovesTheBufferHarmsNothing() {
        let texts = (0..<2000).map {
            json("\"event_id\":\"\\u0041\($0)\",\"reason\":\"\(String(repeating: "\\n", count: $0 % 50))x\"")
        }
        let decoded = Decoded(texts.map { Array($0.utf8) })
        #expect(decoded.events.map { decoded.text($0.eventID) } == (0..<2000).map { "A\($0)" })
    }

    @Test func storedPayloadsComeBack() throws {
        let text = json(#""event_id":"e-1","delivery_id":"D1","error":{"code":"E\u0031"}"#)
        let before = Decoded(text)
        let decoder = EventDecoder()
        let event = Array(text.utf8).withUnsafeBytes {
            decoder.storedEvent(payload: $0, symbols: before.symbols)
        }
        let first = try #require(before.event)
        let second = try #require(event)
        #expect(first.hasSameContent(as: second) && first.identity == second.identity)
        #expect(second.payload == ByteRange(offset: 0, length: text.utf8.count))
        let id = Array(text.utf8)[second.eventID.offset..<(second.eventID.offset + second.eventID.length)]
        #expect(String(decoding: id, as: UTF8.self) == "e-1")
        let none = Array("{}".utf8).withUnsafeBytes {
            decoder.storedEvent(payload: $0, symbols: before.symbols)
        }
        #expect(none == nil)
    }
}
