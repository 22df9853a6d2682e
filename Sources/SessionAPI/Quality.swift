internal import HTTPServer
internal import SessionStore

/// Where the log is lying.
enum Quality {
    static let rejectedRules: [ParameterRule] =
        [
            .word(
                "reason",
                [
                    "malformed_json", "not_an_object", "invalid_utf8", "missing_timestamp",
                    "invalid_timestamp",
                    "timestamp_in_future", "too_large",
                ])
        ] + ParameterRule.page

    static func rejected(_ call: Call) throws -> Answer {
        let size = call.pageSize
        let before = try call.cursor(keys: 1).flatMap { Int64($0.keys[0]) } ?? .max
        let arrival = call.flavour.arrival
        let rows = try call.rows(
            """
            SELECT \(arrival) AS arrival, received_at, transport, origin, reason, detail,
              \(call.flavour.beginning("body", bytes: 400)) AS body
            FROM rejected_events WHERE \(arrival) < ?1 AND (?2 = '' OR reason = ?2) ORDER BY \(arrival) DESC LIMIT ?3
            """, [.integer(before), .text(call.parameters.text("reason") ?? ""), .integer(Int64(size + 1))])
        var out = JSONWriter()
        out.object { out in
            out.array("rows") { out in
                for row in rows.prefix(size) {
                    out.object { out in
                        out.instant("received_at", row.integer("received_at"))
                        for name in ["transport", "origin", "reason", "detail", "body"] {
                            out.text(name, row.text(name) ?? "")
                        }
                    }
                }
            }
            out.text(
                "next", call.next(rows.count > size ? ["\(rows[size - 1].integer("arrival") ?? 0)"] : nil))
        }
        return .json(out, rows: min(rows.count, size))
    }

    private struct Check {
        var name: String
        /// Nil: not measured.
        var count: Int64?
        var sentence: String
        var matters: String
        var href: String?
        var sql: String?
        /// Whether a count above nought is worth a look.
        var isFault = true
    }

    static func answer(_ call: Call) throws -> Answer {
        let range = try call.range()
        let messages = try call.rows(
            """
            SELECT transport, CAST(sum(received) AS BIGINT) AS received, CAST(sum(accepted) AS BIGINT) AS accepted,
              CAST(sum(duplicates) AS BIGINT) AS duplicates, CAST(sum(rejected) AS BIGINT) AS rejected,
              CAST(sum(skipped) AS BIGINT) AS skipped
            FROM (SELECT * FROM ingestion_batches ORDER BY batch_id DESC LIMIT 200000) recent
            GROUP BY transport ORDER BY transport
            """)
        let clocks = try clocks(range, call)
        let checks = try checks(range, messages, clocks, call)
        var out = JSONWriter()
        out.object { out in
            call.asOf.write(&out)
            range.write(&out)
            out.array("messages") { out in
                for row in messages {
                    out.object { out in
                        out.text("transport", row.text("transport"))
                        for name in ["received", "accepted", "duplicates", "rejected", "skipped"] {
                            out.integer(name, row.integer(name))
                        }
                    }
                }
            }
            out.array("checks") { out in
                for check in checks {
                    out.object { out in
                        out.text("check", check.name)
                        let status =
                            check.count.map { $0 > 0 && check.isFault ? "look" : "ok" } ?? "not_measured"
                        out.text("status", status)
                        out.integer("count", check.count)
                        out.text("sentence", check.sentence)
                        out.text("matters", check.matters)
                        out.text("href", check.href)
                        out.text("sql", check.sql)
                    }
                }
            }
            out.array("clocks") { out in
                for clock in clocks ?? [] {
                    out.object { out in
                        out.text("robot_id", clock.robot)
                        out.number("offset_seconds", clock.offset)
                        out.integer("pairs", clock.pairs)
                    }
                }
            }
        }
        return .json(out, rows: checks.count)
    }

