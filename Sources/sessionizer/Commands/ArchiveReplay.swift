import ArchiveSource
import Dispatch
import EventDecoding
import Glibc
import MessageBatches
import SessionPipeline
import SessionStore
import SessionStory
import Synchronization

/// The files that a command names, taken into a store.
final class ArchiveReplay {
    let files: [ArchiveFile]
    /// What was wrong with files; complete when the replay is.
    private(set) var problems: [String] = []
    /// Seconds that it took.
    private(set) var elapsed = 0.0

    /// How long a replay waits for a store that is away, in microseconds: longer than a database takes to start or to
    /// fail over.
    private static let patience: Int64 = 120_000_000

    /// The operands, and the days of `--from` and `--to`.
    init(_ arguments: Arguments, of command: String) throws {
        if arguments.operands.isEmpty {
            throw UsageError(
                description: "\(command) needs at least one file or folder, or - for standard input")
        }
        files = try ArchiveFiles.find(
            paths: arguments.operands, from: Self.day("--from", arguments), to: Self.day("--to", arguments))
        if arguments["--from"] != nil || arguments["--to"] != nil { Self.sayWhatHasNoDay(files) }
    }

    /// Days choose folders: of a file that lies in none, nobody knows which days it holds.
    private static func sayWhatHasNoDay(_ files: [ArchiveFile]) {
        let whole = files.filter { !$0.hasDay }
        guard let first = whole.first else { return }
        let more = whole.count > 1 ? " and \(whole.count - 1) more" : ""
        complain(
            "sessionizer: \(first.path)\(more): in no dt= folder; read whole, whatever --from and --to say")
    }

    static func day(_ option: String, _ arguments: Arguments) throws -> ArchiveDay? {
        guard let text = arguments[option] else { return nil }
        guard let day = ArchiveDay(text) else {
            throw UsageError(description: "\(option) \(text): not a day; expected e.g. 2026-11-02")
        }
        return day
    }

    func run(into parts: WritingParts, batchSize: Int) throws {
        let startedAt = wallClock()
        let reader = ArchiveReader(files: files)
        let full = HandOver<DecodedBatch>(capacity: 1)
        let empty = HandOver<DecodedBatch>(capacity: 3)
        for _ in 0..<3 { empty.put(DecodedBatch(batch: MessageBatch(capacity: 1 << 23))) }
        let progress = Progress(files: files)
        let job = ReadingJob(reader: reader, full: full, empty: empty, progress: progress)
        DispatchQueue(label: "sessionizer.decode").async { job.run(batchSize: batchSize) }

        var failure: (any Error)?
        while let decoded = full.take() {
            if failure == nil {
                do {
                    try parts.ingestor.ingest(
                        decoded, clock: wallClock, patience: Self.patience,
                        random: { Double.random(in: 0..<1) },
                        wait: { pause, error in
                            progress.clear()
                            complain("sessionizer: \(error.message); trying again")
                            usleep(UInt32(clamping: pause))
                        })
                    progress.show(parts.ingestor.totals, startedAt: startedAt)
                } catch {
                    failure = error
                    job.stop()
                }
            }
            decoded.removeAll()
            empty.put(decoded)
        }
        progress.clear()
        if let failure { throw failure }
        if let failure = job.failure { throw failure }
        // A last line without its newline is usual; one that could not be read as well was cut there.
        problems = reader.reports.filter { report in
            report.isDamage
                || job.lastRejected[ArchiveFile(path: report.path, size: nil).origin] == report.line
        }.map(\.description)
        elapsed = Double(wallClock() - startedAt) / 1e6
    }
}

/// Reads and decodes on a thread of its own, one batch ahead of the engine.
private final class ReadingJob: @unchecked Sendable {
    private let reader: ArchiveReader
    private let full: HandOver<DecodedBatch>
    private let empty: HandOver<DecodedBatch>
    private let progress: Progress
    private let isStopped = Atomic<Bool>(false)
    /// Read only when the reading has ended.
    private(set) var failure: (any Error)?
    /// The last line of each file that could not be read.
    private(set) var lastRejected: [String: Int64] = [:]

    init(
        reader: ArchiveReader, full: HandOver<DecodedBatch>, empty: HandOver<DecodedBatch>, progress: Progress
    ) {
        self.reader = reader
        self.full = full
        self.empty = empty
        self.progress = progress
    }

    func stop() { isStopped.store(true, ordering: .relaxed) }

    func run(batchSize: Int) {
        let decoder = EventDecoder()
        while !isStopped.load(ordering: .relaxed), let decoded = empty.take() {
            do {
                guard try reader.fill(decoded.batch, maxMessages: batchSize, maxBytes: 1 << 25) else { break }
            } catch {
                failure = error
                break
            }
            decoder.scan(decoded)
            for rejection in decoded.rejections {
                let message = decoded.batch.messages[rejection.message]
                lastRejected[decoded.batch.origins[message.origin]] = message.position
            }
            progress.note(filesDone: reader.progress.filesDone, bytesRead: reader.progress.bytesDone)
            full.put(decoded)
        }
        full.close()
    }
}

/// One line on standard error, if that is a terminal.
final class Progress: Sendable {
    private let filesDone = Atomic<Int>(0)
    private let bytesRead = Atomic<Int64>(0)
    private let fileCount: Int
    private let totalBytes: Int64
    private let isShown = isatty(STDERR_FILENO) == 1
    private let lastShown = Atomic<Int64>(0)

    init(files: [ArchiveFile]) {
        fileCount = files.count
        totalBytes = files.reduce(0) { $0 + ($1.size ?? 0) }
    }

    func note(filesDone: Int, bytesRead: Int64) {
        self.filesDone.store(filesDone, ordering: .relaxed)
        self.bytesRead.store(bytesRead, ordering: .relaxed)
    }

    func show(_ totals: IngestTotals, startedAt: Int64) {
        guard isShown else { return }
        let now = wallClock()
        guard now - lastShown.load(ordering: .relaxed) > 200_000 else { return }
        lastShown.store(now, ordering: .relaxed)
        let elapsed = max(Double(now - startedAt) / 1e6, 0.001)
        let read = Double(bytesRead.load(ordering: .relaxed))
        var line =
            "\(filesDone.load(ordering: .relaxed))/\(fileCount) files, \(totals.received) messages, "
            + "\(Int(Double(totals.received) / elapsed))/s"
        if totalBytes > 0, read > 0 {
            line += ", \(InstantText.length(max(0, elapsed * (Double(totalBytes) / read - 1)))) left"
        }
        complain("\r\u{1B}[K\(line)", newline: false)
    }

    func clear() {
        if isShown { complain("\r\u{1B}[K", newline: false) }
    }
}

/// Writes to standard error.
func complain(_ text: String, newline: Bool = true) {
    var text = newline ? text + "\n" : text
    text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
