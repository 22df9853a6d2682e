import Foundation

@testable import ReferenceModel

/// Robots, pilots and the whole fleet.
extension ReferenceAnswers {
    private static let usage = [
        "usable_seconds", "downtime_seconds", "off_duty_seconds", "other_seconds", "on_delivery_seconds",
        "deliveries_completed", "error_count",
    ]

    private func shown(_ usage: [String: Double]) -> String {
        Self.usage.map { ReferenceValue.shown(usage[$0] ?? 0) }.joined(separator: " ")
    }

    private func isSomething(_ row: [String: Any]) -> Bool {
        Self.usage.contains { (row[$0] as? NSNumber)?.doubleValue ?? 0 != 0 }
    }

    /// A robot's states, windows, errors and sums.
    func compareRobot(_ robot: String) throws {
        let path = "robots/\(Self.encoded(robot))"
        let states = figures.states[robot] ?? []
        func keys(_ rows: [[String: Any]]) -> [String: String] {
            keyed(rows, key: ["started_at"], ["ended_at", "state", "reason"])
        }
        func expected(_ states: [ReferenceFigures.State]) -> [String: String] {
            Dictionary(
                uniqueKeysWithValues: states.map {
                    (
                        "\($0.startedAt)",
                        "\($0.endedAt.map { "\($0)" } ?? "-") \($0.state) \($0.reason ?? "-")"
                    )
                })
        }
        expect(keys(try all("\(path)/states")), expected(states), "states of \(robot)")

        let timeline = try get("\(path)/timeline?\(rangeQuery)")
        expect(
            keys(timeline["states"] as? [[String: Any]] ?? []), expected(states), "timeline of \(robot)")
        let windows = figures.windows.filter { $0.kind == "robot" && $0.entity == robot }
        expect(
            keyed(
                timeline["sessions"] as? [[String: Any]] ?? [], key: ["session_id", "started_at"],
                ["ended_at", "expires_at"]),
            Dictionary(
                uniqueKeysWithValues: windows.map {
                    (
                        "\($0.session)|\($0.startedAt)",
                        "\($0.endedAt.map { "\($0)" } ?? "-") \($0.expiresAt)"
                    )
                }), "windows of \(robot)")
        let errors = timeline["errors"] as? [[String: Any]] ?? []
        expect(
            errors.map { Self.shown($0["occurred_at"], "at") }.joined(separator: " "),
            (figures.rest.errors[robot] ?? []).map { "\($0)" }.joined(separator: " "), "errors of \(robot)")

        let range = figures.range
        let totals = try get("\(path)?\(rangeQuery)")["totals"] as? [String: Any] ?? [:]
        for name in ["usable", "downtime", "off_duty", "other"] {
            let micros = states.reduce(0) {
                $0 + (figures.stateClass($1.state) == name ? figures.length($1, range) : 0)
            }
            expect(totals["\(name)_seconds"], Double(micros) / 1e6, "\(name) of \(robot)")
        }
        let busy = figures.covered(
            windows.map { ($0.startedAt, $0.endedAt ?? min(figures.now, $0.expiresAt)) }, range)
        expect(totals["on_delivery_seconds"], Double(busy) / 1e6, "on deliveries, \(robot)")
        // What it was doing at the start of each state, and just before.
        for (index, state) in states.enumerated() {
            for (at, known) in [
                (state.startedAt, state), (state.startedAt - 1, index > 0 ? states[index - 1] : nil),
            ] {
                let told = try get("\(path)/at?time=\(Self.text(at))")
                let found = told["state"] as? [String: Any] ?? [:]
                expect(
                    "\(Self.shown(found["state"], "")) \(Self.shown(found["started_at"], "at"))",
                    "\(known?.state ?? "-") \(known.map { "\($0.startedAt)" } ?? "-")", "\(robot) at \(at)")
                let serving = Set(windows.filter { $0.startedAt <= at && at < $0.until }.map(\.session))
                let sessions = (told["sessions"] as? [[String: Any]] ?? []).map {
                    $0["session_id"] as? String ?? ""
                }
                expect(
                    sessions.sorted().joined(separator: " "), serving.sorted().joined(separator: " "),
                    "whom \(robot) served at \(at)")
            }
            if index >= 20 { break }
        }
    }

