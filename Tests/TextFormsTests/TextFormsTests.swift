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
}
