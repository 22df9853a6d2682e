internal import CLibPQ
public import SessionCore
public import SessionStore

/// Whom events name, where they come by several partitions: decision 0006.
extension PostgresStore {
    /// See ``SessionStoring``.
    ///
    /// Whom this writer has not told yet is put down under its key. Who is there under another one is shared from then on; that
    /// waits for a batch that joins by a merchant as if he were not (`FOR SHARE`), and the next such batch sees it.
    public func tell(_ named: [NamedEntity], joining merchants: [String], since earliest: Instant) throws
        -> NamingOutcome
    {
        guard settings.fence != nil else { return .told(new: [], crossing: []) }
        let new = names.notTold(named)
        let crossing = try putDown(new)
        if names.isAlone {
            try connection.execute("UPDATE partition_joins SET batches_alone = batches_alone + 1")
        } else if try areShared(merchants, since: earliest) {
            return .toBeAlone
        }
        return .told(new: new, crossing: crossing)
    }

    private func putDown(_ named: [NamedEntity]) throws -> [NamedEntity] {
        var crossing: [NamedEntity] = []
        var left = named
        // No row may be met twice by one statement.
        while !left.isEmpty {
            var met: [NamedEntity: NamedEntity] = [:]
            var later: [NamedEntity] = []
            let rows = RowArrays([TypeNumber.text, TypeNumber.text, TypeNumber.text])
            for one in left {
                var keyless = one
                keyless.partitionKey = ""
                guard met[keyless] == nil else {
                    later.append(one)
                    continue
                }
                met[keyless] = one
                rows.add(one.kind.name)
                rows.add(one.entity)
                rows.add(one.partitionKey)
            }
            left = later
            // Under which keys a merchant had sessions whom the store knows from before, nobody knows. None of them began after
            // the newest event.
            var parameters = Parameters(rows)
            parameters.add(maxWindow)
            let changed = try connection.execute(
                """
                INSERT INTO partition_entities AS t (kind, entity_id, partition_key, shared_until)
                SELECT n.kind, n.entity, n.key,
                  CASE WHEN n.kind = 'merchant' AND EXISTS (SELECT FROM known_merchants WHERE merchant_id = n.entity)
                    THEN (SELECT last_event_at FROM freshness WHERE scope = 'all') + $4 * interval '1 microsecond' END
                FROM unnest($1, $2, $3) AS n(kind, entity, key) ORDER BY n.kind, n.entity
                ON CONFLICT (kind, entity_id) DO UPDATE SET is_shared = true
                  WHERE t.partition_key <> excluded.partition_key AND NOT t.is_shared
                RETURNING kind, entity_id, is_shared
                """, parameters)
            for row in 0..<changed.count where changed.flag(row, 2) {
                let kind = WindowKind.allCases.first { $0.name == changed.text(row, 0) }
                guard let kind, kind != .merchant else { continue }
                let name = NamedEntity(kind: kind, entity: changed.text(row, 1), partitionKey: "")
                if let one = met[name] { crossing.append(one) }
            }
        }
        names.putDown(named)
        return crossing
    }

    private func areShared(_ merchants: [String], since earliest: Instant) throws -> Bool {
        if merchants.isEmpty { return false }
        let column = RowArrays([TypeNumber.text])
        for merchant in merchants { column.add(merchant) }
        let rows = try connection.execute(
            """
            SELECT is_shared, shared_until FROM partition_entities WHERE kind = 'merchant' AND entity_id = ANY ($1)
            ORDER BY entity_id FOR SHARE
            """, Parameters(column))
        // Whoever is not there was taken away by hand.
        if rows.count < merchants.count { return true }
        return (0..<rows.count).contains { row in
            rows.flag(row, 0) || rows.optionalInstant(row, 1).map { earliest <= $0 } ?? false
        }
    }
}

/// What a partition's writer remembers of the names that it has told the store.
struct TellingOfNames {
    /// Whether nobody else writes beside the batch.
    private(set) var isAlone = false
    private var told: Set<NamedEntity> = []
    /// Told in the transaction that is open.
    private var pending: [NamedEntity] = []
    private var batchesAlone: Int64?

    /// Beyond that they are told again.
    private static let most = 200_000

    mutating func begin(alone: Bool) {
        isAlone = alone
        pending = []
    }

    /// How much of what is in memory is still so.
    /// - Parameter count: How many batches were written alone in all.
    mutating func memory(_ count: Int64) -> StoreMemory {
        defer { batchesAlone = count }
        guard let batchesAlone else { return .old }
        // What belongs to other partitions' keys is wanted. Some may be in memory of when a key was this one's.
        if isAlone { return .old }
        return batchesAlone == count ? .current : .joinsByMerchantAreOld
    }

    func notTold(_ named: [NamedEntity]) -> [NamedEntity] { named.filter { !told.contains($0) } }

    mutating func putDown(_ named: [NamedEntity]) { pending += named }

    mutating func committed() {
        if isAlone { batchesAlone = batchesAlone.map { $0 + 1 } }
        if told.count + pending.count > Self.most { told.removeAll() }
        told.formUnion(pending)
        pending = []
    }
}
