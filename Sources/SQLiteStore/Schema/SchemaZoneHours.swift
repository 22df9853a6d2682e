/// Migration 0010: robots' hours summed by the zone that each was in at the hour's end.
enum SchemaZoneHours {
    static let tables = """
        CREATE TABLE zone_hours (
          hour INTEGER NOT NULL, zone_id TEXT NOT NULL,
          usable INTEGER NOT NULL, downtime INTEGER NOT NULL, off_duty INTEGER NOT NULL, other INTEGER NOT NULL,
          on_delivery INTEGER NOT NULL, deliveries_completed INTEGER NOT NULL, error_count INTEGER NOT NULL, state_conflicts INTEGER NOT NULL,
          PRIMARY KEY (hour, zone_id)) WITHOUT ROWID;
        INSERT INTO zone_hours
          SELECT hour, zone_id, sum(usable), sum(downtime), sum(off_duty), sum(other), sum(on_delivery),
            sum(deliveries_completed), sum(error_count), sum(state_conflicts) FROM (
            SELECT h.*, (SELECT z.zone_id FROM robot_zones z
              WHERE z.robot_id = h.robot_id AND z.started_at < h.hour + 3600000000
              ORDER BY z.started_at DESC LIMIT 1) AS zone_id FROM robot_hours h) hours
          WHERE zone_id IS NOT NULL GROUP BY hour, zone_id;
        """
}
