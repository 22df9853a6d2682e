internal import CLibPQ
public import SessionCore
public import SessionStore

extension PostgresStore: SessionStoring {
    /// Begins a batch; see ``SessionStoring``. A connection that was lost is made anew, once: when that fails too,
    /// it throws, and may be tried again after a while (`BackOff` says how long).
    public func begin(alone: Bool) throws -> StoreMemory {
        precondition(!isInBatch, "one batch at a time")
        if connection.isOpen {
            do {
                return try beginTransaction(alone: alone)
            } catch let error as StoreError where error.kind == .unavailable {
                // It was lost while nothing was asked of it.
                connection.close()
            }
        }
        try connection.open()
        do {
            try prepareSession()
            names = PartitionKeyMemory()
            _ = try beginTransaction(alone: alone)
        } catch {
            connection.close()
            throw error
        }
        // While there was no connection, there was no lock: another writer may have come and gone.
        return .old
    }

    private func beginTransaction(alone: Bool) throws -> StoreMemory {
        if partitions.isStale { try partitions.load(connection) }
        names.begin(alone: alone)
        guard let fence = settings.fence else {
            try connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
            isInBatch = true
            return .current
        }
        do {
            let counts = try Self.begin(fence, alone: alone, settings.limits, connection)
            isInBatch = true
            return names.memory(counts)
        } catch {
            abandon()
            throw error
        }
    }

    /// Begins a transaction of a partition's writer. It checks that the partition has not been taken over, and keeps it so
    /// until the transaction ends: whoever takes it waits for the row, and only that: the lease is renewed meanwhile. A
    /// replica that was frozen or cut off finds its epoch gone, and writes nothing.
    /// - Returns: How many batches were written alone up to now, by any partition's writer.
    @discardableResult
    static func begin(
        _ fence: PostgresLeases.Fence, alone: Bool, _ limits: PostgresLimits, _ connection: Connection
    ) throws -> PartitionKeyMemory.Counts {
        try connection.run(
            "BEGIN ISOLATION LEVEL READ COMMITTED; "
                + PostgresLeases.locks(of: fence.partition, alone: alone, limits))
        var row = Parameters()
        row.add(Int32(fence.partition))
        row.add(fence.epoch)
        let rows = try connection.execute(
            """
            SELECT (SELECT batches_alone FROM partition_joins), (SELECT batches_crossed FROM partition_joins)
            FROM partition_leases WHERE queue_partition = $1 AND epoch = $2 FOR KEY SHARE
            """, row)
        if rows.isEmpty {
            throw StoreError(
                .fenced,
                "\(connection.target.name): partition \(fence.partition) has been taken over by another replica"
            )
        }
        return PartitionKeyMemory.Counts(alone: rows.integer(0, 0), crossed: rows.integer(0, 1))
    }

    /// Ends a batch that came to nothing; see ``SessionStoring``.
    public func rollback() {
        guard isInBatch else { return }
        endBatch()
        abandon()
    }

    /// Where reading goes on; see ``SessionStoring``.
    public func committedPlace(transport: String, origin: String) throws -> (
        offset: Int64, fingerprint: String?
    )? {
        var place = Parameters()
        place.add(transport)
        place.add(origin)
        let rows = try connection.query(
            "SELECT last_offset, last_fingerprint FROM source_offsets WHERE transport = $1 AND origin = $2",
            place)
        if rows.isEmpty { return nil }
        let fingerprint = rows.text(0, 1)
        return (rows.integer(0, 0), fingerprint.isEmpty ? nil : fingerprint)
    }

    /// How far it has come; see ``SessionStoring``.
    public func freshness(ofTransport transport: String) throws -> StoredFreshness? {
        var scope = Parameters()
        scope.add(transport)
        let rows = try connection.query(
            """
            SELECT last_committed_at, last_past_event_at FROM freshness
            WHERE scope IN ('all', $1) ORDER BY scope = 'all' LIMIT 1
            """, scope)
        if rows.isEmpty { return nil }
        return StoredFreshness(lastEvent: rows.optionalInstant(0, 1), lastCommit: rows.instant(0, 0))
    }

    private func endBatch() {
        isInBatch = false
        prefetched = Prefetched()
    }

    private func abandon() {
        partitions.isStale = true
        guard connection.isOpen else { return }
        // Whatever is still under way fails or not, it comes to nothing.
        try? connection.settle()
        do { try connection.execute("ROLLBACK") } catch { connection.close() }
    }

