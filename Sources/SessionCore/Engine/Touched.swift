/// What is told apart by an id of its own.
public enum EntityKind: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case robot, pilot, merchant
    /// Whatever events may be direct events of: a delivery, a demand, a trip, a quote, an offer.
    case session

    /// The word in `partition_entities.kind`.
    public var name: String {
        switch self {
        case .robot: "robot"
        case .pilot: "pilot"
        case .merchant: "merchant"
        case .session: "session"
        }
    }

    /// From its ``name``; nil for any other word.
    public init?(named name: String) {
        guard let kind = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = kind
    }
}

/// A robot, a pilot or a session id that a batch had to do with.
public struct TouchedEntity: Hashable, Sendable, BitwiseCopyable {
    /// What it is.
    public var kind: EntityKind
    /// Its id; a session's, with its kind.
    public var id: Symbol

    /// Both.
    public init(kind: EntityKind, id: Symbol) {
        self.kind = kind
        self.id = id
    }
}

/// What a batch had to do with, for a store that several engines write: each must know that nobody else changes what it has
/// in memory of these.
public struct TouchedEntities {
    /// Everything that the batch's outcome may depend on, but for merchants.
    public private(set) var all: [TouchedEntity] = []
    /// Merchants whose events it counted or joined.
    public private(set) var merchants: [Symbol] = []
    /// Of these whose events or sessions were in memory before it, at least some.
    public private(set) var rememberedMerchants: Set<Symbol> = []
    /// Of these what came out with other facts or windows of its own, not only counted other events in.
    public private(set) var changed: [TouchedEntity] = []

    /// Whether it is wanted; noting it costs a little.
    var isNoted = false

    /// Nothing.
    public init() {}

    mutating func forget() {
        all.removeAll(keepingCapacity: true)
        changed.removeAll(keepingCapacity: true)
        merchants.removeAll(keepingCapacity: true)
        rememberedMerchants.removeAll(keepingCapacity: true)
    }

    mutating func use(_ kind: EntityKind, _ id: Symbol) {
        if isNoted { all.append(TouchedEntity(kind: kind, id: id)) }
    }

    mutating func use(_ kind: WindowKind, _ id: Symbol, wasInMemory: Bool) {
        switch kind {
        case .robot: use(.robot, id)
        case .pilot: use(.pilot, id)
        case .merchant:
            guard isNoted else { return }
            merchants.append(id)
            if wasInMemory { rememberedMerchants.insert(id) }
        }
    }

    mutating func change(_ kind: EntityKind, _ id: Symbol) {
        if isNoted { changed.append(TouchedEntity(kind: kind, id: id)) }
    }
}
