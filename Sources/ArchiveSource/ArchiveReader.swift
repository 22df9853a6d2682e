internal import Glibc
public import MessageBatches

/// Something about a file that a person must know: by name and place.
public struct ArchiveDamage: Equatable, Sendable, CustomStringConvertible {
    /// The file.
    public let path: String
    /// The last line that could be read, from 1.
    public let line: Int64
    /// What was wrong.
    public let problem: String

    /// `file: problem (after line n)`
    public var description: String { "\(path): \(problem) (after line \(line))" }
}

/// Reads the files of an archive one after another, line by line, into batches.
///
/// Memory stays bounded whatever a file holds: a line beyond the limit is cut. Damage ends the file it is
/// in, never the run: what could be read before it is taken, and the rest is reported.
public final class ArchiveReader {
    /// Lines longer than this are cut, in bytes.
    public static let maxLineLength = 1 << 20
    /// So much of a cut line is kept.
    public static let keptOfCutLine = 1 << 16

    /// What a person must know of the files read so far.
    public private(set) var damages: [ArchiveDamage] = []
    /// Files read to their end.
    public private(set) var filesDone = 0
    /// Bytes read, as they stand in the files.
    public private(set) var bytesRead: Int64 = 0
    /// All files.
    public let files: [ArchiveFile]

    private var next = 0
    private var descriptor: Int32 = -1
    private var inflater = Inflater(.plain)
    private var path = ""
    private var line: Int64 = 0
    private var input: UnsafeMutableRawBufferPointer
    private var inputRange = 0..<0
    private var isAtEnd = false
    private var output: UnsafeMutableRawBufferPointer
    /// The beginning of a line whose end has not been read yet.
    private var pending: [UInt8] = []
    private var pendingLength = 0

    /// Over files, in their order.
    public init(_ files: [ArchiveFile]) {
        self.files = files
        input = .allocate(byteCount: 1 << 18, alignment: 64)
        output = .allocate(byteCount: 1 << 20, alignment: 64)
    }

    deinit {
        if descriptor > 0 { close(descriptor) }
        input.deallocate()
        output.deallocate()
    }

    /// Fills an empty batch with about so many lines; false when nothing is left to read.
    public func fill(_ batch: MessageBatch, maxMessages: Int, maxBytes: Int = 1 << 25) -> Bool {
        while batch.messages.count < maxMessages, batch.byteCount < maxBytes {
            if descriptor < 0, !openNext() { break }
            readSome(batch)
        }
        return !batch.isEmpty
    }

    private func openNext() -> Bool {
        while next < files.count {
            let file = files[next]
            next += 1
            path = file.path
            line = 0
            pending.removeAll(keepingCapacity: true)
            pendingLength = 0
            inputRange = 0..<0
            isAtEnd = false
            descriptor = file.path == "-" ? 0 : open(file.path, O_RDONLY | O_CLOEXEC)
            if descriptor < 0 {
                damage("cannot be opened: \(String(cString: strerror(errno)))")
                filesDone += 1
                continue
            }
            // The first bytes say what it is; a pipe may hand them over one by one.
            while inputRange.count < 4, !isAtEnd { refill() }
            let first = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(input)[inputRange])
            inflater = Inflater(Format(first))
            let isPlain = Format(first) == .plain
            if isPlain, first.count >= 3, first[0] == 0xEF, first[1] == 0xBB, first[2] == 0xBF {
                inputRange = (inputRange.lowerBound + 3)..<inputRange.upperBound
            }
            return true
        }
        return false
    }

    private func refill() {
        if inputRange.isEmpty { inputRange = 0..<0 }
        let room = UnsafeMutableRawBufferPointer(rebasing: input[inputRange.upperBound...])
        while true {
            let count = read(descriptor, room.baseAddress, room.count)
            if count > 0 {
                bytesRead += Int64(count)
                inputRange = inputRange.lowerBound..<(inputRange.upperBound + count)
            } else if count == 0 {
                isAtEnd = true
            } else if errno == EINTR {
                continue
            } else {
                damage("cannot be read further: \(String(cString: strerror(errno)))")
                isAtEnd = true
            }
            return
        }
    }

    private func readSome(_ batch: MessageBatch) {
        if inputRange.isEmpty, !isAtEnd { refill() }
        let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(input)[inputRange])
        switch inflater.step(bytes, into: output) {
        case .corrupt(let problem):
            damage(problem)
            finishFile(batch, isDamaged: true)
        case .progress(let consumed, let produced):
            inputRange = (inputRange.lowerBound + consumed)..<inputRange.upperBound
            split(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(output)[..<produced]), batch)
            guard produced == 0, isAtEnd, inputRange.isEmpty || consumed == 0 else { return }
            if inflater.isAtBoundary {
                finishFile(batch, isDamaged: false)
            } else {
                damage("ends in the middle of a compressed member")
                finishFile(batch, isDamaged: true)
            }
        }
    }

    private func split(_ bytes: UnsafeRawBufferPointer, _ batch: MessageBatch) {
        guard let base = bytes.baseAddress else { return }
        var start = 0
        while start < bytes.count {
            guard let newline = memchr(base + start, 10, bytes.count - start) else { break }
            let end = UnsafeRawPointer(newline) - base
            let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
            if pendingLength > 0 {
                hold(piece)
                flushPending(batch)
            } else {
                emit(piece, piece.count, batch)
            }
            start = end + 1
        }
        if start < bytes.count { hold(UnsafeRawBufferPointer(rebasing: bytes[start...])) }
    }

    private func hold(_ piece: UnsafeRawBufferPointer) {
        pendingLength += piece.count
        if pendingLength <= Self.maxLineLength {
            pending.append(contentsOf: piece)
        } else if pending.count > Self.keptOfCutLine {
            pending.removeLast(pending.count - Self.keptOfCutLine)
        } else if pending.count < Self.keptOfCutLine {
            pending.append(contentsOf: piece.prefix(Self.keptOfCutLine - pending.count))
        }
    }

    private func flushPending(_ batch: MessageBatch) {
        pending.withUnsafeBytes { emit($0, pendingLength, batch) }
        pending.removeAll(keepingCapacity: pending.count < 1 << 21)
        pendingLength = 0
    }

    private func emit(_ text: UnsafeRawBufferPointer, _ length: Int, _ batch: MessageBatch) {
        line += 1
        if length > Self.maxLineLength {
            batch.append(
                UnsafeRawBufferPointer(rebasing: text.prefix(Self.keptOfCutLine)), originalLength: length,
                origin: path, position: line)
            return
        }
        var end = text.count
        if end > 0, text[end - 1] == 13 { end -= 1 }
        var isBlank = true
        for byte in text[..<end] where byte != 32 && byte != 9 {
            isBlank = false
            break
        }
        if isBlank { return }
        batch.append(UnsafeRawBufferPointer(rebasing: text[..<end]), origin: path, position: line)
    }

    private func finishFile(_ batch: MessageBatch, isDamaged: Bool) {
        if pendingLength > 0 {
            if isDamaged {
                damage("the line begun there, of \(pendingLength) bytes, is not taken")
                pending.removeAll()
                pendingLength = 0
            } else {
                // A last line without its newline is usual; one that is cut is said to be.
                let last = pending.last { $0 != 32 && $0 != 9 && $0 != 13 }
                if last != UInt8(ascii: "}"), last != nil { damage("ends in the middle of a line") }
                flushPending(batch)
            }
        }
        if descriptor > 0 { close(descriptor) }
        descriptor = -1
        filesDone += 1
    }

    private func damage(_ problem: String) {
        damages.append(ArchiveDamage(path: path, line: line, problem: problem))
    }
}
