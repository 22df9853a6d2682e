import ChildProcesses
import Foundation
import ReferenceModel
import Testing

/// The sample's folder, if it is on this machine: a day of a fleet's events and the tables they make.
private let sample: URL? = {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let shared =
        ProcessInfo.processInfo.environment["SESSIONIZER_SHARED"].map { URL(filePath: $0) }
        ?? package.deletingLastPathComponent().appending(path: "shared")
    let folder = shared.appending(path: "data/sample")
    return FileManager.default.fileExists(atPath: folder.path()) ? folder : nil
}()

/// A cell of the expected tables.
private enum Cell: Decodable {
    case null
    case flag(Bool)
    case number(Double)
    case text(String)
    case list([String])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let flag = try? container.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else {
            self = .list(try container.decode([String].self))
        }
    }

    func matches(_ value: ReferenceValue) -> Bool {
        switch (self, value) {
        case (.null, .null): true
        case (.flag(let left), .flag(let right)): left == right
        case (.number(let left), .integer(let right)): left == Double(right)
        case (.number(let left), .number(let right)): abs(left - right) < 1e-5
        case (.text(let left), .text(let right)): left == right
        case (.list(let left), .list(let right)): left == right
        default: false
        }
    }
}

private struct Expected: Decodable {
    var columns: [String: [String]]
    var tables: [String: [String: [Cell]]]
}

private func decompressed(_ files: [URL]) throws -> Data {
    let outcome = try ChildProcess.run(["zcat"] + files.map { $0.path() })
    #expect(outcome.status == 0, "\(outcome.complaints)")
    return outcome.bytes
}

private func archiveLines(_ folder: URL) throws -> [String] {
    let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)?
        .compactMap { $0 as? URL }
        .filter { $0.pathExtension == "gz" }
        .sorted { $0.path() < $1.path() }
    return try decompressed(files ?? []).split(separator: UInt8(ascii: "\n"))
        .map { String(decoding: $0, as: UTF8.self) }
}

@Suite struct SampleTests {
    @Test(.enabled(if: sample != nil)) func everyExpectedTableComesOut() throws {
        let folder = try #require(sample)
        let expected = try JSONDecoder().decode(
            Expected.self, from: try decompressed([folder.appending(path: "expected.json.gz")]))
        let made = referenceTables(lines: try archiveLines(folder.appending(path: "archive")))

        #expect(!expected.tables.isEmpty)
        for (name, rows) in expected.tables.sorted(by: { $0.key < $1.key }) {
            let columns = try #require(expected.columns[name])
            let ours = try #require(made.tables[name])
            // Ours may hold further columns at the end.
            #expect(made.columns[name]?.prefix(columns.count) == columns[...], "\(name)")
            var differences: [String] = []
            for key in Set(rows.keys).union(ours.keys).sorted() {
                guard let row = rows[key], let our = ours[key] else {
                    differences.append("\(key): \(rows[key] == nil ? "not expected" : "missing")")
                    continue
                }
                for (column, (cell, value)) in zip(columns, zip(row, our)) where !cell.matches(value) {
                    differences.append("\(key): \(column) is \(value), expected \(cell)")
                }
            }
            #expect(differences.isEmpty, "\(name): \(differences.count), \(differences.prefix(5))")
        }
    }
}
