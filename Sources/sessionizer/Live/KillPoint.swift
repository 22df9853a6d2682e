import Glibc
import SessionPipeline
import Synchronization

/// Where the program kills itself (SIGKILL), for the tests of this program only: `SESSIONIZER_TEST_KILL_AT` names
/// a point and, after a colon, how often it is passed before, e.g. `committed:3`.
///
/// What is tested by it: whatever dies around COMMIT and acknowledgement, no event is lost and none counts twice.
final class KillPoint: Sendable {
    enum Point: String, CaseIterable {
        /// A batch was taken from the queue and decoded; no transaction has begun.
        case taken
        /// The engine has applied it in an open transaction.
        case applied
        /// COMMIT has returned, nothing is acknowledged.
        case committed
        /// The acknowledgement was written to the socket.
        case acknowledged
    }

    private let point: Point
    private let left: Atomic<Int>

    init(_ text: String) throws {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let point = Point(rawValue: String(parts[0])),
            let passes = parts.count == 2 ? Int(parts[1]) : 0, passes >= 0
        else {
            let known = Point.allCases.map(\.rawValue).joined(separator: ", ")
            throw UsageError(
                description: "SESSIONIZER_TEST_KILL_AT=\(text): expected POINT:PASSES; points: \(known)")
        }
        self.point = point
        left = Atomic(passes)
    }

    func pass(_ point: Point) {
        guard point == self.point else { return }
        if left.subtract(1, ordering: .relaxed).oldValue == 0 { kill(getpid(), SIGKILL) }
    }

    func pass(_ mark: Ingestor.Mark) {
        switch mark {
        case .applied: pass(Point.applied)
        case .committed: pass(Point.committed)
        }
    }
}
