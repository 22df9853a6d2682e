import FleetSimulator
import Foundation
import Testing

/// A dial at 0 gives none; at a share, about that share.
@Suite struct DialTests {
    @Test func transportAtZeroLeavesEveryLineAsItWasWritten() throws {
        var options = smallFleet()
        options.disorder = 0
        options.duplicates = 0
        options.losses = 0
        options.broken = 0
        options.missingIDs = 0
        options.skewedRobots = 0
        let day = try SimulatedDay(options)
        #expect(day.totals.lines == day.totals.events)
        #expect(day.lines.count == day.totals.lines)
        let ids = day.objects.compactMap { $0?["event_id"] as? String }
        #expect(ids.count == day.lines.count, "none lacks its event_id")
        #expect(Set(ids).count == ids.count, "none comes twice")
        #expect(day.objects.allSatisfy { $0?["event"] is String && $0?["timestamp"] is String })
    }

    @Test func sharesOfLinesAreAboutWhatWasAskedFor() throws {
        var options = FleetOptions.day
        options.disorder = 0.1
        options.lateSeconds = 3 * 3600
        options.duplicates = 0.05
        options.losses = 0.02
        options.broken = 0.04
        options.missingIDs = 0.2
        options.skewedRobots = 0.5
        let day = try SimulatedDay(options)
        let events = Double(day.totals.events)
        func isAbout(_ count: Int, _ share: Double) -> Bool {
            abs(Double(count) / events - share) < share * 0.15
        }
        #expect(isAbout(day.totals.late, 0.1 * 0.98))
        #expect(isAbout(day.totals.duplicated, 0.05))
        #expect(isAbout(day.totals.lost, 0.02))
        #expect(isAbout(day.totals.broken.count, 0.04))
        #expect(isAbout(day.totals.withoutID, 0.2))
        #expect((18...42).contains(day.totals.skewedRobots))

        // And the lines say the same as the counts.
        #expect(day.lines.count == day.totals.lines)
        let more = day.totals.duplicated + day.totals.broken.count
        #expect(day.totals.lines == day.totals.events - day.totals.lost + more)
        let unreadable = day.objects.filter { $0 == nil }.count
        #expect(unreadable == day.totals.broken.truncated + day.totals.broken.notAnObject)
        let objects = day.objects.compactMap { $0 }
        #expect(objects.filter { $0["timestamp"] == nil }.count == day.totals.broken.withoutTimestamp)
        #expect(objects.filter { $0["event"] == nil }.count == day.totals.broken.withoutEvent)
        let ids = objects.compactMap { $0["event_id"] as? String }
        #expect(Set(ids).count < ids.count)
        let shipped = objects.filter { $0["shipper"] != nil }.count
        #expect(abs(shipped * 2 - day.totals.duplicated) < day.totals.duplicated / 4)
    }

    @Test func latenessIsWhatWasAskedFor() throws {
        var options = smallFleet()
        options.disorder = 0.1
        options.lateSeconds = 7200
        options.shuffleSeconds = 5
        options.duplicates = 0
        options.broken = 0
        let day = try SimulatedDay(options)
        var delays: [Double] = []
        for (object, arrival) in zip(day.objects, day.arrivals) {
            let text = try #require(object?["timestamp"] as? String)
            delays.append(Double(arrival - (try micros(text))) / 1e6)
        }
        #expect(delays.allSatisfy { $0 >= 0 && $0 < 7206 })
        #expect((delays.max() ?? 0) > 3600, "some come hours late")
        let late = Double(delays.filter { $0 > 6 }.count) / Double(delays.count)
        #expect(abs(late - 0.1) < 0.02)
        #expect(day.arrivals == day.arrivals.sorted(), "lines are given in the order of arrival")
    }

    @Test func aWrongClockIsWrongByTheSameAllDay() throws {
        var options = smallFleet()
        options.skewedRobots = 1
        options.skewSeconds = 120
        options.disorder = 0
        options.broken = 0
        let day = try SimulatedDay(options)
        var wrong: [String: Set<Int64>] = [:]
        for (object, arrival) in zip(day.objects, day.arrivals) {
            guard let object, object["service"] as? String == "robot-gateway",
                let robot = object["robot_id"] as? String, let text = object["timestamp"] as? String
            else { continue }
            wrong[robot, default: []].insert(try micros(text) - arrival)
        }
        #expect(wrong.count == 20)
        #expect(wrong.values.allSatisfy { $0.count == 1 })
        #expect(wrong.values.joined().allSatisfy { abs($0) <= 120_000_000 })
        #expect(Set(wrong.values.joined()).count > 10)
    }

