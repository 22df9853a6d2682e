import Glibc

@testable import ArchiveSource

/// A folder that is there for one test.
final class TemporaryFolder {
    let path: String

    init() {
        var template = Array("/tmp/archive-tests-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { fatalError("no temporary folder: \(SystemError.last)") }
        path = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    }

    deinit { run("rm -rf '\(path)'") }

    /// Writes a file (and the folders it lies in) and returns its path.
    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = "\(path)/\(name)"
        if let slash = file.lastIndex(of: "/") { try makeFolders(String(file[..<slash])) }
        let number = try retryingInterrupted { open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o644) }
        defer { close(number) }

        try writeAll(bytes, to: number)
        return file
    }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        try write(name, Array(text.utf8))
    }
}

/// Writes all bytes to a descriptor.
func writeAll(_ bytes: [UInt8], to number: Int32) throws {
    try bytes.withUnsafeBytes { bytes in
        var written = 0
        while written < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
            written += try retryingInterrupted { Glibc.write(number, rest.baseAddress, rest.count) }
        }
    }
}

/// A whole file's bytes.
func readAll(_ path: String) throws -> [UInt8] {
    let input = try InputDescriptor(path: path)
    let buffer = ByteBuffer(capacity: 1 << 16)
    var bytes: [UInt8] = []
    while try input.read(into: buffer) {
        buffer.withUnread { bytes.append(contentsOf: $0) }
        buffer.removeAll()
    }
    return bytes
}

/// Runs a shell command and returns its status, 0 for success.
@discardableResult
func run(_ command: String) -> Int32 {
    system(command)
}

/// Text as one compressed unit (or plain).
func stored(_ text: String, _ compression: ArchiveWriter.Compression) throws -> [UInt8] {
    try stored(Array(text.utf8), compression)
}

/// Bytes as one compressed unit (or plain).
func stored(_ bytes: [UInt8], _ compression: ArchiveWriter.Compression) throws -> [UInt8] {
    let folder = TemporaryFolder()
    let file = try OutputFile(folder: folder.path, name: "unit", compression: compression)
    try bytes.withUnsafeBytes { try file.append($0) }
    try file.complete()
    return try readAll(file.path)
}
