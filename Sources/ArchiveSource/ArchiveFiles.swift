internal import Glibc

/// A file of an archive, found under a path that was named.
public struct ArchiveFile: Equatable, Sendable {
    /// The path to open, or `-` for standard input.
    public let path: String
    /// Its size in bytes; 0 for standard input.
    public let size: Int64
}

/// A path or a day that cannot be used: what was wrong, and what to do.
public struct ArchiveError: Error, CustomStringConvertible, Equatable, Sendable {
    /// What was wrong, and what to do.
    public let description: String
    /// The command line was wrong, not the files.
    public let isUsage: Bool

    init(_ description: String, isUsage: Bool = false) {
        self.description = description
        self.isUsage = isUsage
    }
}

/// Finds the files of an archive: single files, folders with `dt=YYYY-MM-DD` days, standard input.
public enum ArchiveFiles {
    /// The files under these paths, folders in name order.
    /// - Parameters:
    ///   - from: The first day (`YYYY-MM-DD`) of the `dt=` folders that are read; others are read always.
    ///   - to: The last day.
    public static func find(_ paths: [String], from: String? = nil, to: String? = nil) throws(ArchiveError)
        -> [ArchiveFile]
    {
        for (option, day) in [("--from", from), ("--to", to)] {
            if let day, !isDay(day) {
                throw ArchiveError("\(option) \(day): not a day; expected e.g. 2026-11-02", isUsage: true)
            }
        }
        if let from, let to, from > to {
            throw ArchiveError("--from \(from) is after --to \(to)", isUsage: true)
        }
        var files: [ArchiveFile] = []
        for path in paths {
            if path == "-" {
                files.append(ArchiveFile(path: "-", size: 0))
                continue
            }
            var status = stat()
            guard stat(path, &status) == 0 else {
                throw ArchiveError("\(path): \(String(cString: strerror(errno))); is the path right?")
            }
            if status.st_mode & S_IFMT != S_IFDIR {
                files.append(ArchiveFile(path: path, size: Int64(status.st_size)))
                continue
            }
            let before = files.count
            var sawOtherDays = false
            try collect(path, from, to, &files, &sawOtherDays)
            if files.count == before {
                throw ArchiveError(
                    sawOtherDays
                        ? "\(path): no `dt=` folder between \(from ?? "the first day") and \(to ?? "the last")"
                        : "\(path): a folder without a single event file")
            }
        }
        return files
    }

    private static func collect(
        _ folder: String, _ from: String?, _ to: String?, _ files: inout [ArchiveFile],
        _ sawOtherDays: inout Bool
    ) throws(ArchiveError) {
        guard let handle = opendir(folder) else {
            throw ArchiveError("\(folder): cannot be read: \(String(cString: strerror(errno)))")
        }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix("."), !name.hasPrefix("_") { names.append(name) }
        }
        closedir(handle)
        names.sort { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
        for name in names {
            let path = folder.hasSuffix("/") ? folder + name : folder + "/" + name
            if name.hasPrefix("dt="), isDay(String(name.dropFirst(3))) {
                let day = String(name.dropFirst(3))
                if let from, day < from {
                    sawOtherDays = true
                    continue
                }
                if let to, day > to {
                    sawOtherDays = true
                    continue
                }
            }
            var status = stat()
            guard stat(path, &status) == 0 else {
                throw ArchiveError("\(path): \(String(cString: strerror(errno)))")
            }
            if status.st_mode & S_IFMT == S_IFDIR {
                try collect(path, from, to, &files, &sawOtherDays)
            } else {
                files.append(ArchiveFile(path: path, size: Int64(status.st_size)))
            }
        }
    }

    static func isDay(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == 10, bytes[4] == 45, bytes[7] == 45 else { return false }
        func number(_ range: Range<Int>) -> Int? { Int(String(decoding: bytes[range], as: UTF8.self)) }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            (1...12).contains(month)
        else { return false }
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return (1...lengths[month - 1]).contains(day)
    }
}
