import FleetSimulator
import Foundation

/// Everything that a simulation gave, read back from its bytes.
struct SimulatedDay {
    /// The lines in the order of arrival.
    let lines: [String]
    /// When each arrived.
    let arrivals: [Int64]
    /// What each says; nil where it is no object.
    let objects: [[String: Any]?]
    let truth: [DeliveryTruth]
    let totals: FleetTotals

    init(_ options: FleetOptions) throws {
        let fleet = try FleetSimulator(options)
        var (lines, arrivals, truth): ([String], [Int64], [DeliveryTruth]) = ([], [], [])
        var isGoingOn = true
        while isGoingOn {
            isGoingOn = fleet.advance { line, arrival in
                lines.append(String(decoding: line, as: UTF8.self))
                arrivals.append(arrival)
            }
            truth += fleet.takeTruth()
        }
        (self.lines, self.arrivals, self.truth) = (lines, arrivals, truth)
        totals = fleet.totals
        objects = lines.map {
            (try? JSONSerialization.jsonObject(with: Data($0.utf8))) as? [String: Any]
        }
    }

    /// The events of a name.
    func events(_ name: String) -> [[String: Any]] {
        objects.compactMap { $0 }.filter { $0["event"] as? String == name }
    }

    func count(_ name: String) -> Int { events(name).count }
}

/// Microseconds since 1970 of an RFC 3339 timestamp, by Foundation's calendar.
func micros(_ text: String) throws -> Int64 {
    let parts = text.split(separator: ".")
    var calendar = Calendar(identifier: .gregorian)
    let rest = parts[1].drop { $0.isNumber }
    let hours = rest == "Z" ? 0 : Int(rest.prefix(3)) ?? 0
    guard let zone = TimeZone(secondsFromGMT: hours * 3600) else { throw CocoaError(.formatting) }
    calendar.timeZone = zone
    let numbers = parts[0].split { !$0.isNumber }.compactMap { Int($0) }
    guard numbers.count == 6 else { throw CocoaError(.formatting) }
    let date = calendar.date(
        from: DateComponents(
            year: numbers[0], month: numbers[1], day: numbers[2], hour: numbers[3], minute: numbers[4],
            second: numbers[5]))
    let fraction = parts[1].prefix { $0.isNumber }
    let digits = fraction + String(repeating: "0", count: 6 - fraction.count)
    guard let date, let sub = Int64(digits) else { throw CocoaError(.formatting) }
    return Int64(date.timeIntervalSince1970) * 1_000_000 + sub
}

/// A small fleet that keeps tests quick.
func smallFleet(seed: UInt64 = 1) -> FleetOptions {
    var options = FleetOptions.day
    options.seed = seed
    options.robots = 20
    options.pilots = 9
    options.deliveriesPerDay = 160
    options.telemetrySeconds = 600
    return options
}
