import EventDecoding
import SessionCore
import Testing

@Suite struct IdentityTests {
    private func identity(_ text: String) throws -> EventIdentity {
        try #require(Decoded(text).event?.identity, "\(text)")
    }

    @Test func anEventIDIsTheIdentity() throws {
        let wanted = Array("e-1".utf8).withUnsafeBytes { EventDecoder.identity(ofEventID: $0) }
        #expect(try identity(json(#""event_id":"e-1""#)) == wanted)
        #expect(try identity(json(#""robot_id":"R","event_id":"\u0065-1""#, event: "other")) == wanted)
        #expect(try identity(json(#""event_id":"e-2""#)) != wanted)
        #expect(try identity(json(#""event_id":5"#)) == identity(json(#""event_id":"5""#)))
        let long = String(repeating: "x", count: 1000)
        let ofLong = Array(long.utf8).withUnsafeBytes { EventDecoder.identity(ofEventID: $0) }
        #expect(try identity(json("\"event_id\":\"\(long)\"")) == ofLong)
    }

    /// The name that the store gives to an event without an id: exported and read again it is the same event.
    @Test func aFingerprintIsNoID() throws {
        let raw = try #require(Decoded(json(#""robot_id":"R1""#)).event)
        let name = EventDecoder.fingerprintText(raw.identity)
        let again = try #require(Decoded(json(#""robot_id":"R1","event_id":"\#(name)""#)).event)
        #expect(again.identity == raw.identity && again.key == raw.key && again.eventID.length == 0)
        for other in ["\(name)0", String(name.dropLast()), name.uppercased(), "fq" + name.dropFirst(2)] {
            let event = try #require(Decoded(json(#""robot_id":"R1","event_id":"\#(other)""#)).event)
            #expect(event.eventID.length > 0 && event.identity != raw.identity, "\(other)")
        }
    }

    @Test func addedFieldsAndOrderChangeNothing() throws {
        let first = try identity(json(#""robot_id":"R1","error":{"code":"E","message":"m"},"trip_id":"T""#))
        for same in [
            json(#""trip_id":"T","error":{"message":"m","code":"E"},"robot_id":"R1""#),
            json(
                #""robot_id":"R1","error":{"code":"E","message":"m"},"trip_id":"T","level":"info","x":{"y":[1]}"#
            ),
            json(
                #""robot_id":"\u00521","error":{"code":"E","message":"m"},"trip_id":"T","source":"N/A","event_id":null"#
            ),
            json(
                #""robot_id":"R1","error":{"code":"E","message":"m"},"trip_id":"T""#,
                timestamp: "2026-03-01T10:30:00.0000009+01:00"),
        ] {
            #expect(try identity(same) == first, "\(same)")
        }
    }

    @Test func aBareErrorIsItsCode() throws {
        #expect(try identity(json(#""error":"E""#)) == identity(json(#""error":{"code":"E"}"#)))
        #expect(try identity(json(#""error":"E""#)) != identity(json(#""error":{"message":"E"}"#)))
    }

    @Test func everyFieldCounts() throws {
        var seen: Set<EventIdentity> = [try identity(json(""))]
        let keys = DecoderTests.identifiers.map(\.0) + DecoderTests.texts.map(\.0)
        for key in keys {
            for value in ["a", "b"] {
                #expect(seen.insert(try identity(json("\"\(key)\":\"\(value)\""))).inserted, "\(key)")
            }
        }
        #expect(seen.insert(try identity(json(#""error":{"message":"a"}"#))).inserted)
        #expect(seen.insert(try identity(json("", event: "a.c"))).inserted)
        #expect(seen.insert(try identity(json("", timestamp: "2026-03-01T09:30:00.000001Z"))).inserted)
        #expect(seen.insert(try identity(json(#""robot_id":"ab""#))).inserted)
        #expect(seen.insert(try identity(json(#""robot_id":"a","pilot_id":"b""#))).inserted)
        #expect(seen.insert(try identity(json(#""event_id":"a""#))).inserted)
    }

    @Test func identitiesNeverChange() throws {
        // Stores hold these: a change here makes every replay count twice. The figures are those of XXH3_128bits
        // over the bytes written down by hand.
        let id = Array("e-1".utf8).withUnsafeBytes { EventDecoder.identity(ofEventID: $0) }
        #expect(EventDecoder.fingerprintText(id) == "fp-17087c4052212cb73d21bc8729acd985")
        let fingerprint = try identity(json(#""robot_id":"R1","error":{"code":"E"}"#))
        #expect(EventDecoder.fingerprintText(fingerprint) == "fp-c377a5ca19e8126eb4b19ff2a8dd36fb")
        #expect(
            EventDecoder.fingerprintText(EventIdentity(high: 1, low: 255))
                == "fp-000000000000000100000000000000ff")
    }

    @Test func twinsAreCompared() {
        let decoded = Decoded(
            [
                json(#""event_id":"1","robot_id":"R","rejection_reason":"x""#),
                json(#""x":1,"rejection_reason":"x","robot_id":"R","event_id":"1""#),
                json(#""event_id":"1","robot_id":"R","rejection_reason":"y""#),
            ].map { Array($0.utf8) })
        #expect(decoded.events[0].hasSameContent(as: decoded.events[1]))
        #expect(!decoded.events[0].hasSameContent(as: decoded.events[2]))
    }

    @Test func keysSortLikeTheirTexts() {
        let symbols = SymbolTable()
        let uuid = "933fd08d-3bd5-5fee-16f3-784c3c5af644"
        var texts = [
            "a", "b", "ab", "933fd08d", "x23456789012345", "x234567890123456", uuid.uppercased(), uuid + "0",
            "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ]
        // Every place of a UUID holding what is and what is not a digit there.
        for index in 0..<36 {
            for byte: UInt8 in [
                0x2D, 0x2F, 0x30, 0x39, 0x3A, 0x41, 0x46, 0x60, 0x61, 0x66, 0x67, 0x69, 0x6F, 0x7F, 1,
            ] {
                var bytes = Array(uuid.utf8)
                bytes[index] = byte
                texts.append(String(decoding: bytes, as: UTF8.self))
            }
        }
        let keys = texts.map { text in
            Array(text.utf8).withUnsafeBytes { EventKey(eventID: $0, symbols: symbols) }
        }
        for (left, leftKey) in zip(texts, keys) {
            for (right, rightKey) in zip(texts, keys) {
                let wanted = left == right ? 0 : left.utf8.lexicographicallyPrecedes(right.utf8) ? -1 : 1
                #expect(leftKey.compare(rightKey, symbols).signum() == wanted, "\(left) \(right)")
            }
        }
    }
}
