internal import SessionStore
internal import Synchronization

/// A part of a table as CSV, and how many of its rows are in it (the header is none).
struct CSVPiece: Sendable {
    var bytes: [UInt8]
    var rows: Int
}

/// A table on its way out. The audit has a row before its first byte leaves, which cannot know how many rows follow;
/// when the table has ended, a second one of the same request tells it.
final class StreamedRows: Sendable {
    private struct State {
        var rows = 0
        /// The audit's first row; nil before it is there, and when the second one is.
        var first: AuditEntry?
    }

    private let state = Mutex(State())
    private let pieces: @Sendable () throws -> CSVPiece?
    private let keep: @Sendable (AuditEntry) throws -> Void

    /// - Parameter keep: Adds a row to the audit.
    init(
        _ pieces: @escaping @Sendable () throws -> CSVPiece?,
        keep: @escaping @Sendable (AuditEntry) throws -> Void
    ) {
        self.pieces = pieces
        self.keep = keep
    }

    /// Nobody reads it any more. Where it had not ended, whoever asked left before: 499, as web servers' logs have it.
    func over() { try? end(499) }

    /// The audit has its first row now.
    func begin(_ entry: AuditEntry) { state.withLock { $0.first = entry } }

    /// The next bytes. Its end is told only when the audit has it.
    func next() throws -> [UInt8]? {
        do {
            guard let piece = try pieces() else {
                try end(200)
                return nil
            }
            state.withLock { $0.rows += piece.rows }
            return piece.bytes
        } catch {
            try? end(SessionAPI.problem(error).kind.status)
            throw error
        }
    }

    private func end(_ status: Int) throws {
        let told = state.withLock { state -> AuditEntry? in
            defer { state.first = nil }
            var told = state.first
            told?.rows = state.rows
            told?.status = status
            return told
        }
        if let told { try keep(told) }
    }
}