    /// A pilot's windows and hours.
    func comparePilot(_ pilot: String) throws {
        let answer = try get("pilots/\(Self.encoded(pilot))?\(rangeQuery)")
        let windows = figures.windows.filter { $0.kind == "pilot" && $0.entity == pilot }
        expect(
            keyed(
                answer["sessions"] as? [[String: Any]] ?? [], key: ["session_id", "started_at"], ["ended_at"]),
            Dictionary(
                uniqueKeysWithValues: windows.map {
                    ("\($0.session)|\($0.startedAt)", $0.endedAt.map { "\($0)" } ?? "-")
                }), "windows of \(pilot)")
        let hours = (figures.tables.tables["pilot_hourly"] ?? [:]).filter {
            ReferenceFigures.parts($0.key)[0] == pilot
        }
        let told = answer["hours"] as? [[String: Any]] ?? []
        expect(
            keyed(told, key: ["hour"], figures.tables.columns["pilot_hourly"] ?? []).filter {
                $0.value != "0 0"
            },
            texts(hours).reduce(into: [:]) { $0[ReferenceFigures.parts($1.key)[1]] = $1.value },
            "hours of \(pilot)")
    }

    /// Hours of the fleet by robot and hour, by hour, and in all.
    func compareUtilization() throws {
        let expected = figures.robotHours
        let byRobot = try get("fleet/utilization?\(rangeQuery)&by=robot&bucket=hour")
        let rows = (byRobot["rows"] as? [[String: Any]] ?? []).filter(isSomething)
        expect(
            keyed(rows, key: ["key", "at"], Self.usage), expected.mapValues(shown), "hours by robot")
        var byHour: [String: [String: Double]] = [:]
        var all: [String: Double] = [:]
        for (key, usage) in expected {
            byHour[ReferenceFigures.parts(key)[1], default: [:]].merge(usage, uniquingKeysWith: +)
            all.merge(usage, uniquingKeysWith: +)
        }
        let hourly = try get("fleet/utilization?\(rangeQuery)&bucket=hour")
        let hours = (hourly["rows"] as? [[String: Any]] ?? []).filter(isSomething)
        expect("\(hours.count)", "\(byHour.count)", "hours of the fleet")
        for row in hours {
            let at = Self.shown(row["at"], "at")
            for name in Self.usage { expect(row[name], byHour[at]?[name] ?? 0, "\(name) at \(at)") }
        }
        for answer in [byRobot, hourly] {
            let totals = answer["totals"] as? [String: Any] ?? [:]
            for name in Self.usage { expect(totals[name], all[name] ?? 0, "the fleet's \(name)") }
        }
    }

    /// Downtime by reason, state and robot, and the intervals behind it.
    func compareDowntime() throws {
        let keys: [(String, (ReferenceFigures.State) -> String)] = [
            ("reason", { $0.reason ?? "" }), ("state", { $0.state }), ("robot", { $0.robot }),
        ]
        // The whole range, and a part that cuts intervals.
        let (from, to) = figures.range
        let middle = from + (to - from) / 2
        for range in [(from: from, to: to), (from: middle - 1_234_567, to: middle + 2_500_000_000)] {
            let query = "from=\(Self.text(range.from))&to=\(Self.text(range.to))"
            for (name, key) in keys {
                let rows = try get("fleet/downtime?\(query)&by=\(name)")["rows"] as? [[String: Any]] ?? []
                expect(
                    keyed(rows, key: ["key"], ["robots", "intervals", "seconds"]),
                    figures.downtime(range, by: key).mapValues {
                        $0.map(ReferenceValue.shown).joined(separator: " ")
                    }, "downtime by \(name)")
            }
            let down = figures.states.values.joined().filter {
                figures.stateClass($0.state) == "downtime" && figures.length($0, range) > 0
            }
            expect(
                keyed(
                    try all("fleet/downtime/intervals?\(query)"), key: ["robot_id", "started_at"],
                    ["state", "reason", "ended_at"]),
                Dictionary(
                    uniqueKeysWithValues: down.map {
                        (
                            "\($0.robot)|\($0.startedAt)",
                            "\($0.state) \($0.reason ?? "-") \($0.endedAt.map { "\($0)" } ?? "-")"
                        )
                    }), "downtime's intervals")
        }
    }

