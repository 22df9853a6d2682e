/// Joins and session rows (semantics sections 4 and 5).
extension Engine {
    /// Marks the sessions that the batch's session-less events join, and those whose pilots' events moved
    /// because a robot window did.
    func markJoined() throws {
        for index in work.windowless {
            let event = changes.accepted[Int(index)]
            var isHeldByRobot = false
            if event.robot.isPresent {
                isHeldByRobot = try markHolders(.robot, event.robot, event.time)
            }
            if !isHeldByRobot, event.pilot.isPresent {
                _ = try markHolders(.pilot, event.pilot, event.time)
            }
            if event.joinsByMerchant {
                _ = try markHolders(.merchant, event.merchant, event.time)
            }
        }
        for move in work.movedRobotWindows {
            for bucket in Lane.bucket(of: move.from)...Lane.bucket(of: move.until) {
                let chunk = try chunk(.robot, move.robot, bucket)
                if chunk.dual.isEmpty { continue }
                var index = chunk.dual.firstIndex(from: move.from)
                while index < chunk.dual.count, chunk.dual[index].time < move.until {
                    _ = try markHolders(.pilot, chunk.dual[index].other, chunk.dual[index].time)
                    index += 1
                }
            }
        }
    }

    private func markHolders(_ kind: WindowKind, _ entity: Symbol, _ time: Instant) throws -> Bool {
        let bucket = Lane.bucket(of: time)
        var isHeld = false
        for bucket in (bucket - lookback)...bucket {
            let chunk = try chunk(kind, entity, bucket)
            for window in chunk.windows where window.start <= time && time < window.until {
                isHeld = true
                markForRow(try node(window.session))
            }
        }
        return isHeld
    }

    func isHeldByRobot(_ robot: Symbol, _ time: Instant) throws -> Bool {
        let bucket = Lane.bucket(of: time)
        for bucket in (bucket - lookback)...bucket {
            let chunk = try chunk(.robot, robot, bucket)
            for window in chunk.windows where window.start <= time && time < window.until { return true }
        }
        return false
    }

    func writeRows() throws {
        for node in work.toRow {
            if try derived(of: node).summary == nil, node.foldMark != batch {
                // Brought back for a join only: its own events are folded first.
                node.foldMark = batch
                work.toFold.append(node)
                try foldSessions(from: work.toFold.count - 1)
            }
            var derived = try derived(of: node)
            let row = try derived.summary.map { try joinedRow($0, derived.windows) }
            if row == derived.row { continue }
            // What was counted for it was so before this batch.
            let wasOverLinked = node.isOverLinked != work.overLinkChanged.contains(node.id)
            if let old = derived.row { count(old, -1, isOverLinked: wasOverLinked) }
            if let row {
                count(row, 1, isOverLinked: node.isOverLinked)
                changes.sessions.append(row)
            } else {
                changes.deletedSessions.append(node.id)
            }
            derived.row = row
            node.derived = derived
        }
    }

    private func joinedRow(_ summary: DirectSummary, _ windows: [WindowRow]) throws -> SessionRow {
        var row = summary.row
        var firstError = summary.firstError
        func meet(_ error: ErrorFact) {
            row.errorCount += 1
            if let first = firstError, !error.precedes(first, symbols) { return }
            firstError = error
        }
        func see(_ time: Instant) {
            row.firstEventAt = min(row.firstEventAt, time)
            row.lastEventAt = max(row.lastEventAt, time)
        }
        for window in windows {
            let (start, until) = (window.startedAt, window.joinsUntil)
            for bucket in Lane.bucket(of: start)...Lane.bucket(of: until - 1) {
                let chunk = try chunk(window.kind, window.entity, bucket)
                let low = chunk.times.firstIndex(from: start)
                let high = chunk.times.firstIndex(from: until)
                if low < high {
                    row.eventCount += Int32(high - low)
                    see(chunk.times[low])
                    see(chunk.times[high - 1])
                }
                var index = chunk.errors.firstIndex(from: start)
                while index < chunk.errors.count, chunk.errors[index].time < until {
                    meet(chunk.errors[index])
                    index += 1
                }
                guard window.kind == .pilot else { continue }
                index = chunk.dual.firstIndex(from: start)
                while index < chunk.dual.count, chunk.dual[index].time < until {
                    let dual = chunk.dual[index]
                    index += 1
                    if try isHeldByRobot(dual.other, dual.time) { continue }
                    row.eventCount += 1
                    see(dual.time)
                    if dual.hasError {
                        meet(ErrorFact(time: dual.time, key: dual.key, name: dual.name, code: dual.code))
                    }
                }
            }
        }
        row.firstErrorCode = firstError?.code ?? .absent
        return row
    }

