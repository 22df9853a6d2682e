import Dispatch
import EngineUnderTest
import Foundation
import PostgresStore
import ReferenceModel
import SeededRandomness
import SessionPipeline
import SessionStore
import Synchronization
import Testing

/// Merchants that trade in several markets, whose events come by several partitions: what knows only the merchant joins
/// sessions of all of them.
@Suite struct SharedMerchantTests {
    private static let partitions = 3
    private static let markets = 5

    private func writers(_ fresh: FreshStore, maxResident: Int = 1000) throws -> [StoreUnderTest] {
        try fresh.fences(Self.partitions).map {
            try StoreUnderTest(place: .partition(url: fresh.url, $0), maxResident: maxResident)
        }
    }

    /// A small world for each market: everything in it is its own but the merchants.
    private func markets(_ generator: inout WorldGenerator) -> [[String]] {
        (0..<Self.markets).map { market in
            generator.lines(count: 60).enumerated().map { inMarket($1, "m\(market)-", number: $0) }
        }
    }

    private static let own: Set<String> = [
        "delivery_id", "demand_id", "trip_id", "quote_id", "offer_id", "robot_id", "pilot_id", "event_id",
    ]

    private static let placeholders: Set<String> = ["", "null", "undefined", "unknown", "none", "n/a"]

    private func inMarket(_ line: String, _ prefix: String, number: Int) -> String {
        func object(_ text: String) -> [String: Any]? {
            try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        }
        // A broken line stays one. What comes in an envelope comes without it here.
        guard let outer = object(line) else { return line }
        var event = (outer["message"] as? String).flatMap(object) ?? outer
        for key in Self.own {
            let text = event[key].map { "\($0)" }?.trimmingCharacters(in: .whitespaces) ?? ""
            if !(event[key] is NSNull), !Self.placeholders.contains(text.lowercased()) {
                event[key] = prefix + text
            } else if key == "event_id" {
                // The order of events of one instant that have no id is nobody's promise.
                event[key] = "\(prefix)#\(number)"
            }
        }
        guard let data = try? JSONSerialization.data(withJSONObject: event, options: .sortedKeys) else {
            return line
        }
        return String(decoding: data, as: UTF8.self)
    }

    /// Batches of several markets in turns at random, each by its own partition; sometimes, as after a restart of the broker, a
    /// market's come by another one. World 95 has an event that joins sessions of a market that was once one's own.
    @Test(arguments: Array(0..<UInt64(10)) + [95]) func batchesComeInAnyOrder(part: UInt64) throws {
        let seed = 881_000_000 + part
        var generator = WorldGenerator(seed: seed)
        let markets = markets(&generator)
        var random = Randomness(state: seed)
        func chance(_ percent: UInt64) -> Bool { random.next() % 100 < percent }
        let fresh = try FreshStore(.postgres)
        let writers = try writers(fresh, maxResident: chance(50) ? 1000 : 5)
        defer { for writer in writers { writer.close() } }
        var left = markets.map { $0[...] }
        while left.contains(where: { !$0.isEmpty }) {
            let partition = Int(random.next() % UInt64(Self.partitions))
            var batch: [(key: String, line: String)] = []
            for market in left.indices where market % Self.partitions == partition ? chance(70) : chance(4) {
                let lines = left[market].prefix(1 + Int(random.next() % 5))
                left[market].removeFirst(lines.count)
                batch += lines.map { ("market \(market)", $0) }
            }
            if batch.isEmpty { continue }
            try writers[partition].ingest(keyed: batch)
        }
        let differences = try writers[0].differences(from: referenceTables(lines: markets.flatMap(\.self)))
        #expect(differences.isEmpty, "seed \(seed): \(differences.joined(separator: "\n"))")
    }

