internal import SessionStore

/// Figures of the whole fleet.
enum Fleet {
    static let utilizationRules: [ParameterRule] =
        ParameterRule.range + [
            .word("bucket", ["hour", "day", "all"]), .word("by", ["none", "zone", "robot"]), .id("zone"),
            .id("robot"), worst, WeekBefore.rule,
        ]

    /// Rows of so many robots only: those that were down most.
    private static let worst = ParameterRule.whole("worst", 1...200)

    static func utilization(_ call: Call) throws -> Answer {
        let range = try call.hourRange()
        let supply = try Supply(range, call)
        let before = try WeekBefore.asked(of: range, call)
        var out = JSONWriter()
        try out.object { out in
            call.asOf.write(&out)
            range.write(&out)
            out.text("bucket", supply.bucket)
            out.text("by", supply.by)
            out.object("totals") { out in supply.totals.write(&out) }
            out.array("rows") { out in
                for (key, usage) in supply.rows {
                    out.object { out in
                        out.instant("at", key.at)
                        out.text("key", key.name)
                        usage.write(&out)
                    }
                }
            }
            try before?.writeSupply(supply.totals, of: range, call, &out)
        }
        return .json(out, rows: supply.rows.count)
    }

    /// Hours of the fleet, as the request groups them.
    struct Supply {
        struct Key: Hashable {
            var at: Int64?
            var name: String?
        }

        let bucket: String
        let by: String
        private(set) var totals = Usage()
        /// The hours of which anything is known, where hours were asked for.
        private(set) var known: Set<Int64> = []
        let rows: [(key: Key, usage: Usage)]

        /// Hours of the robot and in the zone that the request is about: of each robot, or where nothing wants to know which,
        /// of all together.
        private static func hours(
            _ range: TimeRange, _ zone: WantedZone, isByRobot: Bool, _ call: Call
        ) throws -> [(robot: String, hour: Int64, usage: Usage)] {
            let robot = call.parameters.text("robot")
            if robot == nil, zone.name == nil, !isByRobot {
                return try Usage.ofFleet(range, call).map { ("", $0.hour, $0.usage) }
            }
            if zone.name != nil, zone.isUntold { return [] }
            return try Usage.byHour(range, robot: robot, call).filter {
                zone.holds($0.robot, before: $0.hour + InstantFormat.hour)
            }
        }

        /// The names with the most downtime, the worst first.
        private static func worst(_ most: Int, of down: [String: Double]) -> [String] {
            down.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(most).map(\.key)
        }

        private static func start(of hour: Int64, _ bucket: String) -> Int64? {
            bucket == "all" ? nil : bucket == "day" ? InstantFormat.floor(hour, to: InstantFormat.day) : hour
        }

        /// As the request groups them.
        init(_ range: TimeRange, _ call: Call) throws {
            let by = call.parameters.text("by") ?? "none"
            if call.parameters.whole("worst") != nil, by != "robot" {
                throw Parameters.problem([("worst", "chooses robots: it goes with by=robot")])
            }
            try self.init(range, bucket: call.parameters.text("bucket") ?? "hour", by: by, call)
        }

        init(_ range: TimeRange, bucket: String, by: String, _ call: Call) throws {
            self.bucket = bucket
            self.by = by
            var sums: [Key: Usage] = [:]
            let zone = try WantedZone(range, isNeeded: by == "zone", call)
            let most = by == "robot" ? call.parameters.whole("worst").map(Int.init) : nil
            if by == "robot", bucket == "all", zone.name == nil {
                // The store adds up.
                for (robot, usage) in try Usage.byRobot(range, robot: call.parameters.text("robot"), call) {
                    sums[Key(at: nil, name: robot)] = usage
                    totals.add(usage)
                }
            } else if let most, zone.name == nil, call.parameters.text("robot") == nil {
                // Of a large fleet the hours of these only are read, from robot to robot.
                let all = try Usage.byRobot(range, robot: nil, call)
                for usage in all.values { totals.add(usage) }
                for robot in Self.worst(most, of: all.mapValues(\.downtime)) {
                    for (_, hour, usage) in try Usage.byHour(range, robot: robot, call) {
                        known.insert(hour)
                        sums[Key(at: Self.start(of: hour, bucket), name: robot), default: Usage()].add(usage)
                    }
                }
            } else {
                let isByRobot = by == "robot" || by == "zone" && !zone.isUntold
                let hours = try Self.hours(range, zone, isByRobot: isByRobot, call)
                for (robot, hour, usage) in hours {
                    known.insert(hour)
                    let name =
                        by == "zone"
                        ? zone.of(robot, before: hour + InstantFormat.hour) : by == "robot" ? robot : nil
                    sums[Key(at: Self.start(of: hour, bucket), name: name), default: Usage()].add(usage)
                    totals.add(usage)
                }
            }
            if let most {
                var down: [String: Double] = [:]
                for (key, usage) in sums { down[key.name ?? "", default: 0] += usage.downtime }
                let kept = Set(Self.worst(most, of: down))
                sums = sums.filter { kept.contains($0.key.name ?? "") }
            }
            rows = sums.sorted { ($0.key.at ?? 0, $0.key.name ?? "") < ($1.key.at ?? 0, $1.key.name ?? "") }
                .map { ($0.key, $0.value) }
        }
    }

