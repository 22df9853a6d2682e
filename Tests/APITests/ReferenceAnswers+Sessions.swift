import Foundation

@testable import ReferenceModel

/// Sessions, their windows and events, and the document of each.
extension ReferenceAnswers {
    private static let kinds = "kind=delivery&kind=demand&kind=trip&kind=quote&kind=offer"

    /// The list holds every session with all its columns.
    func compareList() throws {
        let columns = figures.tables.columns["sessions"] ?? []
        var told: [String: String] = [:]
        for row in try all("sessions?\(Self.kinds)") {
            let milestones = row["milestones"] as? [String: Any] ?? [:]
            let durations = row["durations"] as? [String: Any] ?? [:]
            told[row["session_id"] as? String ?? ""] = columns.map { column in
                Self.shown(row[column] ?? milestones[column] ?? durations[column], column)
            }.joined(separator: " ")
        }
        expect(told, texts(figures.tables.tables["sessions"] ?? [:]), "sessions")
        for outcome in ["completed", "failed", "in_progress"] {
            let count = try all("sessions?\(Self.kinds)&outcome=\(outcome)").count
            let expected = figures.sessions.values.count { $0["outcome"]?.word == outcome }
            expect("\(count)", "\(expected)", "sessions with outcome \(outcome)")
        }
    }

    /// One session: its windows, its events, its states, and the same in the document without a script.
    func compareSession(_ id: String) throws {
        guard let row = figures.sessions[id] else { return }
        let answer = try get("deliveries/\(Self.encoded(id))?limit=20000")
        let windows = answer["windows"] as? [[String: Any]] ?? []
        var expected: [String: [ReferenceValue]] = [:]
        for (key, value) in figures.windowRows[id] ?? [:] { expected[key] = value }
        let columns = figures.tables.columns["assignment_windows"] ?? []
        expect(
            keyed(windows, key: ["kind", "entity_id", "started_at"], columns), texts(expected),
            "windows of \(id)")

        let events = answer["events"] as? [[String: Any]] ?? []
        var counts: [String: Int] = [:]
        var errors = 0
        for event in events {
            let key = ["occurred_at", "event", "via", "via_id"].map {
                Self.shown(event[$0] is NSNull ? "" : event[$0], $0)
            }.joined(separator: "|")
            counts[key, default: 0] += 1
            errors += event["is_error"] as? Bool == true ? 1 : 0
        }
        let joined = figures.eventRows[id] ?? [:]
        expect(counts.mapValues { "\($0)" }, joined.mapValues { "\($0)" }, "events of \(id)")
        expect("\(errors)", row["error_count"]?.shown ?? "", "errors of \(id)")
        expect(
            Self.shown(events.first { $0["is_error"] as? Bool == true }?["error_code"], ""),
            row["first_error_code"]?.shown ?? "", "first error of \(id)")

        for state in answer["states"] as? [[String: Any]] ?? [] {
            let robot = state["robot_id"] as? String ?? ""
            let at = Self.shown(state["started_at"], "started_at")
            let known = figures.tables.tables["robot_states"]?["\(robot)|\(at)"]
            expect(
                ["ended_at", "state", "reason"].map { Self.shown(state[$0], $0) }.joined(separator: " "),
                known?.map(\.shown).joined(separator: " ") ?? "none", "state of \(robot) at \(at) in \(id)")
        }
        for entity in figures.windows where entity.session == id && entity.kind == "robot" {
            expect(
                Self.states(answer, entity.entity), figures.reaching(entity.entity, answer, id),
                "states of \(entity.entity) in \(id)")
        }
        try compareDocument(id, row)
    }

    private static func states(_ answer: [String: Any], _ robot: String) -> String {
        (answer["states"] as? [[String: Any]] ?? []).filter { $0["robot_id"] as? String == robot }
            .map { shown($0["started_at"], "started_at") }.joined(separator: " ")
    }

