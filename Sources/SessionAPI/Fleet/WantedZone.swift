internal import SessionStore

extension Fleet {
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
}