    private static func checks(
        _ range: TimeRange, _ messages: [AnswerRow], _ clocks: [(robot: String, offset: Double, pairs: Int)]?,
        _ call: Call
    ) throws -> [Check] {
        func sum(_ name: String) -> Int64 { messages.reduce(0) { $0 + ($1.integer(name) ?? 0) } }
        func plural(_ count: Int64, _ one: String, _ many: String) -> String {
            "\(count) \(count == 1 ? one : many)"
        }
        let span =
            "from=\(PercentCoding.encoded(InstantFormat.text(range.from)))"
            + "&to=\(PercentCoding.encoded(InstantFormat.text(range.to)))"
        let path = "/analytics/v1"
        let received = sum("received")
        let lost = received - sum("accepted") - sum("duplicates") - sum("rejected") - sum("skipped")
        let orphans = try Events.orphanCount(in: range, call)
        var anomalous = SessionQuery(call)
        anomalous.require("s.anomaly_count > 0")
        anomalous.require("s.first_event_at >= %", instant: range.from)
        anomalous.require("s.first_event_at < %", instant: range.to)
        let contradictory = try anomalous.count(upTo: 10_000)
        let whole = range.wholeHours
        let conflicts =
            try call.rows(
                "SELECT CAST(sum(state_conflicts) AS BIGINT) AS n FROM robot_hours WHERE hour >= \(call.at(1)) "
                    + "AND hour < \(call.at(2))", [.integer(whole.from), .integer(whole.to)]
            ).first?.integer("n") ?? 0
        let unknown = try unknownEvents(call)
        let duplicates = sum("duplicates")
        let share = received > 0 ? Double(duplicates) / Double(received) : 0
        return [
            Check(
                name: "every_message_counted", count: lost,
                sentence: lost == 0
                    ? "Each of \(received) messages is in one bin: accepted, duplicate, rejected or skipped."
                    : "\(lost) messages are in no bin.",
                matters: "What is in no bin is missing everywhere.",
                sql:
                    "SELECT * FROM ingestion_batches WHERE received <> accepted + duplicates + rejected + skipped"
            ),
            Check(
                name: "rejected", count: sum("rejected"),
                sentence: plural(sum("rejected"), "message", "messages") + " could not be read.",
                matters: "A rejected message is kept, but it is no event: it is missing in its delivery.",
                href: "\(path)/rejected",
                sql: "SELECT reason, count(*) FROM rejected_events GROUP BY reason"),
            Check(
                name: "duplicates", count: duplicates,
                sentence: plural(duplicates, "message", "messages") + " told what another had told, "
                    + "\((share * 1000).rounded() / 10)% of all.",
                matters: "They count once and change nothing; many of them cost the broker.",
                sql: "SELECT origin, sum(duplicates) FROM ingestion_batches GROUP BY origin ORDER BY 2 DESC",
                isFault: share > 0.2),
            Check(
                name: "orphan_errors", count: orphans,
                sentence: plural(orphans, "robot error belongs", "robot errors belong")
                    + " to no session\(orphans == 1000 ? " (or more)" : "").",
                matters:
                    "A fault while nobody was served is normal; one seconds off a window is a late or lost "
                    + "assignment.",
                href: "\(path)/orphans?\(span)",
                sql: "See docs/sql.md, question 7."),
            Check(
                name: "anomalous_sessions", count: contradictory,
                sentence: plural(contradictory, "session", "sessions") + " with contradictions.",
                matters:
                    "Somebody named a robot or pilot while another held the session, or milestones are the wrong "
                    + "way round: windows and durations of these are doubtful.",
                href: "\(path)/sessions?anomalous=true&\(span)",
                sql: "SELECT * FROM sessions WHERE anomaly_count > 0"),
            Check(
                name: "state_conflicts", count: conflicts,
                sentence: plural(conflicts, "state change", "state changes")
                    + " from a state that the robot was not in.",
                matters: "A change before it was lost or late: supply hours of these robots are doubtful.",
                sql: "SELECT robot_id, hour, state_conflicts FROM robot_hourly WHERE state_conflicts > 0"),
            try overLinked(call), try noReason(range, call), skew(clocks), try late(range, call),
            Check(
                name: "unknown_events", count: unknown.map { Int64($0.count) },
                sentence: unknown.map { names in
                    names.isEmpty
                        ? "Every event's name is in the catalogue."
                        : "\(names.count) names are not in the catalogue: \(names.prefix(10).joined(separator: ", "))."
                } ?? "The catalogue is not known here.",
                matters:
                    "Such events join by their ids and do nothing else; a mistyped name opens or closes nothing.",
                sql: "SELECT event, sum(events) FROM event_hourly GROUP BY event", isFault: false),
        ]
    }

    private static func overLinked(_ call: Call) throws -> Check {
        let rows = try call.asked(within: 0.3) { store in
            try store.rows(
                "SELECT from_id FROM links GROUP BY from_id HAVING count(*) > ?1 LIMIT 100",
                [.integer(call.rules.maxTargets)])
        }
        let ids = rows?.compactMap { $0.text("from_id") }
        return Check(
            name: "over_linked", count: ids.map { Int64($0.count) },
            sentence: ids.map { ids in
                ids.isEmpty
                    ? "No id is linked to more than \(call.rules.maxTargets) others."
                    : "\(ids.count) ids are linked to more than \(call.rules.maxTargets) others: "
                        + "\(ids.prefix(5).joined(separator: ", "))."
            } ?? "Not counted: it took longer than 0.3 seconds.",
            matters:
                "Such an id is a broken producer's; it stands for itself, and its events join no delivery.",
            sql:
                "SELECT from_id, count(*) FROM links GROUP BY from_id HAVING count(*) > \(call.rules.maxTargets)"
        )
    }