    @Test func withoutFaultsNothingFails() throws {
        var options = smallFleet()
        options.faultsPerRobotHour = 0
        let day = try SimulatedDay(options)
        for name in [
            "robot.error", "robot.grounded", "delivery.failed", "attempt.failed", "attempt.rescued",
        ] {
            #expect(day.count(name) == 0, "\(name)")
        }
        #expect(day.truth.allSatisfy { $0.outcome != .failed && $0.fault == nil })
    }

    @Test func faultsComeAsOftenAsAskedFor() throws {
        var options = FleetOptions.day
        options.faultsPerRobotHour = 2
        options.telemetrySeconds = 0
        let day = try SimulatedDay(options)
        let ready = ["deployed", "idle", "to_pickup", "at_pickup", "to_dropoff", "at_dropoff", "returning"]
        let micros: Int64 = ready.reduce(0) { $0 + (day.totals.stateMicros[$1] ?? 0) }
        let perHour = Double(day.totals.faults) / (Double(micros) / 3.6e9)
        #expect(abs(perHour - 2) < 0.25, "\(perHour)")
        var codes: [String: Int] = [:]
        for event in day.events("robot.error") {
            let error = try #require(event["error"] as? [String: Any])
            codes[try #require(error["code"] as? String), default: 0] += 1
        }
        #expect(codes.max { $0.value < $1.value }?.key == "LID_ERROR")
    }

    @Test func eachKindOfReplanningCanBeTurnedOff() throws {
        var options = smallFleet()
        options.faultsPerRobotHour = 3
        options.replans = 0
        options.rehoming = 0
        var day = try SimulatedDay(options)
        #expect(day.count("demand.replan.orphaned") + day.count("demand.replan.rehomed") == 0)
        #expect(day.truth.allSatisfy { $0.robots.count <= 1 })
        options.rehoming = 1
        day = try SimulatedDay(options)
        #expect(day.count("demand.replan.orphaned") > 5)
        #expect(day.truth.contains { $0.robots.count > 1 })
        options.rehoming = 0
        options.faultsPerRobotHour = 0
        options.replans = 0.5
        day = try SimulatedDay(options)
        #expect(day.totals.orphaned > 10)
        #expect(day.truth.filter { $0.robots.count > 1 }.count > 15)
    }

    @Test func pilotsHandOverAsOftenAsAskedFor() throws {
        var options = smallFleet()
        options.faultsPerRobotHour = 0
        options.replans = 0
        options.handoffs = 0
        #expect(try SimulatedDay(options).truth.allSatisfy { $0.pilots.count <= 1 })
        options.handoffs = 1
        #expect(try SimulatedDay(options).truth.filter { $0.pilots.count > 1 }.count > 40)
        options.pilots = 0
        let alone = try SimulatedDay(options)
        #expect(alone.truth.allSatisfy { $0.pilots.isEmpty })
        #expect(alone.objects.allSatisfy { $0?["pilot_id"] == nil })
    }

    @Test func sharedTripsCancellationsAndTelemetryCanBeTurnedOff() throws {
        var options = smallFleet()
        options.sharedTrips = 0
        options.cancellations = 0
        options.telemetrySeconds = 0
        var day = try SimulatedDay(options)
        #expect(day.totals.sharedTrips == 0)
        #expect(!day.events("demand.canceled").contains { $0["reason"] as? String == "customer" })
        #expect(day.count("robot.telemetry") + day.count("robot.heartbeat") == 0)
        options.sharedTrips = 0.5
        options.cancellations = 0.5
        day = try SimulatedDay(options)
        var riding: [String: Set<String>] = [:]
        for event in day.events("trip.created") {
            let trip = try #require(event["trip_id"] as? String)
            riding[trip, default: []].insert(try #require(event["delivery_id"] as? String))
        }
        #expect(riding.values.contains { $0.count == 2 })
        #expect(riding.values.allSatisfy { $0.count <= 2 })
        #expect(day.events("demand.canceled").filter { $0["reason"] as? String == "customer" }.count > 10)
    }

    @Test func demandPeaksAtLunchAndDinner() throws {
        var options = smallFleet()
        options.deliveriesPerDay = 1000
        options.telemetrySeconds = 0
        let day = try SimulatedDay(options)
        var byHour = [Int](repeating: 0, count: 24)
        for event in day.events("demand.created") {
            byHour[Int(try micros(try #require(event["timestamp"] as? String)) / 3_600_000_000 % 24)] += 1
        }
        #expect(byHour[12] > 2 * byHour[10] && byHour[12] > 3 * byHour[15])
        #expect(byHour[18] > 2 * byHour[15] && byHour[18] > 3 * byHour[21])
        #expect(byHour[0..<6].allSatisfy { $0 == 0 })
    }
}