    /// The zone that a request is about, if it is about one.
    struct WantedZone {
        let name: String?
        private let zones: Zones?

        /// - Parameter isNeeded: Whether zones are wanted though the request is about none.
        init(_ range: TimeRange, isNeeded: Bool = false, _ call: Call) throws {
            name = call.parameters.text("zone")
            zones = name != nil || isNeeded ? try Zones(range, call) : nil
        }

        /// Whether no robot told any zone: then all of them were in none.
        var isUntold: Bool { zones?.isEmpty ?? true }

        func of(_ robot: String, before instant: Int64) -> String? {
            zones?.zone(of: robot, before: instant)
        }

        /// Whether the robot was in the zone, or none is asked for.
        func holds(_ robot: String, before instant: Int64) -> Bool {
            name.map { of(robot, before: instant) == $0 } ?? true
        }
    }

    /// Downtime within a range, of the robot and in the zone that the request is about. ?1 to ?2: the range; ?3: the robot.
    fileprivate static func downtime(_ range: TimeRange, _ call: Call) throws -> [StateInterval] {
        let states = call.rules.downtime.sorted()
        if states.isEmpty { return [] }
        let list = states.indices.map { "?\($0 + 4)" }.joined(separator: ", ")
        let zone = try WantedZone(range, call)
        return try call.rows(
            """
            WITH RECURSIVE \(StateInterval.robots)
            SELECT s.* FROM robots JOIN robot_states s ON s.robot_id = robots.id AND s.started_at < \(call.at(2))
              AND s.started_at >= coalesce((SELECT max(b.started_at) FROM robot_states b
                WHERE b.robot_id = robots.id AND b.started_at <= \(call.at(1))), \(call.at(1)))
            WHERE s.state IN (\(list)) AND (s.ended_at IS NULL OR s.ended_at > \(call.at(1)))
              AND (?3 = '' OR robots.id = ?3)
            ORDER BY s.robot_id, s.started_at
            """,
            [.integer(range.from), .integer(range.to), .text(call.parameters.text("robot") ?? "")]
                + states.map { .text($0) }
        ).map(StateInterval.init).filter { state in
            let end = min(state.endedAt ?? call.asOf.now, range.to)
            return state.length(in: range, now: call.asOf.now) > 0 && zone.holds(state.robot, before: end)
        }
    }

    static let downtimeRules: [ParameterRule] =
        ParameterRule.range + [
            .word("by", ["reason", "state", "robot"]), .id("zone"), .id("robot"), WeekBefore.rule,
        ]

    static func downtime(_ call: Call) throws -> Answer {
        let range = try call.range()
        let by = call.parameters.text("by") ?? "reason"
        let sums = try Downtime(range, by: by, call)
        let before = try WeekBefore.asked(of: range, call)
        var out = JSONWriter()
        try out.object { out in
            call.asOf.write(&out)
            range.write(&out)
            out.text("by", by)
            out.number("seconds", sums.seconds)
            out.array("rows") { out in
                var told = 0.0
                for (key, sum) in sums.rows {
                    told += sum.seconds
                    out.object { out in
                        out.text("key", key)
                        out.integer("robots", sum.robots.count)
                        out.integer("intervals", sum.intervals)
                        out.number("seconds", sum.seconds)
                        out.number("share", sum.seconds / sums.seconds)
                        out.number("cumulative", told / sums.seconds)
                    }
                }
            }
            try before?.writeDowntime(sums, of: range, by: by, call, &out)
        }
        return .json(out, rows: sums.rows.count)
    }

    /// Downtime within a range by reason, state or robot, the longest first.
    struct Downtime {
        let rows: [(key: String, sum: (robots: Set<String>, intervals: Int, seconds: Double))]
        var seconds: Double { rows.reduce(0) { $0 + $1.sum.seconds } }
        /// What it is made of.
        private let states: [StateInterval]

        init(_ range: TimeRange, by: String, _ call: Call) throws {
            self.init(try downtime(range, call), range, by: by, call)
        }

