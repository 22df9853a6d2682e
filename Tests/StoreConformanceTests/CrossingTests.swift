import Dispatch
import EngineUnderTest
import PrivateServers
import ReferenceModel
import SeededRandomness
import SessionPipeline
import SessionStore
import Synchronization
import Testing

/// Robots, pilots and deliveries that are named under several partition keys, whose events come by several partitions: a robot
/// that moves to another market, a pilot of two, a producer that does not know which market a delivery is of.
@Suite struct CrossingTests {
    /// What markets have in common: of some worlds whole kinds of ids, of others one id in twelve now and then.
    private func markets(_ generator: inout WorldGenerator, _ random: inout Randomness) -> [[String]] {
        let shared =
            random.next() % 2 == 0
            ? Set(MarketWorlds.ids.filter { _ in random.next() % 100 < 35 }) : []
        let ownMerchants = random.next() % 2 == 0
        let strays = shared.isEmpty
        return MarketWorlds.lines(&generator, count: 40, ownMerchants: ownMerchants) { key, id, market in
            if shared.contains(key) { return id }
            if strays, random.next() % 12 == 0 {
                return "m\(random.next() % UInt64(MarketWorlds.markets))-\(id)"
            }
            return "m\(market)-\(id)"
        }
    }

    @Test(arguments: 0..<UInt64(5)) func batchesComeInAnyOrder(part: UInt64) throws {
        let seed = 883_000_000 + part
        var generator = WorldGenerator(seed: seed)
        var random = Randomness(state: seed)
        let markets = markets(&generator, &random)
        let fresh = try FreshStore(.postgres)
        let writers = try MarketWorlds.writers(fresh, maxResident: random.next() % 2 == 0 ? 1000 : 5)
        defer { for writer in writers { writer.close() } }
        try MarketWorlds.ingest(markets, by: writers, &random)
        try MarketWorlds.expectTables(writers[0], of: markets, seed: seed)
    }

    /// The same, all at once.
    @Test(arguments: 0..<UInt64(2)) func batchesComeAtOnce(part: UInt64) throws {
        let seed = 884_000_000 + part
        var generator = WorldGenerator(seed: seed)
        var random = Randomness(state: seed)
        let markets = Array(markets(&generator, &random).prefix(MarketWorlds.partitions))
        let fresh = try FreshStore(.postgres)
        let writers = try MarketWorlds.writers(fresh)
        defer { for writer in writers { writer.close() } }
        let failures = MarketWorlds.ingestAtOnce(markets, by: writers)
        #expect(failures == [])
        try MarketWorlds.expectTables(writers[0], of: markets, seed: seed)
    }

    // MARK: Examples

    private let a = "market a"
    private let b = "market b"

    private func line(_ minute: Int, _ event: String, _ fields: String) -> String {
        TwoPartitions.line(minute, event, fields)
    }