    /// Adds a session's row to the hours it counts in, or takes it away.
    private func count(_ row: SessionRow, _ sign: Int64, isOverLinked: Bool) {
        if row.outcome == .inProgress { changes.openSessions += sign }
        if row.anomalyCount > 0 {
            let negative = row.milestones.negativeDurations
            changes.negativeDurations += sign * Int64(negative)
            changes.windowConflicts += sign * Int64(row.anomalyCount - negative - (isOverLinked ? 1 : 0))
        }
        if let key = SessionHourKey(row) { changes.sessionHourly[key, default: 0] += sign }
        if let key = SessionSpanKey(row) { changes.sessionSpans[key, default: 0] += sign }
        if row.outcome == .completed, let closedAt = row.closedAt, row.robot.isPresent {
            let key = HourKey(hour: Hours.start(of: closedAt), row.robot)
            changes.robotHourly[key, default: RobotHourDelta()].deliveriesCompleted += sign
        }
        guard row.kind == .delivery || row.kind == .demand else { return }
        let key = HourKey(hour: Hours.start(of: row.firstDirectAt), row.merchant, row.source)
        var delta = changes.merchantHourly[key] ?? MerchantHourDelta()
        delta.sessions += sign
        switch row.outcome {
        case .completed: delta.completed += sign
        case .failed: delta.failed += sign
        case .canceled: delta.canceled += sign
        case .rejected, .expired, .inProgress: break
        }
        delta.robot += sign * row.robotTime
        delta.pilot += sign * row.pilotTime
        changes.merchantHourly[key] = delta
    }

    /// `on_delivery_seconds` and `assigned_seconds`: the union of an entity's ended windows, never twice.
    func settleCoverage() throws {
        for (key, moves) in work.coverage {
            var hours: Set<Instant> = []
            for move in moves { Hours.split(move.start, move.end) { hour, _ in hours.insert(hour) } }
            for hour in hours {
                let end = hour + Hours.length
                var now: [Span] = []
                let bucket = Lane.bucket(of: hour)
                for bucket in (bucket - lookback)...bucket {
                    let chunk = try chunk(key.kind, key.entity, bucket)
                    for window in chunk.windows
                    where window.isEnded && window.start < end && hour < window.until {
                        now.append(Span(start: max(window.start, hour), end: min(window.until, end)))
                    }
                }
                // As it was: without what came, with what went.
                var came: [Span: Int] = [:]
                var went: [Span] = []
                for move in moves where move.start < end && hour < move.end {
                    let piece = Span(start: max(move.start, hour), end: min(move.end, end))
                    if move.isAdded { came[piece, default: 0] += 1 } else { went.append(piece) }
                }
                var before =
                    now.filter { piece in
                        guard let left = came[piece], left > 0 else { return true }
                        came[piece] = left - 1
                        return false
                    } + went
                let difference = unionLength(&now) - unionLength(&before)
                if difference == 0 { continue }
                let hourKey = HourKey(hour: hour, key.entity)
                switch key.kind {
                case .robot:
                    changes.robotHourly[hourKey, default: RobotHourDelta()].onDelivery += difference
                case .pilot:
                    changes.pilotHourly[hourKey, default: PilotHourDelta()].assigned += difference
                case .merchant: break
                }
            }
        }
    }

    /// A part of an hour.
    private struct Span: Hashable {
        var start: Instant
        var end: Instant
    }

    private func unionLength(_ spans: inout [Span]) -> Microseconds {
        spans.sort { $0.start < $1.start }
        var total: Microseconds = 0
        var covered = Instant.min
        for span in spans {
            let start = max(span.start, covered)
            if start < span.end {
                total += span.end - start
                covered = span.end
            }
        }
        return total
    }
}
