internal import SessionCore
internal import SessionStore

/// What a partition's writer remembers of which partition key an entity belongs to, and whether others' batches have made
/// that old.
struct PartitionKeyMemory {
    /// How often anything was written alone, by all partitions' writers together.
    struct Counts: Equatable {
        /// `batches_alone`
        var alone: Int64
        /// `batches_crossed`: of these such as changed what others may have in memory of robots, pilots and sessions themselves.
        var crossed: Int64
    }

    /// Whether nobody else writes beside the batch.
    private(set) var isAlone = false
    /// Whether the batch has moved somebody to another key.
    private(set) var hasMoved = false
    private var counts: Counts?
    private var hasCrossed = false
    /// Merchants, with each of their keys.
    private var recorded: Set<NamedEntity> = []
    /// Merchants who are known to be shared, without a key.
    private var shared: Set<NamedEntity> = []
    /// Which of ``keys`` each of the others belongs to; they are without a key of their own here.
    private var keyOfEntity: [NamedEntity: Int32] = [:]
    /// Recorded and read in the transaction that is open.
    private var pendingRecorded: Set<NamedEntity> = []
    private var pendingShared: [NamedEntity] = []
    private var pendingKeyOfEntity: [NamedEntity: Int32] = [:]
    /// The bytes of all keys met, and their places.
    private var keys: [[UInt8]] = []
    private var places: [[UInt8]: Int32] = [:]

    /// Beyond that they are recorded again. (A hundred bytes or two each.)
    private static let most = 100_000

    mutating func begin(alone: Bool) {
        isAlone = alone
        hasMoved = false
        hasCrossed = false
        pendingRecorded = []
        pendingShared = []
        pendingKeyOfEntity = [:]
    }

    /// What belongs to a key may have moved while that was another partition's.
    mutating func tookKeys() {
        keyOfEntity = [:]
        pendingKeyOfEntity = [:]
    }

    /// How much of what is in memory is still so.
    mutating func memory(_ now: Counts) -> StoreMemory {
        defer { counts = now }
        guard let counts, counts.crossed == now.crossed else {
            keyOfEntity = [:]
            return .old
        }
        // What belongs to other partitions' keys is wanted. Some may be in memory of when a key was this one's.
        if isAlone { return .old }
        return counts == now ? .current : .joinsAreOld
    }

    /// Those that are not known to belong to their key.
    func unrecorded(_ named: [NamedEntity]) -> [NamedEntity] {
        named.filter { one in
            switch one.kind {
            case .merchant: !recorded.contains(one)
            case .robot, .pilot, .session:
                key(of: one) != Array(one.partitionKey.utf8)
            }
        }
    }

    mutating func record(_ merchants: [NamedEntity]) { pendingRecorded.formUnion(merchants) }

    mutating func isShared(_ merchant: String) {
        pendingShared.append(NamedEntity(kind: .merchant, entity: merchant, partitionKey: ""))
    }

    /// Whether a merchant is put down under one of these keys, or as shared.
    func isRecorded(_ merchant: String, under keys: [String]) -> Bool {
        shared.contains(NamedEntity(kind: .merchant, entity: merchant, partitionKey: ""))
            || keys.contains { key in
                let one = NamedEntity(kind: .merchant, entity: merchant, partitionKey: key)
                return recorded.contains(one) || pendingRecorded.contains(one)
            }
    }

    /// The bytes of the key that it belongs to; nil where that is not known.
    func key(of one: NamedEntity) -> [UInt8]? {
        let one = one.keyless
        return (pendingKeyOfEntity[one] ?? keyOfEntity[one]).map { keys[Int($0)] }
    }

    mutating func remember(_ kind: EntityKind, _ entity: String, key: [UInt8]) {
        pendingKeyOfEntity[NamedEntity(kind: kind, entity: entity, partitionKey: "")] = place(of: key)
    }

    private mutating func place(of key: [UInt8]) -> Int32 {
        if let place = places[key] { return place }
        let place = Int32(keys.count)
        keys.append(key)
        places[key] = place
        return place
    }

    /// From now on they belong to their keys.
    mutating func move(_ named: [NamedEntity]) {
        hasMoved = true
        for one in named { pendingKeyOfEntity[one.keyless] = place(of: Array(one.partitionKey.utf8)) }
    }

    mutating func crossed() { hasCrossed = true }

    mutating func committed() {
        if isAlone { counts?.alone += 1 }
        if hasCrossed { counts?.crossed += 1 }
        if recorded.count + pendingRecorded.count > Self.most { recorded.removeAll() }
        if keyOfEntity.count + pendingKeyOfEntity.count > Self.most { keyOfEntity.removeAll() }
        if shared.count + pendingShared.count > Self.most { shared.removeAll() }
        recorded.formUnion(pendingRecorded)
        shared.formUnion(pendingShared)
        keyOfEntity.merge(pendingKeyOfEntity) { _, new in new }
        pendingRecorded = []
        pendingShared = []
        pendingKeyOfEntity = [:]
    }
}

extension NamedEntity {
    /// The same, whatever its key is.
    var keyless: NamedEntity { NamedEntity(kind: kind, entity: entity, partitionKey: "") }
}
