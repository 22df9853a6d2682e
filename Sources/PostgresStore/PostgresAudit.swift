internal import Dispatch
internal import SessionCore
public import SessionStore
internal import Synchronization

/// The audit as a table of the store: replicas share it. It has a connection of its own, so it waits neither for who
/// writes nor for who reads. Rows that come at once are written by one statement: the wait for the disk is shared.
public final class PostgresAudit: AuditKeeping {
    /// A row on its way, and what came of it.
    private final class Ticket: Sendable {
        let entry: AuditEntry
        let outcome = Mutex<Result<Void, any Error>?>(nil)

        init(_ entry: AuditEntry) { self.entry = entry }
    }

    // Used by whoever has the turn only.
    private final class Guarded: @unchecked Sendable {
        let connection: Connection
        let columns = RowArrays([
            TypeNumber.instant, TypeNumber.text, TypeNumber.text, TypeNumber.text, TypeNumber.text,
            TypeNumber.text, TypeNumber.int4, TypeNumber.int8, TypeNumber.text, TypeNumber.text,
        ])

        init(_ connection: Connection) { self.connection = connection }
    }

    private let guarded: Guarded
    /// Whose turn with the connection it is. A server that is frozen gives no answer for seconds: nobody waits for his turn
    /// longer than for an answer.
    private let turn = DispatchSemaphore(value: 0)
    private let waiting = Mutex<[Ticket]>([])

    /// Seconds until a row that is not written counts as refused: a reader waits for it.
    private static let patience = 5
    /// The same for a row of a request that the store has failed.
    private static let moment = 1.0

    /// Connects to a store that has the table.
    /// - Throws: ``StoreError`` where it has none (`sessionizer migrate`), or the role may not add to it.
    public init(_ settings: PostgresStore.Settings) throws {
        var settings = settings
        settings.applicationName += " audit"
        settings.limits.statementSeconds = min(settings.limits.statementSeconds, Self.patience)
        settings.limits.lockSeconds = min(settings.limits.lockSeconds, Self.patience)
        var target = try Target(settings, readOnly: false, connectSeconds: Self.patience)
        target.answerWithin = Double(2 * Self.patience)
        let connection = try Connection(target)
        do {
            try Self.check(connection)
            // The answers that the rows are about are given then.
            try connection.keepWhatIsCommitted()
        } catch {
            connection.close()
            throw error
        }
        guarded = Guarded(connection)
        turn.signal()
    }

    private static func check(_ connection: Connection) throws {
        let found = try connection.query(
            """
            SELECT oid IS NOT NULL, coalesce(has_table_privilege(oid, 'INSERT'), false), current_user::text
            FROM (VALUES (1)) AS one(n) LEFT JOIN pg_class ON relname = 'audit'
              AND relnamespace = to_regnamespace('sessionizer')
            """)
        guard found.flag(0, 0) else {
            throw StoreError(
                .needsMigration, "\(connection.target.name): it has no table for the audit",
                hint: Failure.hint(.needsMigration))
        }
        guard found.flag(0, 1) else {
            throw StoreError(
                .denied, "\(connection.target.name): \(found.text(0, 2)) may not add to the audit",
                hint: Failure.hint(.denied))
        }
    }

    private static func ready(_ connection: Connection) throws {
        connection.heedItsEnd()
        if connection.isOpen { return }
        try connection.open()
        try connection.keepWhatIsCommitted()
    }

    /// Lets go of the connection.
    public func close() { try? inTurn(within: Double(Self.patience)) { $0.connection.close() } }

    /// See ``AuditKeeping``. Waits for five seconds until it is its turn, and then for fifteen for a server that is frozen.
    public func append(_ entry: AuditEntry) throws { try append(entry, atOnce: false) }

    /// See ``AuditKeeping``. Over a connection that is there, and in a second or two.
    public func appendAtOnce(_ entry: AuditEntry) throws { try append(entry, atOnce: true) }

