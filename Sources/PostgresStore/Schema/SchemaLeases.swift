/// Who works on which partition of the queue.
enum SchemaLeases {
    /// `epoch` is the fencing token: it grows whenever somebody takes the partition, and each transaction of a
    /// partition's writer holds the row with its epoch (`FOR KEY SHARE`) until it has committed. Taking it locks
    /// `FOR UPDATE`, which waits for that; renewing it changes no key, and waits for nobody.
    static let tables = """
        CREATE TABLE replicas (
          replica_id text COLLATE "C" PRIMARY KEY, seen_until timestamptz NOT NULL) WITH (fillfactor = 50);
        CREATE TABLE partition_leases (
          queue_partition integer PRIMARY KEY, holder text COLLATE "C", epoch bigint NOT NULL DEFAULT 0,
          expires_at timestamptz) WITH (fillfactor = 50);
        """

    /// Which partition wrote last what came under a key. As a rule that never changes. But RabbitMQ's consistent-hash
    /// exchange numbers its queues anew when a node recovers them in another order, and from then on a key's messages
    /// come to another queue while the first may still hold some of them.
    static let keys = """
        CREATE TABLE partition_keys (
          partition_key text COLLATE "C" PRIMARY KEY, queue_partition integer NOT NULL,
          moves bigint NOT NULL DEFAULT 0, moved_at timestamptz) WITH (fillfactor = 50);
        """

    /// Under which partition key robots, pilots and merchants were named first, whether they are named under another one
    /// as well, and for a merchant whom the store knew before he was named under any, how far the sessions reach that he may have
    /// under others; and how often a batch was written alone, whereupon every partition's writer reads sessions again.
    static let entities = """
        CREATE TABLE partition_entities (
          kind text NOT NULL, entity_id text COLLATE "C" NOT NULL, partition_key text COLLATE "C" NOT NULL,
          is_shared boolean NOT NULL DEFAULT false, shared_until timestamptz,
          PRIMARY KEY (kind, entity_id)) WITH (fillfactor = 90);
        CREATE TABLE partition_joins (
          only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), batches_alone bigint NOT NULL);
        INSERT INTO partition_joins (batches_alone) VALUES (0);
        """

    /// Since migration 0016 robots, pilots and sessions belong to the key under which they were named last (`is_shared`: not
    /// always the same one), and a batch that has to do with somebody of another partition's is alone as well
    /// (`batches_crossed`). Sessions come and go: they are forgotten with the events of their time.
    static let homes = """
        ALTER TABLE partition_entities ADD COLUMN named_at timestamptz NOT NULL DEFAULT now();
        CREATE INDEX partition_entities_named ON partition_entities USING brin (named_at);
        ALTER TABLE partition_joins ADD COLUMN batches_crossed bigint NOT NULL DEFAULT 0;
        """
}
