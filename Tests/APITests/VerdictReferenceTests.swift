import EngineUnderTest
import Foundation
import Testing

/// The first line of what stands out names the fault that the delivery ended with, not one of a robot that had given it away.
@Suite struct VerdictReferenceTests {
    private func firstLine(_ more: [String]) throws -> String {
        let before = [
            #"{"event":"demand.assigned","timestamp":"2026-11-02T10:00:00Z","delivery_id":"D1","robot_id":"R1"}"#,
            #"{"event":"robot.error","timestamp":"2026-11-02T10:10:00Z","robot_id":"R1","error":{"code":"TIPPED_OVER"}}"#,
            #"{"event":"robot.grounded","timestamp":"2026-11-02T10:10:05Z","robot_id":"R1","reason":"TIPPED_OVER"}"#,
        ]
        let after = [
            #"{"event":"delivery.failed","timestamp":"2026-11-02T11:00:00Z","delivery_id":"D1","error":{"code":"GAVE_UP"}}"#
        ]
        let service = try ServiceUnderTest(of: before + more + after)
        let story = try service.get("deliveries/D1").json
        let verdict = try #require((story["verdict"] as? [[String: Any]])?.first)
        // What lists name beside a failure's code is what the verdict names.
        let sessions = [
            story["session"] as? [String: Any],
            try service.get("sessions/D1").json["session"] as? [String: Any],
            try service.get("sessions?outcome=failed").rows.first,
            ((try service.get("home").json["trouble"] as? [String: Any])?["failed"] as? [String: Any])
                .flatMap { $0["rows"] as? [[String: Any]] }?.first,
        ]
        for session in sessions {
            let session = try #require(session)
            #expect(session["failure_code"] as? String == "GAVE_UP")
            let fault = try #require(session["fault"] as? [String: Any])
            #expect(fault["event_id"] as? String == verdict["event_id"] as? String)
            #expect(fault["occurred_at"] as? String == verdict["at"] as? String)
            let words = "\(fault["error_code"] as? String ?? "") on \(fault["robot_id"] as? String ?? "") at "
            #expect((verdict["text"] as? String)?.contains(words) == true, "\(words)")
        }
        return verdict["text"] as? String ?? ""
    }

    private let rehomed =
        #"{"event":"demand.replan.rehomed","timestamp":"2026-11-02T10:20:00Z","delivery_id":"D1","robot_id":"R2"}"#