    /// Failures, repairs, deliveries and interventions by robot.
    func compareReliability() throws {
        let answer = try get("fleet/reliability?\(rangeQuery)")
        var usable: [String: Double] = [:]
        for (key, usage) in figures.robotHours {
            usable[ReferenceFigures.parts(key)[0], default: 0] += usage["usable_seconds"] ?? 0
        }
        for row in answer["rows"] as? [[String: Any]] ?? [] {
            let robot = row["robot_id"] as? String ?? ""
            let (failures, repairs) = figures.failures(robot, figures.range)
            let repaired = Double(repairs.reduce(0, +)) / 1e6
            expect(row["operating_seconds"], usable[robot] ?? 0, "operating seconds of \(robot)")
            expect(Self.shown(row["failures"], ""), "\(failures)", "failures of \(robot)")
            expect(Self.shown(row["repairs"], ""), "\(repairs.count)", "repairs of \(robot)")
            if failures > 0 {
                expect(row["mtbf_seconds"], (usable[robot] ?? 0) / Double(failures), "MTBF of \(robot)")
            }
            if !repairs.isEmpty {
                expect(row["mttr_seconds"], repaired / Double(repairs.count), "MTTR of \(robot)")
            }
            let own = figures.sessions.values.filter { $0["robot_id"]?.word == robot }
            expect(
                Self.shown(row["deliveries_completed"], ""),
                "\(own.count { $0["outcome"]?.word == "completed" })",
                "deliveries of \(robot)")
            // Of those that are closed, as the deliveries that they are held against.
            let interventions = own.filter { $0["closed_at"]?.instant != nil }.reduce(0) {
                $0 + ($1["rescue_count"]?.figure ?? 0) + ($1["pilot_handoff_count"]?.figure ?? 0)
            }
            expect(row["interventions"], interventions, "interventions of \(robot)")
        }
        let failed = figures.states.keys.reduce(0) { $0 + figures.failures($1, figures.range).count }
        let fleet = answer["fleet"] as? [String: Any] ?? [:]
        expect(Self.shown(fleet["failures"], ""), "\(failed)", "the fleet's failures")
    }

    /// The first page: its four numbers and what is in trouble.
    func compareHome() throws {
        let (day, now) = (24 * ReferenceFigures.hour, figures.now)
        let answer = try get("home")
        let end = ReferenceFigures.hour(now) + ReferenceFigures.hour
        var sums: [String: Double] = [:]
        for (key, usage) in figures.robotHours {
            let at = Int64(ReferenceFigures.parts(key)[1]) ?? 0
            if at >= end - day, at < end { sums.merge(usage, uniquingKeysWith: +) }
        }
        var closed: [Double] = [0, 0]
        let columns = figures.tables.columns["merchant_hourly"] ?? []
        for (key, row) in figures.tables.tables["merchant_hourly"] ?? [:] {
            let at = Int64(ReferenceFigures.parts(key)[2]) ?? 0
            guard at >= end - day, at < end else { continue }
            for (column, value) in zip(columns, row) {
                if column == "completed" { closed[0] += value.figure }
                if ["completed", "failed", "canceled"].contains(column) { closed[1] += value.figure }
            }
        }
        let numbers = answer["numbers"] as? [[String: Any]] ?? []
        let expected: [String: Double?] = [
            "usable_supply_hours": (sums["usable_seconds"] ?? 0) / 3600,
            "downtime_hours": (sums["downtime_seconds"] ?? 0) / 3600,
            "deliveries_completed": sums["deliveries_completed"] ?? 0,
            "completion_rate": closed[1] > 0 ? closed[0] / closed[1] : nil,
        ]
        expect("\(numbers.count)", "\(expected.count)", "numbers of the first page")
        for number in numbers {
            guard let value = expected[number["name"] as? String ?? ""] ?? nil else { continue }
            expect(number["value"], value, "\(number["name"] ?? "") of the first page")
        }
        let trouble = answer["trouble"] as? [String: Any] ?? [:]
        func count(_ name: String) -> String {
            Self.shown((trouble[name] as? [String: Any])?["count"], "")
        }
        let sessions = figures.sessions.values
        let failed = sessions.count {
            $0["outcome"]?.word == "failed" && ($0["closed_at"]?.instant ?? 0) >= now - day
        }
        expect(count("failed"), "\(failed)", "failed of the first page")
        let open = sessions.count {
            ["delivery", "demand"].contains($0["kind"]?.word) && $0["closed_at"]?.instant == nil
                && ($0["first_event_at"]?.instant ?? now) < now - 7_200_000_000
        }
        expect(count("open_too_long"), "\(open)", "open too long, first page")
        let down = figures.states.values.compactMap(\.last).count {
            figures.stateClass($0.state) == "downtime"
        }
        expect(count("robots_down"), "\(down)", "robots down, first page")
        let orphans = figures.rest.orphans.count { $0.at >= now - day }
        expect(count("orphan_errors"), "\(orphans)", "orphans of the first page")
    }
}
