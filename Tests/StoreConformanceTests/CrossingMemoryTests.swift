import EngineUnderTest
import SessionPipeline
import SessionStore
import Testing

/// What one partition has in memory while another changes it by other ways than a robot's or a delivery's own: merchants of sessions that
/// come under other keys, what ids stand for, keys that go and come back.
@Suite struct CrossingMemoryTests {
    private let a = "market a"
    private let b = "market b"

    private func line(_ minute: Int, _ event: String, _ fields: String) -> String {
        TwoPartitions.line(minute, event, fields)
    }

    // MARK: Merchants of sessions that come under other keys

    private let offline = "merchant.tablet_offline"
    private let merchant = #""merchant_id":"M""#

    /// A merchant whom only the order names, not the delivery that it became in another market: of another partition, or of the
    /// order's until that moves.
    @Test(arguments: [false, true]) func theMerchantOfAnOrder(ofOnePartition: Bool) throws {
        var stores = try TwoPartitions(FreshStore(.postgres))
        let order = #""demand_id":"N""#
        let (here, there) = ofOnePartition ? (0, 1) : (1, 0)
        try stores.ingest(0, [(a, line(0, "demand.created", "\(order),\(merchant)"))])
        try stores.ingest(here, [(b, line(1, "demand.assigned", #"\#(order),"delivery_id":"D1""#))])
        try stores.ingest(here, [(b, line(3, "delivery.failed", #""delivery_id":"D1""#))])
        try stores.ingest(there, [(a, line(4, offline, merchant))])
        try stores.ingest(here, [(b, line(5, "demand.assigned", #"\#(order),"delivery_id":"D2""#))])
        try stores.ingest(there, [(a, line(6, offline, merchant))])
        try stores.expectTables()
    }

    /// To whom somebody belongs may have changed while his key was another partition's.
    @Test func aKeyComesBack() throws {
        var stores = try TwoPartitions(FreshStore(.postgres))
        let robot = #""robot_id":"R""#
        try stores.ingest(0, [(a, line(0, "robot.error", robot))])
        try stores.ingest(1, [(a, line(1, "robot.error", #""robot_id":"R9""#))])
        try stores.ingest(1, [(b, line(2, "robot.error", robot))])
        #expect(stores.moved(1) == ["R"])
        try stores.ingest(0, [(a, line(3, "robot.error", #""robot_id":"R9""#))])
        #expect(stores.batchesAlone == [0, 0])
        try stores.ingest(0, [(a, line(4, "demand.assigned", #""delivery_id":"D1",\#(robot)"#))])
        #expect(stores.batchesAlone == [1, 0])
        try stores.ingest(1, [(b, line(5, "robot.error", robot))])
        try stores.expectTables()
    }

    /// Of a delivery that moved: what his own market remembers of his deliveries, then what the delivery's remembers of him.
    @Test(arguments: [false, true]) func theMerchantOfADeliveryThatMoved(hisEventsAreOld: Bool) throws {
        var stores = try TwoPartitions(FreshStore(.postgres))
        let delivery = #""delivery_id":"D1""#
        try stores.ingest(0, [(a, line(20, "demand.assigned", "\(delivery),\(merchant)"))])
        try stores.ingest(1, [(b, line(21, "delivery.pickup_arrival", delivery))])
        if hisEventsAreOld {
            try stores.ingest(1, [(b, line(22, "delivery.pickup_completed", delivery))])
            try stores.ingest(0, [(a, line(5, offline, merchant))])
            try stores.ingest(1, [(b, line(2, "delivery.note", delivery))])
        } else {
            try stores.ingest(0, [(a, line(0, offline, merchant))])
            try stores.ingest(1, [(b, line(2, "delivery.note", delivery))])
            try stores.ingest(0, [(a, line(5, offline, merchant))])
        }
        try stores.expectTables()
    }

    // MARK: What is in memory elsewhere

    /// An offer's deliveries change with those of a trip that it names: by one too many.
    @Test func whatAnIDStandsForChangesElsewhere() throws {
        var stores = try TwoPartitions(FreshStore(.postgres))
        let offer = #""offer_id":"F""#
        let trip = #""trip_id":"T""#
        let order = #""demand_id":"N""#
        try stores.ingest(0, [(a, line(45, "offer.received", offer))])
        try stores.ingest(0, [(a, line(0, "trip.created", "\(offer),\(trip)"))])
        try stores.ingest(0, [(a, line(1, "trip.created", "\(trip),\(order)"))])
        try stores.ingest(0, [(a, line(2, "demand.created", #"\#(order),"delivery_id":"D1""#))])
        try stores.ingest(1, [(b, line(3, "demand.updated", order))])
        for number in 0..<30 {
            try stores.ingest(
                0, [(a, line(4 + number, "offer.received", #"\#(offer),"delivery_id":"E\#(number)""#))])
        }
        try stores.ingest(1, [(b, line(40, "demand.updated", #"\#(order),"delivery_id":"D2""#))])
        try stores.ingest(0, [(a, line(41, "offer.received", #"\#(offer),"delivery_id":"D10""#))])
        try stores.expectTables()
    }

    /// Two markets of one partition: it knows all of both, and waits for nobody.
    @Test func twoMarketsOfOnePartition() throws {
        var stores = try TwoPartitions(FreshStore(.postgres))
        let robot = #""robot_id":"R""#
        try stores.ingest(0, [(a, line(0, "demand.assigned", #""delivery_id":"D1",\#(robot)"#))])
        try stores.ingest(0, [("c", line(1, "robot.error", robot)), (a, line(2, "robot.error", robot))])
        try stores.ingest(0, [("c", line(3, "demand.assigned", #""delivery_id":"D2",\#(robot)"#))])
        try stores.ingest(0, [(a, line(4, "delivery.failed", #""delivery_id":"D1""#))])
        #expect(stores.batchesAlone == [0, 0])
        // One of them moves to the other partition, and with it what belongs to it.
        try stores.ingest(1, [(a, line(5, "robot.error", robot))])
        #expect(stores.batchesAlone == [0, 1])
        try stores.ingest(0, [("c", line(6, "robot.error", robot))])
        #expect(stores.batchesAlone == [1, 1])
        try stores.ingest(1, [(a, line(7, "delivery.return_started", #""delivery_id":"D1""#))])
        try stores.expectTables()
    }

    /// The other partition has its hour's events in memory, and so takes it for a new one.
    @Test func anEventUnderTwoKeys() throws {
        var stores = try TwoPartitions(FreshStore(.postgres))
        for minute in 0..<3 {
            try stores.ingest(0, [(a, line(minute, "weather.changed", #""zone_id":"Z""#))])
        }
        try stores.ingest(1, [(b, line(20, "weather.changed", #""zone_id":"Z""#))])
        try stores.ingest(0, [(a, line(21, "weather.changed", #""zone_id":"Z""#))])
        let again = [(b, line(21, "weather.changed", #""zone_id":"Z""#))]
        do {
            try stores.ingest(1, again)
        } catch let error as StoreError {
            // What may pass by itself; the service tries again.
            #expect(error.kind == .conflict)
            try stores.ingest(1, again)
        }
        #expect(stores.writers[1].totals.duplicates == 1)
        try stores.expectTables()
    }
}
