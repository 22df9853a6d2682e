import EngineUnderTest
import Foundation
import ReferenceModel
import Testing

/// Small sets of events, chosen to be nasty, in every order and in every cut into batches, with nothing left in memory
/// from batch to batch: the tables are always the same.
@Suite struct EveryOrder {
    static let sets: [(name: String, story: String)] = [
        (
            "assigned twice, then delivered",
            """
            10:00 demand.created             delivery=D1 merchant=S1
            10:01 demand.assigned            delivery=D1 robot=R1
            10:05 demand.assigned            delivery=D1 robot=R2
            10:07 robot.error                robot=R2 error=LID
            10:09 delivery.dropoff_completed delivery=D1
            """
        ),
        (
            "a demand learns its delivery",
            """
            10:00 demand.created  demand=M1 merchant=S1
            10:01 demand.assigned demand=M1 robot=R1
            10:02 trip.created    trip=T1 demand=M1
            10:03 robot.error     robot=R1 error=GPS
            10:04 demand.active   demand=M1 delivery=D1
            10:30 demand.fulfilled demand=M1
            """
        ),
        (
            "a trip for two deliveries",
            """
            10:00 trip.assigned trip=T1 robot=R1
            10:01 trip.created  trip=T1 delivery=D1
            10:02 trip.created  trip=T1 delivery=D2
            10:05 robot.error   robot=R1 error=LID
            10:20 delivery.dropoff_completed delivery=D1
            """
        ),
        (
            "closed, then opened again",
            """
            10:00 demand.assigned  delivery=D1 robot=R1
            10:10 delivery.failed  delivery=D1 error=STALL
            10:11 robot.error      robot=R1 error=WHEEL
            10:15 demand.assigned  delivery=D1 robot=R2
            10:30 demand.fulfilled delivery=D1
            """
        ),
        (
            "there and back between zones",
            """
            10:00 robot.seen      robot=R1 zone=Z1
            10:02 robot.seen      robot=R1 zone=Z2
            10:02 robot.heard     robot=R1 zone=Z1
            10:03 demand.assigned robot=R1 zone=Z2 delivery=D1
            10:05 robot.seen      robot=R1 zone=Z1
            """
        ),
        (
            "all at one instant",
            """
            10:00 demand.assigned           delivery=D1 robot=R1 event_id=b
            10:00 demand.replan.orphaned    delivery=D1 event_id=a
            10:00 demand.assigned           delivery=D1 robot=R2 event_id=c
            10:00 demand.etas_updated       delivery=D1 robot=R3 event_id=d
            10:00 delivery.dropoff_completed delivery=D1 event_id=e
            """
        ),
        (
            "six hours, to the second",
            """
            10:00    demand.assigned     delivery=D1 robot=R1
            16:00    demand.etas_updated delivery=D1 robot=R2
            15:59:59 robot.error         robot=R1 error=A
            16:00    robot.error         robot=R1 error=B
            16:00:01 delivery.failed     delivery=D1
            """
        ),
        (
            "a pilot of the robot, cut to its window",
            """
            09:50 pilot.assigned            robot=R1 pilot=P1
            10:00 demand.assigned           delivery=D1 robot=R1
            10:10 pilot.assigned            robot=R1 pilot=P2
            10:15 pilot.note                pilot=P2
            10:20 pilot.shift_ended         pilot=P2
            10:30 delivery.dropoff_completed delivery=D1
            """
        ),
        (
            "a pilot who goes home",
            """
            10:00 pilot.shift_started pilot=P1
            10:01 pilot.assigned      delivery=D1 pilot=P1
            10:02 pilot.assigned      delivery=D2 pilot=P1
            10:20 pilot.shift_ended   pilot=P1
            10:30 pilot.note          pilot=P1
            """
        ),
        (
            "through the robot before the pilot",
            """
            10:00 demand.assigned     delivery=D1 robot=R1
            10:00 pilot.assigned      delivery=D2 pilot=P1
            10:05 pilot.note          robot=R1 pilot=P1 error=X
            10:04 demand.replan.orphaned delivery=D1 robot=R1
            10:06 pilot.note          robot=R1 pilot=P1 error=Y
            """
        ),
        (
            "a robot's states",
            """
            10:00 robot.state_changed robot=R1 to_state=idle
            10:10 robot.grounded      robot=R1 reason=LID
            10:10 robot.parked        robot=R1
            10:40 robot.state_changed robot=R1 from_state=idle to_state=idle
            11:20 robot.off_duty      robot=R1
            36:00 robot.deployed      robot=R1
            """
        ),
        (
            "standing still for days",
            """
            10:30 robot.grounded robot=R1 reason=LID
            12:00 robot.grounded robot=R1 reason=LID
            82:15 robot.deployed robot=R1
            50:00 robot.parked   robot=R1
            11:59 robot.deployed robot=R1
            """
        ),
        (
            "a merchant's own events",
            """
            10:00 offer.received  offer=O1 merchant=S1 source=uber
            10:05 store.closed    merchant=S1
            10:06 offer.accepted  offer=O1 delivery=D1
            10:08 delivery.failed delivery=D1
            10:09 store.opened    merchant=S1
            """
        ),
        (
            "one event told again and again",
            """
            10:00 demand.assigned delivery=D1 robot=R1 event_id=a
            10:00 demand.assigned delivery=D1 robot=R1 event_id=a
            10:05 robot.error     robot=R1 error=LID
            10:05 robot.error     robot=R1 error=LID
            10:09 delivery.dropoff_completed delivery=D1
            """
        ),
        (
            "inferred, then known",
            """
            10:00 demand.etas_updated  delivery=D1 robot=R1
            10:00 demand.etas_updated  delivery=D1 robot=R2 event_id=z
            10:01 demand.assigned      delivery=D1 robot=R2
            10:02 demand.replan.orphaned delivery=D1 robot=R1
            10:03 demand.replan.orphaned delivery=D1
            10:04 delivery.failed      delivery=D1 error=LOST
            """
        ),
    ]

