import Glibc
import MessageBatches
import Testing

@testable import ArchiveSource

/// The archive that the writer leaves.
@Suite struct WriterTests {
    private let folder = TemporaryFolder()
    private static let noon: Int64 = 1_709_208_000_000_000  // 2024-02-29T12:00:00Z

    private func append(_ line: String, to writer: ArchiveWriter, at micros: Int64 = noon) throws {
        try Array(line.utf8).withUnsafeBytes { try writer.append(line: $0, arrivalMicros: micros) }
    }

    @Test(arguments: LineTests.formats) func whatIsWrittenIsRead(_ format: ArchiveWriter.Compression) throws {
        let writer = ArchiveWriter(
            folder: "\(folder.path)/new/archive", compression: format, rolling: .init(maxLines: 3000))
        let lines = eventLines(7000)
        for line in lines { try append(line, to: writer) }
        try writer.finish()
        #expect(writer.linesWritten == 7000)
        let files = try ArchiveFiles.find(paths: ["\(folder.path)/new/archive"])
        #expect(files.map(\.path) == writer.completedFiles)
        #expect(
            files.map(\.path)
                == (1...3).map {
                    "\(folder.path)/new/archive/dt=2024-02-29/events-00000\($0)\(format.suffix)"
                })
        let result = try read(files)
        let isSame = result.texts == lines
        #expect(isSame)
        #expect(result.reports.isEmpty)
    }

    @Test func filesRollWithTheDayAndTheInterval() throws {
        let writer = ArchiveWriter(
            folder: folder.path, name: "fleet", compression: .plain, rolling: .init(intervalSeconds: 3600))
        let hour: Int64 = 3_600_000_000
        for micros in [0, hour - 1, hour, 11 * hour, 12 * hour - 1, 12 * hour, 36 * hour] {
            try append("{}", to: writer, at: Self.noon + micros)
        }
        try writer.finish()
        #expect(
            writer.completedFiles.map { $0.dropFirst(folder.path.count + 1) } == [
                "dt=2024-02-29/fleet-000001.jsonl", "dt=2024-02-29/fleet-000002.jsonl",
                "dt=2024-02-29/fleet-000003.jsonl", "dt=2024-03-01/fleet-000004.jsonl",
                "dt=2024-03-02/fleet-000005.jsonl",
            ])
    }

    @Test func aFileIsNotSeenUntilItIsComplete() throws {
        let writer = ArchiveWriter(folder: folder.path)
        try append("{}", to: writer)
        #expect(throws: ArchiveError(path: folder.path, problem: .noEventFile)) {
            try ArchiveFiles.find(paths: [folder.path])
        }
        try writer.finish()
        #expect(try ArchiveFiles.find(paths: [folder.path]).count == 1)
    }

    @Test func anAbandonedFileIsRemoved() throws {
        do {
            let writer = ArchiveWriter(folder: folder.path)
            try append("{}", to: writer)
            #expect(try namesInFolder("\(folder.path)/dt=2024-02-29").count == 1)
        }
        #expect(try namesInFolder("\(folder.path)/dt=2024-02-29").isEmpty)
    }

    @Test func aFileThatIsThereIsNotReplaced() throws {
        for isFirst in [true, false] {
            let writer = ArchiveWriter(folder: folder.path)
            if isFirst {
                try append("{}", to: writer)
                try writer.finish()
            } else {
                let path = "\(folder.path)/dt=2024-02-29/events-000001.jsonl.gz"
                #expect(throws: ArchiveError(path: path, problem: .exists)) { try append("{}", to: writer) }
            }
        }
    }

    @Test func aFolderThatCannotBeMadeIsAnError() throws {
        let file = try folder.write("file", "")
        let writer = ArchiveWriter(folder: file)
        let error = #expect(throws: ArchiveError.self) { try append("{}", to: writer) }
        #expect(error?.problem == .unwritable(SystemError(code: ENOTDIR)))
        #expect(error?.description.contains("cannot be written: Not a directory") == true)
    }

    @Test(.enabled(if: access("/dev/full", W_OK) == 0)) func aFullDiskIsAnError() throws {
        try makeFolders("\(folder.path)/dt=2024-02-29")
        #expect(run("ln -s /dev/full '\(folder.path)/dt=2024-02-29/.events-000001.jsonl.unfinished'") == 0)
        let writer = ArchiveWriter(folder: folder.path, compression: .plain)
        try append("{}", to: writer)
        let error = #expect(throws: ArchiveError.self) { try writer.finish() }
        #expect(error?.problem == .unwritable(SystemError(code: ENOSPC)))
        #expect(throws: ArchiveError(path: folder.path, problem: .noEventFile)) {
            try ArchiveFiles.find(paths: [folder.path])
        }
    }

    @Test func theSameLinesGiveTheSameBytes() throws {
        let text = eventLines(1000).joined(separator: "\n")
        let isSame = try stored(text, .gzip(level: 1)) == stored(text, .gzip(level: 1))
        #expect(isSame)
    }

    @Test func aLineLongerThanTheBuffersIsWrittenWhole() throws {
        let writer = ArchiveWriter(folder: folder.path)
        let long = String(repeating: "0123456789", count: 90_000)
        try append(long, to: writer)
        try append("{}", to: writer)
        try writer.finish()
        let isSame = try read(path: folder.path).texts == [long, "{}"]
        #expect(isSame)
    }
}
