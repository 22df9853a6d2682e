import Foundation
import ProgramUnderTest
import SessionStore
import Testing

extension LiveTests {
    /// What is odd about the events, in `/metrics` by its kind.
    @Suite struct AnomalyTests {
        private func line(_ event: String, _ time: String, _ rest: String) -> String {
            #"{"event":"\#(event)","timestamp":"2026-11-02T\#(time):00Z","\#(rest)"}"#
                .replacingOccurrences(of: "'", with: "\"")
        }

        @Test func anomaliesAreCountedByKind() async throws {
            let scene = try await Scene()
            var lines = [
                // Two robots name themselves while another has the delivery.
                line("demand.assigned", "10:01", "event_id':'a1','delivery_id':'D1','robot_id':'R1"),
                line("delivery.pickup_arrival", "10:02", "event_id':'a2','delivery_id':'D1','robot_id':'R2"),
                line(
                    "delivery.pickup_completed", "10:03", "event_id':'a3','delivery_id':'D1','robot_id':'R3"),
                // Picked up before it arrived there.
                line("delivery.pickup_completed", "11:01", "event_id':'b1','delivery_id':'D2"),
                line("delivery.pickup_arrival", "11:02", "event_id':'b2','delivery_id':'D2"),
                // The same event says something else.
                line("robot.error", "12:00", "event_id':'c','robot_id':'R1','error':'X"),
                line("robot.error", "12:00", "event_id':'c','robot_id':'R1','error':'Y"),
            ]
            // A trip of so many deliveries is none.
            for number in 0..<40 {
                lines.append(
                    line("note", "13:00", "event_id':'d\(number)','delivery_id':'O\(number)','trip_id':'T"))
            }
            // It has a row of its own, which says so.
            lines.append(line("note", "13:01", "event_id':'e','trip_id':'T"))
            try scene.folder.write("archive/a.jsonl", lines.joined(separator: "\n") + "\n")
            try scene.replay()
            _ = try scene.publish("--declare")
            // In small batches, so that rows come, are counted, and change.
            let service = try await scene.serve(["--batch-max-events", "3", "--prefetch", "6"])
            try await service.drained()
            var counts: [String: Double] = [:]
            for kind in [
                "window_conflict", "negative_duration", "over_linked_id", "unequal_twin",
                "contradicted_from_state",
            ] { counts[kind] = try await service.metric("sessionizer_anomalies_total{kind=\"\(kind)\"}") }
            #expect(
                counts == [
                    "window_conflict": 2, "negative_duration": 1, "over_linked_id": 1, "unequal_twin": 1,
                    "contradicted_from_state": 0,
                ])
            let rows = try scene.rows("SELECT sum(anomaly_count) AS n FROM sessions")
            #expect(rows.first?.integer("n") == 4)
            #expect(try await service.stop() == 0)
            try scene.expectTablesOfReplay()
        }
    }
}
