import EngineUnderTest
import PostgresStore
import ReferenceModel
import SeededRandomness
import SessionPipeline
import SessionStore
import Testing

/// Merchants that trade in several markets, whose events come by several partitions: what knows only the merchant joins
/// sessions of all of them.
@Suite struct SharedMerchantTests {
    /// World 95 has an event that joins sessions of a market that was once one's own.
    @Test(arguments: Array(0..<UInt64(5)) + [95]) func batchesComeInAnyOrder(part: UInt64) throws {
        let seed = 881_000_000 + part
        var generator = WorldGenerator(seed: seed)
        let markets = MarketWorlds.lines(&generator)
        var random = Randomness(state: seed)
        let fresh = try FreshStore(.postgres)
        let writers = try MarketWorlds.writers(fresh, maxResident: random.next() % 100 < 50 ? 1000 : 5)
        defer { for writer in writers { writer.close() } }
        try MarketWorlds.ingest(markets, by: writers, &random)
        try MarketWorlds.expectTables(writers[0], of: markets, seed: seed)
    }

    /// The same, all at once: what one is in the middle of, no other sees.
    @Test(arguments: 0..<UInt64(2)) func batchesComeAtOnce(part: UInt64) throws {
        let seed = 882_000_000 + part
        var generator = WorldGenerator(seed: seed)
        let markets = Array(MarketWorlds.lines(&generator).prefix(MarketWorlds.partitions))
        let fresh = try FreshStore(.postgres)
        let writers = try MarketWorlds.writers(fresh)
        defer { for writer in writers { writer.close() } }
        let failures = MarketWorlds.ingestAtOnce(markets, by: writers)
        #expect(failures == [])
        try MarketWorlds.expectTables(writers[0], of: markets, seed: seed)
    }

    // MARK: Examples

    private func line(_ minute: Int, _ event: String, _ fields: String) -> String {
        TwoPartitions.line(minute, event, fields)
    }

    /// A merchant of one market costs nothing; one of two is waited for only where an event names nobody else.
    @Test func onlyWhoIsSharedIsWaitedFor() throws {
        var stores = try TwoPartitions(FreshStore(.postgres))
        let offline = "merchant.tablet_offline"
        try stores.ingest(
            0, [("a", line(0, "demand.assigned", #""delivery_id":"D1","merchant_id":"M""#))])
        try stores.ingest(0, [("a", line(1, offline, #""merchant_id":"M""#))])
        try stores.ingest(
            1, [("b", line(2, "demand.assigned", #""delivery_id":"D2","merchant_id":"N""#))])
        try stores.ingest(1, [("b", line(3, offline, #""merchant_id":"N""#))])
        #expect(stores.batchesAlone == [0, 0])
        // From here on M trades in the other market too.
        try stores.ingest(
            1, [("b", line(4, "demand.assigned", #""delivery_id":"D3","merchant_id":"M""#))])
        #expect(stores.batchesAlone == [0, 0])
        try stores.ingest(0, [("a", line(5, offline, #""merchant_id":"M""#))])
        #expect(stores.batchesAlone == [1, 0])
        try stores.ingest(1, [("b", line(6, "delivery.failed", #""delivery_id":"D3""#))])
        try stores.ingest(1, [("b", line(7, offline, #""merchant_id":"N""#))])
        try stores.ingest(
            0, [("a", line(8, "delivery.failed", #""delivery_id":"D1","merchant_id":"M""#))])
        #expect(stores.batchesAlone == [1, 0])
        try stores.expectTables()
    }

    /// A merchant's events of a key that has gone to another partition are not in memory here, though the merchant is.
    @Test func aMerchantWhoseKeyMovedBecomesShared() throws {
        var stores = try TwoPartitions(FreshStore(.postgres))
        try stores.ingest(
            0, [("a", line(0, "demand.assigned", #""delivery_id":"D1","merchant_id":"M""#))])
        try stores.ingest(
            0, [("c", line(4, "demand.assigned", #""delivery_id":"D2","robot_id":"R""#))])
        try stores.ingest(1, [("a", line(5, "merchant.tablet_offline", #""merchant_id":"M""#))])
        #expect(stores.batchesAlone == [0, 0])
        try stores.ingest(
            0, [("c", line(6, "delivery.failed", #""delivery_id":"D2","merchant_id":"M""#))])
        try stores.expectTables()
    }

    /// What others' batches that were alone have changed is read again, and nothing else is.
    @Test func onlyJoinsAreForgotten() throws {
        var stores = try TwoPartitions(FreshStore(.postgres))
        let merchant = #""merchant_id":"M""#
        try stores.ingest(
            0, [("a", line(0, "demand.assigned", #""delivery_id":"D1",\#(merchant)"#))])
        try stores.ingest(
            1, [("b", line(1, "demand.assigned", #""delivery_id":"D2",\#(merchant)"#))])
        try stores.ingest(1, [("b", line(2, "merchant.tablet_offline", merchant))])
        var read = 0
        stores.spies[0].beforeReading = { read += 1 }
        try stores.ingest(
            0, [("a", line(3, "demand.assigned", #""delivery_id":"D1",\#(merchant)"#))])
        let first = read
        #expect(first > 0)
        // And once more, with everything in memory.
        try stores.ingest(
            0, [("a", line(4, "demand.assigned", #""delivery_id":"D1",\#(merchant)"#))])
        #expect(read == first)
        try stores.ingest(0, [("a", line(5, "merchant.tablet_offline", merchant))])
        try stores.ingest(1, [("b", line(6, "delivery.failed", #""delivery_id":"D2""#))])
        try stores.ingest(0, [("a", line(7, "delivery.failed", #""delivery_id":"D1""#))])
        #expect(stores.batchesAlone == [1, 1])
        try stores.expectTables()
    }

    /// Under which key a merchant was named before there were partitions, nobody knows.
    @Test func aMerchantKnownFromBeforeIsShared() throws {
        let before = [line(0, "demand.assigned", #""delivery_id":"D1","merchant_id":"M""#)]
        var stores = try TwoPartitions(FreshStore(.postgres), after: before)
        // This one has the delivery in memory from now on.
        try stores.ingest(
            1, [("b", line(1, "delivery.pickup_arrival", #""delivery_id":"D1""#))])
        try stores.ingest(0, [("a", line(2, "merchant.tablet_offline", #""merchant_id":"M""#))])
        #expect(stores.batchesAlone == [1, 0])
        // Six hours later none of those is open any more.
        func later(_ id: Int) -> String {
            #"{"event":"merchant.tablet_offline","timestamp":"2026-11-02T16:\#(10 + id):00Z","event_id":"later\#(id)","merchant_id":"M"}"#
        }
        try stores.ingest(0, [("a", later(0))])
        #expect(stores.batchesAlone == [2, 0])
        try stores.ingest(0, [("a", later(3))])
        #expect(stores.batchesAlone == [2, 0])
        // But this one, which does not name him, is of another key than he: from here on he has two.
        try stores.ingest(1, [("b", line(3, "delivery.failed", #""delivery_id":"D1""#))])
        #expect(stores.batchesAlone == [2, 1])
        try stores.ingest(0, [("a", later(4))])
        #expect(stores.batchesAlone == [3, 1])
        try stores.expectTables()
    }
}
