import Testing

@testable import ReferenceModel

/// What becomes of single lines.
@Suite struct InputStories {
    @Test func everyLineIsCountedOnce() {
        // Two events with one id and different content are outside the promise: told in order only.
        let tables = referenceTables(lines: [
            "", " \t",
            #"{"event":"a","timestamp":"2026-03-10T10:00:00Z","event_id":"e1"}"#,
            #"{"event":"b","timestamp":"2026-03-10T10:00:00Z","event_id":"e1"}"#,
            #"{"event":"a","timestamp":"2026-03-10T10:00:00.1234567Z","robot_id":7,"x":1,"zone_id":" N/A "}"#,
            #"{"robot_id":"7","event":"a","timestamp":"2026-03-10T02:00:00.123456-08:00","reason":"none"}"#,
            #"{"message":"{\"event\":\"a\",\"timestamp\":\"2026-03-10T10:00:00Z\"}","event":null}"#,
            #"{"event":5}"#, #"{"event":""}"#, #"{"message":"started"}"#,
            #"{"event":"a"}"#, #"{"event":"a","timestamp":7}"#, "[]", "{", #"{"event":"a"} x"#,
            "\"" + String(repeating: "x", count: 1 << 20) + "\"",
        ])
        #expect(tables.received == 14)
        #expect(tables.accepted == 3)
        #expect(tables.duplicates == 2)
        #expect(tables.skipped == 3)
        #expect(
            tables.rejected == [
                "missing_timestamp": 1, "invalid_timestamp": 1, "not_an_object": 1, "malformed_json": 2,
                "too_large": 1,
            ])
    }

    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.000001999+00:00", 1),
        ("1969-12-31T23:59:59.5Z", -500_000),
        ("2024-02-29T12:00:00-01:30", 1_709_213_400_000_000),
        ("2026-03-10t10:00:00z", 1_773_136_800_000_000),
        ("2026-03-10T10:00:60Z", nil), ("2026-02-29T10:00:00Z", nil), ("2026-03-10T24:00:00Z", nil),
        ("2026-03-10T10:00:00", nil), ("2026-03-10T10:00:00.Z", nil), ("2026-03-10T10:00Z", nil),
        ("2026-03-10T10:00:00+0100", nil), ("2026-3-10T10:00:00Z", nil), ("", nil),
    ])
    func anInstantIsReadByTheLetter(text: String, expected: Instant?) {
        #expect(instant(text) == expected)
    }

    @Test(arguments: [
        (
            "[1,2.50,-0,1e+2]",
            JSONText.array([.number("1"), .number("2.50"), .number("-0"), .number("1e+2")])
        ),
        (#"{"a":1,"a":"\u00e9\ud83d\ude00\n"}"#, .object(["a": .string("é😀\n")])),
        (" null ", .null), ("01", nil), ("1.", nil), (".5", nil), ("+1", nil), ("tru", nil), ("[1,]", nil),
        ("{\"a\"}", nil), (#""\ud83d""#, nil), (#""\x""#, nil), ("\"\t\"", nil), ("\"open", nil), ("", nil),
    ])
    func jsonIsReadByTheLetter(text: String, expected: JSONText?) {
        #expect(JSONText.read(text) == expected)
    }

    @Test func placeholdersMeanNothingIsThere() throws {
        for word in [
            "null", #""""#, #"" ""#, #""NULL""#, #"" n/a ""#, #""Unknown""#, #""none""#, "true", "{}",
        ] {
            let line = #"{"event":"robot.parked","timestamp":"2026-03-10T10:00:00Z","robot_id":\#(word)}"#
            #expect(try tables([line]).tables["robot_states"] == [:], "\(word)")
        }
        let unknown = lines("10:00 robot.state_changed robot=R1 to_state=unknown reason=unknown")
        #expect(try tables(unknown).rows("robot_states") == ["R1|10:00: - unknown -"])
    }
}
