import Glibc
import MessageBatches

/// How much more a batch is to take.
struct BatchRoom {
    var messages: Int
    var bytes: Int

    var isUsedUp: Bool { messages <= 0 || bytes <= 0 }
}

/// Cuts one file's bytes into lines and hands them to a batch, each copied once.
///
/// Only a line that lies across the end of a window is copied twice, and of a line beyond the limit only
/// the beginning is held.
struct LineSplitter {
    /// How many lines have ended, blank ones included.
    private(set) var linesEnded: Int64 = 0
    /// How many bytes of the line that has not ended yet were seen.
    private(set) var unfinishedLength = 0

    private let origin: String
    private let limits: ArchiveLimits
    /// The line that has not ended yet, or the beginning that is kept of it.
    private var unfinished: [UInt8] = []
    private var lastByte: UInt8 = 0

    init(origin: String, limits: ArchiveLimits) {
        self.origin = origin
        self.limits = limits
    }

    /// Takes lines from a window until it is consumed or the batch has no more room.
    mutating func split(_ window: ByteBuffer, into batch: MessageBatch, room: inout BatchRoom) {
        let consumed = window.withUnread { bytes in
            guard let base = bytes.baseAddress else { return 0 }
            var offset = 0
            while offset < bytes.count, !room.isUsedUp {
                let rest = UnsafeRawBufferPointer(start: base + offset, count: bytes.count - offset)
                guard let newline = memchr(base + offset, Int32(UInt8(ascii: "\n")), rest.count) else {
                    keep(rest)
                    return bytes.count
                }
                let length = UnsafeRawPointer(newline) - (base + offset)
                end(UnsafeRawBufferPointer(start: base + offset, count: length), batch, &room)
                offset += length + 1
            }
            return offset
        }
        window.consume(consumed)
    }

    /// Takes what follows the last newline of an intact file as a line.
    /// - Returns: Whether there was a message in it.
    mutating func finish(into batch: MessageBatch, room: inout BatchRoom) -> Bool {
        guard unfinishedLength > 0 else { return false }
        let before = room.messages
        end(UnsafeRawBufferPointer(start: nil, count: 0), batch, &room)
        return room.messages < before
    }

    /// Ends a line with its last (or only) piece.
    private mutating func end(
        _ piece: UnsafeRawBufferPointer, _ batch: MessageBatch, _ room: inout BatchRoom
    ) {
        linesEnded += 1
        if unfinishedLength == 0 {
            emit(piece, length: piece.count, lastByte: piece.last ?? 0, batch, &room)
        } else {
            keep(piece)
            unfinished.withUnsafeBytes {
                emit($0, length: unfinishedLength, lastByte: lastByte, batch, &room)
            }
            unfinished.removeAll(keepingCapacity: true)
            unfinishedLength = 0
        }
    }

    /// Keeps a piece of a line that has not ended.
    private mutating func keep(_ piece: UnsafeRawBufferPointer) {
        guard let last = piece.last else { return }
        lastByte = last
        unfinishedLength += piece.count
        // A BOM and a carriage return are no part of it.
        if unfinishedLength <= limits.longestLine + 4 {
            unfinished.append(contentsOf: piece)
        } else if unfinished.count > limits.keptOfLongerLine {
            unfinished.removeSubrange(limits.keptOfLongerLine...)
        } else {
            unfinished.append(contentsOf: piece.prefix(limits.keptOfLongerLine - unfinished.count))
        }
    }

    /// Hands a line on, unless it is blank.
    /// - Parameters:
    ///   - bytes: The line, or the beginning of one beyond the limit.
    ///   - length: The length of the whole line.
    ///   - lastByte: The last byte of the whole line.
    private func emit(
        _ bytes: UnsafeRawBufferPointer, length: Int, lastByte: UInt8, _ batch: MessageBatch,
        _ room: inout BatchRoom
    ) {
        var line = bytes[...]
        var length = length
        if lastByte == UInt8(ascii: "\r") {
            length -= 1
            line = line.prefix(length)
        }
        if linesEnded == 1, line.starts(with: [0xef, 0xbb, 0xbf]) {
            length -= 3
            line = line.dropFirst(3)
        }
        if length > limits.longestLine { line = line.prefix(limits.keptOfLongerLine) }
        if Self.isBlank(line) { return }
        batch.append(
            UnsafeRawBufferPointer(rebasing: line), originalLength: length, origin: origin,
            position: linesEnded)
        room.messages -= 1
        room.bytes -= line.count
    }

    private static func isBlank(_ line: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard let first = line.first else { return true }
        if first > UInt8(ascii: " ") { return false }
        return line.allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    }
}
