import Glibc

/// Folders, through the C library.
enum Folder {
    /// The system could not do it.
    struct Failure: Error, CustomStringConvertible {
        let path: String
        let code: Int32
        var description: String { "\(path): \(String(cString: strerror(code)))" }
    }

    /// The names in a folder, sorted by their bytes.
    static func names(_ path: String) throws -> [String] {
        guard let folder = opendir(path) else { throw Failure(path: path, code: errno) }
        defer { closedir(folder) }

        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Makes a folder and those it lies in.
    static func make(_ path: String) throws {
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += (made.isEmpty || made.hasSuffix("/") ? "" : "/") + part
            if mkdir(made, 0o755) != 0, errno != EEXIST { throw Failure(path: made, code: errno) }
        }
    }

    /// Removes a file.
    static func remove(_ path: String) throws {
        guard unlink(path) == 0 else { throw Failure(path: path, code: errno) }
    }
}

/// A text file being written.
final class TextFile {
    private let path: String
    private var file: UnsafeMutablePointer<FILE>?

    init(path: String) throws {
        self.path = path
        file = fopen(path, "w")
        guard file != nil else { throw Folder.Failure(path: path, code: errno) }
    }

    deinit {
        if let file { fclose(file) }
    }

    func append(_ text: String) throws {
        guard let file else { return }
        var text = text
        let isWritten = text.withUTF8 { fwrite($0.baseAddress, 1, $0.count, file) == $0.count }
        guard isWritten else { throw Folder.Failure(path: path, code: errno) }
    }

    /// Makes sure that all of it is written.
    func finish() throws {
        guard let open = file else { return }
        file = nil
        guard fclose(open) == 0 else { throw Folder.Failure(path: path, code: errno) }
    }

    /// A whole file.
    static func write(_ path: String, _ text: String) throws {
        let file = try TextFile(path: path)
        try file.append(text)
        try file.finish()
    }
}