    private static func noReason(_ range: TimeRange, _ call: Call) throws -> Check {
        let whole = range.wholeHours
        let states = call.rules.downtime.sorted()
        let list = states.indices.map { "?\($0 + 3)" }.joined(separator: ", ")
        let seconds =
            states.isEmpty
            ? 0
            : try call.rows(
                "SELECT sum(seconds) AS n FROM robot_state_hourly WHERE hour >= \(call.at(1)) AND hour < \(call.at(2)) "
                    + "AND reason = '' AND state IN (\(list))",
                [.integer(whole.from), .integer(whole.to)] + states.map { .text($0) }
            ).first?.number("n") ?? 0
        return Check(
            name: "no_reason", count: Int64(seconds),
            sentence: seconds > 0
                ? "\(InstantFormat.length(seconds)) of downtime without a reason."
                : "All downtime has a reason.",
            matters: "It stands as \"none given\" in the Pareto of downtime.",
            href: "/analytics/v1/fleet/downtime/intervals?reason=",
            sql: "SELECT * FROM robot_states WHERE reason IS NULL AND state IN (…)")
    }

    private static func skew(_ clocks: [(robot: String, offset: Double, pairs: Int)]?) -> Check {
        Check(
            name: "clock_skew", count: clocks.map { Int64($0.count) },
            sentence: clocks.map { clocks in
                clocks.first.map { worst in
                    "\(clocks.count) robots' clocks are off; \(worst.robot)'s by "
                        + "\(InstantFormat.length(abs(worst.offset))) \(worst.offset > 0 ? "ahead" : "behind")."
                } ?? "No robot's clock is off by more than 30 s."
            } ?? "Not measured: it took too long.",
            matters: "Events of such a robot join the wrong side of a window's end.",
            sql: "See docs/sql.md, question 9.")
    }

    /// The median of (the robot says that it has arrived) - (the delivery's arrival), where it is more than 30 s.
    private static func clocks(_ range: TimeRange, _ call: Call) throws -> [(
        robot: String, offset: Double, pairs: Int
    )]? {
        func arrivals(_ milestone: String, _ state: String) -> String {
            """
            SELECT w.entity_id AS robot_id, \(call.flavour.seconds(from: "s.\(milestone)", to: "r.started_at")) AS seconds
            FROM sessions s JOIN assignment_windows w ON w.session_id = s.session_id AND w.kind = 'robot'
                AND w.started_at <= s.\(milestone) AND s.\(milestone) < coalesce(w.ended_at, w.expires_at)
              JOIN robot_states r ON r.robot_id = w.entity_id AND r.state = '\(state)'
                AND r.started_at > \(call.flavour.moved("s.\(milestone)", by: "-300"))
                AND r.started_at < \(call.flavour.moved("s.\(milestone)", by: "300"))
            WHERE s.first_event_at >= \(call.at(1)) AND s.first_event_at < \(call.at(2)) AND s.\(milestone) IS NOT NULL
            """
        }
        let rows = try call.asked(within: 0.4) { store in
            try store.rows(
                arrivals("pickup_arrival_at", "at_pickup") + " UNION ALL "
                    + arrivals("dropoff_arrival_at", "at_dropoff"),
                [.integer(range.from), .integer(range.to)])
        }
        guard let rows else { return nil }
        var offsets: [String: [Double]] = [:]
        for row in rows {
            if let robot = row.text("robot_id"), let seconds = row.number("seconds") {
                offsets[robot, default: []].append(seconds)
            }
        }
        return offsets.compactMap { robot, all in
            let median = Comparison.quantile(0.5, of: all.sorted())
            return all.count >= 5 && abs(median) > 30 ? (robot, median, all.count) : nil
        }.sorted { (abs($1.offset), $0.robot) < (abs($0.offset), $1.robot) }
    }

    private static func late(_ range: TimeRange, _ call: Call) throws -> Check {
        let matters =
            "Until they came, what they tell was missing; afterwards every table is as if they had been in time."
        let isArchive = call.asOf.scopes.contains { $0.text("scope") == "archive" }
        if isArchive {
            return Check(
                name: "late_events",
                sentence:
                    "Not measured: the store holds replayed archives, whose events came long after they happened.",
                matters: matters)
        }
        let rows = try call.asked(within: 0.3) { store in
            try store.rows(
                """
                SELECT count(*) AS n FROM events WHERE hour >= ?1 AND hour < ?2
                  AND \(call.flavour.seconds(from: "occurred_at", to: "received_at")) > 600
                """,
                [
                    .integer(range.wholeHours.from / InstantFormat.hour),
                    .integer(range.wholeHours.to / InstantFormat.hour),
                ])
        }
        let count = rows?.first?.integer("n")
        return Check(
            name: "late_events", count: count,
            sentence: count.map { "\($0) events came more than ten minutes after they happened." }
                ?? "Not counted: it took longer than 0.3 seconds.",
            matters: matters)
    }

    /// Names of stored events that the catalogue does not have; found by leaps through the key.
    private static func unknownEvents(_ call: Call) throws -> [String]? {
        guard let known = call.api.knownEvents else { return nil }
        return try call.rows(
            """
            WITH RECURSIVE names(name) AS (
              SELECT min(event) FROM event_hourly
              UNION ALL
              SELECT (SELECT min(e.event) FROM event_hourly e WHERE e.event > names.name) FROM names
                WHERE names.name IS NOT NULL)
            SELECT name FROM names WHERE name IS NOT NULL LIMIT 10000
            """
        ).compactMap { $0.text("name") }.filter { !known.contains($0) }
    }
}
