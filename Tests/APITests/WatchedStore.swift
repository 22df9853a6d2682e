import SessionStore
import Synchronization

/// A store of which it is known how often it was asked, and that never answers within a moment, if it is told so.
final class WatchedStore: AskableStore {
    private let store: any AskableStore
    private let isHesitant: Bool
    private let asked = Mutex(0)

    init(_ store: any AskableStore, isHesitant: Bool = false) {
        self.store = store
        self.isHesitant = isHesitant
    }

    /// How many queries it was asked.
    var queries: Int { asked.withLock { $0 } }

    var flavour: SQLFlavour { store.flavour }
    var name: String { store.name }

    func ask<Answer>(within seconds: Double, _ body: (any StoreConversation) throws -> Answer) throws
        -> Answer
    {
        try store.ask(within: seconds) { try body(Conversation(conversation: $0, store: self)) }
    }

    private final class Conversation: StoreConversation {
        private let conversation: any StoreConversation
        private let store: WatchedStore

        init(conversation: any StoreConversation, store: WatchedStore) {
            self.conversation = conversation
            self.store = store
        }

        var flavour: SQLFlavour { conversation.flavour }

        func forEachRow(
            _ sql: String, _ parameters: [TableValue], _ body: (AnswerRow) throws -> Bool
        ) throws {
            store.asked.withLock { $0 += 1 }
            try conversation.forEachRow(sql, parameters, body)
        }

        func forEachFigures(
            _ sql: String, _ parameters: [TableValue],
            _ body: (String, UnsafeBufferPointer<Int64>) -> Void
        ) throws {
            store.asked.withLock { $0 += 1 }
            try conversation.forEachFigures(sql, parameters, body)
        }

        func attempt<Answer>(within seconds: Double, _ body: () throws -> Answer) throws -> Answer? {
            store.isHesitant ? nil : try conversation.attempt(within: seconds, body)
        }
    }
}
