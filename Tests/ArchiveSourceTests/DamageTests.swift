import MessageBatches
import Testing

@testable import ArchiveSource

/// Files that end too early or hold what they should not: what is readable is taken, the rest is reported.
@Suite struct DamageTests {
    static let compressed: [ArchiveWriter.Compression] = [.gzip(level: 6), .zstd(level: 3)]

    private let folder = TemporaryFolder()

    private func read(_ bytes: [UInt8]) throws -> ReadResult {
        try ArchiveSourceTests.read(path: try folder.write("damaged", bytes))
    }

    @Test(arguments: compressed) func membersOrFramesFollowOneAnother(
        _ format: ArchiveWriter.Compression
    ) throws {
        // The second unit ends a line that the first began.
        let bytes =
            try stored("{\"a\":1}\n{\"a\"", format) + stored("", format) + stored(":2}\n{\"a\":3}\n", format)
        let result = try read(bytes)
        #expect(result.texts == ["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"])
        #expect(result.reports.isEmpty)
    }

    @Test(arguments: compressed) func cutAnywhereAllWholeLinesBeforeTheCutAreTaken(
        _ format: ArchiveWriter.Compression
    ) throws {
        let lines = eventLines(40)
        let text = lines.map { $0 + "\n" }
        let first = try stored(text[..<15].joined(), format)
        let whole = try first + stored(text[15...].joined(), format)
        var mostSoFar = 0
        for length in 0...whole.count {
            let result = try read(Array(whole[..<length]))
            let isPrefix =
                result.texts == Array(lines.prefix(result.messages.count))
                && result.lines == (0..<result.messages.count).map { Int64($0 + 1) }
            #expect(isPrefix, "cut at \(length)")
            // More bytes never give fewer lines, and a unit that is whole gives all of its lines.
            #expect(result.messages.count >= mostSoFar)
            mostSoFar = result.messages.count
            if length >= first.count { #expect(result.messages.count >= 15) }
            // Cut between two units the file is whole as far as anyone can tell.
            let isWhole = [0, first.count, whole.count].contains(length)
            #expect(result.damage.isEmpty == isWhole, "cut at \(length)")
            #expect(result.reports.count == result.damage.count, "cut at \(length)")
            if let damage = result.damage.first {
                let expected: ArchiveFormat = if case .gzip = format { .gzip } else { .zstd }
                #expect(damage.finding == .endsEarly(expected))
                #expect(damage.line == Int64(result.messages.count))
                #expect(damage.byteOffset == Int64(length))
            }
        }
        #expect(mostSoFar == 40)
    }

    @Test(arguments: compressed) func aChangedByteIsReportedWhereverItIs(
        _ format: ArchiveWriter.Compression
    ) throws {
        let lines = eventLines(60)
        let whole = try stored(lines.map { $0 + "\n" }.joined(), format)
        var reported = 0
        for place in 4..<whole.count {
            var bytes = whole
            bytes[place] ^= 0x55
            let result = try read(bytes)
            let isSame = result.texts == lines
            // Only bytes of the header that mean nothing (the time, the system) may change unnoticed.
            #expect(!result.damage.isEmpty || isSame, "changed at \(place)")
            if !result.damage.isEmpty { reported += 1 }
        }
        #expect(reported > whole.count - 20)
    }

    @Test(arguments: compressed) func blocksBeforeACorruptOneAreTaken(
        _ format: ArchiveWriter.Compression
    ) throws {
        let lines = eventLines(20_000)
        var bytes = try stored(lines.map { $0 + "\n" }.joined(), format)
        let place = bytes.count * 3 / 4
        for index in place..<(place + 64) { bytes[index] = 0xff }
        let result = try read(bytes)
        #expect(result.damage.count == 1)
        // What the changed bytes turned into may look like lines, so only those well before them are sure.
        let areSureOnesTaken = result.texts.prefix(13_000) == lines.prefix(13_000)
        #expect(areSureOnesTaken)
        let damage = try #require(result.damage.first)
        if case .corrupt = damage.finding {} else { Issue.record("not corrupt: \(damage)") }
        #expect(damage.byteOffset > Int64(bytes.count / 2))
        #expect(damage.suspectLines == 1...damage.line)
    }

    @Test func aWrongChecksumIsReportedAfterTheLines() throws {
        var bytes = try stored("{\"a\":1}\n{\"a\":2}\n", .gzip(level: 6))
        bytes[bytes.count - 8] ^= 1
        let result = try read(bytes)
        #expect(result.texts.count == 2)
        #expect(result.damage.map(\.finding) == [.corrupt(.gzip, detail: "incorrect data check")])
        #expect(result.damage[0].suspectLines == 1...2)
        let text = result.damage[0].description
        #expect(text.contains("gzip member is corrupt after line 2, at byte "))
        #expect(text.hasSuffix("; lines 1 to 2 came out of it and may be wrong"))
    }

    @Test func onlyTheLinesOfTheBrokenMemberAreSuspect() throws {
        var last = try stored("3}\n{\"a\":4}\n", .gzip(level: 6))
        last[last.count - 8] ^= 1
        let bytes = try stored("{\"a\":1}\n{\"a\":2}\n{\"a\":", .gzip(level: 6)) + last
        for maxMessages in 1...5 {
            let result = try ArchiveSourceTests.read(
                path: try folder.write("damaged", bytes), maxMessages: maxMessages)
            #expect(result.texts.count == 4)
            #expect(result.damage.map(\.suspectLines) == [3...4])
        }
    }

    @Test func anUnfinishedLineOfADamagedFileIsLeftOutAndCounted() throws {
        let incompressible = eventLines(200).joined()
        let bytes = try stored("{\"a\":1}\n" + incompressible, .gzip(level: 6))
        let result = try read(Array(bytes.dropLast(100)))
        #expect(result.texts == ["{\"a\":1}"])
        let damage = try #require(result.damage.first)
        #expect(damage.line == 1)
        #expect(damage.bytesDropped > 0)
        #expect(
            damage.description
                == "\(folder.path)/damaged: gzip member ends early after line 1, at byte \(bytes.count - 100); "
                + "\(damage.bytesDropped) bytes of an unfinished line were left out")
    }

