import EngineUnderTest
import Foundation
import PostgresStore
import SQLiteStore
import SessionStore
import Testing

@testable import sessionizer

/// A request's time is of all its questions together, in either store.
@Suite struct RequestTimeTests {
    @Test func manyShortQuestionsOfPostgresEndToo() throws {
        let fresh = try FreshStore(.postgres)
        let writer = try StoreUnderTest(place: fresh.place, maxResident: 0)
        writer.close()
        let store = try PostgresReaders(PostgresStore.Settings(url: fresh.url), connections: 1)
        // Each ends long before the request's time; the last one is cut, or not begun.
        let start = ContinuousClock.now
        var asked = 0
        #expect {
            try store.ask(within: 1) { conversation in
                for _ in 0..<20 {
                    _ = try conversation.rows("SELECT 1 AS one FROM (SELECT pg_sleep(0.3)) slept")
                    asked += 1
                }
            }
        } throws: { error in
            if case QuestionFailure.tooSlow(seconds: 1) = error { true } else { false }
        }
        #expect((1...3).contains(asked), "\(asked)")
        #expect(ContinuousClock.now - start < .seconds(10))
        // A part that has its own time ends with it, and the rest of the request goes on.
        let kept: String = try store.ask(within: 60) { conversation in
            let slow = try conversation.attempt(within: 0.3) {
                for _ in 0..<20 {
                    _ = try conversation.rows("SELECT 1 AS one FROM (SELECT pg_sleep(0.1)) slept")
                }
                return 1
            }
            #expect(slow == nil)
            return try conversation.rows("SELECT 'on' AS word").first?.text("word") ?? ""
        }
        #expect(kept == "on")
        // A part has no more time than its request.
        #expect {
            try store.ask(within: 0.5) { conversation in
                _ = try conversation.attempt(within: 30) {
                    for _ in 0..<20 {
                        _ = try conversation.rows("SELECT 1 AS one FROM (SELECT pg_sleep(0.2)) slept")
                    }
                }
            }
        } throws: { error in
            if case QuestionFailure.tooSlow = error { true } else { false }
        }
        // The connection is as good as before.
        #expect(try store.ask(within: 60) { try $0.rows("SELECT 2 AS two") }.first?.integer("two") == 2)
    }

    @Test func manyShortQuestionsOfSQLiteEndToo() throws {
        let day = try SimulatedStore.shared.get()
        let store = try SQLiteReaders(path: day.path, connections: 1)
        #expect {
            try store.ask(within: 0.2) { conversation in
                while true {
                    _ = try conversation.rows(
                        "SELECT count(*) AS n FROM events WHERE payload LIKE '%none such%'")
                }
            }
        } throws: { error in
            if case QuestionFailure.tooSlow = error { true } else { false }
        }
    }
}
