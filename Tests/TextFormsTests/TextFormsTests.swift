import Testing
import TextForms

/// Dates and JSON strings, which several modules write.
@Suite struct TextFormsTests {
    @Test func everyDayFollowsTheOneBefore() {
        // From the year -1 to the year 10000.
        var before = CivilDay(daysSinceEpoch: -720_000)
        for number in -719_999...2_932_897 {
            let day = CivilDay(daysSinceEpoch: number)
            let isNext =
                day.day == before.day + 1 && day.month == before.month && day.year == before.year
                || day.day == 1 && before.day >= 28
                    && (day.month == before.month + 1 && day.year == before.year
                        || day.month == 1 && before.month == 12 && day.year == before.year + 1)
            if !isNext || day.daysSinceEpoch != number {
                Issue.record("\(number): \(day) after \(before)")
                return
            }
            before = day
        }
        #expect(before == CivilDay(year: 10_000, month: 1, day: 1))
    }

    @Test(
        arguments: [
            (0, 1970, 1, 1), (-1, 1969, 12, 31), (11_016, 2000, 2, 29), (-25_508, 1900, 3, 1),
            (-719_162, 1, 1, 1), (2_932_896, 9999, 12, 31),
        ])
    func knownDays(number: Int, year: Int, month: Int, day: Int) {
        let known = CivilDay(year: year, month: month, day: day)
        #expect(CivilDay(daysSinceEpoch: number) == known)
        #expect(known.start == Int64(number) * 86_400_000_000)
        #expect(CivilDay(containing: known.start) == known)
        #expect(CivilDay(containing: known.start + 86_399_999_999) == known)
        #expect(CivilDay(containing: known.start - 1) == CivilDay(daysSinceEpoch: number - 1))
    }

    @Test func daysAreRead() {
        #expect(CivilDay("2024-02-29") == CivilDay(year: 2024, month: 2, day: 29))
        #expect(CivilDay("0000-12-31") == CivilDay(year: 0, month: 12, day: 31))
        for text in [
            "2027-02-29", "2027-02-31", "2027-04-31", "2027-13-01", "2027-00-01", "2027-01-00", "2027-1-1",
            "+027-01-01", "2027-01-1", "2027/01/01", "2027-01-011", "",
        ] {
            #expect(CivilDay(text) == nil, "\(text)")
        }
    }

    @Test func stringsAreQuoted() {
        func quoted(_ text: String, _ escapes: JSONString.Escapes) -> String {
            var out = "x:"
            JSONString.append(text, to: &out, escapes)
            return out
        }
        #expect(quoted("a\"\\\n\r\t\u{1}ö🙂/", .demanded) == #"x:"a\"\\\n\r\t\u0001ö🙂/""#)
        #expect(quoted("\u{7F}\u{2028}\u{2029}", .demanded) == "x:\"\u{7F}\u{2028}\u{2029}\"")
        #expect(quoted("\u{7F}\u{2028}\u{2029}\u{1F}", .cautious) == #"x:"\u007f\u2028\u2029\u001f""#)
    }

    /// RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func base64(_ bytes: String, _ letters: String) {
        #expect(Base64.standard.encoded(Array(bytes.utf8)) == letters)
        #expect(Base64.url.encoded(Array(bytes.utf8)) == letters.filter { $0 != "=" })
        #expect(Base64.standard.decoded(letters) == Array(bytes.utf8))
        #expect(Base64.url.decoded(letters.filter { $0 != "=" }) == Array(bytes.utf8))
    }

    @Test func base64HasTwoAlphabets() {
        let bytes: [UInt8] = [0xFB, 0xEF, 0xFF]
        #expect(Base64.standard.encoded(bytes) == "++//")
        #expect(Base64.url.encoded(bytes) == "--__")
        #expect(Base64.url.decoded("--__") == bytes)
        for text in ["+A", "A=", "ä", "A B"] { #expect(Base64.url.decoded(text) == nil, "\(text)") }
    }

    /// http://www.isthe.com/chongo/tech/comp/fnv/: the known values of 64 bits.
    @Test(arguments: [
        ("", UInt64(0xCBF2_9CE4_8422_2325)), ("a", 0xAF63_DC4C_8601_EC8C), ("foobar", 0x8594_4171_F739_67E8),
    ])
    func fingerprints(_ text: String, _ value: UInt64) {
        #expect(Fingerprint.value(of: text.utf8) == value)
        let (head, tail) = (text.utf8.prefix(2), text.utf8.dropFirst(2))
        #expect(Fingerprint.value(of: tail, from: Fingerprint.value(of: head)) == value)
    }

    @Test(arguments: [
        ("1970-01-01T00:00:00Z", Int64(0)), ("1970-01-01T00:00:00.000001Z", 1),
        ("1969-12-31t23:59:59.9999999z", -1), ("2024-02-29 12:00:00.5+05:30", 1_709_188_200_500_000),
        ("0000-03-01T00:00:00Z", -62_162_035_200_000_000),
        ("9999-12-31T23:59:59-00:01", 253_402_300_859_000_000),
    ])
    func timestampsAreRead(_ text: String, _ micros: Int64) {
        var text = text
        #expect(text.withUTF8 { Timestamp.parse(UnsafeRawBufferPointer($0)) } == micros)
    }
}
