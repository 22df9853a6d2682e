internal import CLibPQ
public import SessionCore
public import SessionStore

/// Whom events name, where they come by several partitions: decisions 0006 (merchants) and 0007 (everybody else).
extension PostgresStore {
    /// See ``SessionStoring``.
    ///
    /// Whom this writer has not recorded yet is recorded under its key. A merchant who is there under another one is shared from
    /// then on; that waits for a batch that joins by him as if he were not (`FOR SHARE`), and the next such batch sees it.
    /// Anybody else who is there under another one belongs to this one from then on: at once where both are this partition's, else
    /// the batch has to be alone.
    public func register(_ named: [NamedEntity], joining merchants: [String], since earliest: Instant) throws
        -> NamingOutcome
    {
        guard settings.fence != nil else { return .registered(new: [], crossing: []) }
        let new = names.unrecorded(named)
        try recordMerchants(new.filter { $0.kind == .merchant })
        let others = new.filter { $0.kind != .merchant }
        let crossing = zip(others, try keys(of: others)).filter { Array($0.partitionKey.utf8) != $1 }
        if names.isAlone {
            try connection.execute("UPDATE partition_joins SET batches_alone = batches_alone + 1")
        } else if try areShared(merchants, since: earliest) || !areThisPartitions(Set(crossing.map(\.1))) {
            return .needsExclusiveWrite
        }
        try move(crossing.map(\.0))
        return .registered(new: new, crossing: crossing.map(\.0))
    }

    /// See ``SessionStoring``.
    ///
    /// Who belongs to another partition's key is in the memory of its writer. One who was never named (a robot of a replay's) belongs
    /// from now on to a key of the batch.
    public func mayCommit(_ touched: TouchedEntities, of partitionKeys: [String]) throws -> Bool {
        guard settings.fence != nil, let first = partitionKeys.first else { return true }
        let own = Set(partitionKeys.map { Array($0.utf8) })
        func areOwn(_ entities: [TouchedEntity]) throws -> Bool {
            let named = Set(entities).map { entity in
                NamedEntity(kind: entity.kind, entity: symbols.text(entity.id), partitionKey: first)
            }
            return try areThisPartitions(Set(keys(of: named)).subtracting(own))
        }
        if !names.isAlone {
            return try areOwn(touched.all) && merchantsAreRecorded(touched, under: partitionKeys)
        }
        try recordMerchants(
            Set(touched.merchants).map { symbols.text($0) }.filter {
                !names.isRecorded($0, under: partitionKeys)
            }
            .map { NamedEntity(kind: .merchant, entity: $0, partitionKey: first) })
        // What other partitions have in memory of whom it only counted events in stays right.
        if try names.hasMoved || !areOwn(touched.changed) {
            try connection.execute("UPDATE partition_joins SET batches_crossed = batches_crossed + 1")
            names.crossed()
        }
        return true
    }

    // MARK: Robots, pilots, sessions

    /// Whether these keys are all written by this partition. They are until the transaction ends.
    private func areThisPartitions(_ keys: Set<[UInt8]>) throws -> Bool {
        guard let fence = settings.fence, !keys.isEmpty else { return true }
        let texts = keys.map { String(decoding: $0, as: UTF8.self) }
        return try hold(texts, of: fence.partition).count == keys.count
    }

    /// The keys that these belong to, in their order; those that belong to none get their own.
    private func keys(of named: [NamedEntity]) throws -> [[UInt8]] {
        let unknown = named.filter { names.key(of: $0) == nil }
        if !unknown.isEmpty { try readKeys(of: unknown) }
        return named.map { names.key(of: $0) ?? Array($0.partitionKey.utf8) }
    }

    private func readKeys(of named: [NamedEntity]) throws {
        let inserted = try connection.execute(
            """
            INSERT INTO partition_entities (kind, entity_id, partition_key)
            SELECT n.kind, n.entity, n.key FROM unnest($1, $2, $3) AS n(kind, entity, key)
            ORDER BY n.kind, n.entity ON CONFLICT DO NOTHING RETURNING kind, entity_id, partition_key
            """, Self.parameters(named))
        remember(inserted)
        let left = named.filter { names.key(of: $0) == nil }
        if left.isEmpty { return }
        // A statement of its own: it sees what another writer has committed meanwhile.
        remember(
            try connection.execute(
                """
                SELECT t.kind, t.entity_id, t.partition_key FROM partition_entities t
                JOIN unnest($1, $2, $3) AS n(kind, entity, key) ON t.kind = n.kind AND t.entity_id = n.entity
                """, Self.parameters(left)))
    }

    private func remember(_ rows: Rows) {
        for row in 0..<rows.count {
            guard let kind = EntityKind(named: rows.text(row, 0)) else { continue }
            names.remember(kind, rows.text(row, 1), key: Array(rows.text(row, 2).utf8))
        }
    }