    @Test func itIsOfTheRobotThatHeldItLast() throws {
        let line = try firstLine([
            rehomed,
            #"{"event":"robot.error","timestamp":"2026-11-02T10:59:00Z","robot_id":"R2","error":{"code":"LID_STUCK"}}"#,
        ])
        #expect(
            line
                == "Last robot error before the end: LID_STUCK on R2 at 10:59:00, 1 m 00 s before delivery.failed."
        )
    }

    /// It went down with the first error and was down to the end: a later one is a consequence.
    @Test func itIsWhatTheRobotWentDownWith() throws {
        let line = try firstLine([
            #"{"event":"robot.error","timestamp":"2026-11-02T10:30:00Z","robot_id":"R1","error":{"code":"COMMS_LOST"}}"#,
            #"{"event":"robot.state_changed","timestamp":"2026-11-02T10:40:00Z","robot_id":"R1","to_state":"maintenance"}"#,
        ])
        #expect(line.hasPrefix("Robot error before the end: TIPPED_OVER on R1 at 10:10:00"), "\(line)")
        #expect(line.hasSuffix("the robot was grounded for it."), "\(line)")
    }

    /// It was back in between: the later error is the one.
    @Test func itIsTheLastWhereTheRobotWasBack() throws {
        let line = try firstLine([
            #"{"event":"robot.deployed","timestamp":"2026-11-02T10:20:00Z","robot_id":"R1"}"#,
            #"{"event":"robot.error","timestamp":"2026-11-02T10:50:00Z","robot_id":"R1","error":{"code":"COMMS_LOST"}}"#,
        ])
        #expect(line.hasPrefix("Last robot error before the end: COMMS_LOST on R1 at 10:50:00"), "\(line)")
    }

    /// The one that took it over told of no error: then the first one's stands.
    @Test func itIsTheFirstRobotsWhereTheNextHadNone() throws {
        let line = try firstLine([rehomed])
        #expect(line.hasPrefix("Last robot error before the end: TIPPED_OVER on R1 at 10:10:00"), "\(line)")
    }

    /// It names the delivery itself: then it joins by that, and is the robot's all the same.
    @Test func itMayNameTheDeliveryItself() throws {
        let line = try firstLine([
            rehomed,
            #"{"event":"robot.error","timestamp":"2026-11-02T10:59:00Z","delivery_id":"D1","robot_id":"R2","error":{"code":"LID_STUCK"}}"#,
            #"{"event":"robot.error","timestamp":"2026-11-02T10:59:30Z","delivery_id":"D1","robot_id":"R9","error":{"code":"NOT_ITS_ROBOT"}}"#,
        ])
        #expect(
            line
                == "Last robot error before the end: LID_STUCK on R2 at 10:59:00, 1 m 00 s before delivery.failed."
        )
    }

    /// The lines of a delivery with a robot that told of no error itself.
    private func lines(_ more: [String], failed code: String?) throws -> (lines: [String], errors: Int) {
        let folder = try Folder()
        let store = try StoreUnderTest(path: folder.path("others.db"), maxResident: 0)
        let error = code.map { #","error":{"code":"\#($0)"}"# } ?? ""
        _ = try store.ingest(
            [
                #"{"event":"demand.assigned","timestamp":"2026-11-02T10:00:00Z","delivery_id":"D1","robot_id":"R1"}"#,
                #"{"event":"pilot.assigned","timestamp":"2026-11-02T10:00:00Z","delivery_id":"D1","pilot_id":"P1"}"#,
            ] + more + [
                #"{"event":"delivery.failed","timestamp":"2026-11-02T11:00:00Z","delivery_id":"D1"\#(error)}"#
            ])
        store.close()
        let story = try ServiceUnderTest(store: folder.path("others.db"), folder: folder).get("deliveries/D1")
            .json
        let verdict = try #require(story["verdict"] as? [[String: Any]])
        let session = try #require(story["session"] as? [String: Any])
        #expect(!(session["fault"] is [String: Any]))
        return (verdict.compactMap { $0["text"] as? String }, try #require(session["error_count"] as? Int))
    }

    /// No robot's: then what somebody else told, by the event's name.
    @Test(arguments: [
        (
            #"{"event":"attempt.failed","timestamp":"2026-11-02T10:59:00Z","delivery_id":"D1","robot_id":"R1","error":{"code":"NO_ACCESS"}}"#,
            "Last error before the end: NO_ACCESS of attempt.failed at 10:59:00."
        ),
        (
            #"{"event":"pilot.alert","timestamp":"2026-11-02T10:59:00Z","pilot_id":"P1","error":{"code":"NO_VIDEO"}}"#,
            "Last error before the end: NO_VIDEO of pilot.alert at 10:59:00."
        ),
    ])
    func anothersErrorIsNamedWhereThereIsNoRobots(_ event: String, _ expected: String) throws {
        let (lines, errors) = try lines([event], failed: "GAVE_UP")
        #expect(errors == 2)
        #expect(lines.first == expected)
    }

    /// Beside "1 error" nothing is called usual.
    @Test func whatItEndedWithIsAnError() throws {
        let (lines, errors) = try lines([], failed: "GAVE_UP")
        #expect(errors == 1)
        #expect(lines == ["No error in 3 events but the one it ended with, GAVE_UP."])
        let (usual, none) = try self.lines([], failed: nil)
        #expect(none == 0)
        #expect(usual == ["Nothing unusual in 3 events."])
    }
}
