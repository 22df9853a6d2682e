/// Migration 0008: who is known at all. Whoever the events named, and what was derived of events that are gone.
enum SchemaKnown {
    static let tables = """
        CREATE TABLE known_robots (robot_id TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;
        INSERT INTO known_robots
          SELECT robot_id FROM events WHERE robot_id IS NOT NULL
          UNION SELECT entity_id FROM assignment_windows WHERE kind = 'robot'
          UNION SELECT robot_id FROM robot_states
          UNION SELECT robot_id FROM robot_hours
          UNION SELECT robot_id FROM robot_pilot_windows;
        CREATE TABLE known_pilots (pilot_id TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;
        INSERT INTO known_pilots
          SELECT pilot_id FROM events WHERE pilot_id IS NOT NULL
          UNION SELECT entity_id FROM assignment_windows WHERE kind = 'pilot'
          UNION SELECT pilot_id FROM pilot_shifts
          UNION SELECT pilot_id FROM pilot_hours
          UNION SELECT pilot_id FROM robot_pilot_windows;
        CREATE TABLE known_merchants (merchant_id TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;
        INSERT INTO known_merchants
          SELECT merchant_id FROM events WHERE merchant_id IS NOT NULL
          UNION SELECT entity_id FROM assignment_windows WHERE kind = 'merchant'
          UNION SELECT merchant_id FROM merchant_hours WHERE merchant_id <> '';
        """
}
