/// What a session's direct events say by themselves (semantics section 5).
extension Engine {
    func summarize(_ node: Node, _ facts: [Fact]) -> DirectSummary {
        var row = SessionRow(id: node.id, kind: node.kind)
        var firstError: ErrorFact?
        row.firstEventAt = facts[0].time
        row.firstDirectAt = facts[0].time
        row.lastEventAt = facts[facts.count - 1].time
        row.eventCount = Int32(facts.count)
        if node.kind == .demand { row.demands.append(node.id) }
        if node.kind == .trip { row.trips.append(node.id) }
        for fact in facts {
            let meaning = meanings[fact.name]
            if fact.merchant.isPresent, !row.merchant.isPresent { row.merchant = fact.merchant }
            if fact.source.isPresent, !row.source.isPresent { row.source = fact.source }
            if fact.zone.isPresent, !row.zone.isPresent { row.zone = fact.zone }
            if fact.demand.isPresent, !row.demands.contains(fact.demand) { row.demands.append(fact.demand) }
            if fact.trip.isPresent, !row.trips.contains(fact.trip) { row.trips.append(fact.trip) }
            if let milestone = meaning.milestone, row.milestones[milestone] == nil {
                row.milestones[milestone] = fact.time
            }
            if meaning.window == .opensRobot, fact.robot.isPresent, row.milestones[.assigned] == nil {
                row.milestones[.assigned] = fact.time
            }
            if meaning.tellsFailure {
                row.failureCode = fact.errorCode
                row.failureMessage = fact.errorMessage
            }
            switch meaning.counter {
            case .none: break
            case .attempts: row.attemptCount += 1
            case .failedAttempts: row.attemptFailedCount += 1
            case .rescues: row.rescueCount += 1
            }
            if fact.hasError {
                row.errorCount += 1
                if firstError == nil {
                    firstError = ErrorFact(
                        time: fact.time, key: fact.key, name: fact.name, code: fact.errorCode)
                }
            }
        }
        if row.demands.count > 1 { row.demands.sort { symbols.precedes($0, $1) } }
        if row.trips.count > 1 { row.trips.sort { symbols.precedes($0, $1) } }
        row.anomalyCount += row.milestones.negativeDurations
        if node.isOverLinked { row.anomalyCount += 1 }
        return DirectSummary(row: row, firstError: firstError)
    }
}
