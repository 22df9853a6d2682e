import Synchronization

/// A URL out of a file, read anew for each connection: what it says now, where that is the same place, else what it said
/// when it last was. That a file is not heeded is told once, and again when it has changed; never what is in it.
final class HeededFile<Value: Sendable>: Sendable {
    private struct State {
        var text: String
        var value: Value
        /// What was in the file when it was not heeded, or why it could not be read; nil while it is heeded.
        var refused: Refusal?
    }

    private enum Refusal: Equatable {
        case text(String)
        case unread(String)
    }

    private let file: GivenSecret
    private let read: @Sendable (String, Value?) throws -> Value
    private let warn: @Sendable (String) -> Void
    private let state: Mutex<State>

    /// - Parameters:
    ///   - read: What the file's text means. With what it meant last, nil at first; throws why it cannot be used instead,
    ///     without any of the text.
    ///   - warn: Told why the file is not heeded.
    /// - Throws: Why it cannot be used at all.
    init(
        _ file: GivenSecret, read: @escaping @Sendable (String, Value?) throws -> Value,
        warn: @escaping @Sendable (String) -> Void
    ) throws {
        self.file = file
        self.read = read
        self.warn = warn
        let text = try file.read()
        state = Mutex(State(text: text, value: try read(text, nil)))
    }

    /// What to connect with now.
    var value: Value {
        let (value, complaint) = state.withLock { look(&$0) }
        if let complaint {
            warn("the URL's file is not heeded, what it said before stays in force: \(complaint)")
        }
        return value
    }

    private func look(_ state: inout State) -> (Value, complaint: String?) {
        var refusal: Refusal?
        var complaint = ""
        do {
            let text = try file.read()
            if text != state.text {
                refusal = .text(text)
                if refusal == state.refused { return (state.value, nil) }
                state.value = try read(text, state.value)
                state.text = text
            }
            state.refused = nil
            return (state.value, nil)
        } catch {
            complaint = "\(error)"
        }
        let now = refusal ?? .unread(complaint)
        let isNew = now != state.refused
        state.refused = now
        return (state.value, isNew ? complaint : nil)
    }
}
