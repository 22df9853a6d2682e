/// Migration 0014: robots' hours summed by the zone that each was in at the hour's end.
enum SchemaZoneHours {
    static let tables = """
        CREATE TABLE zone_hours (
          hour timestamptz NOT NULL, zone_id text COLLATE "C" NOT NULL,
          usable bigint NOT NULL, downtime bigint NOT NULL, off_duty bigint NOT NULL, other bigint NOT NULL,
          on_delivery bigint NOT NULL, deliveries_completed bigint NOT NULL, error_count bigint NOT NULL, state_conflicts bigint NOT NULL,
          PRIMARY KEY (hour, zone_id)) WITH (fillfactor = 50);
        INSERT INTO zone_hours
          SELECT hour, zone_id, sum(usable), sum(downtime), sum(off_duty), sum(other), sum(on_delivery),
            sum(deliveries_completed), sum(error_count), sum(state_conflicts) FROM (
            SELECT h.*, (SELECT z.zone_id FROM robot_zones z
              WHERE z.robot_id = h.robot_id AND z.started_at < h.hour + interval '1 hour'
              ORDER BY z.started_at DESC LIMIT 1) AS zone_id FROM robot_hours h) hours
          WHERE zone_id IS NOT NULL GROUP BY hour, zone_id;
        """
}
