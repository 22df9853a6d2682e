/// Who is known at all: `known_robots`, `known_pilots`, `known_merchants` hold whatever an event names, so that nobody has to
/// look for names among the events.
extension Engine {
    func takeNames(_ event: Event) {
        if isNews(event.robot, as: 1) { changes.knownRobots.append(event.robot) }
        if isNews(event.pilot, as: 2) { changes.knownPilots.append(event.pilot) }
        if isNews(event.merchant, as: 4) { changes.knownMerchants.append(event.merchant) }
    }

    /// Whether it was not handed to the store as this since the engine began, or forgot everything. The store takes a name twice, so that
    /// nothing has to be brought back for it.
    private func isNews(_ id: Symbol, as bit: UInt8) -> Bool {
        guard id.isPresent else { return false }
        let index = Int(id.index)
        if index >= namesStored.count {
            namesStored.append(contentsOf: repeatElement(0, count: symbols.slotCount - namesStored.count))
        }
        if namesStored[index] & bit != 0 { return false }
        namesStored[index] |= bit
        return true
    }
}
