/// What the direct events of a session say by themselves, before anything is joined to it.
struct DirectSummary {
    /// Everything of the row that follows from direct events and windows alone.
    var row: SessionRow
    var firstError: ErrorFact?
}

/// A session as last derived.
struct DerivedSession {
    var row: SessionRow?
    var windows: [WindowRow] = []
    /// nil: not folded since it was brought back.
    var summary: DirectSummary?
}

/// One session id in memory: its own events, its links, and, where events count for it, its session.
final class Node {
    let id: Symbol
    let kind: SessionKind
    var lastUsed = 0

    /// Events whose most specific session id it is, in order.
    var facts: [Fact] = []
    var links: [Symbol] = []
    var linkedBy: [Symbol] = []
    /// The sessions that its own events belong to (semantics section 2, `targets`).
    var targets: [Symbol] = []
    /// The other ids whose targets include this one.
    var members: [Symbol] = []
    /// More than the allowed number of targets: it stands for itself.
    var isOverLinked = false

    /// nil: not brought back yet.
    var derived: DerivedSession?

    /// The batch in which it was last marked for a new fold, and for a new row.
    var foldMark = 0
    var rowMark = 0
    var linkMark = 0

    init(id: Symbol, kind: SessionKind) {
        self.id = id
        self.kind = kind
        targets = [id]
    }
}
