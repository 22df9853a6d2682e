import MessageBatches
import SeededRandomness
import Testing

@testable import ArchiveSource

/// How a file's bytes become messages, in each format.
@Suite struct LineTests {
    static let formats: [ArchiveWriter.Compression] = [
        .plain, .gzip(level: 1), .gzip(level: 9), .zstd(level: 3),
    ]

    private let folder = TemporaryFolder()

    private func read(
        _ text: String, as format: ArchiveWriter.Compression, limits: ArchiveLimits = ArchiveLimits()
    ) throws -> ReadResult {
        // The name says nothing of the format: only the content counts.
        try ArchiveSourceTests.read(
            path: try folder.write("file.txt", try stored(text, format)), limits: limits)
    }

    @Test(arguments: formats) func linesAreNumberedFromOne(_ format: ArchiveWriter.Compression) throws {
        let result = try read("{\"a\":1}\n{\"a\":2}\n", as: format)
        #expect(result.texts == ["{\"a\":1}", "{\"a\":2}"])
        #expect(result.lines == [1, 2])
        #expect(result.messages.allSatisfy { $0.origin == "\(folder.path)/file.txt" })
        #expect(result.messages.allSatisfy { $0.originalLength == $0.text.utf8.count })
        #expect(result.reports.isEmpty)
    }

    @Test(arguments: formats) func blankLinesCountAndAreNoMessages(_ format: ArchiveWriter.Compression) throws
    {
        let result = try read("\n{\"a\":1}\n \t \n\r\n{\"a\":2}\n\n", as: format)
        #expect(result.texts == ["{\"a\":1}", "{\"a\":2}"])
        #expect(result.lines == [2, 5])
        #expect(result.reports.isEmpty)
    }

    @Test(arguments: formats) func carriageReturnsAndAByteOrderMarkAreDropped(
        _ format: ArchiveWriter.Compression
    ) throws {
        let result = try read("\u{feff}{\"a\":1}\r\n{\"a\":\"\u{feff}\"}\r\n", as: format)
        #expect(result.texts == ["{\"a\":1}", "{\"a\":\"\u{feff}\"}"])
        #expect(result.messages[0].originalLength == 7)
    }

    @Test(arguments: formats) func aFileOfOnlyAByteOrderMarkHoldsNothing(
        _ format: ArchiveWriter.Compression
    ) throws {
        let result = try read("\u{feff}", as: format)
        #expect(result.messages.isEmpty)
        #expect(result.reports.isEmpty)
    }

    @Test(arguments: formats) func aLastLineWithoutNewlineIsTakenAndMarked(
        _ format: ArchiveWriter.Compression
    ) throws {
        let result = try read("{\"a\":1}\n{\"a\":", as: format)
        #expect(result.texts == ["{\"a\":1}", "{\"a\":"])
        #expect(result.damage.isEmpty)
        #expect(result.reports.map(\.finding) == [.lastLineUnterminated])
        #expect(result.reports.map(\.line) == [2])
        #expect(result.reports.map(\.path) == ["\(folder.path)/file.txt"])
    }

    @Test(arguments: formats) func anEmptyFileIsAFile(_ format: ArchiveWriter.Compression) throws {
        let result = try read("", as: format)
        #expect(result.messages.isEmpty)
        #expect(result.reports.isEmpty)
        #expect(result.progress.filesDone == 1)
    }

    @Test func aFileOfNoBytesIsAFile() throws {
        let result = try ArchiveSourceTests.read(path: try folder.write("events.jsonl.gz", [UInt8]()))
        #expect(result.messages.isEmpty)
        #expect(result.reports.isEmpty)
        #expect(result.progress == ArchiveProgress(bytesDone: 0, bytesTotal: 0, filesDone: 1, filesTotal: 1))
    }

    @Test(arguments: formats) func manyLinesComeWholeWhateverTheBatch(
        _ format: ArchiveWriter.Compression
    ) throws {
        // More than the reader's buffers hold, so that lines lie across their ends.
        let lines = eventLines(12_000)
        let file = try folder.write("f", try stored(lines.joined(separator: "\n") + "\n", format))
        for (maxMessages, maxBytes) in [
            (1, 1 << 20), (1000, 1 << 20), (1 << 20, 1 << 14), (1 << 20, 1 << 30),
        ] {
            let result = try ArchiveSourceTests.read(
                [ArchiveFile(path: file, size: nil)], maxMessages: maxMessages, maxBytes: maxBytes)
            let isSame = result.texts == lines && result.lines == (1...12_000).map(Int64.init)
            #expect(isSame)
            #expect(result.largestBatch < maxBytes + 200)
            #expect(result.reports.isEmpty)
        }
    }

    @Test(arguments: formats) func aLineBeyondTheLimitIsCut(_ format: ArchiveWriter.Compression) throws {
        let limits = ArchiveLimits(longestLine: 100, keptOfLongerLine: 10)
        let lengths = [99, 100, 101, 102, 1000, 600_000]
        for ending in ["\n", "\r\n"] {
            let text = lengths.map { String(repeating: "x", count: $0) + ending }.joined()
            let result = try read("a\n" + text + "b\n", as: format, limits: limits)
            #expect(result.messages.map(\.originalLength) == [1] + lengths + [1])
            #expect(result.messages.map(\.text.utf8.count) == [1, 99, 100, 10, 10, 10, 10, 1])
            #expect(result.lines == Array(1...8))
        }
    }

    /// A carriage return and a BOM are no part of a line, also of one that is read in pieces.
    @Test(arguments: formats) func aLineOfTheLimitIsWholeWhateverEndsIt(
        _ format: ArchiveWriter.Compression
    ) throws {
        let line = String(repeating: "x", count: 100_000)
        let limits = ArchiveLimits(longestLine: line.utf8.count, keptOfLongerLine: 10)
        for (begin, ending) in [("", "\n"), ("", "\r\n"), ("\u{feff}", "\r\n")] {
            let text = begin + String(repeating: line + ending, count: 50)
            let result = try read(text, as: format, limits: limits)
            #expect(result.messages.map(\.text.utf8.count) == Array(repeating: line.utf8.count, count: 50))
        }
    }

    @Test(arguments: formats) func noiseIsHandedOnForTheDecoderToReject(
        _ format: ArchiveWriter.Compression
    ) throws {
        var random = Randomness(state: 7)
        var noise: [UInt8] = [0]
        for _ in 0..<300_000 { noise.append(UInt8(truncatingIfNeeded: random.next())) }
        noise.append(UInt8(ascii: "\n"))
        let result = try ArchiveSourceTests.read(path: try folder.write("noise", try stored(noise, format)))
        #expect(result.lines.last == Int64(noise.count { $0 == UInt8(ascii: "\n") }))
        #expect(result.messages.count > 1000)
        #expect(result.reports.isEmpty)
    }
}
