/// Migration 0013: in which zones robots were. What events of dropped months told is gone.
enum SchemaZones {
    private static let id = "text COLLATE \"C\""

    static let tables = """
        CREATE TABLE robot_zones (
          robot_id \(id) NOT NULL, started_at timestamptz NOT NULL, zone_id \(id) NOT NULL,
          PRIMARY KEY (robot_id, started_at));
        CREATE INDEX robot_zones_zone ON robot_zones (zone_id, started_at);
        INSERT INTO robot_zones
          SELECT robot_id, occurred_at, zone FROM (
            SELECT robot_id, occurred_at, zone,
              lag(zone) OVER (PARTITION BY robot_id ORDER BY occurred_at) AS earlier FROM (
              SELECT robot_id, occurred_at, max(zone_id) AS zone FROM events
              WHERE robot_id IS NOT NULL AND zone_id IS NOT NULL GROUP BY robot_id, occurred_at) told) changes
          WHERE earlier IS NULL OR earlier <> zone;
        """
}
