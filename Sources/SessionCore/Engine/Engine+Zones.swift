/// In which zones robots were: `robot_zones` has a row where an event tells another zone than the one before it did.
///
/// Most events tell the zone that is known. Such a one changes no row wherever it stands within the zone's time, so nothing
/// has to be asked of the store for it. (Of two zones that are reported for one instant the greater by its bytes stands.)
extension Engine {
    /// What is known of a robot's zones, as of the last batch.
    struct ZonesKnown {
        /// A stretch in which no row begins: its ends are the rows around it.
        struct Span {
            /// `.min` where no zone was reported before.
            var from: Instant
            /// `.max` where no other was reported since.
            var until: Instant
            /// Absent where no zone was reported before.
            var zone: Symbol
        }

        /// The last one, if it is known, and one more.
        private(set) var spans: [Span] = []
        /// When the last zone was reported; nil where it is not known.
        var lastReported: Instant?

        init() {}
        init(last: Span, reportedAt: Instant) { (spans, lastReported) = ([last], reportedAt) }

        mutating func remember(_ span: Span) {
            let isLast = span.until == .max
            spans.removeAll { ($0.until == .max) == isLast }
            spans.append(span)
        }

        /// The stretch that holds an instant, its ends left out.
        func span(holding time: Instant) -> Span? { spans.first { $0.from < time && time < $0.until } }

        /// The stretch that lasts up to an instant at least.
        func span(upTo time: Instant) -> Span? { spans.first { $0.from < time && time <= $0.until } }
    }

    /// What a batch changes of a robot's rows.
    struct ZonesChanged {
        /// Those that are new, or have another zone.
        var rows: [ZoneAt] = []
        /// The beginnings of those that are no more.
        var deleted: Set<Instant> = []
    }

    /// A stretch of time before whose instants, but the first, and before whose end a robot's zone is another than it was.
    struct ZoneMove {
        var robot: Symbol
        var from: Instant
        var until: Instant
        var was: Symbol
        var now: Symbol
    }

    func tellZones() throws {
        var reported: [Symbol: [ZoneAt]] = [:]
        for event in changes.accepted where event.robot.isPresent && event.zone.isPresent {
            reported[event.robot, default: []].append(ZoneAt(time: event.time, zone: event.zone))
        }
        for (robot, reports) in reported {
            let reports = onePerInstant(reports)
            var known = zonesKnown[robot] ?? ZonesKnown()
            var added: (before: Symbol, rows: [ZoneAt]) = (.absent, [])
            if try fits(reports, robot, &known, &added) {
                note(robot, before: added.before, old: [], new: added.rows)
            } else {
                let lastReported = zonesKnown[robot]?.lastReported
                known = try deriveZones(reports, robot)
                if known.lastReported == nil, let lastReported, let last = reports.last {
                    known.lastReported = max(lastReported, last.time)
                }
            }
            zonesKnown[robot] = known
        }
    }

    /// Notes what differs between the rows as they were and as they are, from the first that does; `before` is the zone until
    /// then.
    private func note(_ robot: Symbol, before: Symbol, old: [ZoneAt], new: [ZoneAt]) {
        var changed = ZonesChanged()
        forEachDifference(old, new, start: \.time) { was, now in
            if let now {
                changes.robotZones.append(Owned(owner: robot, value: now))
                changed.rows.append(now)
            } else if let was {
                changes.deletedRobotZones.append(Owned(owner: robot, value: was.time))
                changed.deleted.insert(was.time)
            }
        }
        if changed.rows.isEmpty, changed.deleted.isEmpty { return }
        work.changedZones[robot, default: ZonesChanged()].rows += changed.rows
        work.changedZones[robot, default: ZonesChanged()].deleted.formUnion(changed.deleted)
        var (was, now) = (before, before)
        let instants = Set(old.map(\.time) + new.map(\.time)).sorted()
        var (left, right) = (old[...], new[...])
        for (index, instant) in instants.enumerated() {
            if left.first?.time == instant, let row = left.popFirst() { was = row.zone }
            if right.first?.time == instant, let row = right.popFirst() { now = row.zone }
            if was == now { continue }
            let until = index + 1 < instants.count ? instants[index + 1] : .max
            work.zoneMoves.append(ZoneMove(robot: robot, from: instant, until: until, was: was, now: now))
        }
    }

