internal import SessionCore
internal import SessionStore
internal import TextForms

/// The months that have a partition of their own, as this connection knows them.
struct Partitions {
    /// A month with fewer events in a batch than this gets no partition: a few wrong clocks make no tables.
    static let worthOne = 100

    private var months: Set<Int> = []
    /// The months whose events were dropped.
    private(set) var retired: Set<Int> = []
    /// Whether this role may have partitions made.
    private var mayMake = false
    /// The month in which those ahead were made.
    private var madeAheadIn: Int?
    /// A transaction that was rolled back took the partitions with it that it had made.
    var isStale = false

    mutating func load(_ connection: Connection) throws {
        let rows = try connection.query(
            """
            SELECT c.relname::text, has_function_privilege('sessionizer.ensure_partition(timestamptz)', 'execute')
            FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'sessionizer.events'::regclass
            """)
        months = []
        isStale = false
        mayMake = false
        for row in 0..<rows.count {
            mayMake = rows.flag(row, 1)
            let parts = rows.text(row, 0).split(separator: "_")
            if parts.count == 3, let year = Int(parts[1]), let month = Int(parts[2]) {
                months.insert(year * 12 + month - 1)
            }
        }
        try loadRetired(connection)
    }

    mutating func loadRetired(_ connection: Connection) throws {
        let rows = try connection.query("SELECT month FROM retired_months")
        retired = Set((0..<rows.count).map { Self.month(of: rows.instant($0, 0)) })
    }

    /// Drops the months that ended longer ago than this, where the role may, and forgets to which partition key sessions
    /// belonged that were named first well before them.
    mutating func retire(olderThan days: Int, _ connection: Connection) throws {
        var parameters = Parameters()
        parameters.add(Int32(clamping: days))
        do {
            _ = try connection.query("SELECT retire_months($1)", parameters)
            try forgetSessions(olderThan: days, connection)
        } catch let error as StoreError where error.kind == .conflict || error.kind == .denied {
            // Somebody reads a month, or this role may not: the next hour, or the owner by hand.
        }
        try load(connection)
    }

    /// While no partition's writer has a batch begun, as these remember what they told and read; they read it again. So not more
    /// often than once a day.
    private func forgetSessions(olderThan days: Int, _ connection: Connection) throws {
        func named(before age: Int) -> String {
            "kind = 'session' AND named_at < now() - interval '\(age) days'"
        }
        let due = "SELECT FROM partition_entities WHERE \(named(before: days + 61)) LIMIT 1"
        if try connection.query(due).isEmpty { return }
        do {
            try connection.run(
                """
                BEGIN; \(PostgresLeases.lockOfAll);
                DELETE FROM partition_entities WHERE \(named(before: days + 60));
                UPDATE partition_joins SET batches_crossed = batches_crossed + 1; COMMIT
                """)
        } catch {
            try connection.run("ROLLBACK")
            throw error
        }
    }

    /// Makes the partitions of this month and the two after it, once a month. Where another transaction is in the
    /// way, the default partition serves until the next time.
    mutating func makeAhead(_ connection: Connection) throws {
        guard mayMake else { return }
        let now = try connection.query("SELECT now()")
        let month = Self.month(of: now.instant(0, 0))
        if madeAheadIn == month { return }
        do {
            for ahead in month...(month + 2) where !months.contains(ahead) { try make(ahead, connection) }
            madeAheadIn = month
        } catch let error as StoreError where error.kind == .conflict {
            return
        }
    }

    /// Makes the partitions that a batch needs, in its own transaction: another would wait for this one's locks.
    mutating func makeForBatch(_ events: [Event], _ connection: Connection) throws {
        guard mayMake else { return }
        var counts: [Int: Int] = [:]
        var bounds: Range<Instant> = 0..<0
        var run = 0
        var last = 0
        for event in events {
            if !bounds.contains(event.time) {
                if run > 0 { counts[last, default: 0] += run }
                run = 0
                last = Self.month(of: event.time)
                bounds = Self.start(of: last)..<Self.start(of: last + 1)
            }
            run += 1
        }
        if run > 0 { counts[last, default: 0] += run }
        for (month, count) in counts.sorted(by: { $0.key < $1.key })
        where count >= Self.worthOne && !months.contains(month) {
            try make(month, connection)
        }
    }

    private mutating func make(_ month: Int, _ connection: Connection) throws {
        var parameters = Parameters()
        parameters.add(instant: Self.start(of: month))
        try connection.execute("SELECT ensure_partition($1)", parameters)
        // Also where the answer was no: then the default partition serves, and asking again would not help.
        months.insert(month)
    }

    /// Months since the year 0.
    static func month(of instant: Instant) -> Int {
        let day = CivilDay(containing: instant)
        return day.year * 12 + day.month - 1
    }

    /// When a month begins.
    static func start(of month: Int) -> Instant {
        CivilDay(year: month / 12, month: month % 12 + 1, day: 1).start
    }
}
