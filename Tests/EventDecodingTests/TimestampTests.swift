import EventDecoding
import Foundation
import SessionCore
import Testing

@Suite struct TimestampTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:00.000001Z", 1),
            ("1969-12-31T23:59:59.999999Z", -1),
            ("2026-03-01T09:30:00Z", 1_772_357_400_000_000),
            ("2026-03-01t09:30:00z", 1_772_357_400_000_000),
            ("2026-03-01 09:30:00Z", 1_772_357_400_000_000),
            ("2026-03-01T09:30:00.25Z", 1_772_357_400_250_000),
            ("2026-03-01T09:30:00.1234567890123456789Z", 1_772_357_400_123_456),
            ("2026-03-01T09:30:00.9999999Z", 1_772_357_400_999_999),
            ("2026-03-01T10:30:00+01:00", 1_772_357_400_000_000),
            ("2026-03-01T04:00:00-05:30", 1_772_357_400_000_000),
            ("2026-02-28T09:31:00-23:59", 1_772_357_400_000_000),
            ("2026-03-01T09:30:00-00:00", 1_772_357_400_000_000),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
            ("2000-02-29T00:00:00Z", 951_782_400_000_000),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000_000),
            ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
        ] as [(String, Int64)])
    func good(_ text: String, _ instant: Int64) {
        #expect(Decoded(json("", timestamp: text)).event?.time == instant)
    }

    @Test(arguments: [
        "x", " ", "2026-03-01", "2026-03-01T09:30:00", "2026-03-01T09:30Z", "2026-03-01T09:30:00.Z",
        "2026-03-01T09:30:00,5Z", "2026-03-01T09:30:60Z", "2026-03-01T24:00:00Z", "2026-03-01T09:60:00Z",
        "2026-00-01T09:30:00Z", "2026-13-01T09:30:00Z", "2026-03-00T09:30:00Z", "2026-03-32T09:30:00Z",
        "2026-04-31T09:30:00Z", "2026-02-29T09:30:00Z", "1900-02-29T09:30:00Z", "2026-03-01T09:30:00+24:00",
        "2026-03-01T09:30:00+01:60", "2026-03-01T09:30:00+0100", "2026-03-01T09:30:00+01",
        " 2026-03-01T09:30:00Z",
        "2026-03-01T09:30:00Z ", "2026-03-01T09:30:00ZZ", "2026-03-01T09:30:00+01:00Z",
        "2026-3-01T09:30:00.0Z",
        "2026-03-01_09:30:00Z", "2026-03-01  09:30:00Z", "+2026-03-01T09:30:00Z", "-026-03-01T09:30:00Z",
        "2026-03-01T09:30:00.5", "2026-03-01T09:30:00.5+", "2026-03-01T09:30:00.5+01:0", "1772357400",
        "２０２６-03-01T09:30:00Z",
    ])
    func bad(_ text: String) {
        let decoded = Decoded(json("", timestamp: text))
        #expect(decoded.verdict == "invalid_timestamp")
        #expect(decoded.detail.contains("RFC 3339"))
    }

    @Test func everyDayOfFourCenturiesFollowsTheOneBefore() {
        var texts: [[UInt8]] = []
        for year in 1900..<2300 {
            for month in 1...12 {
                for day in 1...31 {
                    let date = "\(year)-\(month < 10 ? "0" : "")\(month)-\(day < 10 ? "0" : "")\(day)"
                    texts.append(Array(json("", timestamp: "\(date)T00:00:00Z").utf8))
                }
            }
        }
        let times = Decoded(texts).events.map(\.time)
        #expect(times.count == 146_097)
        #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 == 86_400_000_000 })
    }

    @Test(arguments: [
        (#"{"event":"a"}"#, "missing_timestamp"),
        (#"{"event":"a","timestamp":null}"#, "missing_timestamp"),
        (#"{"event":"a","timestamp":""}"#, "missing_timestamp"),
        (#"{"event":"a","timestamp":1772357400}"#, "invalid_timestamp"),
        (#"{"event":"a","timestamp":true}"#, "invalid_timestamp"),
        (#"{"event":"a","timestamp":{}}"#, "invalid_timestamp"),
        (#"{"event":"a","timestamp":["2026-03-01T09:30:00Z"]}"#, "invalid_timestamp"),
        (#"{"event":"a","timestamp":"2026-03-01T09:30:00\u005a"}"#, "event"),
    ])
    func otherTypes(_ text: String, _ verdict: String) {
        #expect(Decoded(text).verdict == verdict)
    }

    @Test func onlyALiveDecoderMindsTheFuture() {
        let now: Instant = 1_772_357_400_000_000
        #expect(Decoded(json("", timestamp: "2026-03-02T09:30:00Z"), now: now).verdict == "event")
        #expect(
            Decoded(json("", timestamp: "2026-03-02T09:30:00.000001Z"), now: now).verdict
                == "timestamp_in_future")
        #expect(Decoded(json("", timestamp: "9999-03-02T09:30:00Z")).verdict == "event")
        #expect(Decoded(json(""), now: .max).verdict == "event")
    }
}
