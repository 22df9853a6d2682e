/// Gives back the symbols that nothing in memory uses any more.
extension Engine {
    func sweepSymbols() {
        var used = [Bool](repeating: false, count: symbols.slotCount)
        func mark(_ symbol: Symbol) { used[Int(symbol.index)] = true }
        func mark(_ key: EventKey) { used[Int(key.symbol.index)] = true }
        func mark(_ window: WindowRow) {
            mark(window.entity)
            mark(window.openedBy)
        }
        func mark(_ window: ScopeWindow) {
            mark(window.robot)
            mark(window.pilot)
            mark(window.openedBy)
        }
        func mark(_ row: SessionRow) {
            for symbol in [
                row.id, row.merchant, row.source, row.zone, row.failureCode, row.failureMessage,
                row.firstErrorCode, row.robot, row.pilot,
            ] { mark(symbol) }
            for list in [row.demands, row.trips, row.robots, row.pilots] {
                for symbol in list { mark(symbol) }
            }
        }
        func mark(_ error: ErrorFact) {
            mark(error.key)
            mark(error.name)
            mark(error.code)
        }
        for case let node? in nodes {
            mark(node.id)
            for list in [node.links, node.linkedBy, node.targets, node.members] {
                for symbol in list { mark(symbol) }
            }
            for fact in node.facts {
                mark(fact.key)
                for symbol in [
                    fact.name, fact.robot, fact.pilot, fact.merchant, fact.zone, fact.source, fact.demand,
                    fact.trip, fact.errorCode, fact.errorMessage,
                ] { mark(symbol) }
            }
            if let derived = node.derived {
                if let row = derived.row { mark(row) }
                for window in derived.windows { mark(window) }
                if let summary = derived.summary {
                    mark(summary.row)
                    if let error = summary.firstError { mark(error) }
                }
            }
        }
        for kind in lanes {
            for (index, lane) in kind.enumerated() {
                guard let lane else { continue }
                used[index] = true
                for chunk in lane.chunks {
                    for error in chunk.errors { mark(error) }
                    for dual in chunk.dual {
                        mark(dual.key)
                        for symbol in [dual.name, dual.other, dual.code] { mark(symbol) }
                    }
                    for closer in chunk.closers {
                        mark(closer.key)
                        mark(closer.name)
                    }
                    for window in chunk.windows { mark(window.session) }
                    for window in chunk.scopeWindows { mark(window) }
                }
            }
        }
        for (robot, tracks) in stateTracks {
            mark(robot)
            for track in tracks {
                for fact in track.facts {
                    mark(fact.key)
                    for symbol in [fact.name, fact.state, fact.reason, fact.fromState] { mark(symbol) }
                }
                for row in track.rows + [track.before, track.next].compactMap({ $0 }) {
                    mark(row.state)
                    mark(row.reason)
                }
            }
        }
        for (robot, track) in scopeTracks {
            mark(robot)
            for fact in track.facts {
                mark(fact.key)
                mark(fact.name)
                mark(fact.pilot)
            }
            for window in track.rows + [track.before].compactMap({ $0 }) { mark(window) }
        }
        for (pilot, track) in pilotTracks {
            mark(pilot)
            for fact in track.facts {
                mark(fact.key)
                mark(fact.name)
            }
        }
        for (robot, known) in zonesKnown {
            mark(robot)
            for span in known.spans { mark(span.zone) }
        }
        symbols.sweep(keeping: used)
        for index in namesStored.indices where !used[index] { namesStored[index] = 0 }
        sweepAbove = max(1 << 17, symbols.count * 2)
    }
}
