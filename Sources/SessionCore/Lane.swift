/// The part of a session window that finding "who held this instant" needs.
struct LaneWindow {
    var start: Instant
    var until: Instant
    var session: Symbol
    var isEnded: Bool
}

/// Six hours of a robot, pilot or merchant: the session-less events that name it, and the windows that
/// start in it. What a session joins is counted here by binary search, never by walking events.
final class LaneChunk {
    let bucket: Int64
    var lastUsed = 0

    /// Event times; for a pilot, of events without a robot only (the others are in `dual`).
    var times: [Instant] = []
    var errors: [ErrorFact] = []
    /// Events that name a robot and a pilot. A robot's are among its `times` and `errors` too.
    var dual: [DualFact] = []
    /// A pilot's releases that name neither session nor robot.
    var closers: [CloserFact] = []
    /// Session windows that start here.
    var windows: [LaneWindow] = []
    /// Robot-scope pilot windows that start here.
    var scopeWindows: [ScopeWindow] = []

    init(bucket: Int64) { self.bucket = bucket }

    func insert(_ event: Event, kind: WindowKind, _ meanings: EventMeanings, _ symbols: SymbolTable) {
        let hasError = meanings.hasError(event)
        if event.robot.isPresent, event.pilot.isPresent {
            let other = kind == .robot ? event.pilot : event.robot
            dual.insertInOrder(
                DualFact(
                    time: event.time, key: event.key, name: event.name, other: other, hasError: hasError,
                    code: event.errorCode), symbols)
            if kind == .pilot { return }
        }
        times.insertInOrder(event.time)
        if hasError {
            errors.insertInOrder(
                ErrorFact(time: event.time, key: event.key, name: event.name, code: event.errorCode), symbols)
        }
        if kind == .pilot, meanings.isCloser(event),
            case .releasesPilot(let reason) = meanings[event.name].window
        {
            closers.insertInOrder(
                CloserFact(time: event.time, key: event.key, name: event.name, reason: reason), symbols)
        }
    }

    func removeWindow(session: Symbol, start: Instant) {
        if let index = windows.firstIndex(where: { $0.session == session && $0.start == start }) {
            windows.remove(at: index)
        }
    }
}

/// A robot, pilot or merchant in memory: those of its chunks that are there, in order of time.
final class Lane {
    /// The length of a chunk.
    static let span: Microseconds = 6 * 3_600_000_000

    static func bucket(of time: Instant) -> Int64 {
        time >= 0 ? time / span : -((-time + span - 1) / span)
    }

    var chunks: [LaneChunk] = []

    func chunk(_ bucket: Int64) -> LaneChunk? {
        for chunk in chunks.reversed() {
            if chunk.bucket == bucket { return chunk }
            if chunk.bucket < bucket { return nil }
        }
        return nil
    }

    func add(_ chunk: LaneChunk) {
        let index = chunks.firstIndex { $0.bucket > chunk.bucket } ?? chunks.count
        chunks.insert(chunk, at: index)
    }
}
