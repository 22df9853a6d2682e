internal import CLibPQ
internal import Glibc
internal import SessionStore

/// One connection, used by one thread at a time. Its socket never blocks: every wait has an end, also when the
/// server is frozen and the network silent.
final class Connection {
    private(set) var target: Target
    private var handle: OpaquePointer?
    /// How many prepared statements were run: each is a way to the server and back.
    private(set) var statementCount = 0
    private var prepared: [String: String] = [:]
    /// Whether a statement was sent whose results nobody has waited for.
    private var isAnswerDue = false
    /// How long an answer may take before the connection counts as lost, in seconds. At least as long as the server may
    /// take for a statement, or a slow one would cost the connection.
    var answerWithin: Double
    /// How often it was made.
    private(set) var openings = 0

    init(_ target: Target) throws {
        self.target = target
        answerWithin = target.answerWithin
        try open()
    }

    deinit { close() }

    var isOpen: Bool { handle != nil }

    func close() {
        PQfinish(handle)
        handle = nil
        prepared = [:]
        isAnswerDue = false
    }

    /// Connects; prepared statements begin anew.
    func open() throws {
        close()
        target = target.renewed
        let made = withCStrings(target.keywords) { keywords in
            withCStrings(target.values) { values in PQconnectdbParams(keywords, values, 0) }
        }
        guard let made else { throw StoreError(.failed, "\(target.name): out of memory") }
        guard PQstatus(made) == CONNECTION_OK else {
            let text = String(cString: PQerrorMessage(made))
            PQfinish(made)
            throw Failure.connecting(text, to: target.name)
        }
        // Notices would go to standard error: warnings of a rollback outside a transaction, mostly.
        PQsetNoticeProcessor(made, { _, _ in }, nil)
        PQsetnonblocking(made, 1)
        handle = made
        openings += 1
    }

    /// What the server says of itself when a connection begins, e.g. `server_encoding`.
    func setting(_ name: String) -> String? {
        PQparameterStatus(handle, name).map { String(cString: $0) }
    }

    /// Where the server's default is `off`, it would answer before a commit is on disk, and forget it in a crash. Stricter
    /// settings than `on` stay.
    func keepWhatIsCommitted() throws {
        _ = try query(
            """
            SELECT set_config('synchronous_commit', 'on', false)
            WHERE current_setting('synchronous_commit') = 'off'
            """)
    }

    var serverVersion: Int32 { PQserverVersion(handle) }

    /// Closes it where the server has ended it while nothing was asked, as at a restart: so that no question finds out.
    func heedItsEnd() {
        guard let handle, !isAnswerDue else { return }
        while true {
            var poll = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
            // Also a notice is something to read.
            guard Glibc.poll(&poll, 1, 0) > 0 else { return }
            if PQconsumeInput(handle) == 0 { return close() }
        }
    }

    // MARK: Statements

    /// Statements without parameters, several at once.
    func run(_ sql: String, within seconds: Double? = nil) throws {
        try settle()
        let handle = try open(or: "run")
        try sent(PQsendQuery(handle, sql))
        _ = try results(within: seconds)
    }

    /// A statement that is prepared once in a connection and kept.
    @discardableResult
    func execute(_ sql: String, _ parameters: Parameters = Parameters()) throws -> Rows {
        try send(sql, parameters)
        return try onlyRows()
    }

    /// Like ``execute(_:_:)``, but the server works on it while the next statement is made: what goes wrong is thrown by
    /// whatever is asked next.
    func submit(_ sql: String, _ parameters: Parameters) throws {
        try send(sql, parameters)
        isAnswerDue = true
        try wait(until: { true })
    }

    /// Waits for what was submitted.
    func settle() throws {
        guard isAnswerDue else { return }
        isAnswerDue = false
        _ = try results()
    }

    private func send(_ sql: String, _ parameters: Parameters) throws {
        try settle()
        statementCount += 1
        let name: String
        if let kept = prepared[sql] {
            name = kept
        } else {
            name = "s\(prepared.count + 1)"
            let handle = try open(or: "prepare")
            try sent(PQsendPrepare(handle, name, sql, Int32(parameters.count), parameters.types))
            _ = try results()
            prepared[sql] = name
        }
        let handle = try open(or: "execute")
        try sent(
            parameters.withPointers { values, lengths, formats in
                PQsendQueryPrepared(handle, name, Int32(values.count), values, lengths, formats, 1)
            })
    }

    /// A statement that is run once.
    func query(_ sql: String, _ parameters: Parameters = Parameters()) throws -> Rows {
        try settle()
        let handle = try open(or: "query")
        try sent(
            parameters.withPointers { values, lengths, formats in
                PQsendQueryParams(
                    handle, sql, Int32(values.count), parameters.types, values, lengths, formats, 1)
            })
        return try onlyRows()
    }

    // MARK: COPY

    /// Begins `COPY … FROM STDIN`.
    func beginCopy(_ sql: String) throws {
        try settle()
        let handle = try open(or: "copy")
        try sent(PQsendQuery(handle, sql))
        try wait(until: { PQisBusy(handle) == 0 })
        guard let result = PQgetResult(handle) else { throw lost("no answer to COPY") }
        if PQresultStatus(result) == PGRES_COPY_IN {
            PQclear(result)
            return
        }
        let failure = failure(of: result)
        PQclear(result)
        drain()
        throw failure
    }

