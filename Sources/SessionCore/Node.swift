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
    /// The ids it links to. Of one that stands for itself for good no more than it takes to know that.
    private(set) var links: [Symbol] = []
    /// How many of the links lead to deliveries.
    private var deliveryLinkCount = 0
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

    /// Whether it links to more deliveries than an id may have targets. A delivery is its own target whatever comes, and
    /// links never go, so this stays true; too many targets of another kind may still come to fewer.
    func isOverLinkedForGood(_ rules: Rules) -> Bool { deliveryLinkCount > rules.maxTargets }

    /// What the store knows: of one that is over-linked for good not every link.
    func setLinks(_ stored: [Symbol], deliveryCount: Int) {
        links = stored
        deliveryLinkCount = deliveryCount
    }

    /// A link that is new.
    func addLink(to other: Node, _ rules: Rules) {
        if isOverLinkedForGood(rules) { return }
        links.append(other.id)
        if other.kind == .delivery { deliveryLinkCount += 1 }
        if isOverLinkedForGood(rules) { links = [] }
    }
}
