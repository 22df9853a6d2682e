internal import SessionCore

/// A table or view of the contract as two stores are compared by it.
public struct ComparedTable: Sendable {
    /// Its name.
    public let name: String
    /// The columns by which a row is known. Each row has another key.
    public let key: [String]
    /// The other columns that are compared: those that are a function of the events and the rules.
    public let columns: [String]
    /// How its rows are read: in slices of this column, so that a store of any size is compared in bounded memory.
    let slice: Slice

    enum Slice {
        /// By a text, its bounds taken from a table with an index on it, so many of its values at once.
        case texts(column: String, of: String, step: Int)
        /// By whole hours since 1970, so many rows at once.
        case hours(rows: Int)
        /// All at once: a few rows an hour.
        case whole
    }

    /// All that are compared. Left out is what says how and when rows came: `received_at`, `updated_at`, batches,
    /// arrivals and freshness; and `payload`, as two transports may tell one event with other fields besides. For rejects see
    /// ``StoreComparison/compareRejected()``.
    public static let all: [ComparedTable] = {
        let sessions = Slice.texts(column: "session_id", of: "sessions", step: 1000)
        let robots = Slice.texts(column: "robot_id", of: "robot_hours", step: 2000)
        return [
            ComparedTable(
                name: "events", key: ["event_id", "occurred_at"],
                columns: [
                    "event", "delivery_id", "demand_id", "trip_id", "quote_id", "offer_id", "robot_id",
                    "pilot_id", "merchant_id", "zone_id", "source",
                ], slice: .hours(rows: 20_000)),
            ComparedTable(
                name: "sessions", key: ["session_id"],
                columns: [
                    "kind", "delivery_id", "demand_ids", "trip_ids", "merchant_id", "source", "zone_id",
                    "outcome", "failure_code", "failure_message", "first_error_code", "first_event_at",
                    "last_event_at", "closed_at",
                ] + Milestone.allCases.map(\.column) + DurationColumn.allCases.map(\.column) + [
                    "robot_id", "pilot_id", "robot_ids", "pilot_ids", "reassignment_count",
                    "pilot_handoff_count", "attempt_count", "attempt_failed_count", "rescue_count",
                    "error_count", "event_count", "anomaly_count", "robot_seconds", "pilot_seconds",
                ], slice: sessions),
            ComparedTable(
                name: "session_events", key: ["session_id", "occurred_at", "event_id", "via", "via_id"],
                columns: ["event"], slice: sessions),
            ComparedTable(
                name: "assignment_windows", key: ["session_id", "kind", "entity_id", "started_at"],
                columns: ["ended_at", "expires_at", "opened_by", "end_reason", "inferred"], slice: sessions),
            ComparedTable(
                name: "links", key: ["from_id", "to_id"], columns: [],
                slice: .texts(column: "from_id", of: "links", step: 10_000)),
            ComparedTable(
                name: "session_members", key: ["session_id", "named_id"], columns: [],
                slice: .texts(column: "session_id", of: "session_members", step: 10_000)),
            ComparedTable(
                name: "robot_pilot_windows", key: ["robot_id", "started_at", "pilot_id"],
                columns: ["ended_at", "expires_at", "opened_by", "end_reason"],
                slice: .texts(column: "robot_id", of: "robot_pilot_windows", step: 10_000)),
            ComparedTable(
                name: "pilot_shifts", key: ["pilot_id", "started_at"], columns: ["ended_at"],
                slice: .texts(column: "pilot_id", of: "pilot_shifts", step: 10_000)),
            ComparedTable(
                name: "robot_states", key: ["robot_id", "started_at"],
                columns: ["ended_at", "state", "reason"], slice: robots),
            ComparedTable(
                name: "robot_zones", key: ["robot_id", "started_at"], columns: ["zone_id"],
                slice: .texts(column: "robot_id", of: "robot_zones", step: 10_000)),
            ComparedTable(
                name: "robot_state_hourly", key: ["robot_id", "hour", "state", "reason"],
                columns: ["seconds"], slice: robots),
            ComparedTable(
                name: "robot_hourly", key: ["robot_id", "hour"],
                columns: [
                    "usable_seconds", "downtime_seconds", "off_duty_seconds", "other_seconds",
                    "on_delivery_seconds", "deliveries_completed", "error_count",
                ], slice: robots),
            ComparedTable(
                name: "pilot_hourly", key: ["pilot_id", "hour"],
                columns: ["shift_seconds", "assigned_seconds"],
                slice: .texts(column: "pilot_id", of: "pilot_hours", step: 2000)),
            ComparedTable(
                name: "merchant_hourly", key: ["merchant_id", "source", "hour"],
                columns: ["sessions", "completed", "failed", "canceled", "robot_seconds", "pilot_seconds"],
                slice: .texts(column: "merchant_id", of: "merchant_hours", step: 10_000)),
            ComparedTable(
                name: "event_hourly", key: ["event", "merchant_id", "source", "hour"], columns: ["events"],
                slice: .texts(column: "event", of: "event_hourly", step: 10_000)),
            ComparedTable(
                name: "fleet_hours", key: ["hour"],
                columns: RobotHourDelta.columns, slice: .whole),
            ComparedTable(
                name: "zone_hours", key: ["zone_id", "hour"],
                columns: RobotHourDelta.columns, slice: .whole),
            ComparedTable(
                name: "fleet_state_hours", key: ["hour", "state", "reason"], columns: ["micros"],
                slice: .whole),
            ComparedTable(
                name: "session_hours", key: ["hour", "source", "zone_id", "step", "outcome", "failure_code"],
                columns: ["sessions"], slice: .whole),
            ComparedTable(
                name: "session_spans", key: ["last_hour", "first_hour"], columns: ["sessions"], slice: .whole),
        ]
            + ["robot", "pilot", "merchant"].map { kind in
                ComparedTable(
                    name: "known_\(kind)s", key: ["\(kind)_id"], columns: [],
                    slice: .texts(column: "\(kind)_id", of: "known_\(kind)s", step: 10_000))
            }
    }()
}