    @Test func zeroPaddingAfterAMemberIsPassedOver() throws {
        let member = try stored("{\"a\":1}\n", .gzip(level: 6))
        let zeros = [UInt8](repeating: 0, count: 600_000)
        let result = try read(member + zeros + member + zeros)
        #expect(result.texts == ["{\"a\":1}", "{\"a\":1}"])
        #expect(result.reports.isEmpty)
    }

    @Test(arguments: compressed) func whatFollowsTheLastUnitMustBeAnother(
        _ format: ArchiveWriter.Compression
    ) throws {
        let result = try read(try stored("{\"a\":1}\n", format) + Array("rubbish".utf8))
        #expect(result.texts == ["{\"a\":1}"])
        #expect(result.damage.count == 1)
    }

    @Test func noiseAfterAMagicNumberIsCorrupt() throws {
        for magic: [UInt8] in [[0x1f, 0x8b], [0x28, 0xb5, 0x2f, 0xfd]] {
            let result = try read(magic + [UInt8](repeating: 0xa7, count: 5000))
            #expect(result.messages.isEmpty)
            #expect(result.damage.count == 1)
        }
    }

    @Test func skippableFramesArePassedOver() throws {
        let skippable: [UInt8] = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]
        let result = try read(try skippable + stored("{\"a\":1}\n", .zstd(level: 1)) + skippable)
        #expect(result.texts == ["{\"a\":1}"])
        #expect(result.reports.isEmpty)
    }

    @Test func readingGoesOnWithTheNextFile() throws {
        let member = try stored(eventLines(20).map { $0 + "\n" }.joined(), .gzip(level: 6))
        try folder.write("in/1.gz", Array(member.dropLast(30)))
        try folder.write("in/2.jsonl", "{\"a\":2}\n")
        try folder.write("in/3.jsonl", "{\"a\":3}")
        #expect(run("ln -s nowhere '\(folder.path)/in/0.jsonl'") == 0)
        let files =
            try ArchiveFiles.find(paths: ["\(folder.path)/in"]) + [ArchiveFile(path: folder.path, size: 1)]
        let result = try ArchiveSourceTests.read(files, maxMessages: 1)
        #expect(result.texts.suffix(2) == ["{\"a\":2}", "{\"a\":3}"])
        #expect(
            result.reports.map(\.finding) == [
                .cannotOpen(SystemError(code: 2)), .endsEarly(.gzip), .lastLineUnterminated,
                .cannotRead(SystemError(code: 21)),
            ])
        #expect(result.progress.filesDone == 5)
        #expect(result.progress.bytesDone == result.progress.bytesTotal)
    }
}
