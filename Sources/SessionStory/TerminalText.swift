internal import TextForms

/// Text for a terminal: colours where there is one, and nothing that could drive it.
public struct TerminalText {
    /// What a piece of text is.
    public enum Style: Sendable { case plain, heading, good, bad, dim }

    /// What was written so far.
    public private(set) var text = ""
    private let isColoured: Bool

    /// - Parameter isColoured: Only for a terminal.
    public init(isColoured: Bool) { self.isColoured = isColoured }

    /// Appends a piece.
    public mutating func write(_ piece: String, _ style: Style = .plain) {
        write(safe: Self.safe(piece), style)
    }

    private mutating func write(safe: String, _ style: Style) {
        guard isColoured, style != .plain else {
            text += safe
            return
        }
        switch style {
        case .plain: text += safe
        case .heading: text += "\u{1B}[1m\(safe)\u{1B}[0m"
        case .good: text += "\u{1B}[32m\(safe)\u{1B}[0m"
        case .bad: text += "\u{1B}[1;31m\(safe)\u{1B}[0m"
        case .dim: text += "\u{1B}[2m\(safe)\u{1B}[0m"
        }
    }

    /// Appends a piece, filled up with blanks.
    public mutating func column(_ piece: String, _ width: Int, _ style: Style = .plain) {
        let safe = Self.safe(piece)
        write(safe: safe, style)
        text += String(repeating: " ", count: max(1, width - safe.count))
    }

    /// Appends a piece with blanks before it: a column of figures.
    public mutating func right(_ piece: String, _ width: Int, _ style: Style = .plain) {
        let safe = Self.safe(piece)
        text += String(repeating: " ", count: max(1, width - safe.count))
        write(safe: safe, style)
    }

    /// Ends the line.
    public mutating func newline() { text += "\n" }

    /// Ids and messages come from outside: what would steer a terminal, or reorder the text around it, or cannot be seen,
    /// is shown as `\u202e`, as the page shows it.
    static func safe(_ text: String) -> String { UnseenCharacters.shown(in: text) }
}
