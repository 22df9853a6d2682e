public import SessionCore

/// A robot, pilot or merchant that an event names, and the partition key under which the event came.
public struct NamedEntity: Hashable, Sendable {
    /// What it is.
    public var kind: WindowKind
    /// Its id.
    public var entity: String
    /// What the event's message was put to its partition by.
    public var partitionKey: String

    /// All three.
    public init(kind: WindowKind, entity: String, partitionKey: String) {
        self.kind = kind
        self.entity = entity
        self.partitionKey = partitionKey
    }
}

/// What came of telling a store whom a batch names.
public enum NamingOutcome: Equatable, Sendable {
    /// The batch may go on. Robots and pilots that were known under another partition key until now: what they do is
    /// joined only within each key.
    case told(crossing: [NamedEntity])
    /// An event of the batch joins sessions of other partitions: nobody else may write meanwhile. The batch is to be
    /// ended, and begun alone.
    case toBeAlone
}
