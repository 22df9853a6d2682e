/// Who works on which partition of the queue.
enum SchemaLeases {
    /// `epoch` is the fencing token: it grows whenever somebody takes the partition, and each transaction of a
    /// partition's writer holds the row with its epoch (`FOR SHARE`) until it has committed.
    static let tables = """
        CREATE TABLE replicas (
          replica_id text COLLATE "C" PRIMARY KEY, seen_until timestamptz NOT NULL) WITH (fillfactor = 50);
        CREATE TABLE partition_leases (
          queue_partition integer PRIMARY KEY, holder text COLLATE "C", epoch bigint NOT NULL DEFAULT 0,
          expires_at timestamptz) WITH (fillfactor = 50);
        """
}
