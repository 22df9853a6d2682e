import EventDecoding
import MessageBatches
import PlainJSON
import SeededRandomness
import SessionCore
import Testing

/// Broken messages: never a crash, and JSON exactly where another parser finds it.
@Suite struct MutationTests {
    private static let line =
        #"{"event":"delivery.failed","timestamp":"2026-03-01T09:30:00.25+01:00","event_id":"é\u00e9-\ud83d\ude00","#
        + #""robot_id":12.5e3,"x":[true,false,null,{"y":[]},"\\"],"error":{"code":"E","message":"a\tb"},"z":-0.1}"#

    @Test func truncatedAtEachByte() {
        let bytes = Array(Self.line.utf8)
        #expect(Decoded([bytes]).verdict == "event")
        for count in 0..<bytes.count {
            let verdict = Decoded([Array(bytes.prefix(count))]).verdict
            #expect(verdict == "malformed_json" || verdict == "invalid_utf8", "\(count) bytes")
        }
    }

    @Test func aRejectedByteAtEachPlace() {
        let bytes = Array(Self.line.utf8)
        for index in bytes.indices where bytes[index] < 0x80 {
            for byte: UInt8 in [0, 0x0C, 0x1A, 0x80, 0xFF] {
                var broken = bytes
                broken[index] = byte
                #expect(Decoded([broken]).event == nil, "byte \(byte) at \(index)")
            }
        }
    }

    @Test func tenThousandMutations() {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("mutations with seed \(seed)")
        var random = Randomness(state: seed)
        let decoder = EventDecoder()
        let alphabet = Array(#"{}[],:"\ue0-.+ntf19 "#.utf8)
        for round in 0..<10_000 {
            var bytes = Array(Self.line.utf8)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes[index] = alphabet.randomElement(using: &random) ?? 0
                case 2: bytes.remove(at: index)
                case 3: bytes.insert(alphabet.randomElement(using: &random) ?? 0, at: index)
                default: bytes.insert(contentsOf: bytes[index...].prefix(8), at: index)
                }
            }
            check(bytes, decoder, "seed \(seed), round \(round)")
        }
    }

    @Test func tenThousandRandomTexts() {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("random texts with seed \(seed)")
        var random = Randomness(state: seed)
        let decoder = EventDecoder()
        let pieces = [
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\"a\"", "\"\\u00e9\"", "1", "-", "1e5", "true", "null",
            " ",
            "\n", "\"event\":\"a\"", "é", "\u{1}",
        ].map { Array($0.utf8) }
        for round in 0..<10_000 {
            var bytes: [UInt8] = round % 2 == 0 ? Array("{".utf8) : []
            for _ in 0..<Int.random(in: 0...200, using: &random) {
                if round % 4 == 0 {
                    bytes.append(UInt8.random(in: 0...255, using: &random))
                } else {
                    bytes += pieces.randomElement(using: &random) ?? []
                }
            }
            check(bytes, decoder, "seed \(seed), round \(round)")
        }
    }

    private func check(_ bytes: [UInt8], _ decoder: EventDecoder, _ what: String) {
        let decoded = Decoded([bytes], decoder: decoder)
        let verdict = decoded.verdict
        #expect(verdict != "nothing", "\(what)")
        let isRejected = verdict == "malformed_json" || verdict == "invalid_utf8"
        #expect(
            isRejected != PlainJSON.isValid(bytes),
            "\(what): \(String(decoding: bytes, as: UTF8.self)) is \(verdict) \(decoded.detail)")
        if let event = decoded.event {
            #expect(event.payload.offset + event.payload.length <= decoded.batch.byteCount)
            #expect(event.eventID.offset + event.eventID.length <= decoded.batch.byteCount)
        }
    }
}
