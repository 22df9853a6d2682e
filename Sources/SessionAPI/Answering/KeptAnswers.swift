internal import HTTPServer
internal import Synchronization

/// Answers that are given again while they are what the store would answer, so that many who look at the same delivery, or a
/// fleet page that is on every wall, cost the store one look at how far it has come.
///
/// An answer is kept under all that its ETag depends on, in full: who is told "not modified" (304) and who is given a kept
/// answer are told the same. What is kept of an older state of the store goes as soon as a newer one is seen.
final class KeptAnswers: Sendable {
    /// What an answer depends on.
    struct State: Equatable {
        /// How far the store had come.
        var version: String
        /// Which five seconds it were, beside a live queue.
        var moment: Int64?
    }

    /// What was asked, and what who asked may see.
    struct Request: Hashable {
        var target: ByBytes
        var role: Role
        var merchants: [ByBytes]?
        var isPacked: Bool
    }

    /// All that an answer depends on.
    struct Place {
        var state: State
        var request: Request
    }

    /// An answer, as it was given.
    struct Kept {
        var response: HTTPResponse
        /// How many rows it tells, for the audit.
        var rows: Int?
    }

    private struct Memory {
        var state: State?
        var kept: [Request: Kept] = [:]
        var bytes = 0
    }

    private let memory = Mutex(Memory())
    private let mostBytes: Int

    /// - Parameter mostBytes: How much all of them together may take; nought: none is kept.
    init(mostBytes: Int) { self.mostBytes = mostBytes }

    func answer(at place: Place) -> Kept? {
        memory.withLock { $0.state == place.state ? $0.kept[place.request] : nil }
    }

    /// Keeps one. An answer of more than an eighth of the room is made anew each time: it would push out too many.
    func keep(_ answer: Kept, at place: Place) {
        guard case .bytes(let body) = answer.response.body else { return }
        // With what the dictionary and the texts take beside it.
        let bytes = body.count + 2 * place.request.target.text.utf8.count + 1024
        guard bytes <= mostBytes / 8 else { return }
        // Freed outside the lock.
        var over: [Request: Kept] = [:]
        memory.withLock { memory in
            if memory.state != place.state || memory.bytes + bytes > mostBytes {
                swap(&over, &memory.kept)
                memory.state = place.state
                memory.bytes = 0
            }
            if memory.kept.updateValue(answer, forKey: place.request) == nil {
                memory.bytes += bytes
            }
        }
        withExtendedLifetime(over) {}
    }
}
