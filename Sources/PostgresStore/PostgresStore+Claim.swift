internal import CLibPQ
internal import SessionStore

/// Which partition writes what, whatever queue its messages came by.
extension PostgresStore {
    /// See ``SessionStoring``. The rows are held (`FOR SHARE`) until the transaction ends, so that of two partitions that
    /// have messages of one key, the second waits for what the first commits, then reads it.
    ///
    /// Two that have several keys of each other's may wait for one another: the server ends one of them, which tries
    /// again.
    public func claim(_ partitionKeys: [String]) throws -> Bool {
        guard let partition = settings.fence?.partition else { return true }
        let held = try hold(partitionKeys, of: partition)
        if held.count == partitionKeys.count { return true }
        // By their bytes: two texts may be equal that differ in these.
        let known = Set((0..<held.count).map { Array(held.text($0, 0).utf8) })
        let taken = try connection.execute(
            """
            INSERT INTO partition_keys AS t (partition_key, queue_partition)
            SELECT key, $2 FROM unnest($1) AS n(key) ORDER BY key
            ON CONFLICT (partition_key) DO UPDATE SET
              queue_partition = excluded.queue_partition, moves = t.moves + 1, moved_at = clock_timestamp()
            RETURNING moves
            """, parameters(partitionKeys.filter { !known.contains(Array($0.utf8)) }, partition))
        // A key that nobody had is in nobody's memory.
        if (0..<taken.count).allSatisfy({ taken.integer($0, 0) == 0 }) { return true }
        names.tookKeys()
        return false
    }

    /// Those of the keys that this partition writes; they are its own until the transaction ends.
    func hold(_ keys: [String], of partition: Int) throws -> Rows {
        try connection.execute(
            """
            SELECT partition_key FROM partition_keys WHERE partition_key = ANY ($1) AND queue_partition = $2
            ORDER BY partition_key FOR SHARE
            """, parameters(keys, partition))
    }

    private func parameters(_ keys: [String], _ partition: Int) -> Parameters {
        var parameters = Self.texts(keys)
        parameters.add(Int32(partition))
        return parameters
    }
}