    /// Whether all reports either repeat what is known or come after all that was reported; `added` are then the new rows.
    private func fits(
        _ reports: [ZoneAt], _ robot: Symbol, _ known: inout ZonesKnown,
        _ added: inout (before: Symbol, rows: [ZoneAt])
    ) throws -> Bool {
        for report in reports {
            let span: ZonesKnown.Span
            if let found = known.span(holding: report.time) {
                span = found
            } else if added.rows.isEmpty {
                span = try storedSpan(upTo: report.time, robot)
                // A row begins at the very instant.
                if span.until == report.time { return false }
                known.remember(span)
            } else {
                return false
            }
            if span.zone == report.zone {
                if let last = known.lastReported { known.lastReported = max(last, report.time) }
                continue
            }
            guard span.until == .max else { return false }
            if known.lastReported == nil, added.rows.isEmpty {
                known.lastReported = try source.lastZoneReport(robot) ?? .min
                // Of this batch, what came before it.
                for earlier in reports where earlier.time < report.time {
                    known.lastReported = max(known.lastReported ?? .min, earlier.time)
                }
            }
            guard let last = known.lastReported, last < report.time else { return false }
            if added.rows.isEmpty { added.before = span.zone }
            added.rows.append(report)
            known = ZonesKnown(
                last: ZonesKnown.Span(from: report.time, until: .max, zone: report.zone),
                reportedAt: report.time)
        }
        return true
    }

    /// The stretch that lasts up to an instant at least, as the store knows it.
    func storedSpan(upTo time: Instant, _ robot: Symbol) throws -> ZonesKnown.Span {
        let before = try source.robotZone(robot, before: time)
        let next = try source.robotZone(robot, from: time)
        return ZonesKnown.Span(
            from: before?.time ?? .min, until: next?.time ?? .max, zone: before?.zone ?? .absent)
    }

    /// Derives the rows anew from the first report to the first that is stored after the last one: whatever was reported after
    /// that has the same zone before it as it had. What lies far apart is derived by itself.
    private func deriveZones(_ reports: [ZoneAt], _ robot: Symbol) throws -> ZonesKnown {
        var left = reports[...]
        while let first = left.first {
            var end = left.startIndex
            var next: ZoneAt?
            repeat {
                end = left[end...].firstIndex { $0.time - left[end].time > Hours.length } ?? left.endIndex
                next = try source.zoneReport(robot, after: left[end - 1].time)
            } while end < left.endIndex && (next.map { $0.time >= left[end].time } ?? true)
            let known = try deriveZones(Array(left[..<end]), from: first.time, next, robot)
            // What is known of one stretch is as of before the other was derived.
            if end - left.startIndex == reports.count { return known }
            left = left[end...]
        }
        return ZonesKnown()
    }

    private func deriveZones(
        _ reports: [ZoneAt], from: Instant, _ next: ZoneAt?, _ robot: Symbol
    ) throws -> ZonesKnown {
        let last = reports[reports.count - 1].time
        var all = try source.zoneReports(robot, from: from, through: last) + reports
        if let next { all.append(next) }
        // What events of dropped months reported is known by the rows that came of it.
        let old = try source.robotZones(robot, from: from, through: next?.time ?? .max)
        all += old
        let before = try source.robotZone(robot, before: from)
        var zone = before?.zone ?? .absent
        var rows: [ZoneAt] = []
        for report in onePerInstant(all) where report.zone != zone {
            rows.append(report)
            zone = report.zone
        }
        note(robot, before: before?.zone ?? .absent, old: old, new: rows)
        if next != nil { return ZonesKnown() }
        let start = rows.last?.time ?? before?.time ?? .min
        return ZonesKnown(
            last: ZonesKnown.Span(from: start, until: .max, zone: zone),
            reportedAt: max(last, old.last?.time ?? last))
    }

    /// In the order of time.
    private func onePerInstant(_ reports: [ZoneAt]) -> [ZoneAt] {
        var sorted = reports
        if !zip(sorted, sorted.dropFirst()).allSatisfy({ $0.time <= $1.time }) {
            sorted.sort { $0.time < $1.time }
        }
        var found: [ZoneAt] = []
        found.reserveCapacity(sorted.count)
        for report in sorted {
            if let last = found.last, last.time == report.time {
                if symbols.compare(last.zone, report.zone) < 0 { found[found.count - 1].zone = report.zone }
            } else {
                found.append(report)
            }
        }
        return found
    }
}
