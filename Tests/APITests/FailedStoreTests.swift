import Foundation
import HTTPServer
import SQLiteStore
import SessionAPI
import SessionStore
import Synchronization
import Testing

/// A store that fails while it is asked, and what the audit is asked then.
@Suite struct FailedStoreTests {
    /// A store that can be sent away.
    private final class Fickle: AskableStore {
        private let store: any AskableStore
        let isAway = Atomic<Bool>(false)

        init(_ store: any AskableStore) { self.store = store }

        var flavour: SQLFlavour { store.flavour }
        var name: String { store.name }

        func ask<Answer>(within seconds: Double, _ body: (any StoreConversation) throws -> Answer) throws
            -> Answer
        {
            if isAway.load(ordering: .relaxed) { throw QuestionFailure.unavailable("it is frozen") }
            return try store.ask(within: seconds, body)
        }
    }

    /// An audit that tells how it was asked to keep a row.
    private final class Kept: AuditKeeping {
        let rows = Mutex<[String]>([])
        let isAway = Atomic<Bool>(false)

        func append(_ entry: AuditEntry) throws { try keep("waits", entry) }
        func appendAtOnce(_ entry: AuditEntry) throws { try keep("at once", entry) }

        private func keep(_ how: String, _ entry: AuditEntry) throws {
            rows.withLock { $0.append("\(how): \(entry.route) \(entry.status)") }
            if isAway.load(ordering: .relaxed) { throw StoreError(.unavailable, "no audit") }
        }

        func rows(who: String?, before: Int64, limit: Int) throws -> [(id: Int64, entry: AuditEntry)] { [] }
    }

    @Test func aStoreThatFailedIsNotWaitedForTwice() throws {
        let day = try SimulatedStore.shared.get()
        _ = try SQLiteStore.prepareForQuestions(path: day.path)
        let store = Fickle(try SQLiteReaders(path: day.path, connections: 1))
        let audit = Kept()
        var surroundings = SessionAPI.Surroundings(
            version: "test", clock: .lastEvent, wall: { 0 }, elapsed: { 0 }, compress: { $0 })
        surroundings.audit = audit
        let api = try SessionAPI(store: store, surroundings: surroundings)
        func ask(_ route: String) -> (status: Int, text: String) {
            let answer = api.answer(HTTPRequest(method: "GET", target: "/analytics/v1/\(route)"))
            guard case .bytes(let bytes) = answer.body else { return (answer.status, "") }
            return (answer.status, String(decoding: bytes, as: UTF8.self))
        }
        #expect(ask("deliveries/none-such").status == 404)
        store.isAway.store(true, ordering: .relaxed)
        #expect(ask("home").status == 503)
        #expect(ask("home?x=1").status == 422)
        audit.isAway.store(true, ordering: .relaxed)
        // What the store said is told, not that it could not be written down.
        let failed = ask("home")
        #expect(failed.status == 503 && failed.text.contains("it is frozen"), "\(failed.text)")
        store.isAway.store(false, ordering: .relaxed)
        let untold = ask("robots")
        #expect(untold.status == 503 && untold.text.contains("the audit cannot be written"), "\(untold.text)")
        #expect(
            audit.rows.withLock { $0 } == [
                "waits: deliveries/{id} 404", "at once: home 503", "waits: home 422", "at once: home 503",
                "waits: robots 200", "at once: robots 503",
            ])
    }
}
