import Dispatch
import PostgresStore
import SessionStore
import Synchronization

/// Connections to PostgreSQL that only read, for many who ask at once. One that is lost is made anew by whoever next needs
/// it.
final class PostgresReaders: AskableStore {
    let flavour = SQLFlavour.postgres
    let name: String

    private let settings: PostgresStore.Settings
    /// Nil: one to be made.
    private let free: Mutex<[Conversation?]>
    private let available = DispatchSemaphore(value: 0)
    /// How long a question waits for a connection, in seconds.
    private static let patience = 2.0

    /// Connects once, so that a mistake is told at the start.
    init(_ settings: PostgresStore.Settings, connections: Int) throws {
        self.settings = settings
        name = settings.name
        let first = try Conversation(settings)
        free = Mutex([Conversation?](repeating: nil, count: connections - 1) + [first])
        for _ in 0..<connections { available.signal() }
    }

    func ask<Answer>(within seconds: Double, _ body: (any StoreConversation) throws -> Answer) throws
        -> Answer
    {
        guard available.wait(timeout: .now() + Self.patience) == .success else {
            throw QuestionFailure.busy(seconds: Self.patience)
        }
        var conversation = free.withLock { $0.popLast() ?? nil }
        defer {
            free.withLock { [conversation] in $0.append(conversation) }
            available.signal()
        }
        do {
            let one = try begun(conversation, within: seconds)
            conversation = one
            return try one.answer(body)
        } catch let failure as StoreError {
            switch failure.kind {
            case .conflict: throw QuestionFailure.tooSlow(seconds: seconds)
            case .cannotOpen, .busy, .full, .damaged, .otherRules, .newerSchema, .needsMigration,
                .unavailable,
                .fenced, .denied, .failed:
                // What state it is in is not known: the next one is made anew.
                conversation = nil
                throw QuestionFailure.unavailable(failure.message)
            }
        }
    }

    /// A connection that was lost while nobody used it, as all are when the server is restarted, is nobody's failure.
    private func begun(_ kept: Conversation?, within seconds: Double) throws -> Conversation {
        if let kept {
            do {
                try kept.begin(within: seconds)
                return kept
            } catch let failure as StoreError where failure.kind == .unavailable {}
        }
        let new = try Conversation(settings)
        try new.begin(within: seconds)
        return new
    }

    /// One connection. Its owner is whoever took it out of `free`.
    private final class Conversation: StoreConversation, @unchecked Sendable {
        let flavour = SQLFlavour.postgres
        private let reader: PostgresReader
        /// When the request in hand ends, and how many seconds the server gives a statement until it is told otherwise. The
        /// server's limit is of one statement, a request's of all of its together.
        private var deadline = ContinuousClock.now
        private var limit = 0.0

        init(_ settings: PostgresStore.Settings) throws {
            reader = try PostgresReader(settings, answersWithin: Self.firstSeconds, needsAll: true)
        }

        /// For the look whether it is a store of this program's.
        private static let firstSeconds = 5.0

        deinit { reader.close() }

        func begin(within seconds: Double) throws {
            reader.answersCome(within: seconds)
            deadline = .now + .seconds(seconds)
            limit = seconds
            try reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \(Self.limit(seconds))")
        }

        /// After ``begin(within:)``.
        func answer<Answer>(_ body: (any StoreConversation) throws -> Answer) throws -> Answer {
            do {
                let answer = try body(self)
                try reader.run("COMMIT")
                return answer
            } catch {
                try? reader.run("ROLLBACK")
                throw error
            }
        }

        private static func limit(_ seconds: Double) -> String {
            // Rounded up: what the server ends has had its time by the clock here as well.
            "SET LOCAL statement_timeout = \(max(1, Int((seconds * 1000).rounded(.up))))"
        }

        /// Before each statement: refuses it after the deadline, and bounds it by what is left until then. Not each time, as
        /// it costs a message: what is asked last may take a third longer than the request had left.
        private func heedDeadline() throws {
            let left = (deadline - .now) / .seconds(1)
            if left <= 0 { throw StoreError(.conflict, "the request's time is over") }
            if left < limit * 0.75 {
                try reader.run(Self.limit(left))
                limit = left
            }
        }

        func attempt<Answer>(within seconds: Double, _ body: () throws -> Answer) throws -> Answer? {
            try heedDeadline()
            let whole = (deadline, limit)
            let seconds = min(seconds, (deadline - .now) / .seconds(1))
            try reader.run("SAVEPOINT attempt; \(Self.limit(seconds))")
            (deadline, limit) = (.now + .seconds(seconds), seconds)
            defer { (deadline, limit) = whole }
            do {
                let answer = try body()
                // What was set within the savepoint ends with it.
                try reader.run("ROLLBACK TO SAVEPOINT attempt")
                return answer
            } catch let failure as StoreError where failure.kind == .conflict {
                try reader.run("ROLLBACK TO SAVEPOINT attempt")
                if ContinuousClock.now > whole.0 { throw failure }
                return nil
            }
        }

        func forEachRow(_ sql: String, _ parameters: [TableValue], _ body: (AnswerRow) throws -> Bool) throws
        {
            try heedDeadline()
            try reader.forEachAnswer(sql, parameters, body)
        }

        func forEachFigures(
            _ sql: String, _ parameters: [TableValue],
            _ body: (String, UnsafeBufferPointer<Int64>) -> Void
        ) throws {
            try heedDeadline()
            try reader.forEachFigures(sql, parameters, body)
        }
    }
}
