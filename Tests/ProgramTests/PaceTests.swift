import Testing
@testable import sessionizer

/// At which pace `publish` sends.
@Suite struct PaceTests {
    private func pace(_ words: String...) throws -> PublishCommand.Pace {
        try PublishCommand.Pace(Arguments(words, allowed: ["--rate", "--speed"]))
    }

    @Test func whenAMessageIsDue() throws {
        #expect(try pace().due(sent: 5, passed: 9) == 0)
        #expect(try pace("--rate", "2000").due(sent: 5, passed: 0) == 2500)
        #expect(try pace("--speed", "60x").due(sent: 5, passed: 3_600_000_000) == 60_000_000)
        #expect(try pace("--speed", "0.5").due(sent: 5, passed: 10) == 20)
        #expect(try pace("--speed", "2x").due(sent: 5, passed: -10) == 0)
    }

    /// From the year 1 to the year 9999 at a hundredth of their pace: more microseconds than a clock counts.
    @Test func whatNobodyLivesToSee() throws {
        let years: Int64 = 315_537_897_599_999_999
        let century: Int64 = 3_162_240_000_000_000
        #expect(try pace("--speed", "0.01x").due(sent: 1, passed: years) == century)
        #expect(try pace("--speed", "0.001x").due(sent: 1, passed: .max) == century)
        #expect(try pace("--rate", "0.001").due(sent: .max, passed: 0) == century)
        #expect(try pace("--rate", "1e9").due(sent: .max, passed: 0) == century)
    }

    @Test(arguments: ["1e-13", "0", "-1", "0.0009", "1e10", "inf", "nan", "x", ""])
    func whatIsNoPace(text: String) {
        for option in ["--rate", "--speed"] {
            let error = #expect(throws: UsageError.self) { try pace(option, text) }
            #expect(error?.description.contains("expected a number from 0.001 to 1000000000") == true)
        }
    }
}