    /// A robot that has moved belongs to its new market; its old one is waited for only where a delivery that it served there
    /// still says something of it, or it of the delivery.
    @Test func aRobotMovesToAnotherMarket() throws {
        var stores = try TwoPartitions(FreshStore(.postgres))
        let robot = #""robot_id":"R""#
        let delivery = #""delivery_id":"D1""#
        try stores.ingest(0, [(a, line(3, "demand.assigned", "\(delivery),\(robot)"))])
        try stores.ingest(1, [(b, line(1, "demand.assigned", #""delivery_id":"D2","robot_id":"R2""#))])
        try stores.ingest(0, [(a, line(4, "robot.error", robot))])
        #expect(stores.batchesAlone == [0, 0])
        try stores.ingest(1, [(b, line(20, "robot.heartbeat", robot))])
        #expect(stores.batchesAlone == [0, 1])
        #expect(stores.moved(1) == ["R"])
        // It is in its new market's memory now.
        try stores.ingest(1, [(b, line(2, "robot.error", robot))])
        #expect(stores.batchesAlone == [0, 1])
        // This ends what is in memory there.
        try stores.ingest(0, [(a, line(10, "delivery.failed", delivery))])
        #expect(stores.batchesAlone == [1, 1])
        #expect(stores.moved(0) == [])
        // Its own from now on.
        try stores.ingest(1, [(b, line(12, "robot.error", robot))])
        try stores.ingest(1, [(b, line(21, "demand.assigned", #""delivery_id":"D3",\#(robot)"#))])
        try stores.ingest(1, [(b, line(22, "robot.error", robot))])
        #expect(stores.batchesAlone == [1, 1])
        // And this joins what its old market has.
        try stores.ingest(1, [(b, line(5, "robot.error", robot))])
        #expect(stores.batchesAlone == [1, 2])
        try stores.ingest(0, [(a, line(11, "delivery.return_started", delivery))])
        try stores.ingest(1, [(b, line(23, "delivery.dropoff_completed", #""delivery_id":"D3""#))])
        // A late event of its old market's queue: it belongs there again, until its new one names it.
        try stores.ingest(0, [(a, line(6, "robot.error", robot))])
        #expect(stores.moved(0) == ["R"])
        try stores.ingest(1, [(b, line(24, "robot.error", robot))])
        #expect(stores.moved(1) == ["R"])
        try stores.expectTables()
    }

    /// Also where nothing but its zone is told: that is in memory as well.
    @Test func aRobotTellsZonesInTwoMarkets() throws {
        var stores = try TwoPartitions(FreshStore(.postgres))
        func told(_ minute: Int, _ delivery: String, _ zone: String) -> String {
            line(
                minute, "delivery.note", #""delivery_id":"\#(delivery)","robot_id":"R","zone_id":"\#(zone)""#)
        }
        try stores.ingest(0, [(a, told(0, "D1", "Z1"))])
        try stores.ingest(0, [(a, told(1, "D1", "Z1"))])
        try stores.ingest(1, [(b, told(2, "D2", "Z2"))])
        #expect(stores.moved(1) == ["R"])
        try stores.ingest(0, [(a, told(3, "D1", "Z1"))])
        #expect(stores.batchesAlone == [1, 1])
        try stores.expectTables()
    }

    /// What another partition only counted in is read again; the rest of the memory stays.
    @Test func whatIsOnlyJoinedIsReadAgain() throws {
        var stores = try TwoPartitions(FreshStore(.postgres))
        let delivery = #""delivery_id":"D1""#
        try stores.ingest(
            0,
            [
                (a, line(0, "demand.assigned", #"\#(delivery),"robot_id":"R""#)),
                (a, line(1, "robot.error", #""robot_id":"R1""#)),
            ])
        try stores.ingest(1, [(b, line(20, "robot.heartbeat", #""robot_id":"R""#))])
        try stores.ingest(0, [(a, line(2, "robot.error", #""robot_id":"R1""#))])
        var read = 0
        stores.spies[0].beforeReading = { read += 1 }
        try stores.ingest(0, [(a, line(3, "robot.error", #""robot_id":"R1""#))])
        let usual = read
        try stores.ingest(1, [(b, line(5, "robot.error", #""robot_id":"R""#))])
        try stores.ingest(0, [(a, line(4, "robot.error", #""robot_id":"R1""#))])
        #expect(read == 2 * usual)
        #expect(stores.batchesAlone == [0, 2])
        try stores.ingest(0, [(a, line(6, "delivery.failed", delivery))])
        try stores.expectTables()
    }

    /// A pilot of two markets belongs to the one that named it last.
    @Test func aPilotOfTwoMarkets() throws {
        var stores = try TwoPartitions(FreshStore(.postgres))
        let pilot = #""pilot_id":"P""#
        try stores.ingest(0, [(a, line(0, "pilot.shift_started", pilot))])
        try stores.ingest(0, [(a, line(1, "pilot.assigned", #""delivery_id":"D1",\#(pilot)"#))])
        try stores.ingest(1, [(b, line(3, "pilot.assigned", #""delivery_id":"D2",\#(pilot)"#))])
        #expect(stores.moved(1) == ["P"])
        try stores.ingest(0, [(a, line(4, "delivery.failed", #""delivery_id":"D1""#))])
        try stores.ingest(1, [(b, line(5, "pilot.released", pilot))])
        try stores.ingest(0, [(a, line(6, "pilot.shift_ended", pilot))])
        #expect(stores.moved(0) == ["P"])
        try stores.ingest(1, [(b, line(7, "delivery.dropoff_completed", #""delivery_id":"D2""#))])
        try stores.expectTables()
    }

    /// A producer does not know a delivery's market.
    @Test func aDeliveryUnderTwoKeys() throws {
        var stores = try TwoPartitions(FreshStore(.postgres))
        let delivery = #""delivery_id":"D1""#
        try stores.ingest(0, [(a, line(0, "demand.created", #""demand_id":"N","merchant_id":"M""#))])
        try stores.ingest(
            1, [("", line(1, "demand.assigned", #"\#(delivery),"demand_id":"N","robot_id":"R""#))])
        #expect(stores.moved(1) == ["demand:N"])
        try stores.ingest(0, [(a, line(2, "delivery.pickup_arrival", delivery))])
        #expect(stores.moved(0) == ["delivery:D1"])
        try stores.ingest(1, [("", line(3, "delivery.pickup_completed", delivery))])
        try stores.ingest(0, [(a, line(4, "demand.updated", #""demand_id":"N""#))])
        try stores.ingest(0, [(a, line(5, "delivery.dropoff_completed", delivery))])
        // Two keys in one batch are two as well: tomorrow they may be two partitions'.
        try stores.ingest(
            1,
            [
                ("c", line(6, "robot.error", #""robot_id":"R3""#)),
                ("d", line(7, "robot.error", #""robot_id":"R3""#)),
            ])
        #expect(stores.moved(1) == ["R3"])
        try stores.expectTables()
    }

    /// Whom a replay named has no key until a batch has to do with him.
    @Test func whoIsKnownFromAReplay() throws {
        let before = [line(0, "demand.assigned", #""delivery_id":"D1","robot_id":"R""#)]
        var stores = try TwoPartitions(FreshStore(.postgres), after: before)
        // It ends the robot's window: so the robot is this key's.
        try stores.ingest(0, [(a, line(5, "delivery.failed", #""delivery_id":"D1""#))])
        #expect(stores.batchesAlone == [0, 0])
        try stores.ingest(1, [(b, line(6, "robot.error", #""robot_id":"R""#))])
        #expect(stores.moved(1) == ["R"])
        try stores.ingest(0, [(a, line(3, "delivery.rescue_started", #""delivery_id":"D1""#))])
        try stores.ingest(1, [(b, line(4, "robot.error", #""robot_id":"R""#))])
        try stores.expectTables()
    }

    /// Where events are dropped for their age, the sessions that they named are forgotten here too; robots and pilots stay.
    @Test func whoseSessionsWereDroppedIsForgotten() throws {
        let fresh = try FreshStore(.postgres)
        let fences = try fresh.fences(1)
        let fields = #""delivery_id":"D1","robot_id":"R","pilot_id":"P""#
        let before = try StoreUnderTest(place: .partition(url: fresh.url, fences[0]), maxResident: 1000)
        try before.ingest([line(0, "demand.assigned", fields)], partitionKeys: [a])
        before.close()
        func kinds() throws -> String {
            try PrivatePostgres.shared().sql(
                "SELECT string_agg(kind, ' ' ORDER BY kind) FROM partition_entities", in: fresh.database ?? ""
            )
        }
        try fresh.sql("UPDATE partition_entities SET named_at = now() - interval '150 days'")
        let keeping = try StoreUnderTest(place: .postgres(url: fresh.url, retentionDays: 91), maxResident: 0)
        keeping.close()
        #expect(try kinds() == "pilot robot session")
        let dropping = try StoreUnderTest(place: .postgres(url: fresh.url, retentionDays: 87), maxResident: 0)
        dropping.close()
        #expect(try kinds() == "pilot robot")
    }

    /// Also by who goes on beside it: a trip's id that is used again and again.
    @Test func whatIsForgottenIsForgottenByAll() throws {
        let fresh = try FreshStore(.postgres)
        var stores = try TwoPartitions(fresh, retentionDays: 90)
        let trip = #""trip_id":"route-1""#
        try stores.ingest(0, [(a, line(0, "trip.created", trip))])
        try fresh.sql("UPDATE partition_entities SET named_at = now() - interval '200 days'")
        try stores.ingest(0, [(a, line(1, "trip.updated", trip))])
        // An hour later by its own clock it looks for what is old.
        try stores.ingest(1, [(b, line(20, "robot.error", #""robot_id":"R""#))], at: 3_700_000_000)
        #expect(stores.batchesAlone == [0, 0])
        for (minute, partition) in [(2, 1), (3, 0), (4, 1)] {
            try stores.ingest(partition, [(partition == 0 ? a : b, line(minute, "trip.updated", trip))])
        }
        #expect(stores.batchesAlone == [1, 1])
        try stores.expectTables()
    }
}
