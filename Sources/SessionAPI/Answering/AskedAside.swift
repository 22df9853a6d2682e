internal import Dispatch
internal import SessionStore
internal import Synchronization

/// Answers to questions that no index makes quick. A request gives such a question a moment; where that is not enough, it is
/// asked aside, with all the time that a request may take, and those who ask later are told what came of it, and when.
final class AskedAside: Sendable {
    /// What is known of an answer.
    enum Found {
        /// The rows; with the instant they are of, where they were asked for aside.
        case rows([AnswerRow], at: Int64?)
        /// It is being asked.
        case pending
        /// It took longer than so many seconds aside, too.
        case tooSlow(seconds: Double)
    }

    private struct Kept {
        /// Nil where it took too long.
        var rows: [AnswerRow]?
        /// The instant that they are of.
        var at: Int64
        /// Until when they are good, by the clock that nobody sets.
        var until: Int64
    }

    private struct State {
        var kept: [ByBytes: Kept] = [:]
        /// One at a time: they share the connections with everybody.
        var asking: ByBytes?
    }

    /// How long an answer is good for, in microseconds.
    private static let lifetime: Int64 = 600_000_000
    private static let mostKept = 32

    private let state = Mutex(State())

    func answer(to question: SQLQuestion, _ call: Call) throws -> Found {
        let key = question.text.byBytes
        if let kept = state.withLock({ $0.kept[key] }), call.api.surroundings.elapsed() < kept.until {
            return kept.rows.map { .rows($0, at: kept.at) }
                ?? .tooSlow(seconds: call.api.limits.statementSeconds)
        }
        if state.withLock({ $0.asking }) == key { return .pending }
        if let rows = try question.rows(within: call.api.limits.momentSeconds, call) {
            return .rows(rows, at: nil)
        }
        ask(question, key, call.api)
        return .pending
    }

    private func ask(_ question: SQLQuestion, _ key: ByBytes, _ api: SessionAPI) {
        let isFree = state.withLock { state in
            if state.asking != nil { return false }
            state.asking = key
            return true
        }
        guard isFree else { return }
        DispatchQueue.global(qos: .utility).async { [self] in
            var rows: [AnswerRow]?
            var isKnown = true
            do {
                rows = try api.store.ask(within: api.limits.statementSeconds) {
                    try $0.rows(question.sql, question.parameters)
                }
            } catch QuestionFailure.tooSlow {
                rows = nil
            } catch {
                // The store was busy or away: whoever asks next tries again.
                isKnown = false
            }
            let kept = Kept(
                rows: rows, at: api.surroundings.wall(), until: api.surroundings.elapsed() + Self.lifetime)
            state.withLock { state in
                state.asking = nil
                guard isKnown else { return }
                if state.kept.count >= Self.mostKept { state.kept.removeAll() }
                state.kept[key] = kept
            }
        }
    }
}
