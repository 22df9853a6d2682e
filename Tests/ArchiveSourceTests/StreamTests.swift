import Glibc
import MessageBatches
import Testing

@testable import ArchiveSource

/// Standard input, giant lines, progress.
@Suite struct StreamTests {
    private let folder = TemporaryFolder()

    /// The end to read from of a shell command's output.
    private func output(of command: String, _ body: (Int32) throws -> Void) throws {
        let pipe = try #require(popen(command, "r"))
        defer { pclose(pipe) }

        try body(fileno(pipe))
    }

    @Test(arguments: LineTests.formats) func standardInputIsReadInAnyFormat(
        _ format: ArchiveWriter.Compression
    ) throws {
        let lines = eventLines(5000)
        let file = try folder.write("f", try stored(lines.map { $0 + "\n" }.joined(), format))
        // The first bytes come one by one.
        try output(
            of: "head -c 1 '\(file)'; sleep 0.05; tail -c +2 '\(file)' | head -c 1; tail -c +3 '\(file)'"
        ) {
            let result = try read([.standardInput], standardInput: $0)
            let isSame = result.texts == lines && result.messages.allSatisfy { $0.origin == "-" }
            #expect(isSame)
            #expect(result.reports.isEmpty)
            #expect(result.progress.bytesTotal == nil)
            #expect(result.progress.bytesDone == Int64(try readAll(file).count))
        }
    }

    @Test func aNonBlockingPipeIsWaitedFor() throws {
        try output(of: "printf '{}\\n'; sleep 0.1; printf '{}\\n'") { number in
            #expect(fcntl(number, F_SETFL, O_NONBLOCK) == 0)
            let result = try read([.standardInput], standardInput: number)
            #expect(result.lines == [1, 2])
            #expect(result.reports.isEmpty)
        }
    }

    @Test func aClosedStandardInputIsReported() throws {
        let result = try read([.standardInput], standardInput: -1)
        #expect(result.reports.map(\.finding) == [.cannotRead(SystemError(code: EBADF))])
        #expect(result.reports[0].description.hasPrefix("standard input: reading failed"))
    }

    @Test func aLineOfThreeHundredMegabytesIsNotHeld() throws {
        try output(of: "printf '{}\\n'; head -c 300000000 /dev/zero; printf '\\n{}\\n'") { number in
            let before = residentBytes()
            let result = try read([.standardInput], standardInput: number)
            #expect(result.messages.map(\.originalLength) == [2, 300_000_000, 2])
            #expect(result.messages.map(\.text.utf8.count) == [2, 1 << 16, 2])
            #expect(result.lines == [1, 2, 3])
            #expect(result.largestBatch < 1 << 17)
            #expect(residentBytes() - before < 150_000_000)
        }
    }

    @Test func progressGrowsToTheTotal() throws {
        let lines = eventLines(3000).map { $0 + "\n" }.joined()
        for name in ["d/1", "d/2"] { try folder.write(name, try stored(lines, .gzip(level: 1))) }
        let reader = ArchiveReader(files: try ArchiveFiles.find(paths: ["\(folder.path)/d"]))
        let batch = MessageBatch()
        var seen = [reader.progress]
        while try reader.fill(batch, maxMessages: 100, maxBytes: 1 << 20) {
            batch.removeAll()
            seen.append(reader.progress)
        }
        seen.append(reader.progress)
        let total = try #require(seen[0].bytesTotal)
        #expect(seen[0].bytesDone == 0 && seen[0].filesDone == 0 && seen[0].filesTotal == 2)
        let neverShrinks = zip(seen, seen.dropFirst()).allSatisfy { $0.bytesDone <= $1.bytesDone }
        #expect(neverShrinks)
        #expect(seen.last?.bytesDone == total && seen.last?.filesDone == 2)
        // Once at its end the reader stays there.
        #expect(try !reader.fill(batch, maxMessages: 1, maxBytes: 1))
    }

    @Test func messagesOfSmallFilesShareABatch() throws {
        for index in 1...50 { try folder.write("d/\(index)", "{\"a\":\(index)}\n") }
        let result = try read(path: "\(folder.path)/d")
        #expect(result.messages.count == 50)
        #expect(result.batches == 1)
        #expect(Set(result.messages.map(\.origin)).count == 50)
    }

    @Test(.enabled(if: run("command -v gzip zstd >/dev/null") == 0)) func whatTheUsualToolsWriteIsRead()
        throws
    {
        let lines = eventLines(2000)
        let plain = try folder.write("plain", lines.map { $0 + "\n" }.joined())
        for command in ["gzip -c", "gzip -9 -c", "zstd -q -c", "zstd -q -19 --long=27 -c", "cat"] {
            let file = "\(folder.path)/compressed"
            #expect(run("{ \(command) '\(plain)'; \(command) '\(plain)'; } > '\(file)'") == 0)
            let result = try read(path: file)
            let isSame = result.texts == lines + lines
            #expect(isSame, "\(command)")
            #expect(result.reports.isEmpty)
        }
    }

    private func residentBytes() -> Int {
        let fields = ((try? readAll("/proc/self/statm")) ?? []).split(separator: UInt8(ascii: " "))
        return fields.count > 1 ? (Int(String(decoding: fields[1], as: UTF8.self)) ?? 0) * 4096 : 0
    }
}
