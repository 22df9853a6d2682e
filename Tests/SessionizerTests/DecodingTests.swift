import EventDecoding
import Foundation
import MessageBatches
import SessionCore
import Testing

@Suite struct DecodingTests {
    private func decode(_ line: String) -> (
        events: [Event], reasons: [RejectReason], skipped: Int, symbols: SymbolTable
    ) {
        decode(Array(line.utf8))
    }

    private func decode(_ line: [UInt8]) -> (
        events: [Event], reasons: [RejectReason], skipped: Int, symbols: SymbolTable
    ) {
        let decoded = DecodedBatch(batch: MessageBatch())
        line.withUnsafeBytes { decoded.batch.append($0, origin: "test", position: 1) }
        EventDecoder().scan(decoded)
        var events: [Event] = []
        let symbols = SymbolTable()
        EventDecoder.events(of: decoded, symbols: symbols, into: &events)
        return (events, decoded.rejections.map(\.reason), decoded.skippedCount, symbols)
    }

    @Test(arguments: [
        ("2026-11-02T16:15:07Z", 1_793_636_107_000_000), ("2026-11-02T16:15:07.992Z", 1_793_636_107_992_000),
        ("2026-11-02T08:15:07.9929999-08:00", 1_793_636_107_992_999),
        ("2026-11-02t16:15:07z", 1_793_636_107_000_000),
        ("2026-11-02 16:15:07+00:00", 1_793_636_107_000_000), ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
        ("1969-12-31T23:59:59.5Z", -500_000),
    ])
    func timestampsThatAreRead(text: String, micros: Int64) {
        let result = decode(#"{"event":"a","timestamp":"\#(text)"}"#)
        #expect(result.events.first?.time == micros)
    }

    @Test(arguments: [
        "2026-11-02T16:15:07", "2026-11-02T16:15:60Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-11-02T24:00:00Z", "2026-11-02T16:15:07.Z", "2026-11-02T16:15:07+0800", "yesterday",
        "2026-11-02",
    ])
    func timestampsThatAreRefused(text: String) {
        #expect(decode(#"{"event":"a","timestamp":"\#(text)"}"#).reasons == [.invalidTimestamp])
    }

    @Test(arguments: [
        (#"{"event":"a"}"#, RejectReason.missingTimestamp),
        (#"{"event":"a","timestamp":null}"#, .missingTimestamp),
        (#"{"event":"a","timestamp":17}"#, .invalidTimestamp), ("[1,2]", .notAnObject),
        ("null", .notAnObject),
        ("17", .notAnObject), ("\"text\"", .notAnObject), ("{", .malformedJSON),
        ("{\"a\":tru}", .malformedJSON),
        ("{\"a\":01}", .malformedJSON), ("{\"a\":1}{\"b\":2}", .malformedJSON),
        ("{\"a\":1} x", .malformedJSON),
        ("{\"a\":\"\\x\"}", .malformedJSON), ("{\"a\":[1,]}", .malformedJSON), ("nul", .malformedJSON),
        ("{\"a\":{\"b\":[{\"c\":nope}]}}", .malformedJSON), ("{\"a\" 1}", .malformedJSON),
    ])
    func whatIsRefusedAndWhy(line: String, reason: RejectReason) {
        #expect(decode(line).reasons == [reason], "\(line)")
    }

    @Test(arguments: [
        #"{"msg":"x"}"#, #"{"event":7}"#, #"{"event":""}"#, #"{"message":"plain text"}"#, #"{"event":null}"#,
    ])
    func objectsThatAreNoEvents(line: String) {
        let result = decode(line)
        #expect(result.skipped == 1 && result.reasons.isEmpty, "\(line)")
    }

    @Test func numbersOfAnySizeAreJSON() {
        let result = decode(
            #"{"event":"a","timestamp":"2026-11-02T16:15:07Z","robot_id":123456789012345678901234567890,"x":1e999}"#
        )
        #expect(result.events.count == 1)
        #expect(result.symbols.text(result.events[0].robot) == "123456789012345678901234567890")
    }

    @Test(arguments: ["null", " N/A ", "UNDEFINED", "unknown", "None", "", "  "])
    func placeholdersAreNotThere(word: String) {
        let result = decode(
            #"{"event":"a","timestamp":"2026-11-02T16:15:07Z","robot_id":"\#(word)","state":"unknown"}"#)
        #expect(result.events.first?.robot == .absent)
        #expect(result.events.first.map { result.symbols.text($0.state) } == "unknown")
    }

    @Test func anEnvelopeIsOpened() {
        let result = decode(
            #"{"message":"{\"event\":\"a\",\"timestamp\":\"2026-11-02T16:15:07Z\",\"robot_id\":\"R\\u002d1\"}"}"#
        )
        #expect(result.events.count == 1)
        #expect(result.events.first.map { result.symbols.text($0.robot) } == "R-1")
    }

    @Test func identityIgnoresWhatTheRulesDoNotRead() {
        let a = decode(#"{"event":"a","timestamp":"2026-11-02T16:15:07Z","robot_id":"R","battery":7}"#)
        let b = decode(
            #"{"robot_id":"R","timestamp":"2026-11-02T08:15:07-08:00","event":"a","pilot_id":"n/a"}"#)
        let c = decode(
            #"{"robot_id":"R","timestamp":"2026-11-02T08:15:07-08:00","event":"a","pilot_id":"P"}"#)
        #expect(a.events[0].identity == b.events[0].identity)
        #expect(a.events[0].identity != c.events[0].identity)
    }

    @Test func invalidUTF8AndDeepNestingAreRefused() {
        #expect(
            decode(Array("{\"event\":\"".utf8) + [0xFF, 0xFE] + Array("\"}".utf8)).reasons == [.invalidUTF8])
        let deep = String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000)
        #expect(decode("{\"event\":\"a\",\"x\":\(deep)}").reasons == [.malformedJSON])
    }

    @Test func everyBeginningOfALineIsRefusedAndNoBytesCrash() {
        let line = Array(
            #"{"event":"a","timestamp":"2026-11-02T16:15:07.5Z","error":{"code":"E","n":[1,2.5e3,null]}}"#
                .utf8)
        for length in 1..<line.count {
            #expect(decode(Array(line[..<length])).reasons == [.malformedJSON], "\(length)")
        }
        let seed = UInt64.random(in: 0...UInt64.max)
        var state = seed
        for round in 0..<3000 {
            var mutated = line
            for _ in 0..<3 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                mutated[Int(state >> 33) % mutated.count] = UInt8(truncatingIfNeeded: state >> 20)
            }
            let result = decode(mutated)
            #expect(
                result.events.count + result.reasons.count + result.skipped == 1,
                "seed \(seed), round \(round)")
            if result.events.count == 1, mutated.allSatisfy({ $0 < 0x80 }) {
                #expect(
                    (try? JSONSerialization.jsonObject(with: Data(mutated))) != nil,
                    "seed \(seed), round \(round)")
            }
        }
    }
}
