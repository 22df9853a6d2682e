/// Memory as a cache of the store: bringing back, and evicting what rests.
extension Engine {
    /// How many chunks before the one of an instant can hold a window that is still joining then.
    var lookback: Int64 { (rules.maxWindow + Lane.span - 1) / Lane.span }

    func node(_ id: Symbol) throws -> Node {
        let index = Int(id.index)
        if index < nodes.count, let node = nodes[index] {
            if node.lastUsed != batch {
                node.lastUsed = batch
                touched.use(.session, id)
            }
            return node
        }
        if index >= nodes.count {
            nodes.append(
                contentsOf: repeatElement(nil, count: max(index + 1, symbols.slotCount) - nodes.count))
        }
        guard let kind = symbols.withBytes(of: id, { SessionKind(sessionID: $0) }) else {
            preconditionFailure("a session id begins with its kind: \(symbols.text(id))")
        }
        let stored = try source.node(id)
        let node = Node(id: id, kind: kind)
        for event in stored.events {
            node.facts.insertInOrder(Fact(event, hasError: meanings.hasError(event)), symbols)
        }
        node.setLinks(stored.links, deliveryCount: stored.links.count { isDelivery($0) })
        node.linkedBy = stored.linkedBy
        node.members = stored.members
        if !stored.targets.isEmpty { node.targets = stored.targets }
        node.isOverLinked = !stored.links.isEmpty && node.targets == [id]
        let isNew =
            node.facts.isEmpty && node.links.isEmpty && node.linkedBy.isEmpty && node.members.isEmpty
            && !stored.hasRow
        if isNew {
            node.derived = DerivedSession()
        } else {
            broughtBack += 1
        }
        node.lastUsed = batch
        if index >= nodes.count {
            nodes.append(
                contentsOf: repeatElement(nil, count: max(index + 1, symbols.slotCount) - nodes.count))
        }
        nodes[index] = node
        residentEntities += 1
        touched.use(.session, id)
        return node
    }

    func derived(of node: Node) throws -> DerivedSession {
        if let derived = node.derived { return derived }
        let stored = try source.session(node.id)
        let derived = DerivedSession(row: stored.row, windows: stored.windows, summary: nil)
        node.derived = derived
        return derived
    }

    func chunk(_ kind: WindowKind, _ entity: Symbol, _ bucket: Int64) throws -> LaneChunk {
        let (lane, which) = (Int(kind.rawValue), Int(entity.index))
        if which >= lanes[lane].count {
            lanes[lane].append(
                contentsOf: repeatElement(nil, count: max(which + 1, symbols.slotCount) - lanes[lane].count))
        }
        let holder: Lane
        if let existing = lanes[lane][which] {
            holder = existing
        } else {
            holder = Lane()
            lanes[lane][which] = holder
        }
        if let chunk = holder.chunk(bucket) {
            if chunk.lastUsed != batch {
                chunk.lastUsed = batch
                touched.use(kind, entity, wasInMemory: true)
            }
            return chunk
        }
        let from = bucket * Lane.span
        let stored = try source.lane(kind, entity, from: from, until: from + Lane.span)
        let chunk = LaneChunk(bucket: bucket)
        for event in stored.events { chunk.insert(event, kind: kind, meanings, symbols) }
        for window in stored.windows {
            chunk.windows.append(
                LaneWindow(
                    start: window.value.startedAt, until: window.value.joinsUntil, session: window.owner,
                    isEnded: window.value.endedAt != nil))
        }
        chunk.scopeWindows = stored.scopeWindows
        if !stored.events.isEmpty || !stored.windows.isEmpty { broughtBack += 1 }
        chunk.lastUsed = batch
        touched.use(kind, entity, wasInMemory: false)
        holder.add(chunk)
        residentEntities += 1
        return chunk
    }

    func foldSessions(from first: Int) throws {
        let before = work.toFold
        work.toFold = Array(before[first...])
        try foldSessions()
        work.toFold = before
    }

    /// Forgets entities longest at rest until at most `limit` are in memory. Only after a commit.
    public func evict(limit: Int) {
        identities.evict()
        trimTracks()
        if zonesKnown.count > 4 * limit { zonesKnown = [:] }
        if residentEntities > limit { evictEntities(downTo: limit - limit / 8) }
        if symbols.count > sweepAbove { sweepSymbols() }
    }

    private func evictEntities(downTo limit: Int) {
        var stamps: [Int: Int] = [:]
        for case let node? in nodes { stamps[node.lastUsed, default: 0] += 1 }
        for kind in lanes {
            for case let lane? in kind {
                for chunk in lane.chunks { stamps[chunk.lastUsed, default: 0] += 1 }
            }
        }
        for track in stateTracks.values.joined() { stamps[track.lastUsed, default: 0] += 1 }
        for track in scopeTracks.values { stamps[track.lastUsed, default: 0] += 1 }
        for track in pilotTracks.values { stamps[track.lastUsed, default: 0] += 1 }
        var excess = residentEntities - limit
        var keepAfter = 0
        for (stamp, count) in stamps.sorted(by: { $0.key < $1.key }) where excess > 0 {
            excess -= count
            keepAfter = stamp
        }
        let before = residentEntities
        for index in nodes.indices {
            if let node = nodes[index], node.lastUsed <= keepAfter {
                nodes[index] = nil
                residentEntities -= 1
            }
        }
        for kind in lanes.indices {
            for index in lanes[kind].indices {
                guard let lane = lanes[kind][index] else { continue }
                let count = lane.chunks.count
                lane.chunks.removeAll { $0.lastUsed <= keepAfter }
                residentEntities -= count - lane.chunks.count
                if lane.chunks.isEmpty { lanes[kind][index] = nil }
            }
        }
        for (robot, tracks) in stateTracks {
            let rest = tracks.filter { $0.lastUsed > keepAfter }
            residentEntities -= tracks.count - rest.count
            stateTracks[robot] = rest.isEmpty ? nil : rest
        }
        for (robot, track) in scopeTracks where track.lastUsed <= keepAfter {
            scopeTracks[robot] = nil
            residentEntities -= 1
        }
        for (pilot, track) in pilotTracks where track.lastUsed <= keepAfter {
            pilotTracks[pilot] = nil
            residentEntities -= 1
        }
        evictions += before - residentEntities
    }
}