    /// The same, all at once: what one is in the middle of, no other sees.
    @Test(arguments: 0..<UInt64(4)) func batchesComeAtOnce(part: UInt64) throws {
        let seed = 882_000_000 + part
        var generator = WorldGenerator(seed: seed)
        let markets = markets(&generator).prefix(Self.partitions)
        let fresh = try FreshStore(.postgres)
        let writers = try writers(fresh)
        defer { for writer in writers { writer.close() } }
        nonisolated(unsafe) let each = writers
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: Self.partitions) { market in
            for start in stride(from: 0, to: markets[market].count, by: 4) {
                let batch = Array(markets[market][start..<min(start + 4, markets[market].count)])
                var tries = 0
                while true {
                    do {
                        try each[market].ingest(batch, partitionKeys: ["market \(market)"])
                        break
                    } catch let error as StoreError where error.kind == .conflict && tries < 20 {
                        // Two that waited for each other: one of them tries again, as the service does.
                        tries += 1
                    } catch {
                        failures.withLock { $0.append("\(error)") }
                        return
                    }
                }
            }
        }
        #expect(failures.withLock { $0 } == [])
        let differences = try writers[0].differences(from: referenceTables(lines: markets.flatMap(\.self)))
        #expect(differences.isEmpty, "seed \(seed): \(differences.joined(separator: "\n"))")
    }

    // MARK: Examples

    private struct Spied {
        let fresh: FreshStore
        let writers: [StoreUnderTest]
        let spies: [FaultyStore]
        /// All lines that were taken in.
        var lines: [String] = []

        init(_ fresh: FreshStore) throws {
            self.fresh = fresh
            var spies: [FaultyStore] = []
            writers = try fresh.fences(2).map {
                try StoreUnderTest(place: .partition(url: fresh.url, $0), maxResident: 1000) { store in
                    let spy = FaultyStore(store)
                    spies.append(spy)
                    return spy
                }
            }
            self.spies = spies
        }

        mutating func ingest(_ partition: Int, _ lines: [(key: String, line: String)]) throws {
            try writers[partition].ingest(keyed: lines)
            self.lines += lines.map(\.line)
        }

        func expectTables() throws {
            let differences = try writers[0].differences(from: referenceTables(lines: lines))
            #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))")
            for writer in writers { writer.close() }
        }
    }

    private func line(_ minute: Int, _ event: String, _ fields: String) -> String {
        #"{"event":"\#(event)","timestamp":"2026-11-02T10:\#(minute + 10):00Z","event_id":"\#(minute)",\#(fields)}"#
    }

    /// A merchant of one market costs nothing; one of two is waited for only where an event names nobody else.
    @Test func onlyWhoIsSharedIsWaitedFor() throws {
        var stores = try Spied(FreshStore(.postgres))
        let offline = "merchant.tablet_offline"
        try stores.ingest(0, [("a", line(0, "demand.assigned", #""delivery_id":"D1","merchant_id":"M""#))])
        try stores.ingest(0, [("a", line(1, offline, #""merchant_id":"M""#))])
        try stores.ingest(1, [("b", line(2, "demand.assigned", #""delivery_id":"D2","merchant_id":"N""#))])
        try stores.ingest(1, [("b", line(3, offline, #""merchant_id":"N""#))])
        #expect(stores.spies.map(\.batchesAlone) == [0, 0])
        // From here on M trades in the other market too.
        try stores.ingest(1, [("b", line(4, "demand.assigned", #""delivery_id":"D3","merchant_id":"M""#))])
        #expect(stores.spies.map(\.batchesAlone) == [0, 0])
        try stores.ingest(0, [("a", line(5, offline, #""merchant_id":"M""#))])
        #expect(stores.spies.map(\.batchesAlone) == [1, 0])
        try stores.ingest(1, [("b", line(6, "delivery.failed", #""delivery_id":"D3""#))])
        try stores.ingest(1, [("b", line(7, offline, #""merchant_id":"N""#))])
        try stores.ingest(0, [("a", line(8, "delivery.failed", #""delivery_id":"D1","merchant_id":"M""#))])
        #expect(stores.spies.map(\.batchesAlone) == [1, 0])
        try stores.expectTables()
    }

    /// A merchant's events of a key that has gone to another partition are not in memory here, though the merchant is.
    @Test func aMerchantWhoseKeyMovedBecomesShared() throws {
        var stores = try Spied(FreshStore(.postgres))
        try stores.ingest(0, [("a", line(0, "demand.assigned", #""delivery_id":"D1","merchant_id":"M""#))])
        try stores.ingest(0, [("c", line(4, "demand.assigned", #""delivery_id":"D2","robot_id":"R""#))])
        try stores.ingest(1, [("a", line(5, "merchant.tablet_offline", #""merchant_id":"M""#))])
        #expect(stores.spies.map(\.batchesAlone) == [0, 0])
        try stores.ingest(0, [("c", line(6, "delivery.failed", #""delivery_id":"D2","merchant_id":"M""#))])
        try stores.expectTables()
    }

    /// What others' batches that were alone have changed is read again, and nothing else is.
    @Test func onlyJoinsAreForgotten() throws {
        var stores = try Spied(FreshStore(.postgres))
        let merchant = #""merchant_id":"M""#
        try stores.ingest(0, [("a", line(0, "demand.assigned", #""delivery_id":"D1",\#(merchant)"#))])
        try stores.ingest(1, [("b", line(1, "demand.assigned", #""delivery_id":"D2",\#(merchant)"#))])
        try stores.ingest(1, [("b", line(2, "merchant.tablet_offline", merchant))])
        var read = 0
        stores.spies[0].beforeReading = { read += 1 }
        try stores.ingest(0, [("a", line(3, "demand.assigned", #""delivery_id":"D1",\#(merchant)"#))])
        let first = read
        #expect(first > 0)
        // And once more, with everything in memory.
        try stores.ingest(0, [("a", line(4, "demand.assigned", #""delivery_id":"D1",\#(merchant)"#))])
        #expect(read == first)
        try stores.ingest(0, [("a", line(5, "merchant.tablet_offline", merchant))])
        try stores.ingest(1, [("b", line(6, "delivery.failed", #""delivery_id":"D2""#))])
        try stores.ingest(0, [("a", line(7, "delivery.failed", #""delivery_id":"D1""#))])
        #expect(stores.spies.map(\.batchesAlone) == [1, 1])
        try stores.expectTables()
    }

    /// Under which key a merchant was named before there were partitions, nobody knows.
    @Test func aMerchantKnownFromBeforeIsShared() throws {
        let fresh = try FreshStore(.postgres)
        let before = [line(0, "demand.assigned", #""delivery_id":"D1","merchant_id":"M""#)]
        let alone = try StoreUnderTest(place: .postgres(url: fresh.url), maxResident: 1000)
        try alone.ingest(before)
        alone.close()
        var stores = try Spied(fresh)
        stores.lines = before
        // This one has the delivery in memory from now on.
        try stores.ingest(1, [("b", line(1, "delivery.pickup_arrival", #""delivery_id":"D1""#))])
        try stores.ingest(0, [("a", line(2, "merchant.tablet_offline", #""merchant_id":"M""#))])
        #expect(stores.spies.map(\.batchesAlone) == [1, 0])
        try stores.ingest(1, [("b", line(3, "delivery.failed", #""delivery_id":"D1""#))])
        // Six hours later none of those is open any more.
        func later(_ id: Int) -> String {
            #"{"event":"merchant.tablet_offline","timestamp":"2026-11-02T16:\#(10 + id):00Z","event_id":"later\#(id)","merchant_id":"M"}"#
        }
        try stores.ingest(0, [("a", later(0))])
        #expect(stores.spies.map(\.batchesAlone) == [2, 0])
        try stores.ingest(0, [("a", later(3))])
        #expect(stores.spies.map(\.batchesAlone) == [2, 0])
        try stores.expectTables()
    }

    /// Two keys in one batch, too. Told once.
    @Test func robotsAndPilotsUnderTwoKeysAreTold() throws {
        var stores = try Spied(FreshStore(.postgres))
        func robot(_ minute: Int, _ id: String) -> String {
            line(minute, "robot.heartbeat", #""robot_id":"\#(id)""#)
        }
        func crossing(_ partition: Int) -> [String] {
            guard case .told(_, let all) = stores.spies[partition].tellings.last else { return ["alone"] }
            return all.map(\.entity).sorted()
        }
        try stores.ingest(0, [("a", robot(0, "R1")), ("a", robot(1, "R2"))])
        #expect(crossing(0) == [])
        try stores.ingest(
            1, [("b", robot(2, "R3")), ("b", line(3, "pilot.shift_started", #""pilot_id":"P""#))])
        #expect(crossing(1) == [])
        try stores.ingest(1, [("b", robot(4, "R1")), ("c", robot(5, "R3"))])
        #expect(crossing(1) == ["R1", "R3"])
        try stores.ingest(
            0, [("a", robot(6, "R1")), ("a", line(7, "pilot.shift_ended", #""pilot_id":"P""#))])
        #expect(crossing(0) == ["P"])
        try stores.ingest(1, [("b", robot(8, "R1")), ("c", robot(9, "R3"))])
        #expect(crossing(1) == [])
        try stores.expectTables()
    }
}
