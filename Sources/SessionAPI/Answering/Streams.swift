internal import HTTPServer
internal import SessionStore
internal import Synchronization

/// Who listens to changes of sessions. No thread of its own: whichever listener is asked for its next piece looks, once a
/// second, for all of them.
final class Streams: Sendable {
    /// At most so many in all, and for each reader.
    private let bound: (all: Int, reader: Int)

    private struct Listener {
        var session: String
        var reader: String
        var rights: Reader
        var version: String
        var waiting: [UInt8]
        var lastSentAt: Int64
        var isEnding = false
    }

    private struct State {
        var listeners: [Int: Listener] = [:]
        var next = 0
        var lookedAt: Int64?
        var isLooking = false
    }

    private let state = Mutex(State())
    private let clock: @Sendable () -> Int64

    init(all: Int, reader: Int, clock: @escaping @Sendable () -> Int64) {
        bound = (all, reader)
        self.clock = clock
    }

    var count: Int { state.withLock { $0.listeners.count } }

    /// Begins to listen; ends when the answer is let go of.
    func open(_ row: AnswerRow, _ call: Call) throws(Problem) -> @Sendable () -> [UInt8]? {
        let reader =
            "\(call.reader.proof.rawValue):\(call.reader.name):\(call.reader.proof == .off ? call.request.address : "")"
        let now = clock()
        let bound = bound
        let id: Int? = state.withLock { state in
            let own = state.listeners.values.count { $0.reader == reader }
            if state.listeners.count >= bound.all || own >= bound.reader { return nil }
            state.next += 1
            var listener = Listener(
                session: row.text("session_id") ?? "", reader: reader, rights: call.reader,
                version: Sessions.version(row), waiting: Array("retry: 3000\n\n".utf8), lastSentAt: now)
            listener.waiting += Self.message(row)
            listener.isEnding = row.text("outcome") != "in_progress"
            state.listeners[state.next] = listener
            return state.next
        }
        guard let id else {
            throw Problem(
                kind: .tooManyStreams, title: "Too many listeners",
                detail: "There are at most \(bound.all) listeners, and \(bound.reader) of one reader.",
                hint: "Ask for the delivery itself every ten seconds, or close another tab.",
                headers: [("Retry-After", "10")])
        }
        let ticket = Ticket(streams: self, id: id)
        let (api, request, asked) = (call.api, call.request, call.reader)
        return {
            guard let piece = ticket.next(api.store) else { return nil }
            // Who may see it no more hears no more: asked before anything is told, at least every fifteen seconds.
            return piece.isEmpty || (try? api.reader(of: request)) == asked ? piece : nil
        }
    }

    /// Leaves the list of listeners when the stream is let go of.
    private final class Ticket: Sendable {
        let streams: Streams
        let id: Int

        init(streams: Streams, id: Int) {
            self.streams = streams
            self.id = id
        }

        deinit { _ = streams.state.withLock { $0.listeners.removeValue(forKey: id) } }

        func next(_ store: any AskableStore) -> [UInt8]? {
            streams.look(store)
            return streams.take(id)
        }
    }

    /// What waits for a listener: nil at its end, a comment every fifteen seconds.
    private func take(_ id: Int) -> [UInt8]? {
        let now = clock()
        return state.withLock { state in
            guard var listener = state.listeners[id] else { return nil }
            defer { state.listeners[id] = listener }
            if !listener.waiting.isEmpty {
                let piece = listener.waiting
                listener.waiting = []
                listener.lastSentAt = now
                return piece
            }
            if listener.isEnding { return nil }
            if now - listener.lastSentAt > 15_000_000 {
                listener.lastSentAt = now
                return Array(": \n\n".utf8)
            }
            return []
        }
    }

