/// One reader's connection for one request: all it is asked, it answers from one state of the store.
public protocol StoreConversation: AnyObject {
    /// How it wants to be asked.
    var flavour: SQLFlavour { get }

    /// Hands the rows of a query to `body` one by one until it answers false. `?1`, `?2`… stand for the parameters.
    func forEachRow(_ sql: String, _ parameters: [TableValue], _ body: (AnswerRow) throws -> Bool) throws

    /// The same for questions of very many rows, each of a text and whole numbers: hands the text of the first column and the
    /// numbers of the others, nulls as nought, to `body`. Nothing more is made of a row.
    func forEachFigures(
        _ sql: String, _ parameters: [TableValue], _ body: (String, UnsafeBufferPointer<Int64>) -> Void)
        throws

    /// Runs a part of the request that may take so many seconds of it; nil where that was not enough. What was asked
    /// before, and what is asked after it, stands.
    func attempt<Answer>(within seconds: Double, _ body: () throws -> Answer) throws -> Answer?
}

extension StoreConversation {
    /// The rows of a query, all at once.
    public func rows(_ sql: String, _ parameters: [TableValue] = []) throws -> [AnswerRow] {
        var rows: [AnswerRow] = []
        try forEachRow(sql, parameters) {
            rows.append($0)
            return true
        }
        return rows
    }
}

/// Why a question got no answer.
public enum QuestionFailure: Error, Sendable, CustomStringConvertible {
    /// It took longer than so many seconds and was ended.
    case tooSlow(seconds: Double)
    /// All connections were in use for longer than so many seconds.
    case busy(seconds: Double)
    /// The store does not answer; with what it said.
    case unavailable(String)

    /// For people.
    public var description: String {
        switch self {
        case .tooSlow(let seconds): "the store needed more than \(seconds) s for an answer and was stopped"
        case .busy(let seconds): "no connection to the store was free within \(seconds) s"
        case .unavailable(let text): text
        }
    }
}

/// A store that many may ask at once, on connections of its own: who asks slows down nobody who writes.
public protocol AskableStore: Sendable {
    /// How it wants to be asked.
    var flavour: SQLFlavour { get }
    /// For people; no password and no folder in it.
    var name: String { get }
    /// Runs `body` with a connection, and ends what takes longer than so many seconds (``QuestionFailure``).
    func ask<Answer>(within seconds: Double, _ body: (any StoreConversation) throws -> Answer) throws
        -> Answer
}
