import EngineUnderTest
import Foundation
@testable import PostgresStore
import PrivateServers
import ReferenceModel
import SessionStore
import Synchronization
import Testing

/// Leases of partitions, and that whoever lost one writes nothing more.
@Suite struct LeaseTests {
    private func settings(_ fresh: FreshStore) -> PostgresStore.Settings {
        PostgresStore.Settings(url: fresh.url)
    }

    private func leases(_ fresh: FreshStore, _ replica: String, seconds: Double = 60) throws -> PostgresLeases
    {
        try PostgresLeases(settings(fresh), replica: replica, partitions: 4, seconds: seconds)
    }

    /// Takes a partition whose lease is about to run out; nil where that is not to be had within 20 s. As a replica does, it
    /// looks again where the server was still at work for the holder at the first look.
    private func takenInTime(_ leases: PostgresLeases, _ partition: Int) throws -> PostgresLeases.Fence? {
        let begun = ContinuousClock.now
        while begun.duration(to: .now) < .seconds(20) {
            do {
                if let fence = try leases.take(partition) { return fence }
            } catch let error as StoreError where error.kind == .conflict {}
        }
        return nil
    }

    @Test func onePartitionHasOneHolder() throws {
        let fresh = try FreshStore(.postgres)
        let (a, b) = (try leases(fresh, "a"), try leases(fresh, "b"))
        defer {
            a.close()
            b.close()
        }
        let mine = try #require(try a.take(2))
        #expect(try b.take(2) == nil)
        let view = try b.renew([])
        #expect(view.replicas == ["b"])
        #expect(view.leases.map(\.holder) == [nil, nil, "a", nil])
        #expect(try a.renew([mine]).replicas == ["a", "b"])

        try a.letGo(mine)
        let theirs = try #require(try b.take(2))
        #expect(theirs.epoch == mine.epoch + 1)
        // What is not one's own any more cannot be given back.
        try a.letGo(mine)
        #expect(try a.take(2) == nil)
        try a.retire()
        #expect(try b.renew([theirs]).replicas == ["b"])
    }

    @Test func aLeaseThatIsNotRenewedRunsOut() throws {
        let fresh = try FreshStore(.postgres)
        let (a, b) = (try leases(fresh, "a", seconds: 0.05), try leases(fresh, "b"))
        defer {
            a.close()
            b.close()
        }
        let mine = try #require(try a.take(0))
        #expect(try takenInTime(b, 0)?.epoch == mine.epoch + 1)
        #expect(try a.renew([mine]).leases[0].holder == "b")
    }