    @Test(arguments: sets.map(\.name))
    func theTablesAreTheSame(name: String) throws {
        let events = lines(try #require(Self.sets.first { $0.name == name }).story)
        let expected = referenceTables(lines: events)
        let folder = try TemporaryFolder()
        let template = folder.file("template.db")
        try StoreUnderTest.makeTemplate(template)
        var runs = 0
        func expectSame(_ batches: [[String]]) throws -> Bool {
            runs += 1
            let path = folder.file("\(runs).db")
            try FileManager.default.copyItem(atPath: template, toPath: path)
            let store = try StoreUnderTest(path: path, maxResident: 0)
            for batch in batches { _ = try store.ingest(batch) }
            let differences = try store.differences(from: expected)
            store.close()
            try FileManager.default.removeItem(atPath: path)
            if !differences.isEmpty {
                Issue.record(
                    """
                    \(name): \(differences.joined(separator: "\n"))
                    \(batches.map { $0.joined(separator: "\n") }.joined(separator: "\n-- next batch\n"))
                    """)
            }
            return differences.isEmpty
        }
        for order in Self.permutations(events) {
            guard try expectSame(order.map { [$0] }) else { return }
        }
        for cut in 0..<(1 << (events.count - 1)) {
            var batches: [[String]] = [[]]
            for (index, event) in events.enumerated() {
                batches[batches.count - 1].append(event)
                if index + 1 < events.count, cut >> index & 1 == 1 { batches.append([]) }
            }
            guard try expectSame(batches) else { return }
            guard try expectSame(batches.reversed()) else { return }
        }
        #expect(runs >= 120)
    }

    /// Every order of the elements.
    private static func permutations<Element>(_ elements: [Element]) -> [[Element]] {
        guard let first = elements.first else { return [[]] }
        return permutations(Array(elements.dropFirst())).flatMap { rest in
            (0...rest.count).map { place in Array(rest[..<place]) + [first] + Array(rest[place...]) }
        }
    }
}
