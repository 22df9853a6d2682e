import ArchiveSource
import ChildProcesses
import EngineUnderTest
import EventDecoding
import Foundation
import MessageBatches
import SeededRandomness
import SessionPipeline
import Testing

private let sharedFolder: String? = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let shared =
        ProcessInfo.processInfo.environment["SESSIONIZER_SHARED"].map(URL.init(fileURLWithPath:))
        ?? root.deletingLastPathComponent().appendingPathComponent("shared")
    return FileManager.default.fileExists(atPath: shared.appendingPathComponent("data/sample").path)
        ? shared.path : nil
}()

/// A recorded day and the tables that must come out, where the folder beside the repository is there.
@Suite(.enabled(if: sharedFolder != nil)) struct SampleTests {
    enum Order: CaseIterable { case asArchived, shuffled, backwards }

    @Test(arguments: Order.allCases)
    func theExpectedTablesComeOut(order: Order) throws {
        let shared = try #require(sharedFolder)
        let files = try ArchiveFiles.find(paths: [shared + "/data/sample/archive"])
        let reader = ArchiveReader(files: files)
        let batch = MessageBatch()
        var lines: [String] = []
        while try reader.fill(batch, maxMessages: 5000, maxBytes: 1 << 25) {
            for message in batch.messages {
                lines.append(String(decoding: batch.bytes(of: message), as: UTF8.self))
            }
            batch.removeAll()
        }
        #expect(reader.reports.filter(\.isDamage).isEmpty)
        var random = Randomness(state: 42)
        switch order {
        case .asArchived: break
        case .shuffled: lines.shuffle(using: &random)
        case .backwards: lines.reverse()
        }
        let temporary = try TemporaryFolder()
        let path = temporary.file("sample.db")
        let store = try StoreUnderTest(path: path, maxResident: order == .asArchived ? 60_000 : 50)
        for start in stride(from: 0, to: lines.count, by: 4000) {
            let totals = try store.ingest(Array(lines[start..<min(start + 4000, lines.count)]))
            #expect(totals.isBalanced)
        }
        #expect(try store.brokenConservation() == nil)
        let check = try ChildProcess.run([
            "python3", shared + "/tools/check_tables.py", "sqlite:" + path,
            shared + "/data/sample/expected.json.gz",
        ])
        #expect(check.status == 0, "\(check)")
    }
}
