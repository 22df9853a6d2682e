import Foundation
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
        #expect(titles.count == 10 && Set(titles).count == 10)
        #expect(try Self.questions("postgres").map(\.title) == titles)
    }

    @Test func everyAnswerRunsOnSQLite() throws {
        let day = try SimulatedStore.shared.get()
        let tables = try SQLiteReader(path: day.path)
        defer { tables.close() }
        // The example's delivery is the first of this day that failed.
        let delivery = try #require(
            tables.rows(
                "SELECT delivery_id FROM sessions WHERE outcome = 'failed' ORDER BY first_event_at LIMIT 1",
                []
            )
            .first?.text("delivery_id"))
        for question in try Self.questions("sqlite") {
            let sql = question.sql.replacing("D-11", with: delivery).replacing(";", with: "")
            let rows = try tables.rows(sql, [])
            #expect(!rows.isEmpty, "\(question.title)")
        }
    }
}