    /// Looks what has changed, if nobody did within the last second.
    private func look(_ store: any AskableStore) {
        let now = clock()
        let sessions: [String] = state.withLock { state in
            if state.isLooking || state.lookedAt.map({ now - $0 < 1_000_000 }) ?? false { return [] }
            state.isLooking = true
            state.lookedAt = now
            return Set(state.listeners.values.map(\.session.byBytes)).map(\.text)
        }
        if sessions.isEmpty { return state.withLock { if now == $0.lookedAt { $0.isLooking = false } } }
        defer { state.withLock { $0.isLooking = false } }
        // A store that does not answer now may do so in a second.
        guard let rows = try? store.ask(within: 1, { try Self.read(sessions, $0) }) else { return }
        state.withLock { state in
            for (id, listener) in state.listeners
            where sessions.contains(where: { $0.byBytes == listener.session.byBytes }) && !listener.isEnding {
                guard let row = rows.found[listener.session.byBytes] else {
                    let homes = rows.moved[listener.session.byBytes] ?? []
                    let home = homes.first { listener.rights.sees(merchant: $0.merchant) }?.id
                    // Where it went to is another merchant's: no more than the end.
                    if home != nil || listener.rights.merchants == nil {
                        state.listeners[id]?.waiting += Self.text("moved", nil) {
                            $0.text("session_id", home ?? "")
                        }
                    } else {
                        state.listeners[id]?.waiting = []
                    }
                    state.listeners[id]?.isEnding = true
                    continue
                }
                // A late fact gave it to another merchant: for this reader it exists no more.
                guard listener.rights.sees(merchant: row.text("merchant_id")) else {
                    state.listeners[id]?.waiting = []
                    state.listeners[id]?.isEnding = true
                    continue
                }
                if Sessions.version(row) == listener.version { continue }
                state.listeners[id]?.version = Sessions.version(row)
                state.listeners[id]?.waiting += Self.message(row)
                if row.text("outcome") != "in_progress" { state.listeners[id]?.isEnding = true }
            }
        }
    }

    private static func read(_ sessions: [String], _ store: any StoreConversation) throws -> (
        found: [ByBytes: AnswerRow], moved: [ByBytes: [(id: String, merchant: String?)]]
    ) {
        var found: [ByBytes: AnswerRow] = [:]
        var moved: [ByBytes: [(id: String, merchant: String?)]] = [:]
        for session in sessions {
            found[session.byBytes] = try store.rows(
                "SELECT session_id, merchant_id, outcome, updated_at, event_count FROM sessions "
                    + "WHERE session_id = ?1",
                [.text(session)]
            ).first
            if found[session.byBytes] == nil {
                moved[session.byBytes] = try store.rows(
                    """
                    SELECT DISTINCT m.session_id, s.merchant_id FROM session_members m
                    JOIN sessions s ON s.session_id = m.session_id
                    WHERE m.named_id = ?1 ORDER BY m.session_id
                    """, [.text(session)]
                ).map { ($0.text("session_id") ?? "", $0.text("merchant_id")) }
            }
        }
        return (found, moved)
    }

    private static func message(_ row: AnswerRow) -> [UInt8] {
        let outcome = row.text("outcome") ?? ""
        let version = Sessions.version(row)
        let body: (inout JSONWriter) -> Void = { out in
            out.text("session_id", row.text("session_id"))
            out.text("version", version)
            out.text("outcome", outcome)
            out.integer("event_count", row.integer("event_count"))
        }
        var bytes = text("version", version, body)
        if outcome != "in_progress" { bytes += text("closed", version, body) }
        return bytes
    }

    private static func text(_ event: String, _ id: String?, _ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var out = JSONWriter()
        out.object(nil, body)
        let line = id.map { "id: \($0)\n" } ?? ""
        return Array("event: \(event)\n\(line)data: ".utf8) + out.bytes + Array("\n\n".utf8)
    }

    static func answer(_ call: Call) throws -> Answer {
        let (row, _) = try Sessions.find(call.objects[0], call)
        // A browser that heard of the end asks again after each stream's end, until it is told that nothing comes.
        if row.text("outcome") != "in_progress", call.request.header("Last-Event-ID") == Sessions.version(row)
        {
            return .ready(
                HTTPResponse(status: 204, headers: [("Cache-Control", "no-store")], body: .bytes([])))
        }
        return .events(try call.api.streams.open(row, call))
    }
}
