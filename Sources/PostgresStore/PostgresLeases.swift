internal import SessionStore

/// The table of leases: which replica works on which partition of the queue, by the database's clock.
///
/// A connection of its own, used by one thread. Every call is one statement; a connection that was lost is made anew by
/// the next call.
public final class PostgresLeases {
    /// What a writer shows at every transaction: that it still holds its partition.
    public struct Fence: Equatable, Sendable {
        /// The partition.
        public var partition: Int
        /// The epoch under which it was taken.
        public var epoch: Int64

        /// Both.
        public init(partition: Int, epoch: Int64) {
            self.partition = partition
            self.epoch = epoch
        }
    }

    /// A row of the table.
    public struct Lease: Equatable, Sendable {
        /// From 0.
        public var partition: Int
        /// Who has it.
        public var holder: String?
        /// The fencing token.
        public var epoch: Int64
        /// Whether it was not renewed in time.
        public var hasRunOut: Bool
    }

    /// The first half of the keys of the advisory locks that each transaction of a partition's writer holds, the second
    /// half being the partition: by them whoever takes it over finds the server process.
    static let writersLockClass = Migration.lockClass + 1

    /// Statements that take a transaction's locks. The partition's keeps nobody out: it tells whoever takes the partition over
    /// which server process is this writer's. The other one, -1, keeps a batch that has to be alone apart from all others; for
    /// that it waits longer than for a row, as others' whole batches may come before. What the next statement sees is as of
    /// when that was had.
    static func locks(of partition: Int, alone: Bool, _ limits: PostgresLimits) -> String {
        """
        SELECT pg_advisory_xact_lock_shared(\(writersLockClass), \(partition));
        SET LOCAL lock_timeout = \(max(limits.lockSeconds, limits.statementSeconds / 2) * 1000);
        \(alone ? lockOfAll : "SELECT pg_advisory_xact_lock_shared(\(writersLockClass), -1)");
        SET LOCAL lock_timeout TO DEFAULT
        """
    }

    /// Waits until no partition's writer has a batch begun, and keeps them from beginning one until the transaction ends.
    static let lockOfAll = "SELECT pg_advisory_xact_lock(\(writersLockClass), -1)"

    private let connection: Connection
    private let replica: String
    private let seconds: Double

    /// Opens the table, and makes its rows where there are none.
    /// - Parameters:
    ///   - replica: Under which name leases are taken.
    ///   - partitions: How many there are. Another number than the table's is refused: a partition nobody knew of
    ///     would be read by nobody.
    ///   - seconds: How long a lease lasts without being renewed.
    public init(_ settings: PostgresStore.Settings, replica: String, partitions: Int, seconds: Double) throws
    {
        self.replica = replica
        self.seconds = seconds
        var settings = settings
        settings.applicationName += " leases"
        // Renewing must not wait for long: a lease is shorter than that.
        settings.limits.statementSeconds = min(settings.limits.statementSeconds, max(1, Int(seconds)))
        settings.limits.lockSeconds = min(settings.limits.lockSeconds, max(1, Int(seconds / 2)))
        connection = try Connection(Target(settings, readOnly: false))
        try Migration.bringUpToDate(connection)
        var count = Parameters()
        count.add(Int32(partitions - 1))
        try connection.execute(
            """
            INSERT INTO partition_leases (queue_partition) SELECT generate_series(0, $1)
            WHERE NOT EXISTS (SELECT 1 FROM partition_leases) ON CONFLICT DO NOTHING
            """, count)
        let there = try connection.query("SELECT count(*) FROM partition_leases").integer(0, 0)
        guard there == partitions else {
            connection.close()
            throw StoreError(
                .otherRules,
                "\(settings.name): its events are split over \(there) partitions, not \(partitions)",
                hint: "use that number; docs/scaling.md says how it is changed")
        }
    }

    /// Lets go of the connection.
    public func close() { connection.close() }

