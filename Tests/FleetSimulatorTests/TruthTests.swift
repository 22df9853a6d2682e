import FleetSimulator
import Foundation
import Testing

/// The truth and the lines tell one story.
@Suite struct TruthTests {
    /// Each failed delivery has its fault, and it can be found in the lines: the robot's error, then its being
    /// grounded for that code, while it served the delivery and before that failed.
    @Test(arguments: [1, 2, 3]) func everyFailureHasAFaultThatCanBeFound(seed: UInt64) throws {
        var options = smallFleet(seed: seed)
        options.faultsPerRobotHour = 2
        let day = try SimulatedDay(options)
        let failed = day.truth.filter { $0.outcome == .failed }
        #expect(failed.count >= 5)
        #expect(day.truth.allSatisfy { ($0.outcome == .failed) == ($0.fault != nil) })
        let errors = day.events("robot.error")
        let groundings =
            day.events("robot.grounded")
            + day.events("robot.state_changed").filter { $0["to_state"] as? String == "grounded" }
        for delivery in failed {
            let fault = try #require(delivery.fault)
            let window = try #require(delivery.robots.last)
            #expect(window.id == fault.robot)
            #expect(window.from < fault.at && fault.at < delivery.closedAt && window.to == delivery.closedAt)
            #expect(delivery.closedAt - fault.at < 15 * 60_000_000, "in the minutes before")
            let error = errors.first { error in
                guard error["robot_id"] as? String == fault.robot,
                    let text = error["timestamp"] as? String, let at = try? micros(text), at == fault.at,
                    let inner = error["error"] as? [String: Any]
                else { return false }
                return inner["code"] as? String == fault.code
            }
            #expect(error != nil, "D-\(delivery.number): \(fault)")
            #expect(error?["event_id"] as? String == fault.eventID)
            let isGrounded = groundings.contains { grounding in
                guard grounding["robot_id"] as? String == fault.robot,
                    grounding["reason"] as? String == fault.code,
                    let text = grounding["timestamp"] as? String, let at = try? micros(text)
                else { return false }
                return at > fault.at && at < delivery.closedAt
            }
            #expect(isGrounded, "D-\(delivery.number): \(fault)")
            let isTold = day.events("delivery.failed").contains { event in
                event["delivery_id"] as? String == "D-\(delivery.number)"
                    && (event["error"] as? [String: Any])?["code"] as? String == delivery.failureCode
            }
            #expect(isTold)
        }
    }

    @Test func everyDemandHasItsTruthOnce() throws {
        let day = try SimulatedDay(smallFleet())
        let demands = Set(day.events("demand.created").compactMap { $0["demand_id"] as? String })
        #expect(demands.count == 160)
        #expect(day.truth.count == 160)
        #expect(Set(day.truth.map { "DM-\($0.number)" }) == demands)
        #expect(day.totals.completed + day.totals.failed + day.totals.canceled == 160)
        #expect(day.truth.filter { $0.outcome == .completed }.count == day.totals.completed)
        for delivery in day.truth {
            #expect((delivery.robots + delivery.pilots).allSatisfy { ($0.to ?? 0) > $0.from })
            for (earlier, later) in zip(delivery.robots, delivery.robots.dropFirst()) {
                #expect((earlier.to ?? .max) <= later.from)
            }
        }
    }

    @Test func aLineOfTruthIsJSON() throws {
        let day = try SimulatedDay(smallFleet())
        let delivery = try #require(day.truth.first { $0.fault != nil } ?? day.truth.first)
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(delivery.json.utf8)) as? [String: Any])
        #expect(object["session_id"] as? String == delivery.session)
        #expect(object["outcome"] as? String == delivery.outcome.rawValue)
        #expect((object["robots"] as? [[String: Any]])?.count == delivery.robots.count)
        #expect((object["fault"] as? [String: Any])?["code"] as? String == delivery.fault?.code)
    }

    @Test func statesFollowOneAnother() throws {
        var options = smallFleet()
        options.faultsPerRobotHour = 1
        options.disorder = 0
        options.duplicates = 0
        let day = try SimulatedDay(options)
        var states: [String: String] = [:]
        for case .some(let event) in day.objects {
            guard let name = event["event"] as? String, let robot = event["robot_id"] as? String else {
                continue
            }
            switch name {
            case "robot.state_changed":
                #expect(states[robot] == event["from_state"] as? String, "\(event)")
                states[robot] = event["to_state"] as? String
            case "robot.deployed", "robot.parked", "robot.grounded", "robot.off_duty":
                states[robot] = String(name.dropFirst("robot.".count))
            default: break
            }
        }
        #expect(states.values.allSatisfy { ["off_duty", "parked"].contains($0) }, "all went home")
    }
}