    /// The page without a script, which the server writes: its header's words, its figures, its table.
    private func compareDocument(_ id: String, _ row: [String: ReferenceValue]) throws {
        let html = try service.get("deliveries/\(Self.encoded(id))/plain").text
        let count = row["event_count"]?.shown ?? ""
        let shownCount = min(200, Int(count) ?? 0)
        expect(
            html.contains(
                "<h2>Events, \("\(shownCount)" == count ? "" : "the first ")\(shownCount) of \(count)</h2>")
                ? "told" : "not told", "told",
            "\(id): \(count) events in the document")
        let outcome = (row["outcome"]?.word ?? "").uppercased().replacing("_", with: " ")
        expect(
            html.uppercased().contains(outcome) ? "told" : "not told", "told",
            "\(id): \(outcome) in the document")
        for window in figures.windows where window.session == id && window.kind != "merchant" {
            let isTold = html.contains(window.entity)
            expect(isTold ? "told" : "not told", "told", "\(id): \(window.entity) in the document")
        }
        var counts: [String: Int] = [:]
        for match in html.matches(of: /<tr><td><time datetime="([^"]*)">[^<]*<\/time><\/td><td><bdi>([^<]*)</)
        {
            let name = String(match.output.2).replacing("▲ ", with: "")
            counts["\(instant(String(match.output.1)) ?? 0)|\(name)", default: 0] += 1
        }
        if shownCount < 200 {
            var expected: [String: Int] = [:]
            for (key, n) in figures.eventRows[id] ?? [:] {
                // The document's instants have three digits of a second.
                let (at, name) = (Int64(ReferenceFigures.parts(key)[0]) ?? 0, ReferenceFigures.parts(key)[1])
                expected["\(at - ((at % 1000) + 1000) % 1000)|\(name)", default: 0] += n
            }
            expect(
                counts.mapValues { "\($0)" }, expected.mapValues { "\($0)" }, "events of \(id)'s document")
        } else {
            expect("\(counts.values.reduce(0, +))", "200", "rows of \(id)'s document")
        }
    }

    /// How far the sessions of each kind but trips came.
    func compareFunnel() throws {
        let steps = try get("funnel?\(rangeQuery)")["steps"] as? [[String: Any]] ?? []
        let sessions = figures.sessions.values.filter { $0["kind"]?.word != "trip" }
        for (index, step) in steps.enumerated() {
            let expected = sessions.count { figures.step($0) >= index }
            expect(Self.shown(step["sessions"], ""), "\(expected)", "funnel, step \(index)")
            var lost: [String: String] = [:]
            for row in step["lost"] as? [[String: Any]] ?? [] {
                lost[row["outcome"] as? String ?? ""] = Self.shown(row["sessions"], "")
            }
            var want: [String: Int] = [:]
            for session in sessions where figures.step(session) == index && index < 5 {
                want[session["outcome"]?.word ?? "", default: 0] += 1
            }
            expect(lost, want.mapValues { "\($0)" }, "funnel, lost at step \(index)")
        }
        expect("\(steps.count)", "6", "steps of the funnel")
    }

    /// What merchants used.
    func compareMerchants() throws {
        let columns = figures.tables.columns["merchant_hourly"] ?? []
        var sums: [String: [Double]] = [:]
        for (key, row) in figures.tables.tables["merchant_hourly"] ?? [:] {
            let name = ReferenceFigures.parts(key)[..<2].joined(separator: "|")
            sums[name] = zip(sums[name] ?? columns.map { _ in 0 }, row).map { $0 + $1.figure }
        }
        let rows = try get("merchants/usage?\(rangeQuery)")["rows"] as? [[String: Any]] ?? []
        expect(
            keyed(rows, key: ["merchant_id", "source"], columns).filter {
                $0.value.contains { "123456789".contains($0) }
            },
            sums.mapValues { $0.map(ReferenceValue.shown).joined(separator: " ") }, "merchants' usage")
    }

    /// Robot errors that lie outside every session.
    func compareOrphans() throws {
        func counted(_ keys: [String]) -> [String: String] {
            Dictionary(keys.map { ($0, 1) }, uniquingKeysWith: +).mapValues { "\($0)" }
        }
        let told = try all("orphans?\(rangeQuery)")
        expect(
            counted(
                told.map {
                    "\(Self.shown($0["occurred_at"], "at"))|\($0["robot_id"] ?? "")|\(Self.shown($0["error_code"], ""))"
                }),
            counted(figures.rest.orphans.map { "\($0.at)|\($0.robot)|\($0.errorCode ?? "-")" }), "orphans")
        // Each is near the windows of its robot that began last before it and first after it.
        for row in told {
            let robot = row["robot_id"] as? String ?? ""
            let own = figures.windows.filter { $0.kind == "robot" && $0.entity == robot }
            let near = row["nearest"] as? [[String: Any]] ?? []
            if own.isEmpty || near.isEmpty { continue }
            let at = instant(row["occurred_at"] as? String ?? "") ?? 0
            let gap = own.map { $0.startedAt > at ? $0.startedAt - at : at - $0.until }.min() ?? 0
            let least = near.compactMap { ($0["gap_seconds"] as? NSNumber)?.doubleValue }.map(abs).min()
            expect(least.map { $0 as NSNumber }, Double(gap) / 1e6, "gap of the orphan at \(at) of \(robot)")
        }
    }
}

extension ReferenceFigures {
    /// The starts of a robot's states that reach into the time around a session: half an hour before and after.
    func reaching(_ robot: String, _ answer: [String: Any], _ id: String) -> String {
        guard let session = sessions[id], let first = session["first_event_at"]?.instant else { return "" }
        let end = session["closed_at"]?.instant ?? max(now, first)
        let last = max(session["last_event_at"]?.instant ?? first, end)
        let half: Int64 = 1_800_000_000
        return (states[robot] ?? []).filter {
            $0.startedAt <= last + half && ($0.endedAt ?? .max) > first - half
        }.map { "\($0.startedAt)" }.joined(separator: " ")
    }
}
