import FleetSimulator
import SessionStory

/// What a simulation came to.
struct SimulationSummary {
    let options: FleetOptions
    let totals: FleetTotals
    let folder: String
    let elapsed: Double

    private var perSecond: Double { elapsed > 0 ? (Double(totals.lines) / elapsed).rounded() : 0 }

    private var counts: [(String, Int)] {
        [
            ("events", totals.events), ("lines", totals.lines), ("lost", totals.lost),
            ("duplicated", totals.duplicated), ("duplicates_of_lost", totals.duplicatesOfLost),
            ("late", totals.late), ("broken_truncated", totals.broken.truncated),
            ("broken_not_an_object", totals.broken.notAnObject),
            ("broken_without_timestamp", totals.broken.withoutTimestamp),
            ("broken_without_event", totals.broken.withoutEvent), ("without_event_id", totals.withoutID),
            ("skewed_robots", totals.skewedRobots), ("completed", totals.completed),
            ("failed", totals.failed), ("canceled", totals.canceled),
            ("offers_rejected", totals.offersRejected), ("offers_expired", totals.offersExpired),
            ("faults", totals.faults), ("groundings", totals.groundings), ("orphaned", totals.orphaned),
            ("rehomed", totals.rehomed), ("handoffs", totals.handoffs), ("shared_trips", totals.sharedTrips),
            ("rescues", totals.rescues),
        ]
    }

    func text() -> String {
        func day(_ number: Int64) -> String { InstantText.date(number * 86_400_000_000) }
        return """
            fleet       \(options.robots) robots, \(options.pilots) pilots, \(day(options.startDay)) to \
            \(day(options.startDay + Int64(options.days) - 1))
            deliveries  \(totals.completed) completed, \(totals.failed) failed, \(totals.canceled) canceled; \
            \(totals.orphaned) orphaned, \(totals.rehomed) rehomed, \(totals.handoffs) handed over by pilots
            robots      \(totals.faults) faults, \(totals.groundings) groundings, \(totals.rescues) rescues
            lines       \(totals.lines): \(totals.events) events, \(totals.lost) lost, \
            \(totals.duplicated) twice, \(totals.late) late, \(totals.broken.count) broken, \
            \(totals.withoutID) without event_id
            written     \(folder)/dt=…; the truth is in \(folder)/\(SimulateCommand.truthName)
            \(InstantText.length(elapsed)), \(Int(perSecond)) lines/s
            """
    }

    func json(withElapsed hasElapsed: Bool) -> String {
        var out = JSONText()
        out.object { out in
            out.object("options") { out in
                for dial in FleetDial.all { out.string(dial.name, dial.get(options)) }
            }
            out.object("totals") { out in
                for (name, count) in counts { out.integer(name, Int64(count)) }
            }
            for (name, micros) in [
                ("state_seconds", totals.stateMicros), ("downtime_seconds", totals.downtimeMicros),
            ] {
                out.object(name) { out in
                    for (key, value) in micros.sorted(by: { $0.key < $1.key }) {
                        out.number(key, Double(value) / 1e6)
                    }
                }
            }
            if hasElapsed {
                out.string("folder", folder)
                out.number("elapsed_seconds", elapsed)
                out.number("lines_per_second", perSecond)
            }
        }
        return out.text
    }

    func readme() -> String {
        let command = FleetDial.all.filter { $0.get(options) != $0.get(FleetOptions()) || $0.name == "seed" }
            .map { " --\($0.name) \($0.get(options))" }.joined()
        return """
            # A simulated fleet

            Made by `sessionizer simulate\(command) --out DIR`: the same dials give the same lines.

            - `dt=YYYY-MM-DD/`: the lines by day of arrival. `sessionizer replay` of this folder reads these only.
            - `\(SimulateCommand.truthName)`: one line a delivery, in the order of their ends: how it ended, which \
            robots and pilots served it from when to when (microseconds since 1970, UTC), and the fault that made \
            it fail.
            - `\(SimulateCommand.manifestName)`: the dials, and counts of what happened and of what became of the \
            lines.

            """
    }
}
