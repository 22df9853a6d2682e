internal import EventDecoding
internal import SessionCore
internal import SessionStore

/// What a stored event says in the fields a person looks for first.
struct EventDetails: Sendable {
    /// As the rules have it: a code, a message, or a `robot.error`.
    var hasError = false
    /// In the order they are shown.
    var words: [String] = []
}

/// Reads stored payloads as they were read when they came: by the decoder, never by searching their text.
struct EventDetailsReader {
    private let decoder = EventDecoder()
    private let symbols = SymbolTable()

    /// - Parameter row: Has `event` and `payload`.
    func details(of row: TableRow) -> EventDetails {
        var details = EventDetails()
        details.hasError = row.text("event") == "robot.error"
        var payload = row.text("payload") ?? ""
        guard let event = payload.withUTF8({ decoder.storedEvent(payload: .init($0), symbols: symbols) })
        else { return details }
        func add(_ symbol: Symbol, _ shown: (String) -> String = { $0 }) {
            if symbol.isPresent { details.words.append(shown(symbols.text(symbol))) }
        }
        details.hasError = details.hasError || event.errorCode.isPresent || event.errorMessage.isPresent
        add(event.fromState)
        add(event.toState) { "→ \($0)" }
        add(event.state)
        add(event.errorCode)
        add(event.errorMessage) { "(\($0))" }
        add(event.reason)
        add(event.rejectionReason)
        return details
    }
}
