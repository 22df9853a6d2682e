import Foundation
import Testing

/// The table of targets in `docs/architecture.md` is what `Package.swift` says.
@Suite struct ArchitectureTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private func text(_ path: String) throws -> String {
        try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
    }

    /// Name and imports, a row each.
    private func told() throws -> [(name: String, imports: Set<String>)] {
        try text("docs/architecture.md").split(separator: "\n").compactMap { line in
            guard let row = line.wholeMatch(of: /\| `(\w+)` \| [^|]+ \| ([^|]+) \|/) else { return nil }
            let imports = row.2.split(separator: ", ").map(String.init)
            return (String(row.1), imports == ["the standard library"] ? [] : Set(imports))
        }
    }

    /// The program's own targets in Swift, with what each may import.
    private func declared() throws -> [String: Set<String>] {
        let pattern = /arget\(\s*name: "(\w+)"(?:,\s*dependencies: \[([^\]]*)\])?/
        var all: [String: Set<String>] = [:]
        for target in try text("Package.swift").matches(of: pattern) {
            let name = String(target.1)
            let folder = Self.root.appendingPathComponent("Sources/\(name)").path
            let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            guard files.contains(where: { $0.hasSuffix(".swift") }) else { continue }
            all[name] = Set((target.2 ?? "").matches(of: /"(\w+)"/).map { String($0.1) })
        }
        return all
    }

    @Test func theTableOfTargetsIsThePackages() throws {
        let (told, declared) = (try told(), try declared())
        #expect(told.count > 15 && Set(told.map(\.name)) == Set(declared.keys))
        var above: Set<String> = []
        for (name, imports) in told {
            if imports != ["all"] { #expect(imports == declared[name], "\(name)") }
            let below = imports.subtracting(above).filter { declared[$0] != nil }
            #expect(below.isEmpty, "\(name) stands above \(below)")
            above.insert(name)
        }
    }
}
