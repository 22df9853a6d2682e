/// Lets few tests in at once, for there may be two cores only, and some alone: those that disturb the broker. These come when no
/// other waits, one after the other: each that came in between would wait until all that are inside have left.
actor Turnstile {
    static let shared = Turnstile()

    /// Lets the next one in when it is gone.
    final class Pass: Sendable {
        private let isAlone: Bool

        fileprivate init(isAlone: Bool) { self.isAlone = isAlone }

        deinit {
            let isAlone = isAlone
            Task { await Turnstile.shared.leave(isAlone: isAlone) }
        }
    }

    private static let room = 4
    private var inside = 0
    private var isTaken = false
    private var waiting: [(isAlone: Bool, turn: CheckedContinuation<Void, Never>)] = []

    func enter(alone: Bool) async -> Pass {
        if isFree(alone: alone) {
            admit(alone: alone)
        } else {
            // Whoever lets it in counts it.
            await withCheckedContinuation { waiting.append((alone, $0)) }
        }
        return Pass(isAlone: alone)
    }

    private func isFree(alone: Bool) -> Bool { !isTaken && (alone ? inside == 0 : inside < Self.room) }

    private func admit(alone: Bool) {
        if alone { isTaken = true } else { inside += 1 }
    }

    private func leave(isAlone: Bool) {
        if isAlone { isTaken = false } else { inside -= 1 }
        while let index = waiting.firstIndex(where: { !$0.isAlone }) ?? waiting.indices.first,
            isFree(alone: waiting[index].isAlone)
        {
            let next = waiting.remove(at: index)
            admit(alone: next.isAlone)
            next.turn.resume()
        }
    }
}
