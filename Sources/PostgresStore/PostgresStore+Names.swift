internal import CLibPQ
internal import SessionCore
public import SessionStore

/// Whom events name, where they come by several partitions: decision 0006.
extension PostgresStore {
    /// See ``SessionStoring``.
    ///
    /// Whom this writer has not told yet is put down under its key. Who is there under another one is shared from then on; that
    /// waits for a batch that joins by a merchant as if he were not (`FOR SHARE`), and the next such batch sees it.
    public func tell(_ named: [NamedEntity], joining merchants: [String]) throws -> NamingOutcome {
        guard settings.fence != nil else { return .told(crossing: []) }
        let crossing = try putDown(names.notTold(named))
        if names.isAlone {
            try connection.execute("UPDATE partition_joins SET batches_alone = batches_alone + 1")
        } else if try areShared(merchants) {
            return .toBeAlone
        }
        return .told(crossing: crossing)
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
            // A merchant whom the store knows from before is taken for shared: by whom he was named, nobody knows.
            let changed = try connection.execute(
                """
                INSERT INTO partition_entities AS t (kind, entity_id, partition_key, is_shared)
                SELECT n.kind, n.entity, n.key,
                  n.kind = 'merchant' AND EXISTS (SELECT FROM known_merchants WHERE merchant_id = n.entity)
                FROM unnest($1, $2, $3) AS n(kind, entity, key) ORDER BY n.kind, n.entity
                ON CONFLICT (kind, entity_id) DO UPDATE SET is_shared = true
                  WHERE t.partition_key <> excluded.partition_key AND NOT t.is_shared
                RETURNING kind, entity_id, is_shared
                """, Parameters(rows))
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

    private func areShared(_ merchants: [String]) throws -> Bool {
        if merchants.isEmpty { return false }
        let column = RowArrays([TypeNumber.text])
        for merchant in merchants { column.add(merchant) }
        let rows = try connection.execute(
            """
            SELECT is_shared FROM partition_entities WHERE kind = 'merchant' AND entity_id = ANY ($1)
            ORDER BY entity_id FOR SHARE
            """, Parameters(column))
        return (0..<rows.count).contains { rows.flag($0, 0) }
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
    private static let most = 500_000

    mutating func begin(alone: Bool) {
        isAlone = alone
        pending = []
    }

    /// Whether no batch was written alone since this writer's last one.
    /// - Parameter count: How many there were in all. One's own counts too: it brought other partitions' sessions to memory,
    ///   which are theirs again.
    mutating func isUnchanged(_ count: Int64) -> Bool {
        defer { batchesAlone = count }
        // What is in memory was read beside others, who have gone on.
        return !isAlone && batchesAlone == count
    }

    func notTold(_ named: [NamedEntity]) -> [NamedEntity] { named.filter { !told.contains($0) } }

    mutating func putDown(_ named: [NamedEntity]) { pending += named }

    mutating func committed() {
        if told.count + pending.count > Self.most { told.removeAll() }
        told.formUnion(pending)
        pending = []
    }
}
