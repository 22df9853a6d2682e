/// What a name means to the rules, looked up by symbol.
struct EventMeaning {
    var window = WindowRole.neutral
    var milestone: Milestone?
    var state = StateMeaning.none
    var shift = ShiftRole.none
    var counter = EventCounter.none
    var isError = false
    var tellsFailure = false

    enum StateMeaning: Equatable {
        case none
        case fromFields
        case word(Symbol)
    }
}

/// The catalogue, ready to be asked by symbol: the names are the first symbols of the table.
public struct EventMeanings {
    private var byName: [EventMeaning]

    /// The symbol of the state that silence gives.
    let unknownState: Symbol

    /// The names of events that may be facts of a robot's scope: pilot *opens* and *releases*.
    let scopeNames: [Symbol]

    /// Pins the catalogue's names; so it must come before anything else is interned.
    public init(catalogue: Catalogue, symbols: SymbolTable) {
        let names = catalogue.entries.map { symbols.pin($0.name) }
        unknownState = symbols.pin("unknown")
        scopeNames = zip(catalogue.entries, names).filter { Self.opensOrReleasesPilot($0.0.window) }.map(\.1)
        byName = [EventMeaning](repeating: EventMeaning(), count: catalogue.entries.count + 2)
        for (entry, name) in zip(catalogue.entries, names) {
            let state: EventMeaning.StateMeaning
            switch entry.state {
            case .none: state = .none
            case .fromFields: state = .fromFields
            case .word(let word): state = .word(symbols.pin(word))
            }
            while byName.count <= Int(name.index) { byName.append(EventMeaning()) }
            byName[Int(name.index)] = EventMeaning(
                window: entry.window, milestone: entry.milestone, state: state, shift: entry.shift,
                counter: entry.counter, isError: entry.isError, tellsFailure: entry.tellsFailure)
        }
    }

    /// What the name means; an unknown name is neutral.
    subscript(_ name: Symbol) -> EventMeaning {
        let index = Int(name.index)
        return index < byName.count ? byName[index] : EventMeaning()
    }

    /// Whether the event has an error (semantics section 1).
    func hasError(_ event: Event) -> Bool {
        event.errorCode.isPresent || event.errorMessage.isPresent || self[event.name].isError
    }

    /// The robot state that the event tells; absent if none.
    func state(of event: Event) -> Symbol {
        guard event.robot.isPresent else { return .absent }
        switch self[event.name].state {
        case .none: return .absent
        case .fromFields: return event.toState.isPresent ? event.toState : event.state
        case .word(let word): return word
        }
    }

    /// Whether the event is a fact of its robot's scope: a pilot *open* or *release* that names the robot
    /// and no session.
    func isScopeFact(_ event: Event) -> Bool {
        guard !event.subject.isPresent, event.robot.isPresent else { return false }
        return Self.opensOrReleasesPilot(self[event.name].window)
    }

    /// Whether the event ends its pilot's window wherever one is: a pilot *release* with neither session nor
    /// robot.
    func isCloser(_ event: Event) -> Bool {
        guard !event.subject.isPresent, !event.robot.isPresent, event.pilot.isPresent else { return false }
        switch self[event.name].window {
        case .releasesPilot: return true
        case .neutral, .opensRobot, .releasesRobot, .opensPilot, .closes: return false
        }
    }

    /// Whether the event belongs to its robot's track: it tells its state, or a pilot in its scope.
    public func isRobotTrackFact(_ event: Event) -> Bool {
        state(of: event).isPresent || isScopeFact(event)
    }

    /// Whether the event belongs to its pilot's track: it starts or ends a shift.
    public func isPilotTrackFact(_ event: Event) -> Bool {
        event.pilot.isPresent && self[event.name].shift != .none
    }

    /// What an event is needed for when its robot, later, is brought back from the store.
    /// - Parameter watchingSilence: Whether ``Rules/maxSilence`` is set: then every sign of life counts.
    public func robotUse(of event: Event, watchingSilence: Bool) -> LaneUse {
        guard event.robot.isPresent else { return [] }
        var use: LaneUse = watchingSilence ? .signOfLife : []
        if !event.subject.isPresent { use.insert(.joins) }
        if isRobotTrackFact(event) { use.insert(.track) }
        if hasError(event) { use.insert(.error) }
        return use
    }

    /// What an event is needed for when its pilot, later, is brought back from the store.
    public func pilotUse(of event: Event) -> LaneUse {
        guard event.pilot.isPresent else { return [] }
        var use: LaneUse = []
        if !event.subject.isPresent { use.insert(.joins) }
        if isPilotTrackFact(event) { use.insert(.track) }
        return use
    }

    private static func opensOrReleasesPilot(_ role: WindowRole) -> Bool {
        switch role {
        case .opensPilot, .releasesPilot: return true
        case .neutral, .opensRobot, .releasesRobot, .closes: return false
        }
    }
}

/// Why a store indexes an event under its robot or its pilot. An event of no use there is not indexed there:
/// it is found through its session. The numbers are stored.
public struct LaneUse: OptionSet, Sendable {
    /// The bits, as stored.
    public let rawValue: Int64

    /// From the bits.
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// It names no session: it joins through windows.
    public static let joins = LaneUse(rawValue: 1)
    /// It tells a state, a shift or a pilot in the robot's scope.
    public static let track = LaneUse(rawValue: 2)
    /// It has an error: what one looks for first in a robot's story.
    public static let error = LaneUse(rawValue: 4)
    /// It breaks a silence, where that is watched.
    public static let signOfLife = LaneUse(rawValue: 8)
}
