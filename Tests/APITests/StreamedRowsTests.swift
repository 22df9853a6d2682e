import FleetSimulator
import Foundation
import SQLiteStore
import SessionStore
import Synchronization
import Testing

@testable import SessionAPI

/// The audit's second row of a table as CSV: how many rows went out.
@Suite struct StreamedRowsTests {
    private final class Kept: Sendable {
        let entries = Mutex<[AuditEntry]>([])

        var told: [String] {
            entries.withLock { $0.map { "\($0.requestID) \($0.status) \($0.rows ?? -1)" } }
        }
    }

    private static let entry = AuditEntry(
        at: 1, who: "a", role: "admin", route: "incidents/export.csv", object: nil, filters: "", status: 200,
        rows: nil, requestID: "x", address: "::1")

    private static func streamed(_ kept: Kept, pieces: Int, failure: (any Error)? = nil) -> StreamedRows {
        let left = Mutex(pieces)
        let streamed = StreamedRows {
            try left.withLock { left in
                left -= 1
                if left >= 0 { return CSVPiece(bytes: [65], rows: 3) }
                if let failure { throw failure }
                return nil
            }
        } keep: { entry in
            kept.entries.withLock { $0.append(entry) }
        }
        streamed.begin(entry)
        return streamed
    }

    @Test func whatWentOutIsToldOnce() throws {
        let kept = Kept()
        do {
            let whole = Self.streamed(kept, pieces: 2)
            #expect(try whole.next() == [65] && whole.next() == [65] && kept.told.isEmpty)
            #expect(try whole.next() == nil)
            whole.over()
        }
        #expect(kept.told == ["x 200 6"])
    }

    @Test func aTableThatWasCutIsToldAsWell() throws {
        let kept = Kept()
        do {
            let failing = Self.streamed(kept, pieces: 1, failure: QuestionFailure.busy(seconds: 1))
            #expect(try failing.next() == [65])
            #expect(throws: QuestionFailure.self) { try failing.next() }
            failing.over()
        }
        #expect(kept.told == ["x 503 3"])
        // Whoever asked has left.
        let left = Self.streamed(kept, pieces: 9)
        #expect(try left.next() == [65])
        #expect(kept.told == ["x 503 3"])
        left.over()
        left.over()
        #expect(kept.told == ["x 503 3", "x 499 3"])
    }

    @Test func anEndThatCannotBeRecordedIsNotTold() throws {
        struct Away: Error {}
        let streamed = StreamedRows {
            nil
        } keep: { _ in
            throw Away()
        }
        streamed.begin(Self.entry)
        #expect(throws: Away.self) { try streamed.next() }
    }

    @Test func eachTableLeavesTwoRows() throws {
        let (service, day) = try ServiceUnderTest.simulated()
        let delivery = "D-\(try #require(day.truth.first { $0.outcome == .completed }).number)"
        for path in [
            "/analytics/v1/incidents/export.csv?limit=1000000", "/deliveries/\(delivery).csv", "/fleet.csv",
        ] {
            let reply = try service.client.get(path)
            #expect(reply.status == 200 && reply.isWhole)
            let lines = reply.text.components(separatedBy: "\r\n").count - 2
            #expect(lines > 0)
            let rows = try service.audit.rows(who: nil, before: .max, limit: 2).map(\.entry)
            #expect(rows.map(\.rows) == [lines, nil], "\(path)")
            #expect(rows.map(\.status) == [200, 200] && Set(rows.map(\.requestID)).count == 1)
            #expect(rows[0].route == rows[1].route && rows[0].filters == rows[1].filters)
        }
        let before = try service.audit.rows(who: nil, before: .max, limit: 100).count
        _ = try service.client.send("HEAD", "/fleet.csv")
        let after = try service.audit.rows(who: nil, before: .max, limit: 100)
        #expect(after.count == before + 1 && after.first?.entry.rows == 0)
    }
}