    /// Shows that this replica lives, renews what it holds, and tells what the table says.
    public func renew(_ held: [Fence]) throws -> (replicas: [String], leases: [Lease]) {
        if !connection.isOpen { try connection.open() }
        var alive = Parameters()
        alive.add(replica)
        alive.add(seconds)
        try connection.execute(
            """
            INSERT INTO replicas VALUES ($1, clock_timestamp() + $2 * interval '1 second')
            ON CONFLICT (replica_id) DO UPDATE SET seen_until = excluded.seen_until
            """, alive)
        for fence in held {
            var row = Parameters()
            row.add(Int32(fence.partition))
            row.add(replica)
            row.add(fence.epoch)
            row.add(seconds)
            do {
                try connection.execute(
                    """
                    UPDATE partition_leases SET expires_at = clock_timestamp() + $4 * interval '1 second'
                    WHERE queue_partition = $1 AND holder = $2 AND epoch = $3
                    """, row)
            } catch let error as StoreError where error.kind == .conflict {
                // Somebody is about to take it. The others are renewed all the same; of this one the table tells.
                continue
            }
        }
        try connection.execute(
            "DELETE FROM replicas WHERE seen_until < clock_timestamp() - interval '1 hour'")
        let names = try connection.execute(
            "SELECT replica_id FROM replicas WHERE seen_until > clock_timestamp() ORDER BY replica_id")
        let rows = try connection.execute(
            """
            SELECT queue_partition::bigint, holder, epoch, coalesce(expires_at < clock_timestamp(), false)
            FROM partition_leases ORDER BY queue_partition
            """)
        return (
            (0..<names.count).map { names.text($0, 0) },
            (0..<rows.count).map { row in
                Lease(
                    partition: Int(rows.integer(row, 0)),
                    holder: rows.isNull(row, 1) ? nil : rows.text(row, 1),
                    epoch: rows.integer(row, 2), hasRunOut: rows.flag(row, 3))
            }
        )
    }

    /// Takes a partition that is free, or whose lease has run out, or that was this replica's own.
    ///
    /// Waits until a transaction of the holder before has ended: that holds the row. One that waits for a client that
    /// does not go on is ended first.
    /// - Returns: What its writer shows from now on; nil where another was quicker.
    public func take(_ partition: Int) throws -> Fence? {
        if !connection.isOpen { try connection.open() }
        guard try isToBeHad(partition) else { return nil }
        var row = Parameters()
        row.add(Int32(partition))
        row.add(replica)
        row.add(seconds)
        let rows = try connection.execute(
            """
            WITH free AS (
              SELECT queue_partition FROM partition_leases
              WHERE queue_partition = $1 AND (holder IS NULL OR holder = $2 OR expires_at < clock_timestamp())
              FOR UPDATE)
            UPDATE partition_leases l SET holder = $2, epoch = epoch + 1,
              expires_at = clock_timestamp() + $3 * interval '1 second'
            FROM free WHERE l.queue_partition = free.queue_partition RETURNING epoch
            """, row)
        return rows.isEmpty ? nil : Fence(partition: partition, epoch: rows.integer(0, 0))
    }

    /// Whether a partition is free or its lease has run out. If so, ends the transaction of its writer where the server
    /// process of that waits for its client, which is frozen or cut off: the row would be held until the server's
    /// time-out. Where it waits for a lock it is ended too: it would get that, and then wait for its client.
    ///
    /// Nothing depends on it but time: a transaction that is ended wrongly comes to nothing as a whole, and its writer
    /// finds out from the fence whether it may try again. One that the server is at work on is waited for.
    private func isToBeHad(_ partition: Int) throws -> Bool {
        var row = Parameters()
        row.add(Int32(partition))
        row.add(replica)
        row.add(Self.writersLockClass)
        do {
            return try !connection.execute(
                """
                SELECT (
                  SELECT count(pg_terminate_backend(l.pid)) FROM pg_locks l
                    JOIN pg_stat_activity a ON a.pid = l.pid AND a.wait_event_type IN ('Client', 'Lock')
                  WHERE l.locktype = 'advisory' AND l.classid::bigint = $3 AND l.objid::bigint = p.queue_partition
                    AND l.objsubid = 2 AND l.granted AND p.holder <> $2
                    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
                FROM partition_leases p
                WHERE queue_partition = $1 AND (holder IS NULL OR holder = $2 OR expires_at < clock_timestamp())
                """, row
            ).isEmpty
        } catch let error as StoreError where error.kind == .denied {
            // Its writer is another role: then the server's time-out has to do.
            return true
        }
    }

    /// Gives a partition back, for another to take at once.
    public func letGo(_ fence: Fence) throws {
        if !connection.isOpen { try connection.open() }
        var row = Parameters()
        row.add(Int32(fence.partition))
        row.add(replica)
        row.add(fence.epoch)
        try connection.execute(
            """
            UPDATE partition_leases SET holder = NULL, expires_at = NULL
            WHERE queue_partition = $1 AND holder = $2 AND epoch = $3
            """, row)
    }

    /// Leaves for good: its part is shared among the others at once.
    public func retire() throws {
        if !connection.isOpen { try connection.open() }
        var row = Parameters()
        row.add(replica)
        try connection.execute("DELETE FROM replicas WHERE replica_id = $1", row)
    }
}
