import EngineUnderTest
import Foundation
import SessionStore
import Testing

/// A file outlives its name: what is written into one that was moved away is in no store that anybody finds.
@Suite struct MovedStoreTests {
    private static func line(_ number: Int) -> String {
        #"{"event":"demand.created","timestamp":"2026-11-02T10:00:00Z","event_id":"e\#(number)","delivery_id":"D\#(number)"}"#
    }

    @Test(arguments: [false, true]) func nothingIsCommittedIntoAFileThatIsGone(isReplaced: Bool) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "sessionizer-moved-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (path, elsewhere) = (folder.path + "/store.db", folder.path + "/elsewhere.db")
        let store = try StoreUnderTest(path: path, maxResident: 100)
        _ = try store.ingest([Self.line(1)])
        try FileManager.default.moveItem(atPath: path, toPath: elsewhere)
        if isReplaced { #expect(FileManager.default.createFile(atPath: path, contents: nil)) }
        let error = #expect(throws: StoreError.self) { _ = try store.ingest([Self.line(2)]) }
        #expect(error?.kind == .cannotOpen && error?.message.contains("moved, removed or replaced") == true)
        // Put back, it is the file that it was.
        if isReplaced { try FileManager.default.removeItem(atPath: path) }
        try FileManager.default.moveItem(atPath: elsewhere, toPath: path)
        _ = try store.ingest([Self.line(2)])
        #expect(try store.count("events") == 2)
        store.close()
    }
}