    /// Writes a batch in one transaction; see ``SessionStoring``. Where the connection is lost while the server
    /// commits, nobody can know the outcome: the batch is tried again, and the events' identity makes that harmless.
    public func commit(
        _ changes: Changes, bytes: UnsafeRawPointer, rejected: [RejectedMessage], batch: BatchRecord
    ) throws {
        precondition(isInBatch, "a batch is begun before it is committed")
        endBatch()
        do {
            try writeEvents(changes.accepted, bytes, receivedAt: batch.startedAt)
            try writeKnown(changes)
            try writeLinks(changes)
            try writeSessions(changes, updatedAt: batch.startedAt)
            try writeWindows(changes)
            try writeTracks(changes)
            try writeHours(changes, batch)
            try writeRecords(changes, rejected, batch)
            try connection.execute("COMMIT")
            names.committed()
        } catch {
            abandon()
            throw error
        }
        if batch.committedAt >= lastLookAhead &+ 3_600_000_000 {
            lastLookAhead = batch.committedAt
            keepMonths()
        }
    }

    /// Rarely, and outside the batch, which is stored whatever becomes of this: a new month, and one to be dropped.
    private func keepMonths() {
        do {
            try partitions.makeAhead(connection)
            if let days = settings.retentionDays {
                try partitions.retire(olderThan: days, connection)
            } else {
                try partitions.loadRetired(connection)
            }
        } catch let error as StoreError where error.kind.isTransient {
            // The next batch finds the connection gone, and makes it anew; or it waits for the next hour.
        } catch let error as StoreError {
            upkeepFailed?(error)
        } catch {
            upkeepFailed?(StoreError(.failed, "\(connection.target.name): \(error)"))
        }
    }

    // MARK: Events

    /// Sent in parts, so that the server works on one while the next is made.
    private static let copyChunk = 1 << 17

    private func writeEvents(_ events: [Event], _ bytes: UnsafeRawPointer, receivedAt: Instant) throws {
        if events.isEmpty { return }
        try partitions.makeForBatch(events, connection)
        try connection.beginCopy("COPY events (\(Self.eventColumns)) FROM STDIN (FORMAT binary)")
        let buffer = copyBuffer
        buffer.removeAll()
        Self.copyHeader.withUnsafeBytes { buffer.put(raw: $0) }
        for event in events {
            put(event, buffer, bytes, receivedAt)
            if buffer.count >= Self.copyChunk {
                try connection.copy(buffer.bytes)
                buffer.removeAll()
            }
        }
        buffer.put(Int16(-1))
        try connection.copy(buffer.bytes)
        try connection.endCopy()
    }

    private static let eventColumns = """
        event_id, occurred_at, received_at, event, delivery_id, demand_id, trip_id, quote_id, offer_id, robot_id, \
        pilot_id, merchant_id, zone_id, source, payload, hour, subject, robot_use, pilot_use, \
        error_code
        """

    /// "PGCOPY\n\377\r\n\0", no flags, no extension.
    private static let copyHeader: [UInt8] =
        Array("PGCOPY\n".utf8) + [0xFF, 13, 10, 0] + [UInt8](repeating: 0, count: 8)

    private func put(_ event: Event, _ row: WireBuffer, _ bytes: UnsafeRawPointer, _ receivedAt: Instant) {
        row.put(Int16(20))
        if let id = StoreReading.ownID(of: event, bytes) {
            row.field(id)
        } else {
            row.field(reading.fingerprintText(event.identity))
        }
        row.field(instant: event.time)
        row.field(instant: receivedAt)
        row.field(event.name, symbols)
        row.field(event.delivery, symbols, dropping: 9)
        row.field(event.demand, symbols, dropping: 7)
        row.field(event.trip, symbols, dropping: 5)
        row.field(event.quote, symbols, dropping: 6)
        row.field(event.offer, symbols, dropping: 6)
        row.field(event.robot, symbols)
        row.field(event.pilot, symbols)
        row.field(event.merchant, symbols)
        row.field(event.zone, symbols)
        row.field(event.source, symbols)
        row.field(UnsafeRawBufferPointer(start: bytes + event.payload.offset, count: event.payload.length))
        row.field(Self.hour(event.time))
        row.field(event.subject, symbols)
        use(reading.meanings.robotUse(of: event, watchingSilence: watchesSilence).rawValue, row)
        use(reading.meanings.pilotUse(of: event).rawValue, row)
        row.field(event.errorCode, symbols)
    }

    private func use(_ bits: Int64, _ row: WireBuffer) {
        if bits == 0 { row.null() } else { row.field(Int16(bits)) }
    }

    static func hour(_ time: Instant) -> Int32 { Int32(StoreReading.hour(of: time)) }
}
