import Glibc
public import MessageBatches

/// Reads files of events one after another and hands their lines on, batch by batch.
///
/// Plain text, gzip and zstd are told apart by content. What is damaged is taken as far as it can be read,
/// reported, and the next file is read; no file is passed over in silence. What was taken of a gzip member
/// or zstd frame before it broke is not confirmed by a checksum: most damage shows as lines that are no JSON.
///
/// It belongs to one thread. Memory is bounded by the batch, the limits and two buffers.
public final class ArchiveReader {
    /// What there was to say about files so far, in reading order.
    public private(set) var reports: [ArchiveReport] = []

    private let files: [ArchiveFile]
    private let limits: ArchiveLimits
    private let standardInput: Int32
    private let stored = ByteBuffer(capacity: ArchiveReader.bufferSize)
    private let decoded = ByteBuffer(capacity: ArchiveReader.bufferSize)
    private var current: OpenArchive?
    private var filesDone = 0
    private var bytesOfFilesDone: Int64 = 0

    /// Large enough that system calls and windows do not count, small enough for a core's own cache.
    private static let bufferSize = 1 << 18

    /// A reader of files, none of them opened yet.
    public convenience init(files: [ArchiveFile], limits: ArchiveLimits = ArchiveLimits()) {
        self.init(files: files, limits: limits, standardInput: STDIN_FILENO)
    }

    /// A reader that finds standard input at another descriptor.
    init(files: [ArchiveFile], limits: ArchiveLimits = ArchiveLimits(), standardInput: Int32) {
        self.files = files
        self.limits = limits
        self.standardInput = standardInput
    }

    /// How far it has come.
    public var progress: ArchiveProgress {
        var total: Int64? = 0
        for file in files { total = if let sum = total, let size = file.size { sum + size } else { nil } }
        return ArchiveProgress(
            bytesDone: bytesOfFilesDone + (current?.bytesConsumed ?? 0), bytesTotal: total,
            filesDone: filesDone, filesTotal: files.count)
    }

    /// Adds messages to a batch, up to a number of them, or until their bytes reach a number.
    ///
    /// A batch holds messages of several files where they are small. Each message's origin is its file's
    /// ``ArchiveFile/origin``, its position the line's number from 1.
    /// - Parameters:
    ///   - maxMessages: How many messages to add at most.
    ///   - maxBytes: No message is added once those added have so many bytes.
    /// - Returns: Whether a message was added; if not, everything has been read.
    public func fill(
        _ batch: MessageBatch, maxMessages: Int, maxBytes: Int
    ) throws(ArchiveError) -> Bool {
        precondition(maxMessages > 0 && maxBytes > 0, "a batch must have room for a message")
        var room = BatchRoom(messages: maxMessages, bytes: maxBytes)
        while !room.isUsedUp, let archive = currentOrNext() {
            let reading: OpenArchive.Reading
            do {
                reading = try archive.readLines(into: batch, room: &room)
            } catch {
                throw ArchiveError(path: files[filesDone].path, problem: .compression(error.detail))
            }
            switch reading {
            case .goesOn: break
            case .finished(let report):
                if let report { reports.append(report) }
                finishFile(consumed: archive.bytesConsumed)
            }
        }
        return room.messages < maxMessages
    }

    /// The file being read, or the next one that can be opened; nothing when all are done.
    private func currentOrNext() -> OpenArchive? {
        while current == nil, filesDone < files.count {
            let file = files[filesDone]
            do {
                let input =
                    file.isStandardInput
                    ? InputDescriptor(borrowing: standardInput) : try InputDescriptor(path: file.path)
                current = OpenArchive(
                    path: file.path, input: input, limits: limits, stored: stored, decoded: decoded)
            } catch {
                reports.append(
                    ArchiveReport(path: file.path, finding: .cannotOpen(error), line: 0, byteOffset: 0))
                finishFile(consumed: 0)
            }
        }
        return current
    }

    private func finishFile(consumed: Int64) {
        bytesOfFilesDone += files[filesDone].size ?? consumed
        filesDone += 1
        current = nil
        stored.removeAll()
        decoded.removeAll()
    }
}