    /// From now on they belong to the key under which they are named.
    private func move(_ crossing: [NamedEntity]) throws {
        if crossing.isEmpty { return }
        // Who is named under several belongs to one of them.
        var last: [NamedEntity: NamedEntity] = [:]
        for one in crossing { last[one.keyless] = one }
        try connection.execute(
            """
            UPDATE partition_entities t SET partition_key = n.key, is_shared = true
            FROM unnest($1, $2, $3) AS n(kind, entity, key) WHERE t.kind = n.kind AND t.entity_id = n.entity
            """, Self.parameters(Array(last.values)))
        names.move(Array(last.values))
    }

    /// $1 to $3: their kinds, ids and keys.
    private static func parameters(_ named: [NamedEntity]) -> Parameters {
        let rows = RowArrays([TypeNumber.text, TypeNumber.text, TypeNumber.text])
        for one in named {
            rows.add(one.kind.name)
            rows.add(one.entity)
            rows.add(one.partitionKey)
        }
        return Parameters(rows)
    }

    /// $1: an array of them.
    static func texts(_ texts: some Sequence<String>) -> Parameters {
        let column = RowArrays([TypeNumber.text])
        for text in texts { column.add(text) }
        return Parameters(column)
    }

    // MARK: Merchants

    /// Whether whoever else has events by these merchants alone knows that they are this batch's, too.
    ///
    /// A merchant's own events are ordinary where he has one key. So nobody may have anything of him in memory, or join to it, of
    /// another key's, unless it is put down that he is shared. One who is not put down at all has no sessions but those that were there
    /// before; ``recordMerchants(_:)`` says until when these matter.
    private func merchantsAreRecorded(_ touched: TouchedEntities, under partitionKeys: [String]) throws
        -> Bool
    {
        func named(_ merchant: String) -> NamedEntity {
            NamedEntity(kind: .merchant, entity: merchant, partitionKey: "")
        }
        var unknown: [NamedEntity: Symbol] = [:]
        for merchant in Set(touched.merchants) {
            let text = symbols.text(merchant)
            if !names.isRecorded(text, under: partitionKeys) { unknown[named(text)] = merchant }
        }
        if unknown.isEmpty { return true }
        let rows = try connection.execute(
            """
            SELECT entity_id, partition_key, is_shared FROM partition_entities
            WHERE kind = 'merchant' AND entity_id = ANY ($1)
            """, Self.texts(unknown.keys.map(\.entity)))
        let own = Set(partitionKeys.map { Array($0.utf8) })
        for row in 0..<rows.count {
            let (merchant, key) = (rows.text(row, 0), rows.text(row, 1))
            if own.contains(Array(key.utf8)) {
                names.record([NamedEntity(kind: .merchant, entity: merchant, partitionKey: key)])
            } else if rows.flag(row, 2), let symbol = unknown[named(merchant)],
                !touched.rememberedMerchants.contains(symbol)
            {
                names.isShared(merchant)
            } else {
                // It is not put down, or what is in memory may be of when he was not shared.
                return false
            }
        }
        return true
    }

    private func recordMerchants(_ named: [NamedEntity]) throws {
        var left = named
        // No row may be met twice by one statement.
        while !left.isEmpty {
            var met: Set<NamedEntity> = []
            var (now, later): ([NamedEntity], [NamedEntity]) = ([], [])
            for one in left {
                if met.insert(one.keyless).inserted { now.append(one) } else { later.append(one) }
            }
            left = later
            // Under which keys a merchant had sessions whom the store knows from before, nobody knows. None of them began after
            // the newest event.
            var parameters = Self.parameters(now)
            parameters.add(maxWindow)
            try connection.execute(
                """
                INSERT INTO partition_entities AS t (kind, entity_id, partition_key, shared_until)
                SELECT n.kind, n.entity, n.key,
                  CASE WHEN EXISTS (SELECT FROM known_merchants WHERE merchant_id = n.entity)
                    THEN (SELECT last_event_at FROM freshness WHERE scope = 'all') + $4 * interval '1 microsecond' END
                FROM unnest($1, $2, $3) AS n(kind, entity, key) ORDER BY n.kind, n.entity
                ON CONFLICT (kind, entity_id) DO UPDATE SET is_shared = true
                  WHERE t.partition_key <> excluded.partition_key AND NOT t.is_shared
                """, parameters)
        }
        names.record(named)
    }

    private func areShared(_ merchants: [String], since earliest: Instant) throws -> Bool {
        if merchants.isEmpty { return false }
        let rows = try connection.execute(
            """
            SELECT is_shared, shared_until FROM partition_entities WHERE kind = 'merchant' AND entity_id = ANY ($1)
            ORDER BY entity_id FOR SHARE
            """, Self.texts(merchants))
        // Whoever is not there was taken away by hand.
        if rows.count < merchants.count { return true }
        return (0..<rows.count).contains { row in
            rows.flag(row, 0) || rows.optionalInstant(row, 1).map { earliest <= $0 } ?? false
        }
    }
}
