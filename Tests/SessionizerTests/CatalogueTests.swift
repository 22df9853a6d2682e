import ConfigurationFile
import Foundation
import SessionCore
import Testing

@Suite struct CatalogueTests {
    @Test func theBuiltInCopyIsCurrent() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent("config/events.yaml"), encoding: .utf8)
        #expect(try CatalogueFile.parse(text, file: "config/events.yaml") == CatalogueFile.builtIn())
        #expect(try CatalogueFile.builtIn().entries.count == 43)
    }

    @Test(arguments: [
        ("", 1, "empty"), ("events: 7", 1, "must be a map"), ("evnts: {}", 1, "unknown key"),
        ("events:\n  a: {opens: drone}", 2, "expected robot or pilot"),
        ("events:\n  a: {}\n  b: {}\n  a: {}", 4, "second time"),
        ("events:\n  a: {opens: robot, closes: failed}", 2, "only one of"),
        ("events:\n  a:\n    milestone: lunch_at", 3, "expected one of"),
        ("events:\n  a: {releases: pilot}", 2, "needs `as`"), ("events:\n  a: [", 2, ""),
        ("events:\n  a: {requires: [shoe_size]}", 2, "is no field"),
    ])
    func aBrokenOneIsRefusedWithItsLine(text: String, line: Int, problem: String) {
        do {
            _ = try CatalogueFile.parse(text, file: "c.yaml")
            Issue.record("accepted: \(text)")
        } catch {
            #expect(error.line == line || problem.isEmpty, "\(error)")
            #expect(problem.isEmpty || error.problem.contains(problem), "\(error)")
        }
    }
}
