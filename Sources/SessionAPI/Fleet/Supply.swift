internal import SessionStore

extension Fleet {
    /// How long a row's time is.
    enum Bucket: String, CaseIterable {
        case hour, day
        /// The whole range.
        case all

        /// When the row begins in which an hour is counted; nil: with the range.
        func start(of hour: Int64) -> Int64? {
            switch self {
            case .hour: hour
            case .day: InstantFormat.floor(hour, to: InstantFormat.day)
            case .all: nil
            }
        }
    }

    /// Whose time a row is.
    enum Grouping: String, CaseIterable {
        /// All robots' together.
        case fleet = "none"
        case zone, robot
    }

    /// Hours of the fleet, as a request groups them.
    struct Supply {
        struct Key: Hashable, Comparable {
            var at: Int64?
            var name: ByBytes?

            static func < (one: Key, other: Key) -> Bool {
                one.at == other.at ? one.id < other.id : one.at ?? 0 < other.at ?? 0
            }

            fileprivate var id: ByBytes { name ?? ByBytes(text: "") }
        }

        let bucket: Bucket
        let by: Grouping
        private(set) var totals = Usage()
        /// The hours of which anything is known, where hours were asked for.
        private(set) var known: Set<Int64> = []
        private(set) var rows: [(key: Key, usage: Usage)] = []
        /// By robot: of how many the totals are.
        private(set) var robots: Int?
        private var sums: [Key: Usage] = [:]

        /// As the request groups them.
        init(_ range: TimeRange, _ call: Call) throws {
            let by = call.parameters.text("by").flatMap(Grouping.init) ?? .fleet
            if call.parameters.whole("worst") != nil, by != .robot {
                throw Parameters.problem([("worst", "chooses robots: it goes with by=robot")])
            }
            try self.init(
                range, bucket: call.parameters.text("bucket").flatMap(Bucket.init) ?? .hour, by: by,
                worst: call.parameters.whole("worst").map(Int.init), call)
        }

        /// - Parameter worst: By robot only the rows of so many, those with the most downtime; `totals` are of all.
        init(_ range: TimeRange, bucket: Bucket, by: Grouping, worst: Int? = nil, _ call: Call) throws {
            self.bucket = bucket
            self.by = by
            let zone = try WantedZone(range, isNeeded: by == .zone, call)
            let robot = call.parameters.text("robot")
            let isOfAll = robot == nil && zone.name == nil
            let areTooMany =
                try by == .robot && RowsOfRobots(range, bucket, robot, zone, call).areTooMany(worst: worst)
            if let worst, isOfAll {
                try addWorst(worst, range, call)
            } else if by == .robot, bucket == .all, zone.name == nil {
                try addRobots(.one(robot), range, call)
                for usage in sums.values { totals.add(usage) }
            } else if isOfAll, by == .fleet || by == .zone && zone.isUntold {
                try addFleet(range, call)
            } else if robot == nil, by != .robot, let zones = zone.zones {
                try addZones(zone.name, zones, range, call)
            } else {
                // Of a zone with very many robots first what ranks them, so that the rows of the others are never held.
                var kept: Set<ByBytes>?
                if areTooMany, let worst, zone.name != nil {
                    kept = try rank(worst, of: zone, range, call)
                }
                try addHours(of: robot, in: zone, kept, range, call)
            }
            if by == .robot { keepWorst(worst) }
            // By their places: the rows themselves, each of a dozen words, need not be moved to and fro.
            let all = Array(sums)
            rows = all.indices.sorted { all[$0].key < all[$1].key }.map { (all[$0].key, all[$0].value) }
            sums = [:]
        }

        // MARK: - Adding up

        private mutating func add(_ name: ByBytes?, _ hour: Int64, _ usage: Usage) {
            sums[Key(at: bucket.start(of: hour), name: name), default: Usage()].add(usage)
        }

        private mutating func addRobots(_ whose: Usage.Whose, _ range: TimeRange, _ call: Call) throws {
            // The store adds up.
            for (robot, usage) in try Usage.byRobot(range, whose, call) {
                sums[Key(at: nil, name: robot)] = usage
            }
        }

        /// Of a large fleet: of all robots only what ranks them, of these only the hours.
        private mutating func addWorst(_ worst: Int, _ range: TimeRange, _ call: Call) throws {
            let all = try Usage.byRobot(range, .one(nil), only: ["downtime"], call)
            robots = all.count
            let these = Usage.Whose.these(
                Self.worst(worst, of: all.mapValues(\.downtime)).map(\.text))
            switch bucket {
            case .all: try addRobots(these, range, call)
            case .hour, .day:
                var part = self
                try Usage.byHour(range, these, call) { part.add($0.byBytes, $1, $2) }
                self = part
            }
            for (_, usage) in try Usage.ofFleet(range, call) { totals.add(usage) }
        }

        private mutating func addFleet(_ range: TimeRange, _ call: Call) throws {
            for (hour, usage) in try Usage.ofFleet(range, call) {
                known.insert(hour)
                add(nil, hour, usage)
                totals.add(usage)
            }
        }

        private mutating func addZones(
            _ zone: String?, _ zones: Zones, _ range: TimeRange, _ call: Call
        ) throws {
            var part = self
            // By the hour each is a row; else they are added up.
            let most = call.api.limits.fleetRows * (bucket == .hour ? 1 : 5)
            try Usage.byZone(range, zone, zones, atMost: most, call) { zone, hour, usage in
                part.known.insert(hour)
                part.totals.add(usage)
                part.add(part.by == .zone ? zone?.byBytes : nil, hour, usage)
            }
            self = part
        }

        /// - Parameter kept: Only these robots have rows; the totals are of all.
        private mutating func addHours(
            of robot: String?, in zone: WantedZone, _ kept: Set<ByBytes>?, _ range: TimeRange, _ call: Call
        ) throws {
            var part = self
            try zone.forEachHour(range, robot: robot, call) { robot, zone, hour, usage in
                part.known.insert(hour)
                part.totals.add(usage)
                let robot = robot.byBytes
                if let kept, !kept.contains(robot) { return }
                switch part.by {
                case .fleet: part.add(nil, hour, usage)
                case .zone: part.add(zone?.byBytes, hour, usage)
                case .robot: part.add(robot, hour, usage)
                }
            }
            self = part
        }

        // MARK: - The worst

        /// Those of a zone's robots with the most downtime; notes how many all are.
        private mutating func rank(
            _ count: Int, of zone: WantedZone, _ range: TimeRange, _ call: Call
        ) throws -> Set<ByBytes> {
            var downtime: [ByBytes: Double] = [:]
            try zone.forEachHour(range, robot: nil, call) { robot, _, _, usage in
                downtime[robot.byBytes, default: 0] += usage.downtime
            }
            robots = downtime.count
            return Set(Self.worst(count, of: downtime))
        }

        private mutating func keepWorst(_ worst: Int?) {
            var downtime: [ByBytes: Double] = [:]
            for (key, usage) in sums { downtime[key.id, default: 0] += usage.downtime }
            if robots == nil { robots = downtime.count }
            if let worst, worst < downtime.count {
                let kept = Set(Self.worst(worst, of: downtime))
                sums = sums.filter { kept.contains($0.key.id) }
            }
        }

        /// The names with the most downtime, the worst first.
        private static func worst(_ count: Int, of downtime: [ByBytes: Double]) -> [ByBytes] {
            downtime.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(count).map(\.key)
        }
    }
}
