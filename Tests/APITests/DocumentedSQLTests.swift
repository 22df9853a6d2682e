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

    /// Question 2 and `error_near` find the same deliveries, also where it is a matter of what a robot error is.
    @Test(arguments: StoreKind.allCases) func robotErrorsNearArrivalAreThoseOfTheAPI(kind: StoreKind) throws {
        func line(_ at: String, _ event: String, _ rest: String) -> String {
            #"{"event":"\#(event)","timestamp":"2026-11-02T\#(at)Z","event_id":"\#(at)\#(event)\#(rest.filter { $0.isLetter || $0.isNumber })",\#(rest)}"#
        }
        /// A delivery whose robot arrives at 10:10:00.
        func delivery(_ id: String, _ robot: String) -> [String] {
            [
                line(
                    "10:00:00", "demand.assigned",
                    #""delivery_id":"\#(id)","robot_id":"\#(robot)","pilot_id":"P-\#(id)""#),
                line("10:10:00", "delivery.pickup_arrival", #""delivery_id":"\#(id)""#),
                line("10:30:00", "delivery.dropoff_completed", #""delivery_id":"\#(id)""#),
            ]
        }
        let lines =
            ["near", "edge", "past", "state", "attempt", "named", "stray", "other", "part"].enumerated()
            .flatMap { delivery($1, "R-\($0)") }
            + [
                line("10:11:00", "robot.error", #""robot_id":"R-0","error":{"code":"LID"}"#),
                line("10:08:00", "robot.error", #""robot_id":"R-1""#),
                line("10:12:00.000001", "robot.error", #""robot_id":"R-2","error":"LID""#),
                // Others' errors that a robot has a part in, and a change of state that tells of one, are no robot error.
                line(
                    "10:11:00", "robot.state_changed",
                    #""robot_id":"R-3","to_state":"error","error":{"code":"LID"}"#),
                line(
                    "10:11:00", "attempt.failed",
                    #""delivery_id":"attempt","robot_id":"R-4","error":{"code":"NOBODY"}"#),
                // One that names the delivery belongs to it, whoever held it.
                line(
                    "10:11:00", "robot.error",
                    #""delivery_id":"named","robot_id":"R-5","error":{"code":"LID"}"#),
                line(
                    "10:11:30", "robot.error",
                    #""delivery_id":"stray","robot_id":"R-99","error":{"code":"LID"}"#),
                line(
                    "10:11:00", "robot.error",
                    #""delivery_id":"elsewhere","robot_id":"R-7","error":{"code":"LID"}"#),
                line("10:01:00", "trip.created", #""trip_id":"T-part","delivery_id":"part""#),
                line("10:11:00", "robot.error", #""trip_id":"T-part","error":{"code":"LID"}"#),
            ]
        let folder = try Folder()
        let store = try FreshStore(kind)
        try SimulatedStore.fill(StoreUnderTest(place: store.place, maxResident: 0), lines)
        let language = store.url.hasPrefix("postgres") ? "postgres" : "sqlite"
        let question = try #require(try Self.questions(language).first { $0.title.hasPrefix("2.") })
        let asked = try store.place.withReader {
            try $0.rows(question.sql.replacing(";", with: ""), []).compactMap { $0.text("delivery_id") }
        }
        let serve = try ServedProgram(folder, ["serve", "--store", store.url, "--listen", "127.0.0.1:0"])
        defer { _ = serve.stop() }
        let told = try Client(port: try serve.port()).get(
            "/analytics/v1/sessions?error_near=pickup_arrival_at&within_seconds=120"
        ).rows.compactMap { $0["delivery_id"] as? String }
        #expect(Set(asked) == ["near", "edge", "named", "stray", "part"] && asked.count == 5)
        #expect(Set(told) == Set(asked) && told.count == asked.count, "\(told)")
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
