public import SessionCore
public import SessionStore

extension SQLiteStore: SessionStoring {
    /// Writes a batch in one transaction; see ``SessionStoring``.
    public func commit(
        _ changes: Changes, bytes: UnsafeRawPointer, rejected: [RejectedMessage], batch: BatchRecord
    ) throws {
        precondition(isInBatch, "a batch is begun before it is committed")
        isInBatch = false
        do {
            try writeEvents(changes.accepted, bytes, receivedAt: batch.startedAt)
            try writeKnown(changes)
            try writeLinks(changes)
            try writeSessions(changes, updatedAt: batch.startedAt)
            try writeWindows(changes)
            try writeTracks(changes)
            try writeHours(changes, batch)
            try writeRecords(changes, rejected, batch)
            try expectFileInPlace()
            try connection.run("COMMIT")
        } catch {
            try? connection.run("ROLLBACK")
            throw error
        }
    }

    /// Begins a batch; see ``SessionStoring``. The write lock is taken at once: a second writer waits here, not
    /// after it has read what then changes under it, so that each batch is alone.
    public func begin(alone: Bool) throws -> StoreMemory {
        try connection.run("BEGIN IMMEDIATE")
        isInBatch = true
        // Changes whenever another connection has committed (sqlite.org/pragma.html#pragma_data_version).
        let query = try connection.statement("PRAGMA data_version")
        defer { query.reset() }
        let version = try query.step() ? query.integer(0) : 0
        defer { dataVersion = version }
        return version == dataVersion ? .current : .old
    }

    /// Ends a batch that came to nothing; see ``SessionStoring``.
    public func rollback() {
        guard isInBatch else { return }
        isInBatch = false
        try? connection.run("ROLLBACK")
    }

    /// Where reading goes on; see ``SessionStoring``.
    public func committedPlace(transport: String, origin: String) throws -> (
        offset: Int64, fingerprint: String?
    )? {
        let query = try connection.statement(
            "SELECT last_offset, last_fingerprint FROM source_offsets WHERE transport = ? AND origin = ?"
        ).bind(transport).bind(origin)
        defer { query.reset() }
        guard try query.step() else { return nil }
        let fingerprint = query.text(1)
        return (query.integer(0), fingerprint.isEmpty ? nil : fingerprint)
    }

    /// How far it has come; see ``SessionStoring``.
    public func freshness(ofTransport transport: String) throws -> StoredFreshness? {
        let query = try connection.statement(
            """
            SELECT last_committed_at, last_past_event_at IS NULL, last_past_event_at FROM freshness
            WHERE scope IN ('all', ?) ORDER BY scope = 'all' LIMIT 1
            """
        ).bind(transport)
        defer { query.reset() }
        guard try query.step() else { return nil }
        return StoredFreshness(
            lastEvent: query.integer(1) == 0 ? query.integer(2) : nil, lastCommit: query.integer(0))
    }

    private func writeEvents(_ events: [Event], _ bytes: UnsafeRawPointer, receivedAt: Instant) throws {
        // `OR FAIL`: the batch is rolled back anyway, so a statement needs no journal of its own.
        try connection.insert(events, "INSERT OR FAIL INTO events VALUES", columns: 20) { event, insert in
            bind(event, insert, bytes, receivedAt)
        }
    }

    private func bind(_ event: Event, _ insert: Statement, _ bytes: UnsafeRawPointer, _ receivedAt: Instant) {
        if let id = StoreReading.ownID(of: event, bytes) {
            insert.bindStatic(id)
        } else {
            insert.bind(reading.fingerprintText(event.identity))
        }
        let robotUse = reading.meanings.robotUse(of: event, watchingSilence: watchesSilence)
        let pilotUse = reading.meanings.pilotUse(of: event)
        insert.bind(event.time).bind(receivedAt).bindStatic(event.name, symbols)
            .bindStatic(event.delivery, symbols, dropping: 9).bindStatic(event.demand, symbols, dropping: 7)
            .bindStatic(event.trip, symbols, dropping: 5).bindStatic(event.quote, symbols, dropping: 6)
            .bindStatic(event.offer, symbols, dropping: 6).bindStatic(event.robot, symbols)
            .bindStatic(event.pilot, symbols).bindStatic(event.merchant, symbols)
            .bindStatic(event.zone, symbols).bindStatic(event.source, symbols)
            .bindStatic(
                UnsafeRawBufferPointer(start: bytes + event.payload.offset, count: event.payload.length)
            )
            .bind(StoreReading.hour(of: event.time)).bindStatic(event.subject, symbols)
            .bind(robotUse.isEmpty ? nil : robotUse.rawValue)
            .bind(pilotUse.isEmpty ? nil : pilotUse.rawValue).bindStatic(event.errorCode, symbols)
    }

    private func writeRecords(_ changes: Changes, _ rejected: [RejectedMessage], _ batch: BatchRecord) throws
    {
        let reject = try connection.statement(
            """
            INSERT OR IGNORE INTO rejected_events(
              received_at, transport, origin, reason, detail, body, headers, body_hash)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """)
        for row in rejected {
            try reject.bind(row.receivedAt).bind(row.transport).bind(row.origin).bind(row.reason)
                .bind(row.detail).bindBlob(row.body).bind(row.headers)
                .bind(row.body.withUnsafeBytes { reading.fingerprintText(reading.identity($0)) }).run()
        }
        try connection.statement(
            "INSERT INTO ingestion_batches VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        ).bind(batch.transport).bind(batch.origin).bind(Int64(batch.received)).bind(Int64(batch.accepted))
            .bind(Int64(batch.duplicates)).bind(Int64(batch.rejected)).bind(Int64(batch.skipped))
            .bind(batch.firstOffset).bind(batch.lastOffset).bind(batch.startedAt).bind(batch.committedAt)
            .run()
        if let offset = batch.lastOffset {
            try connection.statement(
                """
                INSERT INTO source_offsets VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
                  last_offset = excluded.last_offset, committed_at = excluded.committed_at,
                  last_fingerprint = excluded.last_fingerprint
                """
            ).bind(batch.transport).bind(batch.origin).bind(offset).bind(batch.committedAt)
                .bind(batch.lastFingerprint).run()
        }
        let newest = StoredFreshness.newest(of: changes.accepted, at: batch.committedAt)
        for scope in ["all", batch.transport] {
            try connection.statement(
                """
                INSERT INTO freshness VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
                  last_event_at = max(coalesce(last_event_at, excluded.last_event_at),
                    coalesce(excluded.last_event_at, last_event_at)),
                  last_committed_at = excluded.last_committed_at, events = events + excluded.events,
                  last_past_event_at = max(coalesce(last_past_event_at, excluded.last_past_event_at),
                    coalesce(excluded.last_past_event_at, last_past_event_at))
                """
            ).bind(scope).bind(newest.of).bind(batch.committedAt).bind(Int64(changes.accepted.count))
                .bind(newest.past).run()
        }
    }
}