    private func append(_ entry: AuditEntry, atOnce: Bool) throws {
        let ticket = Ticket(entry)
        waiting.withLock { $0.append(ticket) }
        do {
            // Whoever comes first writes for all who wait by then; they find it done.
            try inTurn(within: atOnce ? Self.moment : Double(Self.patience)) { guarded in
                if ticket.outcome.withLock({ $0 != nil }) { return }
                let connection = guarded.connection
                if atOnce, !connection.isOpen { throw notAnswering("there is no connection to it") }
                connection.answerWithin = atOnce ? Self.moment : connection.target.answerWithin
                defer { connection.answerWithin = connection.target.answerWithin }
                let tickets = waiting.withLock { waiting in
                    defer { waiting = [] }
                    return waiting
                }
                let outcome = Result {
                    try Self.ready(connection)
                    try Self.write(tickets, guarded)
                }
                for ticket in tickets { ticket.outcome.withLock { $0 = outcome } }
            }
        } catch {
            // Nobody is to write it later; where somebody is at it, that it cannot be told is all the same.
            waiting.withLock { $0.removeAll { $0 === ticket } }
            if ticket.outcome.withLock({ $0 == nil }) { throw error }
        }
        try ticket.outcome.withLock { $0 }?.get()
    }

    private func inTurn<Answer>(within seconds: Double, _ body: (Guarded) throws -> Answer) throws -> Answer {
        guard turn.wait(timeout: .now() + seconds) == .success else {
            throw notAnswering("another question to it has had no answer for \(Int(seconds)) s")
        }
        defer { turn.signal() }
        return try body(guarded)
    }

    private func notAnswering(_ why: String) -> StoreError {
        StoreError(
            .unavailable, "\(guarded.connection.target.name): \(why)", hint: Failure.hint(.unavailable))
    }

    private static func write(_ tickets: [Ticket], _ guarded: Guarded) throws {
        let connection = guarded.connection
        let rows = guarded.columns
        rows.removeAll()
        for ticket in tickets {
            let entry = ticket.entry
            rows.add(instant: entry.at)
            rows.add(entry.who)
            rows.add(entry.role)
            rows.add(entry.route)
            rows.add(entry.object)
            rows.add(entry.filters)
            rows.add(Int32(clamping: entry.status))
            rows.add(entry.rows.map(Int64.init))
            rows.add(entry.requestID)
            rows.add(entry.address)
        }
        try connection.execute(
            """
            INSERT INTO audit (at, who, role, route, object, filters, status, rows, request_id, address)
            SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            """, Parameters(rows))
    }

    /// See ``AuditKeeping``.
    public func rows(who: String?, before: Int64, limit: Int) throws -> [(id: Int64, entry: AuditEntry)] {
        do {
            return try inTurn(within: Double(Self.patience)) { guarded in
                try Self.ready(guarded.connection)
                return try Self.read(guarded.connection, who: who, before: before, limit: limit)
            }
        } catch let error as StoreError {
            throw QuestionFailure.unavailable("the audit cannot be read: \(error)")
        }
    }

    private static func read(_ connection: Connection, who: String?, before: Int64, limit: Int) throws
        -> [(id: Int64, entry: AuditEntry)]
    {
        var parameters = Parameters()
        parameters.add(before)
        parameters.add(Int64(limit))
        if let who { parameters.add(who) }
        let found = try connection.execute(
            """
            SELECT audit_id, at, who, role, route, object, filters, status, rows, request_id, address FROM audit
            WHERE audit_id < $1 \(who == nil ? "" : "AND who = $3") ORDER BY audit_id DESC LIMIT $2
            """, parameters)
        return (0..<found.count).map { row in
            let entry = AuditEntry(
                at: found.instant(row, 1), who: found.text(row, 2), role: found.text(row, 3),
                route: found.text(row, 4), object: found.isNull(row, 5) ? nil : found.text(row, 5),
                filters: found.text(row, 6), status: Int(found.integer(row, 7)),
                rows: found.optional(row, 8).map { Int($0) }, requestID: found.text(row, 9),
                address: found.text(row, 10))
            return (found.integer(row, 0), entry)
        }
    }
}
