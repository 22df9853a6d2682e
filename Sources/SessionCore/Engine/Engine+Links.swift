/// Links: which sessions an id's events belong to (semantics section 2).
extension Engine {
    /// Settles `targets` of every id whose links changed, and of every id that links to one whose targets changed.
    func relink() throws {
        guard !work.relinked.isEmpty else { return }
        var affected: [[Node]] = Array(repeating: [], count: SessionKind.allCases.count)
        for node in work.relinked { affected[Int(node.kind.rawValue)].append(node) }
        // Links lead from a less specific kind to a more specific one, so this order settles each once.
        for kind in affected.indices {
            var next = 0
            while next < affected[kind].count {
                let node = affected[kind][next]
                next += 1
                guard try retarget(node) else { continue }
                for other in node.linkedBy {
                    let other = try self.node(other)
                    if other.linkMark == batch { continue }
                    other.linkMark = batch
                    affected[Int(other.kind.rawValue)].append(other)
                }
            }
        }
    }

    /// The sessions an id's own events belong to, from its links alone; itself where they are too many.
    ///
    /// It looks at no more links than it takes to know that they are too many: a broken producer names one trip in a
    /// hundred thousand deliveries.
    private func settledTargets(of node: Node) throws -> (targets: [Symbol], isOverLinked: Bool) {
        if node.isOverLinkedForGood(rules) { return ([node.id], true) }
        var targets: [Symbol] = []
        var seen: Set<Symbol> = []
        func add(_ target: Symbol) -> Bool {
            if seen.insert(target).inserted { targets.append(target) }
            return targets.count <= rules.maxTargets
        }
        for link in node.links {
            // A delivery belongs to itself: it need not be brought back to know that.
            if isDelivery(link) {
                if !add(link) { return ([node.id], true) }
                continue
            }
            for target in try self.node(link).targets where !add(target) { return ([node.id], true) }
        }
        return (targets.isEmpty ? [node.id] : targets, false)
    }

    func isDelivery(_ id: Symbol) -> Bool {
        symbols.withBytes(of: id) { SessionKind(sessionID: $0) } == .delivery
    }

    /// - Returns: Whether its targets are others than before.
    private func retarget(_ node: Node) throws -> Bool {
        let (targets, isOverLinked) = try settledTargets(of: node)
        let wasOverLinked = node.isOverLinked
        node.isOverLinked = isOverLinked
        if wasOverLinked != node.isOverLinked {
            changes.overLinkedIDs += node.isOverLinked ? 1 : -1
            if work.overLinkChanged.remove(node.id) == nil { work.overLinkChanged.insert(node.id) }
            try markForFold(node.id)
        }
        let before = node.targets
        let added = targets.filter { !before.contains($0) }
        let removed = before.filter { !targets.contains($0) }
        if added.isEmpty, removed.isEmpty { return false }
        node.targets = targets
        touched.change(.session, node.id)
        for target in removed {
            try markForFold(target)
            if target == node.id { continue }
            let session = try self.node(target)
            session.members.removeAll { $0 == node.id }
            changes.removedMembers.append(Owned(owner: target, value: node.id))
        }
        for target in added {
            try markForFold(target)
            if target == node.id { continue }
            let session = try self.node(target)
            session.members.append(node.id)
            changes.addedMembers.append(Owned(owner: target, value: node.id))
        }
        return true
    }
}
