import Dispatch
import EngineUnderTest
import Foundation
import ReferenceModel
import SeededRandomness
import SessionStore
import Synchronization
import Testing

/// Small worlds of several markets, whose events come by several partitions.
enum MarketWorlds {
    static let partitions = 3
    static let markets = 5
    /// What markets may have in common; an event's own id they never have.
    static let ids = [
        "delivery_id", "demand_id", "trip_id", "quote_id", "offer_id", "robot_id", "pilot_id",
    ]

    static func writers(
        _ fresh: FreshStore, maxResident: Int = 1000,
        wrap: @escaping (any SessionStoring) -> any SessionStoring = { $0 }
    ) throws -> [StoreUnderTest] {
        try fresh.fences(partitions).map {
            try StoreUnderTest(place: .partition(url: fresh.url, $0), maxResident: maxResident, wrap: wrap)
        }
    }

    /// A world for each market; what an id is called there, `name` says: by the market, as a rule.
    static func lines(
        _ generator: inout WorldGenerator, count: Int = 60, ownMerchants: Bool = false,
        name: (_ key: String, _ id: String, _ market: Int) -> String = { _, id, market in "m\(market)-\(id)" }
    ) -> [[String]] {
        (0..<markets).map { market in
            generator.lines(count: count).enumerated().map { number, line in
                renamed(
                    line, ids + (ownMerchants ? ["merchant_id"] : []), number: number, market: market, name)
            }
        }
    }

    private static let placeholders: Set<String> = ["", "null", "undefined", "unknown", "none", "n/a"]

    private static func renamed(
        _ line: String, _ ids: [String], number: Int, market: Int, _ name: (String, String, Int) -> String
    ) -> String {
        func object(_ text: String) -> [String: Any]? {
            try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        }
        // A broken line stays one. What comes in an envelope comes without it here.
        guard let outer = object(line) else { return line }
        var event = (outer["message"] as? String).flatMap(object) ?? outer
        for key in ids + ["event_id"] {
            let text = event[key].map { "\($0)" }?.trimmingCharacters(in: .whitespaces) ?? ""
            if !(event[key] is NSNull), !placeholders.contains(text.lowercased()) {
                event[key] = key == "event_id" ? "m\(market)-\(text)" : name(key, text, market)
            } else if key == "event_id" {
                // The order of events of one instant that have no id is nobody's promise.
                event[key] = "m\(market)-#\(number)"
            }
        }
        guard let data = try? JSONSerialization.data(withJSONObject: event, options: .sortedKeys) else {
            return line
        }
        return String(decoding: data, as: UTF8.self)
    }

    /// Takes all in: batches of several markets in turns at random, each by its own partition; sometimes, as after a restart of
    /// the broker, a market's come by another one.
    static func ingest(_ markets: [[String]], by writers: [StoreUnderTest], _ random: inout Randomness) throws
    {
        var left = markets.map { $0[...] }
        while left.contains(where: { !$0.isEmpty }) {
            let partition = Int(random.next() % UInt64(partitions))
            var batch: [(key: String, line: String)] = []
            for market in left.indices
            where random.next() % 100 < (market % partitions == partition ? 70 : 4) {
                let lines = left[market].prefix(1 + Int(random.next() % 5))
                left[market].removeFirst(lines.count)
                batch += lines.map { ("market \(market)", $0) }
            }
            if batch.isEmpty { continue }
            try writers[partition].ingest(keyed: batch)
        }
    }

    /// Takes all in, each market by a partition of its own, all at once: what one is in the middle of, no other sees.
    /// - Returns: What went wrong.
    static func ingestAtOnce(_ markets: [[String]], by writers: [StoreUnderTest]) -> [String] {
        nonisolated(unsafe) let each = writers
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: markets.count) { market in
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
        return failures.withLock { $0 }
    }

    /// What is stored is what the reference makes of all of them.
    static func expectTables(_ writer: StoreUnderTest, of markets: [[String]], seed: UInt64) throws {
        let differences = try writer.differences(from: referenceTables(lines: markets.flatMap(\.self)))
        #expect(differences.isEmpty, "seed \(seed): \(differences.joined(separator: "\n"))")
    }
}
