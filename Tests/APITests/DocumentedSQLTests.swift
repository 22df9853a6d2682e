import EngineUnderTest
import Foundation
import PostgresStore
import SQLiteStore
import SessionStore
import Testing

/// The SQL of docs/sql.md runs and answers something.
@Suite struct DocumentedSQLTests {
    /// The blocks of a language, by the question's heading.
    static func questions(_ language: String) throws -> [(title: String, sql: String)] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent("docs/sql.md"), encoding: .utf8)
        var questions: [(title: String, sql: String)] = []
        var title = ""
        var block: [Substring]?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("## ") { title = String(line.dropFirst(3)) }
            if line == "```" + language {
                block = []
            } else if line == "```", let lines = block {
                questions.append((title, lines.joined(separator: "\n")))
                block = nil
            } else {
                block?.append(line)
            }
        }
        return questions
    }

    @Test func everyQuestionIsAnsweredForBothStores() throws {
        let titles = try Self.questions("sqlite").map(\.title)
        #expect(titles.count == 11 && Set(titles).count == 11)
        #expect(try Self.questions("postgres").map(\.title) == titles)
    }

    /// Both stores hold the same day, so both answers are the same, row by row.
    @Test func everyAnswerIsTheSameOfBothStores() throws {
        let day = try SimulatedStore.shared.get()
        let tables = try SQLiteReader(path: day.path)
        defer { tables.close() }
        let server = try FreshStore(.postgres)
        try SimulatedStore.fill(
            StoreUnderTest(place: server.place, maxResident: 5000), SimulatedStore.events().lines)
        // The example's delivery is the first of this day that failed.
        let delivery = try #require(
            tables.rows(
                "SELECT delivery_id FROM sessions WHERE outcome = 'failed' ORDER BY first_event_at LIMIT 1",
                []
            )
            .first?.text("delivery_id"))
        try server.place.withReader { other in
            for (lite, postgres) in zip(try Self.questions("sqlite"), try Self.questions("postgres")) {
                func asked(_ sql: String) -> String {
                    sql.replacing("D-11", with: delivery).replacing(";", with: "")
                }
                let here = try tables.rows(asked(lite.sql), [])
                let there = try other.rows(asked(postgres.sql), [])
                #expect(!here.isEmpty && here.count == there.count, "\(lite.title)")
                for (row, twin) in zip(here, there) {
                    #expect(row.columns == twin.columns, "\(lite.title)")
                    let isSame = zip(row.values, twin.values).allSatisfy(Self.isSame)
                    #expect(isSame, "\(lite.title): \(row.values) \(twin.values)")
                }
            }
        }
    }

    /// Numbers may differ by the last place that is shown, as one store rounds binary fractions and the other decimal ones.
    private static func isSame(_ one: TableValue, _ other: TableValue) -> Bool {
        func number(_ value: TableValue) -> Double? {
            switch value {
            case .integer(let number): Double(number)
            case .real(let number): number
            case .null, .text: nil
            }
        }
        guard let first = number(one), let second = number(other) else { return one == other }
        return abs(first - second) < 0.011
    }
}
