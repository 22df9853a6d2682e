/// How much of what a writer has in memory of a store is still so.
public enum StoreMemory: Equatable, Sendable {
    /// Nothing has been stored since its last batch but what it stored itself.
    case current
    /// Another partition's writer has joined events to sessions of any partition: what these came to is to be read again.
    case joinsAreOld
    /// Another writer may have been there: nothing is a copy of the store any more.
    case old
}