    /// A replica is frozen in the middle of a transaction: whoever takes its partition over does not wait for the
    /// server's time-outs, whose time is not over here before the test's is.
    @Test(arguments: ["idle", "copy", "alone"]) func aFrozenWritersTransactionIsEnded(where place: String)
        throws
    {
        let fresh = try FreshStore(.postgres)
        // The second waits for a lock for a second.
        let (a, b) = (try leases(fresh, "a", seconds: 0.05), try leases(fresh, "b", seconds: 2))
        defer {
            a.close()
            b.close()
        }
        let fence = try #require(try a.take(0))
        let writer = try StoreUnderTest(place: .partition(url: fresh.url, fence), maxResident: 1000)
        defer { writer.close() }
        let frozen = try PostgresStore.frozen(
            url: fresh.url, fence, inCopy: place == "copy", alone: place == "alone")
        let begun = ContinuousClock.now
        #expect(try takenInTime(b, 0)?.epoch == fence.epoch + 1)
        #expect(begun.duration(to: .now) < .seconds(5))
        withExtendedLifetime(frozen) {}
        let error = #expect(throws: StoreError.self) {
            try writer.ingest([#"{"event":"x","timestamp":"2026-11-02T10:00:00Z"}"#])
        }
        #expect(error?.kind == .fenced)
    }

    /// It would be given the lock that it waits for, and hold that.
    @Test func aFrozenWriterThatWaitsForALockIsEnded() throws {
        let fresh = try FreshStore(.postgres)
        let (a, b) = (try leases(fresh, "a", seconds: 0.05), try leases(fresh, "b"))
        defer {
            a.close()
            b.close()
        }
        let fence = try #require(try a.take(0))
        let other = try PostgresStore.frozen(url: fresh.url, #require(try a.take(1)))
        let url = fresh.url
        let end = Mutex<String?>(nil)
        let waiting = Thread {
            do {
                _ = try PostgresStore.frozen(url: url, fence, alone: true)
                end.withLock { $0 = "has the lock" }
            } catch { end.withLock { $0 = "\(error)" } }
        }
        waiting.start()
        let server = try PrivatePostgres.shared()
        let database = try #require(fresh.database)
        func isWaiting() throws -> Bool {
            try server.sql(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
                in: database) == "1"
        }
        try waitUntil("it waits for the lock") { try isWaiting() || end.withLock { $0 } != nil }
        #expect(try isWaiting())
        #expect(try takenInTime(b, 0)?.epoch == fence.epoch + 1)
        try waitUntil("it is ended") { end.withLock { $0 } != nil }
        #expect(end.withLock { $0 }?.contains("terminating connection") == true)
        withExtendedLifetime(other) {}
    }

    /// A holder whose lease has not run out is left in peace, and so is one that the server is at work for.
    @Test func aLivingWritersTransactionIsNot() throws {
        let fresh = try FreshStore(.postgres)
        let (a, b) = (try leases(fresh, "a", seconds: 600), try leases(fresh, "b"))
        defer {
            a.close()
            b.close()
        }
        let fence = try #require(try a.take(0))
        let living = try PostgresStore.frozen(url: fresh.url, fence)
        #expect(try b.take(0) == nil)
        #expect(throws: Never.self) { try living.run("COMMIT") }
    }

    /// A slow database: a batch takes longer than a lease lasts, and keeps its partition all the same.
    @Test func aLeaseIsRenewedWhileItsWriterIsAtWork() throws {
        let fresh = try FreshStore(.postgres)
        let (brief, longer) = (try leases(fresh, "a", seconds: 0.05), try leases(fresh, "a", seconds: 5))
        let other = try leases(fresh, "b")
        defer {
            brief.close()
            longer.close()
            other.close()
        }
        let fence = try #require(try brief.take(0))
        let atWork = try PostgresStore.frozen(url: fresh.url, fence)
        var hasRunOut = false
        while !hasRunOut { hasRunOut = try other.renew([]).leases[0].hasRunOut }
        #expect(try !longer.renew([fence]).leases[0].hasRunOut)
        #expect(try other.take(0) == nil)
        #expect(throws: Never.self) { try atWork.run("COMMIT") }
    }

    @Test func anotherNumberOfPartitionsIsRefused() throws {
        let fresh = try FreshStore(.postgres)
        try leases(fresh, "a").close()
        let error = #expect(throws: StoreError.self) {
            try PostgresLeases(settings(fresh), replica: "b", partitions: 6, seconds: 60)
        }
        #expect(error?.message.contains("4 partitions, not 6") == true)
    }

    /// A replica is frozen, another takes its partition and goes on with the same deliveries, the first comes back and
    /// tries to write: it is refused, and the tables are those of what was stored.
    @Test(arguments: 0..<UInt64(6)) func whoeverComesBackIsFenced(part: UInt64) throws {
        let seed = 330_000_000 + part
        var generator = WorldGenerator(seed: seed)
        let lines = generator.lines(count: 60)
        let fresh = try FreshStore(.postgres)
        let (a, b) = (try leases(fresh, "a", seconds: 0.01), try leases(fresh, "b"))
        defer {
            a.close()
            b.close()
        }
        let frozenFence = try #require(try a.take(1))
        let frozen = try StoreUnderTest(place: .partition(url: fresh.url, frozenFence), maxResident: 1000)
        defer { frozen.close() }
        for start in stride(from: 0, to: 30, by: 5) { try frozen.ingest(Array(lines[start..<start + 5])) }

        var fence: PostgresLeases.Fence?
        while fence == nil { fence = try b.take(1) }
        let successor = try StoreUnderTest(
            place: .partition(url: fresh.url, try #require(fence)), maxResident: 1000)
        defer { successor.close() }
        try successor.ingest(Array(lines[30..<45]))
        let error = #expect(throws: StoreError.self) { try frozen.ingest(Array(lines[30..<50])) }
        #expect(error?.kind == .fenced)
        try successor.ingest(Array(lines[45...]))

        let differences = try successor.differences(from: referenceTables(lines: lines))
        #expect(differences.isEmpty, "seed \(seed): \(differences.joined(separator: "\n"))")
    }

    /// Two partitions' writers at once write tables that they share (events by hour): nothing of either is lost.
    @Test func partitionsWriteSideBySide() throws {
        let fresh = try FreshStore(.postgres)
        let table = try leases(fresh, "a")
        defer { table.close() }
        var writers: [StoreUnderTest] = []
        var lines: [String] = []
        for partition in 0..<2 {
            let fence = try #require(try table.take(partition))
            writers.append(try StoreUnderTest(place: .partition(url: fresh.url, fence), maxResident: 1000))
        }
        defer { for writer in writers { writer.close() } }
        for number in 0..<60 {
            let line =
                #"{"event":"robot.heartbeat","timestamp":"2026-11-02T10:\#(number / 10)\#(number % 10):00Z","robot_id":"R\#(number % 2)"}"#
            lines.append(line)
            try writers[number % 2].ingest([line])
        }
        let differences = try writers[0].differences(from: referenceTables(lines: lines))
        #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))")
    }
}

extension PostgresStore {
    /// A connection in the middle of a writer's transaction, whose client does nothing more.
    fileprivate static func frozen(
        url: String, _ fence: PostgresLeases.Fence, inCopy: Bool = false, alone: Bool = false
    ) throws
        -> Connection
    {
        var settings = PostgresStore.Settings(url: url)
        settings.applicationName = "frozen"
        let connection = try Connection(Target(settings, readOnly: false))
        try PostgresStore.begin(fence, alone: alone, PostgresLimits(), connection)
        if inCopy { try connection.beginCopy("COPY links FROM STDIN") }
        return connection
    }
}
