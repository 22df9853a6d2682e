public import SessionCore

/// Whom an event names, and the partition key under which the event came.
public struct NamedEntity: Hashable, Sendable {
    /// What it is.
    public var kind: EntityKind
    /// Its id.
    public var entity: String
    /// What the event's message was put to its partition by.
    public var partitionKey: String

    /// All three.
    public init(kind: EntityKind, entity: String, partitionKey: String) {
        self.kind = kind
        self.entity = entity
        self.partitionKey = partitionKey
    }

    /// By their bytes, as the store compares them: an é is not an e with an accent.
    public static func == (left: NamedEntity, right: NamedEntity) -> Bool {
        left.kind == right.kind && left.entity.utf8.elementsEqual(right.entity.utf8)
            && left.partitionKey.utf8.elementsEqual(right.partitionKey.utf8)
    }
}

/// What came of registering with a store whom a batch names.
public enum NamingOutcome: Equatable, Sendable {
    /// The batch may go on.
    /// - Parameters:
    ///   - new: Registered for the first time by this writer. What it has in memory of the merchants among them may be old: they may
    ///     have had another key, which went to another partition.
    ///   - crossing: Robots, pilots and sessions that belonged to another partition key until now.
    case registered(new: [NamedEntity], crossing: [NamedEntity])
    /// The batch has to do with what other partitions have in memory: nobody else may write meanwhile. It is to be ended,
    /// and begun alone.
    case needsExclusiveWrite
}