    /// Sends a part of the rows. Not all at once: libpq keeps what the server has not taken yet.
    func copy(_ bytes: UnsafeRawBufferPointer) throws {
        let handle = try open(or: "copy")
        guard let start = bytes.baseAddress, bytes.count > 0 else { return }
        while true {
            switch PQputCopyData(handle, start.assumingMemoryBound(to: CChar.self), Int32(bytes.count)) {
            case 1:
                try wait(until: { true })
                return
            case 0: try wait(until: { true })
            default: throw lost(String(cString: PQerrorMessage(handle)))
            }
        }
    }

    /// Ends the rows. The server may still be busy with the last of them: what goes wrong is thrown by whatever is asked
    /// next.
    func endCopy() throws {
        let handle = try open(or: "copy")
        while true {
            let code = PQputCopyEnd(handle, nil)
            if code == 1 { break }
            if code < 0 { throw lost(String(cString: PQerrorMessage(handle))) }
            try wait(until: { true })
        }
        isAnswerDue = true
        try wait(until: { true })
    }

    // MARK: Waiting

    private func open(or what: String) throws -> OpaquePointer {
        guard let handle else {
            throw StoreError(
                .unavailable, "\(target.name): the connection was lost before",
                hint: Failure.hint(.unavailable))
        }
        return handle
    }

    private func sent(_ code: Int32) throws {
        if code != 1 { throw lost(handle.map { String(cString: PQerrorMessage($0)) } ?? "not connected") }
    }

    /// Sends what waits to be sent and reads what comes, until a condition holds that reading can make true.
    private func wait(until isDone: () -> Bool, within seconds: Double? = nil) throws {
        let handle = try open(or: "wait")
        let deadline = Self.clock() + (seconds ?? answerWithin)
        while true {
            let left = PQflush(handle)
            if left < 0 { throw lost(String(cString: PQerrorMessage(handle))) }
            if left == 0, isDone() { return }
            let now = Self.clock()
            if now >= deadline {
                throw lost("no answer for \(Int(seconds ?? answerWithin)) s")
            }
            var poll = pollfd(
                fd: PQsocket(handle), events: Int16(POLLIN) | (left > 0 ? Int16(POLLOUT) : 0), revents: 0)
            let code = Glibc.poll(&poll, 1, Int32(min((deadline - now) * 1000 + 1, 60_000)))
            if code < 0, errno != EINTR { throw lost("poll: \(String(cString: strerror(errno)))") }
            if code > 0, poll.revents & ~Int16(POLLOUT) != 0, PQconsumeInput(handle) == 0 {
                throw lost(String(cString: PQerrorMessage(handle)))
            }
        }
    }

    private static func clock() -> Double {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }

    /// All results of what was sent, or the first failure among them.
    private func results(within seconds: Double? = nil) throws -> [Rows] {
        var found: [Rows] = []
        var failed: StoreError?
        while true {
            let handle = try open(or: "read")
            try wait(until: { PQisBusy(handle) == 0 }, within: seconds)
            guard let result = PQgetResult(handle) else { break }
            let status = PQresultStatus(result)
            if status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK {
                found.append(Rows(result))
            } else {
                if failed == nil { failed = failure(of: result) }
                PQclear(result)
                guard isOpen, PQstatus(handle) == CONNECTION_OK else { break }
            }
        }
        if let failed {
            if failed.kind == .unavailable { close() }
            throw failed
        }
        return found
    }

    private func onlyRows() throws -> Rows {
        let all = try results()
        guard let rows = all.last else { throw lost("no result") }
        return rows
    }

    /// Whoever calls has an error to tell already; where the server falls silent, the connection is given up.
    private func drain() {
        while let handle, PQstatus(handle) == CONNECTION_OK {
            do { try wait(until: { PQisBusy(handle) == 0 }) } catch { return close() }
            guard let rest = PQgetResult(handle) else { return }
            PQclear(rest)
        }
    }

    private func failure(of result: OpaquePointer) -> StoreError {
        func field(_ code: Character) -> String? {
            PQresultErrorField(result, Int32(code.asciiValue ?? 0)).map { String(cString: $0) }
        }
        guard let state = field("C") else {
            return lost(String(cString: PQresultErrorMessage(result)))
        }
        let kind = Failure.kind(state)
        var text = field("M") ?? "it failed"
        if let detail = field("D") { text += "; \(detail)" }
        if let context = field("W") { text += "; \(context.prefix(300))" }
        return StoreError(kind, "\(target.name): \(text) (SQLSTATE \(state))", hint: Failure.hint(kind))
    }

    private func lost(_ text: String) -> StoreError {
        let error = StoreError(
            .unavailable, "\(target.name): the connection was lost: \(Target.trimmed(text))",
            hint: Failure.hint(.unavailable))
        close()
        return error
    }
}

/// Strings as libpq wants them: a list that a null ends.
private func withCStrings<Result>(
    _ strings: [String], _ body: ([UnsafePointer<CChar>?]) throws -> Result
) rethrows -> Result {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return try body(copies.map { $0.map { UnsafePointer($0) } } + [nil])
}
