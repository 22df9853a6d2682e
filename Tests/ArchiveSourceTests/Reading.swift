import MessageBatches
import SeededRandomness

@testable import ArchiveSource

/// A message as a test sees it.
struct ReadMessage: Equatable {
    var text: String
    var origin: String
    var line: Int64
    var originalLength: Int
}

/// What reading files gave.
struct ReadResult {
    var messages: [ReadMessage] = []
    var reports: [ArchiveReport] = []
    var progress: ArchiveProgress
    /// The most bytes that a batch held.
    var largestBatch = 0
    var batches = 0

    var texts: [String] { messages.map(\.text) }
    var lines: [Int64] { messages.map(\.line) }
    var damage: [ArchiveReport] { reports.filter(\.isDamage) }
}

/// Reads files to the end.
func read(
    _ files: [ArchiveFile], limits: ArchiveLimits = ArchiveLimits(), standardInput: Int32 = -1,
    maxMessages: Int = 1000, maxBytes: Int = 1 << 20
) throws -> ReadResult {
    let reader = ArchiveReader(files: files, limits: limits, standardInput: standardInput)
    let batch = MessageBatch()
    var result = ReadResult(progress: reader.progress)
    while try reader.fill(batch, maxMessages: maxMessages, maxBytes: maxBytes) {
        for message in batch.messages {
            result.messages.append(
                ReadMessage(
                    text: String(decoding: batch.bytes(of: message), as: UTF8.self),
                    origin: batch.origins[message.origin], line: message.position,
                    originalLength: message.originalLength))
        }
        result.largestBatch = max(result.largestBatch, batch.byteCount)
        result.batches += 1
        batch.removeAll()
    }
    result.reports = reader.reports
    result.progress = reader.progress
    return result
}

/// Reads one file, found by its path.
func read(path: String, limits: ArchiveLimits = ArchiveLimits(), maxMessages: Int = 1000) throws -> ReadResult
{
    try read(try ArchiveFiles.find(paths: [path]), limits: limits, maxMessages: maxMessages)
}

/// Lines that look like events, each of its own length.
func eventLines(_ count: Int) -> [String] {
    var random = Randomness(state: UInt64(count))
    return (0..<count).map { index in
        let noise = (0..<Int(random.next() % 40)).map { _ in String(random.next() % 36, radix: 36) }.joined()
        return #"{"event_id":\#(index),"robot":"r-\#(random.next() % 2000)","noise":"\#(noise)"}"#
    }
}