        /// The same of a part of its range.
        func part(_ range: TimeRange, by: String, _ call: Call) throws -> Downtime {
            // In which zone a robot was depends on where the range ends.
            if call.parameters.text("zone") != nil { return try Downtime(range, by: by, call) }
            return Downtime(states, range, by: by, call)
        }

        private init(_ states: [StateInterval], _ range: TimeRange, by: String, _ call: Call) {
            self.states = states
            var sums: [String: (robots: Set<String>, intervals: Int, seconds: Double)] = [:]
            for state in states {
                let seconds = Double(state.length(in: range, now: call.asOf.now)) / 1e6
                if seconds <= 0 { continue }
                let key = by == "reason" ? state.reason ?? "" : by == "state" ? state.state : state.robot
                sums[key, default: ([], 0, 0)].robots.insert(state.robot)
                sums[key, default: ([], 0, 0)].intervals += 1
                sums[key, default: ([], 0, 0)].seconds += seconds
            }
            rows = sums.sorted { ($1.value.seconds, $0.key) < ($0.value.seconds, $1.key) }
                .map { ($0.key, $0.value) }
        }
    }

    static let intervalRules: [ParameterRule] =
        ParameterRule.range + [
            .text("reason", max: 200), .text("state", max: 200), .id("robot"), .id("zone"),
        ]
        + ParameterRule.page

    static func intervals(_ call: Call) throws -> Answer {
        let range = try call.range()
        let keys = try call.cursor(keys: 2)?.keys
        let before = keys.flatMap { keys in Int64(keys[0]).map { ($0, keys[1]) } }
        let given = call.parameters
        let rows = try downtime(range, call).filter { state in
            (given.text("reason").map { $0 == state.reason ?? "" } ?? true)
                && (given.text("state").map { $0 == state.state } ?? true)
        }.sorted { ($1.startedAt, $1.robot) < ($0.startedAt, $0.robot) }
            .drop { state in before.map { (state.startedAt, state.robot) >= $0 } ?? false }
        let size = call.pageSize
        let page = Array(rows.prefix(size))
        var out = JSONWriter()
        out.object { out in
            call.asOf.write(&out)
            range.write(&out)
            out.array("rows") { out in
                for state in page { state.write(&out, call.rules, in: range, now: call.asOf.now) }
            }
            let last = rows.count > size ? page.last : nil
            out.text("next", call.next(last.map { ["\($0.startedAt)", $0.robot] }))
        }
        return .json(out, rows: page.count)
    }

    static func reliability(_ call: Call) throws -> Answer {
        let range = try call.hourRange()
        let rows = try Reliability.all(in: range, robot: nil, call)
        var fleet = Reliability(robot: nil)
        for row in rows { fleet.add(row) }
        var out = JSONWriter()
        out.object { out in
            call.asOf.write(&out)
            range.write(&out)
            out.object("fleet") { out in fleet.write(&out) }
            out.array("rows") { out in
                for row in rows { out.object { out in row.write(&out) } }
            }
        }
        return .json(out, rows: rows.count)
    }
}

/// How often a robot failed, and how long it took to be back.
struct Reliability {
    var robot: String?
    var operating = 0.0
    var failures = 0
    var repairs = 0
    var repairSeconds = 0.0
    var completed: Int64 = 0
    var interventions: Int64 = 0

    init(robot: String?) { self.robot = robot }

    mutating func add(_ other: Reliability) {
        operating += other.operating
        failures += other.failures
        repairs += other.repairs
        repairSeconds += other.repairSeconds
        completed += other.completed
        interventions += other.interventions
    }

    func write(_ out: inout JSONWriter) {
        out.text("robot_id", robot)
        out.number("operating_seconds", operating)
        out.integer("failures", failures)
        out.number("mtbf_seconds", failures > 0 ? operating / Double(failures) : nil)
        out.integer("repairs", repairs)
        out.number("mttr_seconds", repairs > 0 ? repairSeconds / Double(repairs) : nil)
        out.integer("deliveries_completed", completed)
        out.integer("interventions", interventions)
        out.number(
            "deliveries_per_intervention", interventions > 0 ? Double(completed) / Double(interventions) : nil
        )
        out.flag("few", failures < 5)
    }

