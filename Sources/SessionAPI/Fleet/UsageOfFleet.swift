internal import SessionStore

/// The hours of all robots together.
extension Usage {
    /// The same of all robots together: the store keeps a row an hour, however many robots there are.
    static func ofFleet(_ range: TimeRange, _ call: Call) throws -> [(hour: Int64, usage: Usage)] {
        let place = "hour >= \(call.at(1)) AND hour < \(call.at(2))"
        let parameters: [TableValue] = [.integer(range.from), .integer(range.to)]
        var found = try call.rows("SELECT * FROM fleet_hours WHERE \(place)", parameters)
            .map { ($0.integer("hour") ?? 0, Usage(micros: $0)) }
        // Whole hours of states of more than a day stand in no hour's row.
        let long = try call.rows(
            "SELECT hour, state, count(*) AS n FROM long_state_hours WHERE \(place) GROUP BY hour, state",
            parameters)
        for row in long {
            var usage = Usage()
            usage.add(
                seconds: 3600 * Double(row.integer("n") ?? 0),
                of: call.rules.stateClass(row.text("state") ?? ""))
            found.append((row.integer("hour") ?? 0, usage))
        }
        found += try openOfFleet(range, call)
        return found
    }

    /// The same of all robots together, by what the store counts: of those that began within an hour only how many they are
    /// and the sum of their beginnings matter.
    private static func openOfFleet(_ range: TimeRange, _ call: Call) throws -> [(
        hour: Int64, usage: Usage
    )] {
        let until = min(range.to, call.asOf.now)
        let flavour = call.flavour
        let start = flavour.greater(flavour.micros("started_at"), "CAST(?2 AS BIGINT)")
        let hour = InstantFormat.hour
        let rows = try call.rows(
            """
            SELECT state, hour, count(*) AS n, CAST(sum(start - hour * \(hour)) AS BIGINT) AS late FROM (
              SELECT state, start, (start - (start % \(hour) + \(hour)) % \(hour)) / \(hour) AS hour FROM (
                SELECT state, \(start) AS start FROM robot_states
                WHERE ended_at IS NULL AND started_at < \(call.at(1))) begun) hours
            GROUP BY state, hour
            """, [.integer(until), .integer(range.from)])
        var found: [(hour: Int64, usage: Usage)] = []
        for row in rows {
            let (count, first) = (row.integer("n") ?? 0, (row.integer("hour") ?? 0) * hour)
            for (at, micros) in hours(from: first, to: until) {
                var usage = Usage()
                let missing = at == first ? row.integer("late") ?? 0 : 0
                usage.add(
                    seconds: Double(count * micros - missing) / 1e6,
                    of: call.rules.stateClass(row.text("state") ?? ""))
                found.append((at, usage))
            }
        }
        return found
    }
}
