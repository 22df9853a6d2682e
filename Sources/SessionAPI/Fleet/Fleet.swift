internal import SessionStore

/// Figures of the whole fleet.
enum Fleet {
    static let utilizationRules: [ParameterRule] =
        ParameterRule.range + [
            .word("bucket", ["hour", "day", "all"]), .word("by", ["none", "zone", "robot"]), .id("zone"),
            .id("robot"), WeekBefore.rule, worst,
        ]

    /// Of a list of all robots only so many, those that most is the matter with.
    static let worst = ParameterRule.whole("worst", 1...1000)

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
            if let robots = supply.robots { out.integer("robots", robots) }
            out.array("rows") { out in
                for (key, usage) in supply.rows {
                    out.object { out in
                        out.instant("at", key.at)
                        out.text("key", key.name?.text)
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
        struct Key: Hashable, Comparable {
            var at: Int64?
            var name: ByBytes?

            static func < (one: Key, other: Key) -> Bool {
                one.at == other.at
                    ? one.name ?? ByBytes(text: "") < other.name ?? ByBytes(text: "")
                    : one.at ?? 0 < other.at ?? 0
            }
        }

        let bucket: String
        let by: String
        private(set) var totals = Usage()
        /// The hours of which anything is known, where hours were asked for.
        private(set) var known: Set<Int64> = []
        let rows: [(key: Key, usage: Usage)]
        /// By robot: of how many the totals are.
        private(set) var robots: Int?

        /// As the request groups them.
        init(_ range: TimeRange, _ call: Call) throws {
            let by = call.parameters.text("by") ?? "none"
            if call.parameters.whole("worst") != nil, by != "robot" {
                throw Parameters.problem([("worst", "chooses robots: it goes with by=robot")])
            }
            try self.init(
                range, bucket: call.parameters.text("bucket") ?? "hour", by: by,
                worst: call.parameters.whole("worst").map(Int.init), call)
        }

        /// - Parameter worst: By robot only the rows of so many, those with the most downtime; `totals` are of all.
        init(_ range: TimeRange, bucket: String, by: String, worst: Int? = nil, _ call: Call) throws {
            self.bucket = bucket
            self.by = by
            var sums: [Key: Usage] = [:]
            let zone = try WantedZone(range, isNeeded: by == "zone", call)
            let robot = call.parameters.text("robot")
            let isByRobot = by == "robot" || by == "zone" && !zone.isUntold
            var kept: Set<ByBytes>?
            if by == "robot", try RowsOfRobots(range, bucket, robot, zone, call).areTooMany(worst: worst),
                let worst, zone.name != nil
            {
                // Of a zone with very many robots first what ranks them, so that the rows of the others are never held.
                var downtime: [ByBytes: Double] = [:]
                try zone.forEachHour(range, robot: nil, call) {
                    downtime[$0.byBytes, default: 0] += $3.downtime
                }
                robots = downtime.count
                kept = Set(Self.worst(worst, of: downtime))
            }
            if let worst, robot == nil, zone.name == nil {
                // Of a large fleet: of all robots only what ranks them, of these only the hours.
                let all = try Usage.byRobot(range, .one(nil), only: ["downtime"], call)
                robots = all.count
                let these = Usage.Whose.these(
                    Self.worst(worst, of: all.mapValues(\.downtime)).map(\.text))
                if bucket == "all" {
                    for (robot, usage) in try Usage.byRobot(range, these, call) {
                        sums[Key(at: nil, name: robot)] = usage
                    }
                } else {
                    try Usage.byHour(range, these, call) {
                        sums[Key(at: Self.start(of: $1, in: bucket), name: $0.byBytes), default: Usage()].add(
                            $2)
                    }
                }
                for (_, usage) in try Usage.ofFleet(range, call) { totals.add(usage) }
            } else if by == "robot", bucket == "all", zone.name == nil {
                // The store adds up.
                for (robot, usage) in try Usage.byRobot(range, .one(robot), call) {
                    sums[Key(at: nil, name: robot)] = usage
                    totals.add(usage)
                }
            } else if robot == nil, zone.name == nil, !isByRobot {
                for (hour, usage) in try Usage.ofFleet(range, call) {
                    known.insert(hour)
                    sums[Key(at: Self.start(of: hour, in: bucket), name: nil), default: Usage()].add(usage)
                    totals.add(usage)
                }
            } else {
                var (all, hours) = (Usage(), Set<Int64>())
                func add(_ name: ByBytes?, _ hour: Int64, _ usage: Usage) {
                    hours.insert(hour)
                    all.add(usage)
                    if let kept, !kept.contains(name ?? ByBytes(text: "")) { return }
                    sums[Key(at: Self.start(of: hour, in: bucket), name: name), default: Usage()].add(usage)
                }
                if robot == nil, by != "robot", let zones = zone.zones {
                    // By the hour each is a row; else they are added up.
                    let most = call.api.limits.fleetRows * (bucket == "hour" ? 1 : 5)
                    try Usage.byZone(range, zone.name, zones, atMost: most, call) {
                        add(by == "zone" ? $0?.byBytes : nil, $1, $2)
                    }
                } else {
                    try zone.forEachHour(range, robot: robot, call) { robot, zone, hour, usage in
                        add(by == "zone" ? zone?.byBytes : by == "robot" ? robot.byBytes : nil, hour, usage)
                    }
                }
                (totals, known) = (all, hours)
            }
            if by == "robot" {
                var downtime: [ByBytes: Double] = [:]
                for (key, usage) in sums {
                    downtime[key.name ?? ByBytes(text: ""), default: 0] += usage.downtime
                }
                if robots == nil { robots = downtime.count }
                if let worst, worst < downtime.count {
                    let kept = Set(Self.worst(worst, of: downtime))
                    sums = sums.filter { kept.contains($0.key.name ?? ByBytes(text: "")) }
                }
            }
            // By their places: the rows themselves, each of a dozen words, need not be moved to and fro.
            let all = Array(sums)
            rows = all.indices.sorted { all[$0].key < all[$1].key }.map { (all[$0].key, all[$0].value) }
        }

        private static func start(of hour: Int64, in bucket: String) -> Int64? {
            switch bucket {
            case "all": nil
            case "day": InstantFormat.floor(hour, to: InstantFormat.day)
            default: hour
            }
        }

        /// The names with the most downtime, the worst first.
        private static func worst(_ count: Int, of downtime: [ByBytes: Double]) -> [ByBytes] {
            downtime.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(count).map(\.key)
        }
    }

    /// The zone that a request is about, if it is about one.
    struct WantedZone {
        let name: String?
        let zones: Zones?

        /// - Parameter isNeeded: Whether zones are wanted though the request is about none.
        init(_ range: TimeRange, isNeeded: Bool = false, _ call: Call) throws {
            name = call.parameters.text("zone")
            zones = name != nil || isNeeded ? try Zones(range, only: name, call) : nil
        }

        /// Whether no robot told any zone: then all of them were in none.
        var isUntold: Bool { zones?.isEmpty ?? true }

        /// Hours of the robot that the request is about, or of all, as far as they are in its zone; each with that zone.
        func forEachHour(
            _ range: TimeRange, robot: String?, _ call: Call,
            _ body: (_ robot: String, _ zone: String?, _ hour: Int64, _ usage: Usage) -> Void
        ) throws {
            var whose = Usage.Whose.one(robot)
            if robot == nil, let there = robots {
                if there.isEmpty { return }
                whose = .these(there)
            }
            // Robot by robot: its zones are looked up once.
            var last: String?
            var track: Zones.Track?
            try Usage.byHour(range, whose, call) { robot, hour, usage in
                if robot.byBytes != last?.byBytes { (last, track) = (robot, zones?.track(of: robot)) }
                let zone = track?.zone(before: hour + InstantFormat.hour)
                if name == nil || zone?.byBytes == name?.byBytes { body(robot, zone, hour, usage) }
            }
        }

        /// Those that were in the zone at any time of the range; nil: all, as none is asked for.
        var robots: [String]? { name.map { zones?.robots(in: $0) ?? [] } }

        /// Whether the robot was in the zone, or none is asked for.
        func holds(_ robot: String, before instant: Int64) -> Bool {
            name.map { zones?.track(of: robot)?.zone(before: instant)?.byBytes == $0.byBytes } ?? true
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

    static let intervalRules: [ParameterRule] =
        ParameterRule.range + [
            .text("reason", max: 200), .text("state", max: 200), .id("robot"), .id("zone"),
        ]
        + ParameterRule.page

    static func intervals(_ call: Call) throws -> Answer {
        let range = try call.range()
        let keys = try call.cursor(keys: 2)?.keys
        let before = keys.flatMap { keys in Int64(keys[0]).map { ($0, keys[1].byBytes) } }
        let given = call.parameters
        let rows = try Downtime.states(in: range, call).filter { state in
            (given.text("reason").map { $0.byBytes == (state.reason ?? "").byBytes } ?? true)
                && (given.text("state").map { $0.byBytes == state.state.byBytes } ?? true)
        }.sorted { ($1.startedAt, $1.robot.byBytes) < ($0.startedAt, $0.robot.byBytes) }
            .drop { state in before.map { (state.startedAt, state.robot.byBytes) >= $0 } ?? false }
        let size = call.pageSize
        let page = Array(rows.prefix(size))
        var out = JSONWriter()
        out.object { out in
            call.asOf.write(&out)
            range.write(&out)
            out.array("rows") { out in
                for state in page {
                    let micros = state.length(in: range, now: call.asOf.now)
                    state.write(&out, call.rules, secondsInRange: Double(micros) / 1e6)
                }
            }
            let last = rows.count > size ? page.last : nil
            out.text("next", call.next(last.map { ["\($0.startedAt)", $0.robot] }))
        }
        return .json(out, rows: page.count)
    }

    static let reliabilityRules = ParameterRule.range + [worst]

    static func reliability(_ call: Call) throws -> Answer {
        let range = try call.hourRange()
        let (rows, fleet, isComplete) = try Reliability.all(
            in: range, robot: nil, worst: call.parameters.whole("worst").map(Int.init), call)
        var out = JSONWriter()
        out.object { out in
            call.asOf.write(&out)
            range.write(&out)
            out.object("fleet") { out in fleet.write(&out) }
            out.flag("complete", isComplete)
            out.array("rows") { out in
                for row in rows { out.object { out in row.write(&out) } }
            }
        }
        return .json(out, rows: rows.count)
    }
}