    /// Of each robot that did or suffered anything in a range, those with the most failures first.
    ///
    /// By whole hours, because operating seconds are only known by these: what is divided by them is counted over the same.
    static func all(in asked: TimeRange, robot: String?, _ call: Call) throws -> [Reliability] {
        let range = asked.wholeHours
        var found: [String: Reliability] = [:]
        func at(_ id: String, _ change: (inout Reliability) -> Void) {
            if let robot, robot != id { return }
            change(&found[id, default: Reliability(robot: id)])
        }
        for (id, usage) in try Usage.byRobot(
            range, robot: robot, only: ["usable", "deliveries_completed"], call)
        {
            at(id) { reliability in
                reliability.operating = usage.usable
                reliability.completed = usage.completed
            }
        }
        // Of sessions that were closed in these hours, as those that count as completed are.
        let helped = try call.rows(
            """
            SELECT robot_id, CAST(sum(rescue_count + pilot_handoff_count) AS BIGINT) AS interventions FROM sessions
            WHERE closed_at >= \(call.at(1)) AND closed_at < \(call.at(2)) AND robot_id IS NOT NULL
              AND rescue_count + pilot_handoff_count > 0 AND (?3 = '' OR robot_id = ?3) GROUP BY robot_id
            """, [.integer(range.from), .integer(range.to), .text(robot ?? "")])
        for row in helped {
            at(row.text("robot_id") ?? "") { $0.interventions = row.integer("interventions") ?? 0 }
        }
        for (id, downs) in try downs(in: range, robot: robot, call) {
            for run in runs(downs, call) where run.failedAt >= range.from {
                at(id) { reliability in
                    reliability.failures += 1
                    guard let end = run.endedAt else { return }
                    reliability.repairs += 1
                    reliability.repairSeconds += Double(end - run.failedAt) / 1e6
                }
            }
        }
        return found.values.sorted {
            ($1.failures, $0.operating, $0.robot ?? "") < ($0.failures, $1.operating, $1.robot ?? "")
        }
    }

    /// Downtime by robot, each with the state before it.
    static func downs(in range: TimeRange, robot: String?, _ call: Call) throws -> [(
        String, [(state: StateInterval, before: String?)]
    )] {
        let states = call.rules.downtime.sorted()
        if states.isEmpty { return [] }
        let list = states.indices.map { "?\($0 + 4)" }.joined(separator: ", ")
        let place =
            "s.started_at < \(call.at(2)) AND s.started_at >= \(call.at(1)) AND (?3 = '' OR s.robot_id = ?3)"
        let earlier = """
            (SELECT b.state FROM robot_states b WHERE b.robot_id = s.robot_id AND b.started_at < s.started_at
              ORDER BY b.started_at DESC LIMIT 1)
            """
        let sql: String
        switch call.flavour {
        case .sqlite:
            sql = """
                WITH RECURSIVE \(StateInterval.robots)
                SELECT s.robot_id, s.started_at, s.ended_at, s.state, s.reason, \(earlier) AS before
                FROM robots JOIN robot_states s ON s.robot_id = robots.id
                WHERE \(place) AND s.state IN (\(list))
                """
        case .postgres:
            sql = """
                SELECT s.robot_id, s.started_at, s.ended_at, s.state, s.reason,
                  CASE WHEN s.before IS NULL THEN \(earlier) ELSE s.before END AS before
                FROM (SELECT s.*, lag(s.state) OVER (PARTITION BY s.robot_id ORDER BY s.started_at) AS before
                  FROM robot_states s WHERE \(place)) s
                WHERE s.state IN (\(list)) ORDER BY s.robot_id, s.started_at
                """
        }
        let rows = try call.rows(
            sql,
            [.integer(range.from), .integer(range.to), .text(robot ?? "")] + states.map { .text($0) })
        // Robot by robot as a rule, and each in order: looked at here, it need not be sorted there.
        var found: [(String, [(state: StateInterval, before: String?)])] = []
        var places: [String: Int] = [:]
        for row in rows {
            let state = StateInterval(row)
            if found.last?.0 == state.robot {
                found[found.count - 1].1.append((state, row.text("before")))
            } else if let place = places[state.robot] {
                found[place].1.append((state, row.text("before")))
            } else {
                places[state.robot] = found.count
                found.append((state.robot, [(state, row.text("before"))]))
            }
        }
        for index in found.indices {
            found[index].1.sort { $0.state.startedAt < $1.state.startedAt }
        }
        return found
    }

    /// Failures, each with the end of the downtime that follows: grounded and then in the workshop is one.
    static func runs(_ downs: [(state: StateInterval, before: String?)], _ call: Call) -> [(
        failedAt: Int64, endedAt: Int64?, state: StateInterval
    )] {
        var runs: [(failedAt: Int64, endedAt: Int64?, state: StateInterval)] = []
        var isFailed = false
        for (state, before) in downs {
            let follows = before.map { call.rules.downtime.contains($0) } ?? false
            let isFailure =
                state.state != "unknown" && state.state != "maintenance" && (!follows || before == "unknown")
            if isFailure {
                runs.append((state.startedAt, state.endedAt, state))
                isFailed = true
            } else if follows, isFailed, let last = runs.last, last.endedAt == state.startedAt {
                runs[runs.count - 1].endedAt = state.endedAt
            } else {
                isFailed = false
            }
        }
        return runs
    }
}
