/// Links: which sessions an id's events belong to (semantics section 2).
extension Engine {
    /// Settles `targets` of every id whose links changed, and of every id that links to one of those.
    func relink() throws {
        guard !work.relinked.isEmpty else { return }
        var affected: [[Node]] = Array(repeating: [], count: SessionKind.allCases.count)
        var queue = work.relinked
        while let node = queue.popLast() {
            affected[Int(node.kind.rawValue)].append(node)
            for other in node.linkedBy {
                let other = try self.node(other)
                if other.linkMark != batch {
                    other.linkMark = batch
                    queue.append(other)
                }
            }
        }
        // Links lead from a less specific kind to a more specific one, so this order settles each once.
        for nodes in affected {
            for node in nodes { try retarget(node) }
        }
    }

    private func retarget(_ node: Node) throws {
        var targets: [Symbol] = []
        var seen: Set<Symbol> = []
        for link in node.links {
            for target in try self.node(link).targets where seen.insert(target).inserted {
                targets.append(target)
            }
        }
        let wasOverLinked = node.isOverLinked
        node.isOverLinked = targets.count > rules.maxTargets
        if targets.isEmpty || node.isOverLinked { targets = [node.id] }
        if wasOverLinked != node.isOverLinked { try markForFold(node.id) }
        let before = node.targets
        let added = targets.filter { !before.contains($0) }
        let removed = before.filter { !targets.contains($0) }
        if added.isEmpty, removed.isEmpty { return }
        node.targets = targets
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
    }
}
