/// Migration 0009: in which zones robots were, and the index by which a late event's place among what was told is found.
enum SchemaZones {
    static let tables = """
        CREATE INDEX IF NOT EXISTS events_zone ON events(robot_id, occurred_at, zone_id)
          WHERE robot_id IS NOT NULL AND zone_id IS NOT NULL;
        CREATE TABLE robot_zones (
          robot_id TEXT NOT NULL, started_at INTEGER NOT NULL, zone_id TEXT NOT NULL,
          PRIMARY KEY (robot_id, started_at)) WITHOUT ROWID;
        CREATE INDEX robot_zones_zone ON robot_zones(zone_id, started_at);
        INSERT INTO robot_zones
          SELECT robot_id, occurred_at, zone FROM (
            SELECT robot_id, occurred_at, zone,
              lag(zone) OVER (PARTITION BY robot_id ORDER BY occurred_at) AS earlier FROM (
              SELECT robot_id, occurred_at, max(zone_id) AS zone FROM events
              WHERE robot_id IS NOT NULL AND zone_id IS NOT NULL GROUP BY robot_id, occurred_at) told) changes
          WHERE earlier IS NULL OR earlier <> zone;
        """
}
