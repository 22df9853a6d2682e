import Foundation
import Testing

@testable import FleetSimulator

@Suite struct DeterminismTests {
    @Test func theSameOptionsGiveTheSameBytesAndTheSameTruth() throws {
        let (first, second) = (try SimulatedDay(smallFleet()), try SimulatedDay(smallFleet()))
        #expect(first.lines == second.lines)
        #expect(first.arrivals == second.arrivals)
        #expect(first.truth == second.truth)
        #expect(first.totals == second.totals)
    }

    @Test func anotherSeedGivesAnotherDay() throws {
        #expect(try SimulatedDay(smallFleet()).truth != SimulatedDay(smallFleet(seed: 2)).truth)
    }

    @Test func whatBecomesOfTheLinesDoesNotChangeWhatTheFleetDoes() throws {
        var harsh = smallFleet()
        harsh.disorder = 0.4
        harsh.duplicates = 0.2
        harsh.losses = 0.1
        harsh.broken = 0.05
        harsh.telemetrySeconds = 0
        func services(_ truth: [DeliveryTruth]) -> [[DeliveryTruth.Service]] {
            truth.flatMap { [$0.robots, $0.pilots] }
        }
        let (calm, disturbed) = (try SimulatedDay(smallFleet()), try SimulatedDay(harsh))
        #expect(calm.truth.map(\.outcome) == disturbed.truth.map(\.outcome))
        #expect(services(calm.truth) == services(disturbed.truth))
    }

    @Test(arguments: [1, 10_956, 11_016, 19_723, 20_147, 20_513])
    func timestampsTellTheTimeOfArrivalWhereNothingIsLate(startDay: Int64) throws {
        var options = smallFleet()
        options.startDay = startDay
        options.days = 2
        options.deliveriesPerDay = 20
        options.disorder = 0
        options.broken = 0
        let day = try SimulatedDay(options)
        #expect(day.arrivals == day.arrivals.sorted())
        for (object, arrival) in zip(day.objects, day.arrivals) {
            let text = try #require(object?["timestamp"] as? String)
            #expect(try micros(text) == arrival, "\(text)")
        }
    }

    @Test func memoryDoesNotGrowWithTheDays() throws {
        var options = smallFleet()
        options.telemetrySeconds = 0
        options.days = 12
        let fleet = try FleetSimulator(options)
        var lines = 0
        while fleet.advance({ _, _ in lines += 1 }) { _ = fleet.takeTruth() }
        #expect(fleet.totals.completed > 1500)
        #expect(fleet.orders.count < 100, "slots of orders are used again")
        #expect(fleet.trips.count <= options.robots, "slots of trips are used again")
        #expect(fleet.queue.count < 5000)
        #expect(lines == fleet.totals.lines)
    }

    @Test func impossibleDialsAreNamed() {
        func refusal(_ change: (inout FleetOptions) -> Void) -> String? {
            var options = FleetOptions()
            change(&options)
            do {
                _ = try FleetSimulator(options)
                return nil
            } catch { return "\(error)" }
        }
        #expect(refusal { $0.losses = 1.5 } == "--losses 1.5: expected a share from 0 to 1")
        #expect(refusal { $0.disorder = -0.1 } == "--disorder -0.1: expected a share from 0 to 1")
        #expect(refusal { $0.duplicates = .nan } == "--duplicates nan: expected a share from 0 to 1")
        #expect(refusal { $0.robots = 0 }?.hasPrefix("--robots 0: expected a whole number") == true)
        #expect(refusal { $0.lateSeconds = 1e9 }?.hasPrefix("--late-seconds") == true)
        #expect(refusal { $0.telemetrySeconds = 0.5 }?.hasPrefix("--telemetry-seconds 0.5") == true)
        #expect(refusal { $0.startDay = 0 }?.hasPrefix("--start-day") == true)
        #expect(refusal { $0.losses = 1 } == nil)
    }

    @Test(arguments: [2_000, 20_000, 100_000])
    func aboutAsManyLinesComeOutAsWereAskedFor(events: Int) throws {
        let fleet = try FleetSimulator(.sized(events: events))
        while fleet.advance({ _, _ in }) { _ = fleet.takeTruth() }
        #expect(abs(fleet.totals.lines - events) < events / 5, "\(fleet.totals.lines)")
    }

    @Test func theFleetStaysOneThatCouldBe() {
        let options = FleetOptions.sized(events: 10_000_000)
        #expect((200...600).contains(options.robots))
        #expect((20...80).contains(options.days))
    }
}
