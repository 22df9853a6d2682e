internal import CMicroHTTPD
internal import Glibc
internal import Synchronization

/// A streamed answer: workers fill it, the connection's thread empties it. While there is nothing to send, the
/// connection is suspended, so that neither thread waits.
final class StreamedBody: Sendable {
    private struct Content {
        var piece: [UInt8] = []
        var sent = 0
        var end: Int?
    }

    private let content = Mutex(Content())
    private let next: @Sendable () throws -> [UInt8]?
    private let over: @Sendable () -> Void
    private let service: Service
    // Touched by the connection's thread and by the one worker that holds it suspended, never by both.
    private nonisolated(unsafe) let connection: OpaquePointer

    init(
        _ service: Service, _ connection: OpaquePointer, _ next: @escaping @Sendable () throws -> [UInt8]?,
        over: @escaping @Sendable () -> Void
    ) {
        self.service = service
        self.connection = connection
        self.next = next
        self.over = over
    }

    /// The connection is done with it, whether all of it was sent or not. What is to be done then waits for a worker: the
    /// connection's thread serves others.
    func end() {
        let over = over
        service.workers.goOn(Workers.Job(run: over))
    }

    /// Fills the library's buffer, or suspends the connection and has the next piece made.
    static let read: MHD_ContentReaderCallback = { context, _, buffer, room in
        guard let context, let buffer else { return cmhd_failure() }
        return Unmanaged<StreamedBody>.fromOpaque(context).takeUnretainedValue().read(into: buffer, room)
    }

    private func read(into buffer: UnsafeMutablePointer<CChar>, _ room: Int) -> Int {
        let count: Int? = content.withLock { content in
            let left = content.piece.count - content.sent
            if left == 0 { return content.end }
            let count = min(left, room)
            content.piece.withUnsafeBytes { bytes in
                if let base = bytes.baseAddress { memcpy(buffer, base + content.sent, count) }
            }
            content.sent += count
            return count
        }
        if let count { return count }
        guard service.suspend(connection) else { return cmhd_failure() }
        service.workers.goOn(filling)
        return 0
    }

    private var filling: Workers.Job { Workers.Job(run: { self.fill() }, refuse: { self.cut() }) }

    /// The server stops: whoever reads it sees that it did not come to its end.
    private func cut() {
        content.withLock { $0.end = cmhd_failure() }
        service.resume(connection)
    }

    private func fill() {
        if service.isStopping { return cut() }
        do {
            let piece = try next()
            if let piece, piece.isEmpty {
                service.workers.goOnLater(filling)
                return
            }
            content.withLock { content in
                content.piece = piece ?? []
                content.sent = 0
                if piece == nil { content.end = cmhd_end() }
            }
        } catch {
            content.withLock { $0.end = cmhd_failure() }
        }
        service.resume(connection)
    }
}
